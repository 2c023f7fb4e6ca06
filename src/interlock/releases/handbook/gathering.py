"""What the database knows of a gateway that is configured, for its page: what serves, the gates' words, the history.

Called by ``cli``. Nothing of a package is run: its manifest is read.
"""

from interlock.base.ids import first_id
from interlock.base.problems import Problem
from interlock.gateways.manifest import read_manifest
from interlock.gateways.package import MANIFEST_FILE
from interlock.releases.gates.types import Gate
from interlock.releases.handbook.types import (
    CanaryArm,
    CanaryFigures,
    Configured,
    Evidence,
    HandbookFacts,
    ReleaseRecord,
)
from interlock.releases.store import ReleaseStore
from interlock.releases.types import StoredTrial, TrialState
from interlock.routing import journal
from interlock.routing.releases import Release, ReleaseState, TrialKind
from interlock.routing.types import CANDIDATE, STABLE, Gateway
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.releases")
_ORDER = tuple(Gate)
_HISTORY_MAX = 50
_ENTRIES_MAX = 20
_ENDED = {
    ReleaseState.REJECTED: frozenset({"release.rejected", "release.aborted", "release.examined"}),
    ReleaseState.ROLLED_BACK: frozenset({"release.rolled_back"}),
}
"""Which entry of the journal says why a release ended so."""


async def gather(
    store: ReleaseStore, gateway: Gateway, *, public_url: str, commands: dict[str, str]
) -> HandbookFacts | Problem:
    """Return everything that the page about a gateway is made from.

    Args:
        store: to read from.
        gateway: which.
        public_url: where gateways reach us, for the address of its notifications.
        commands: every command of the program with the first sentence of its help.

    Raises:
        ConfigurationError: the manifest of what serves cannot be read.
        StorageError: the database cannot be reached.

    """
    pointer = await store.pointer(gateway.scope, gateway.id)
    if isinstance(pointer, Problem):
        return pointer
    release = await store.release(gateway.scope, pointer.stable_release_id)
    package = release if isinstance(release, Problem) else await store.package(release)
    if isinstance(release, Problem):
        return release
    if isinstance(package, Problem):
        return package
    evidence = sorted(await store.newest_evidence(release), key=lambda one: _ORDER.index(one.gate))
    return HandbookFacts(
        manifest=read_manifest(package.manifest, MANIFEST_FILE),
        package_id=package.id,
        release_id=release.id,
        configured=Configured(
            name=gateway.name,
            gateway_id=gateway.id,
            livemode=gateway.livemode,
            settings=tuple(sorted(release.settings)),
            credentials=tuple(sorted(release.credentials)),
            webhook_url=f"{public_url}/gateways/{gateway.account_id}/{gateway.id}/webhooks",
        ),
        evidence=tuple(Evidence(report=one.report, finished_at_ms=one.created_at_ms) for one in evidence),
        history=await _history(store, gateway),
        canary=await _canary(store, release),
        commands=commands,
    )


async def _history(store: ReleaseStore, gateway: Gateway) -> tuple[ReleaseRecord, ...]:
    releases = await store.page_of_releases(gateway.scope, gateway_id=gateway.id, limit=_HISTORY_MAX)
    return tuple([await _record(store, release) for release in releases])


async def _record(store: ReleaseStore, release: Release) -> ReleaseRecord:
    why = release.note
    actions = _ENDED.get(release.state)
    if actions is not None:
        entries = await journal.read(store.database, release.account_id, subject=release.id, limit=_ENTRIES_MAX)
        ended = next((entry.why for entry in entries if entry.action in actions and entry.why), "")
        why = f"{why}; ended: {ended}" if ended else why
    approved = f", approved by {release.approved_by}" if release.approved_by else ""
    return ReleaseRecord(
        release_id=release.id,
        state=release.state.value,
        created_at_ms=release.created_at_ms,
        by=f"{release.proposed_by}{approved}",
        why=why,
        decided_at_ms=release.changed_at_ms,
    )


async def _canary(store: ReleaseStore, release: Release) -> CanaryFigures | None:
    """Return the figures of the canary by which a release became stable, None where it had none."""
    trials = [trial for trial in await store.trials(release) if trial.kind is TrialKind.CANARY]
    trial = next((one for one in trials if one.state is not TrialState.RUNNING), None)
    if trial is None:
        return None
    return CanaryFigures(
        started_at_ms=trial.created_at_ms,
        ended_at_ms=trial.changed_at_ms,
        share_ppm=trial.plan.share_ppm,
        decision=trial.verdict,
        arms=await _arms(store, trial),
    )


async def _arms(store: ReleaseStore, trial: StoredTrial) -> tuple[CanaryArm, ...]:
    began, ended = first_id("at", trial.created_at_ms), first_id("at", trial.changed_at_ms)
    rows = await store.database.fetch(
        _QUERIES["arms_of_trial"], trial.account_id, trial.gateway_id, began, ended, [CANDIDATE, STABLE]
    )
    return tuple(
        CanaryArm(
            arm=row["arm"],
            release_id=row["release_id"],
            payments=row["payments"],
            approved=row["approved"],
            technical_failures=row["technical_failures"],
            unknown=row["unknown"],
            latency_p99_ms=row["latency_p99_ms"],
        )
        for row in rows
    )
