"""What a mutant that no gate stopped does to customers: a canary on a whole switch, with shoppers and two gateways.

First shoppers buy from the originals, so that there are recordings for the gate ``shadow``. Then each mutant is a
canary of its own, whatever ``shadow`` says of it: as if somebody had announced its difference. Afterwards three records
are held against each other: the gateways' books, the switch's, and what the shoppers were told.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from benchmarks.mutants.judged import Live
from benchmarks.rollback.trials import got, held_share
from benchmarks.soak.comparing import Booked, Finding, compare, sum_books
from benchmarks.soak.reading import Ours, told

from interlock.cli.replay.scene import Scene, open_scene
from interlock.cli.supervision.sandboxes import control
from interlock.gateways.package import Package
from interlock.releases.gates.running import run_gate
from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.releases.proposals import Proposal
from interlock.releases.types import Actor, Plan, TrialState
from interlock.routing.releases import Release, ReleaseState
from interlock.routing.types import Condition
from interlock.sandbox.shoppers import crowd as shoppers
from interlock.sandbox.shoppers.crowd import Crowd
from interlock.sandbox.shoppers.journal import Journal

_ACTOR = Actor("mutants", verified=True)
_WHY = "a mutant that no gate stopped"
_RATE_PER_S = 25.0
_ORDERS_A_CANARY = 5_000
_LOOK_S = 0.2
_SETTLE_S = 20.0
_KNOWN_WITHIN_S = 30.0
_LEASE_MS = 13_000
_RULE_SEEN_S = 1.5
_HALF_PPM = 500_000
# Four times what a release usually gets, held from the first second on: half a minute shows what minutes would.
_PLAN = Plan(share_ppm=200_000, waits_for_person=True)
_THROUGH = """
SELECT DISTINCT coalesce(i.metadata ->> 'order', s.metadata ->> 'order', a.intent_id, a.subject_id) AS order_id
FROM attempts AS a
LEFT JOIN payment_intents AS i ON i.account_id = a.account_id AND i.id = a.intent_id
LEFT JOIN setup_intents AS s ON s.account_id = a.account_id AND s.id = coalesce(a.intent_id, a.subject_id)
WHERE a.account_id = $1 AND a.release_id = $2
"""
_PROCESSING = (
    "SELECT metadata ->> 'order' AS order_id FROM payment_intents WHERE account_id = $1 AND created_at_ms >= $2 "
    "AND status = 'processing'"
)


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A mutant that goes live: which connector it replaces, and what the gates said of it."""

    id: str
    gateway: str
    package: Package
    reports: Sequence[GateReport]


