"""The diff of stored releases. Called by ``cli`` and ``api``."""

from typing import Any

import msgspec

from interlock.base.context import Scope
from interlock.base.errors import ConfigurationError
from interlock.base.problems import Problem
from interlock.gateways.package import Package
from interlock.releases.diff.comparing import compare
from interlock.releases.diff.types import ReleaseDiff, Version
from interlock.releases.gates.isolation import Broken, Limits, Report, run_isolated
from interlock.releases.store import ReleaseStore
from interlock.routing.releases import Release

_LIMITS = Limits(wall_ms=30_000, step_cpu_ms=15_000)


async def sides(
    store: ReleaseStore, after: Release, before: Release | None = None
) -> tuple[Version, Version] | Problem:
    """Return a release and what it is compared with: what serves, or what it followed where it serves itself.

    Args:
        store: to read from.
        after: the release.
        before: another one instead.

    """
    if before is None:
        found = await _before(store, after)
        if isinstance(found, Problem):
            return found
        before = found
    old, new = await _version(store, before), await _version(store, after)
    if isinstance(old, Problem):
        return old
    return new if isinstance(new, Problem) else (old, new)


async def against(store: ReleaseStore, after: Release, before: Release | None = None) -> ReleaseDiff | Problem:
    """Return what ``after`` changes; see :func:`sides`.

    Raises:
        ConfigurationError: a manifest cannot be read.

    """
    found = await sides(store, after, before)
    return found if isinstance(found, Problem) else compare(*found)


async def beside(store: ReleaseStore, scope: Scope, gateway_id: str, package: Package) -> ReleaseDiff | Problem:
    """Return what ``package`` would change at a gateway whose settings and credentials stay as they are.

    Raises:
        ConfigurationError: a manifest cannot be read.

    """
    pointer = await store.pointer(scope, gateway_id)
    if isinstance(pointer, Problem):
        return pointer
    release = await store.release(scope, pointer.stable_release_id)
    before = release if isinstance(release, Problem) else await _version(store, release)
    if isinstance(before, Problem):
        return before
    after = Version(package=package, settings=before.settings, credentials=before.credentials)
    return compare(before, after)


async def facts_against(store: ReleaseStore, after: Release, before: Release | None = None) -> dict[str, Any] | Problem:
    """Return what ``after`` changes as plain facts, compared in a process of its own: for processes with payments.

    Args:
        store: to read from.
        after: the release.
        before: what it is compared with; see :func:`sides` for what that is without it.

    Raises:
        ConfigurationError: the releases cannot be compared.
        IsolationError: no process can be started.

    """
    found = await sides(store, after, before)
    if isinstance(found, Problem):
        return found
    ended = await run_isolated("diff", msgspec.msgpack.encode(found), limits=_LIMITS, gently=True)
    if isinstance(ended, Broken):
        raise ConfigurationError("diff", ended.reason, "compare the two by hand")
    facts: dict[str, Any] = msgspec.json.decode(ended.answer)
    return facts


def compared(argument: bytes, report: Report) -> bytes:
    """Compare two versions; the isolated task ``diff``."""
    report("compare", 0, 1)
    before, after = msgspec.msgpack.decode(argument, type=tuple[Version, Version])
    return msgspec.json.encode(facts_of(compare(before, after)))


def facts_of(diff: ReleaseDiff) -> dict[str, Any]:
    """Return a diff as JSON can hold it, with its counts."""
    facts: dict[str, Any] = msgspec.to_builtins(diff)
    counts = {severity.value: count for severity, count in diff.severities().items()}
    return {"severities": counts, "unannounced": len(diff.unannounced), **facts}


async def _before(store: ReleaseStore, after: Release) -> Release | Problem:
    scope = Scope(after.account_id, after.livemode)
    pointer = await store.pointer(scope, after.gateway_id)
    if isinstance(pointer, Problem):
        return pointer
    serving = pointer.stable_release_id
    other = serving if serving != after.id else after.base_release_id
    return after if other is None else await store.release(scope, other)


async def _version(store: ReleaseStore, release: Release) -> Version | Problem:
    package = await store.package(release)
    if isinstance(package, Problem):
        return package
    return Version(package=package, settings=release.settings, credentials=release.credentials, release_id=release.id)
