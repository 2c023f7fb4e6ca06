"""Validates what serves, and keeps what is found: the use case around :mod:`interlock.releases.validation`.

Called by ``cli`` and by the worker for whoever asks over the control API. Payments are made as shops make them, so the
process that calls this sends them.
"""

import asyncio

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.problems import Problem, invalid
from interlock.base.redaction import scrub
from interlock.releases.gates.running import Told, broken, checked, too_late
from interlock.releases.gates.types import Gate, GateReport, Progress
from interlock.releases.proposals import Proposals
from interlock.releases.types import Actor
from interlock.releases.validation import Probe, Validator
from interlock.routing.releases import Release, ReleaseState
from interlock.routing.table import RoutingTable
from interlock.routing.types import ReadyGateway

DEADLINE_S = 300.0
"""How long the probes may take together."""


class Validations:
    """Use cases. One per process."""

    def __init__(self, proposals: Proposals, validator: Validator, table: RoutingTable, clock: Clock) -> None:
        """Keep evidence through ``proposals``; pay probes by what ``table`` says."""
        self._proposals = proposals
        self._validator = validator
        self._table = table
        self._clock = clock

    async def validate(
        self, scope: Scope, release_id: str, actor: Actor, told: Told, probe: Probe | None = None
    ) -> GateReport | Problem:
        """Prove a release that serves on the live path, and keep what is found.

        Args:
            scope: account and mode.
            release_id: the stable release of a gateway.
            actor: in whose name the evidence is kept.
            told: hears of progress.
            probe: what to pay with; a test card in test mode without it.

        Raises:
            StorageError: the database cannot be reached.

        """
        release = await self._proposals.store.release(scope, release_id)
        if isinstance(release, Problem):
            return release
        problem = not_serving(release)
        if problem is not None:
            return problem
        report = await self._proven(release, told, probe)
        if isinstance(report, Problem):
            return report
        kept = await self._proposals.record(scope, release.id, report, actor)
        return kept if isinstance(kept, Problem) else report

    async def _proven(self, release: Release, told: Told, probe: Probe | None) -> GateReport | Problem:
        # What this process knows may be a quarter of a second old, and the promotion a moment.
        await self._table.refresh(force=True)
        ready = self._table.gateway(Scope(release.account_id, release.livemode), release.gateway_id)
        if ready is None:
            said = next((each for each in self._table.complaints() if release.gateway_id in each), "nothing serves it")
            return broken(Gate.VALIDATE, f"the gateway cannot be used: {said}", "see `interlock gateways show`")
        if ready.release.id != release.id:
            return invalid(f"{ready.release.id} serves now: validate that one.", code="wrong_state", status=409)
        return await self._within_time(ready, probe, lambda what, done, total: told(Gate.VALIDATE, what, done, total))

    async def _within_time(self, ready: ReadyGateway, probe: Probe | None, progress: Progress) -> GateReport:
        try:
            async with asyncio.timeout(DEADLINE_S):
                return checked(Gate.VALIDATE, await self._validator.run(ready, probe, progress))
        except TimeoutError:
            return too_late(Gate.VALIDATE, DEADLINE_S)
        except Exception as error:  # noqa: BLE001 - whatever breaks the probes is told with the release, and held
            problem = scrub(f"the probes broke: {type(error).__name__}: {str(error)[:300]}")
            return broken(Gate.VALIDATE, problem, "report it with this line")


def not_serving(release: Release) -> Problem | None:
    """Return why a release cannot be validated: only what serves can."""
    if release.state is ReleaseState.STABLE:
        return None
    return invalid(
        f"Only what serves is validated: {release.id} is {release.state}.", code="wrong_state", param="id", status=409
    )