class Stage:
    """A running switch that takes one canary after the other. Made by :func:`open_stage`."""

    def __init__(self, scene: Scene, folder: Path, seed: int, seconds: float) -> None:
        """Play on ``scene``; records of shoppers go to ``folder``, each canary runs for ``seconds``."""
        self._scene = scene
        self._folder = folder
        self._seed = seed
        self._seconds = seconds
        self._ours = Ours(scene.rooms.foundation.database, scene.scope.account_id)
        self._crowds = 0
        self._booked_before: set[str] = set()
        self._recordings: dict[str, bytes | None] = {}

    async def begin(self) -> Live:
        """Let shoppers buy from the originals: what they come to, which must be nobody hurt, and recordings."""
        rooms, scope = self._scene.rooms, self._scene.scope
        second = self._scene.gateways["adyen"]
        condition = Condition(share_ppm=_HALF_PPM)
        await rooms.routing.create_rule(scope, name="half", condition=condition, gateway_ids=(second.id,))
        await asyncio.sleep(_RULE_SEEN_S)
        calm = await self._played(None)
        for name, gateway in self._scene.gateways.items():
            serving = got(await rooms.examiner.serving(scope, gateway.id))
            self._recordings[name] = await rooms.examiner.recordings(gateway, serving.config)
        return calm

    async def propose(self, suspect: Suspect) -> Release:
        """Propose ``suspect`` as a release of its gateway, with what the gates said of it."""
        rooms, scope = self._scene.rooms, self._scene.scope
        proposal = Proposal(package=suspect.package, note=suspect.id)
        gateway = self._scene.gateways[suspect.gateway]
        release = got(await rooms.proposals.propose(scope, gateway.id, proposal, _ACTOR))
        for passed in suspect.reports:
            # What certify has proven tells which release finishes whose payments after a rollback.
            release = got(await rooms.proposals.record(scope, release.id, passed, _ACTOR))
        return release

    async def shadow(self, suspect: Suspect, release: Release) -> str:
        """Return the sentence with which the gate ``shadow`` stops the release, empty where it does not."""
        subject = got(await self._scene.rooms.examiner.subject(release))
        report = await run_gate(Gate.SHADOW, subject, _quietly, recordings=self._recordings[suspect.gateway])
        failed = [one.sentence() for one in report.findings if one.verdict is Verdict.FAILED]
        return failed[0] if report.verdict is Verdict.FAILED and failed else ""

    async def canary(self, release: Release) -> Live:
        """Let the release be a canary, whatever ``shadow`` said of it; return what came of it."""
        return await self._played(release)

    async def _played(self, release: Release | None) -> Live:
        """Let shoppers buy, with ``release`` as the canary; then settle and compare."""
        began, began_ms = time.monotonic(), self._scene.rooms.foundation.clock.now_ms()
        journal_path = self._folder / f"shoppers_{self._crowds}.jsonl"
        journal = Journal(journal_path)
        ended, through = "", None
        async with self._crowd(journal) as crowd:
            buying = asyncio.create_task(crowd.run())
            if release is None:
                await asyncio.sleep(self._seconds)
            else:
                ended = await self._canary(release)
            crowd.stop()
            await buying
            await self._settled()
            await crowd.settle(_SETTLE_S)
        journal.close()
        if release is not None:
            through = await self._through(release)
        hurt = await self._hurt(crowd, journal_path, began_ms, through)
        return Live(
            ended=ended,
            purchases=crowd.tally.payments,
            on_candidate=0 if through is None else len(through),
            hurt=tuple(f"{order}: {why}" for order, why in sorted(hurt.items())),
            seconds=round(time.monotonic() - began, 1),
        )

    def _crowd(self, journal: Journal) -> Crowd:
        first = 1 + self._crowds * _ORDERS_A_CANARY
        self._crowds += 1
        plan = shoppers.Plan(seed=self._seed, rate_per_s=_RATE_PER_S, first=first, all_s=30.0)
        quickstart = self._scene.quickstart
        return Crowd(plan, quickstart.api_url, quickstart.secret_key, journal)

    async def _canary(self, release: Release) -> str:
        """Run the canary until it is rolled back or the time is up; return how it ended."""
        rooms, scope = self._scene.rooms, self._scene.scope
        got(await rooms.proposals.approve(scope, release.id, _ACTOR, _WHY, break_glass=True))
        got(await rooms.rollouts.start_canary(scope, release.id, _ACTOR, _WHY, _PLAN))
        until = time.monotonic() + self._seconds
        async with held_share(rooms, release, _PLAN.share_ppm):
            while time.monotonic() < until:
                await asyncio.sleep(_LOOK_S)
                if got(await rooms.rollouts.store.release(scope, release.id)).state is not ReleaseState.CANARY:
                    return f"rolled back: {(await rooms.rollouts.store.trials(release))[0].verdict}"
        await rooms.rollouts.end_trial(scope, release.id, _ACTOR, "the time is up", TrialState.ABORTED)
        return "not rolled back"

    async def _settled(self) -> None:
        """Wait until the switch knows what became of everything, hurrying what it would ask about later."""
        until = time.monotonic() + _KNOWN_WITHIN_S
        while time.monotonic() < until:
            await asyncio.sleep(1.0)
            waiting = (await self._ours.undelivered())["notifications"]
            if not waiting and not any((await self._ours.open_work()).values()):
                return
            await self._ours.hurry(_LEASE_MS)

    async def _through(self, release: Release) -> set[str]:
        """Return the orders that ``release`` had any part in."""
        database = self._scene.rooms.foundation.database
        rows = await database.fetch(_THROUGH, self._scene.scope.account_id, release.id)
        return {row["order_id"] for row in rows}

    async def _hurt(self, crowd: Crowd, journal: Path, began_ms: int, through: set[str] | None) -> dict[str, str]:
        """Return who was hurt, by order, and how: the three records do not agree about the money, or the payment did
        not come to what the card deserves and went ``through`` the candidate (None: whatever it went through)."""
        surprises = [one for one in crowd.tally.surprises if through is None or one.order in through]
        hurt = {one.order: f"{one.came.value} {one.code}".strip() for one in surprises}
        payments, _ = told(journal)
        mine = {one.intent: one.order for one in payments}
        believed = await self._ours.believed()
        orders = {one.order for one in payments} | {buyer.order.id for buyer in crowd.all}
        here = {name: one for name, one in believed.items() if name in mine or one.order in orders}
        names = {**{name: one.order for name, one in here.items()}, **mine}
        booked = await self._booked()
        verdict = compare([one for one in booked if one.intent in here or not one.intent], here, payments)
        for finding in (*verdict.lost, *verdict.duplicates, *verdict.differences, *verdict.holds):
            hurt.setdefault(names.get(finding.subject, finding.subject), _said(finding))
        rows = await self._scene.rooms.foundation.database.fetch(_PROCESSING, self._scene.scope.account_id, began_ms)
        for row in rows:
            if through is None or row["order_id"] in through:
                hurt.setdefault(row["order_id"] or "?", "still open")
        return hurt

    async def _booked(self) -> list[Booked]:
        """Return the payments of all gateways that were not there at the last look, with their intents."""
        references = await self._ours.references()
        found: list[Booked] = []
        for gateway in self._scene.quickstart.gateways:
            answer = await control("GET", f"{gateway.url}/_sandbox/books")
            entries = msgspec.json.decode(answer)["entries"]
            for name, payment in sum_books(gateway.name, entries).items():
                if name not in self._booked_before:
                    self._booked_before.add(name)
                    payment.intent = references.get(payment.intent, "")
                    found.append(payment)
        return found


@asynccontextmanager
async def open_stage(seed: int, seconds: float) -> AsyncIterator[Stage]:
    """Start a whole switch in a folder that is gone afterwards, and give it.

    Args:
        seed: what shoppers want follows from it.
        seconds: how long each canary runs that is not rolled back.

    """
    with tempfile.TemporaryDirectory(prefix="interlock-mutants-", ignore_cleanup_errors=True) as name:
        async with open_scene() as scene:
            yield Stage(scene, Path(name), seed, seconds)


def _said(finding: Finding) -> str:
    return f"{finding.kind}: {finding.text}"


def _quietly(_: str, __: int, ___: int) -> None:
    pass
