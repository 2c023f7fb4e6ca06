"""Runs the gates over a stored release with its own configuration, and keeps what they find as evidence.

Called by ``cli`` and the worker. Each gate's report is stored as soon as it is there, so that whoever is stopped in
between goes on with the next one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.package import Package
from interlock.releases.gates.apart import run_apart
from interlock.releases.gates.running import REGISTRY, Told, is_absent, run_gates, specification_hash
from interlock.releases.gates.types import Gate, GateReport, Progress, Subject, Verdict
from interlock.releases.proposals import STATIC_GATES, Proposals
from interlock.releases.store import latest
from interlock.releases.types import Actor, Evidence
from interlock.routing.releases import Release
from interlock.routing.types import Gateway


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a release: how it stands now, the reports of this run, and the newest evidence of each gate."""

    release: Release
    reports: tuple[GateReport, ...]
    evidence: dict[Gate, Evidence]


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A release with everything that it runs by, secrets in clear."""

    release: Release
    package: Package
    config: ConnectorConfig
    expiries_ms: dict[str, int]

    def __repr__(self) -> str:
        """Return the release's id, never a secret."""
        return f"Opened({self.release.id})"

    __str__ = __repr__


class Examiner:
    """Use cases around gates. One per process."""

    def __init__(self, proposals: Proposals, clock: Clock, *, specifications: Path | None, public_url: str) -> None:
        """Keep evidence through ``proposals``.

        Args:
            proposals: the releases.
            clock: the time.
            specifications: the providers' published documents, None where they are not at hand.
            public_url: where shoppers reach us, which recordings are held against.

        """
        self._proposals = proposals
        self._store = proposals.store
        self._clock = clock
        self._specifications = specifications
        self._public_url = public_url

    async def examine(
        self,
        scope: Scope,
        release_id: str,
        actor: Actor,
        told: Told,
        *,
        gates: Sequence[Gate] = (),
        again: bool = False,
        goes_on: bool = False,
        gently: bool = False,
        recordings: bytes | None = None,
    ) -> Examined | Problem:
        """Run the gates that a release has not passed yet.

        Args:
            scope: account and mode.
            release_id: which.
            actor: in whose name the evidence is kept.
            told: hears of progress.
            gates: only these; all of :data:`~interlock.releases.proposals.STATIC_GATES` without them.
            again: those too that it has passed.
            goes_on: a gate that failed does not keep the next ones from being run.
            gently: with the lowest priority, because payments run on this machine.
            recordings: of real traffic, from a file; from the database without them.

        Raises:
            StorageError: the database cannot be reached.
            VaultError: a credential cannot be opened.

        """
        release = await self._store.release(scope, release_id)
        if isinstance(release, Problem):
            return release
        subject = await self.subject(release)
        if isinstance(subject, Problem):
            return subject
        chosen = wanted(gates, latest(await self._store.evidence(release)), again=again)
        if recordings is None and Gate.SHADOW in chosen:
            recordings = await self._recordings(release, subject)
        refused: list[Problem] = []
        run = partial(self._run, release, actor, recordings, refused, gently)
        reports = await run_gates(subject, run, told, gates=chosen, goes_on=goes_on)
        if refused:
            return refused[0]
        release = await self._store.release(scope, release_id)
        if isinstance(release, Problem):
            return release
        evidence = latest(await self._store.evidence(release))
        return Examined(release=release, reports=tuple(reports), evidence=evidence)

    async def _run(
        self,
        release: Release,
        actor: Actor,
        recordings: bytes | None,
        refused: list[Problem],
        gently: bool,  # noqa: FBT001 - bound by name of its caller
        gate: Gate,
        subject: Subject,
        progress: Progress,
    ) -> GateReport:
        report = await run_apart(gate, subject, progress, recordings=recordings, gently=gently)
        documents = await asyncio.to_thread(specification_hash, self._specifications, release.connector)
        measured = {**report.measured, "specification_hash": documents}
        report = msgspec.structs.replace(report, measured=measured)
        kept = await self._proposals.record(Scope(release.account_id, release.livemode), release.id, report, actor)
        if isinstance(kept, Problem):
            refused.append(kept)
        return report

    async def subject(self, release: Release) -> Subject | Problem:
        """Return what the gates examine of a stored release: it, its configuration, and what serves now.

        Raises:
            VaultError: a credential cannot be opened.

        """
        candidate = await self.opened(release)
        stable = await self._stable(release)
        if isinstance(candidate, Problem):
            return candidate
        if isinstance(stable, Problem):
            return stable
        return Subject(
            package=candidate.package,
            livemode=release.livemode,
            config=candidate.config,
            stable=None if stable is None else stable.package,
            stable_config=None if stable is None else stable.config,
            specifications=self._specifications,
            credentials_expire_at_ms=candidate.expiries_ms,
            now_ms=self._clock.now_ms(),
        )

    async def opened(self, release: Release) -> Opened | Problem:
        """Return a release with its package and its secrets in clear.

        Raises:
            VaultError: a credential cannot be opened.

        """
        parts = await self._proposals.subject_parts(release)
        if isinstance(parts, Problem):
            return parts
        package, config, expiries_ms = parts
        return Opened(release=release, package=package, config=config, expiries_ms=expiries_ms)

    async def serving(self, scope: Scope, gateway_id: str) -> Opened | Problem:
        """Return what a gateway serves with now."""
        pointer = await self._store.pointer(scope, gateway_id)
        if isinstance(pointer, Problem):
            return pointer
        release = await self._store.release(scope, pointer.stable_release_id)
        return release if isinstance(release, Problem) else await self.opened(release)

    async def _stable(self, release: Release) -> Opened | Problem | None:
        """Return what a release is compared with: what serves, or what it followed where it serves itself."""
        scope = Scope(release.account_id, release.livemode)
        serving = await self.serving(scope, release.gateway_id)
        if isinstance(serving, Problem) or serving.release.id != release.id:
            return serving
        if release.base_release_id is None:
            return None
        base = await self._store.release(scope, release.base_release_id)
        return base if isinstance(base, Problem) else await self.opened(base)

    async def recordings(self, gateway: Gateway, config: ConnectorConfig) -> bytes | None:
        """Return recordings of a gateway's real traffic, None where this version cannot make any.

        Raises:
            StorageError: the database cannot be reached.

        """
        if is_absent(Gate.SHADOW):
            return None
        shadow = import_module(REGISTRY[Gate.SHADOW].module)
        now_ms, database = self._clock.now_ms(), self._store.database
        read = shadow.read_recordings(database, gateway, config, public_url=self._public_url, now_ms=now_ms)
        recordings: bytes = shadow.to_file(await read)
        return recordings

    async def _recordings(self, release: Release, subject: Subject) -> bytes | None:
        gateway = await self._store.gateway(Scope(release.account_id, release.livemode), release.gateway_id)
        config = subject.stable_config or subject.config
        if isinstance(gateway, Problem) or config is None:
            return None  # the gate says then that it has nothing to work on
        return await self.recordings(gateway, config)


def wanted(gates: Sequence[Gate], known: Mapping[Gate, Evidence], *, again: bool) -> tuple[Gate, ...]:
    """Return the gates to run, in their order: those asked for (all without any) that are not passed yet."""
    asked = [gate for gate in STATIC_GATES if gate in gates or not gates]
    passed = {gate for gate, one in known.items() if one.verdict is Verdict.PASSED}
    return tuple(gate for gate in asked if again or gate not in passed)
