"""A drill on a switch that serves: a canary with shoppers, then as stable, then what the gateways' books say."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from interlock.base.errors import ConfigurationError, ConnectorError
from interlock.base.problems import Problem
from interlock.cli.drills.gating import Gated, release_of, with_change
from interlock.cli.drills.judging import Line, harm, sum_books, told, wrong_payments
from interlock.cli.drills.stage import Stage
from interlock.cli.drills.stages import ABSORBED, CANARY, LIVE, PROPOSAL, REPAIR, VALIDATE
from interlock.cli.drills.types import Harm, Tell
from interlock.cli.replay.acts import done
from interlock.cli.replay.scene import Scene
from interlock.gateways.package import Package
from interlock.payments.recovery.reviewing import Repair
from interlock.releases.gates.types import Verdict
from interlock.releases.proposals import Proposal
from interlock.releases.types import Actor, Plan
from interlock.routing.releases import Release, ReleaseState
from interlock.sandbox.drills.types import Account, Drill, Traffic
from interlock.sandbox.shoppers.crowd import Crowd
from interlock.sandbox.shoppers.crowd import Plan as Custom
from interlock.sandbox.shoppers.journal import read
from interlock.sandbox.shoppers.orders import Flow, Mix
from interlock.sandbox.shoppers.tally import Tally
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.cli.drills")
_OPERATOR = Actor("drill", verified=True)
_TRIAL = Plan(share_ppm=500_000, holdback_ppm=0, holdback_ms=0)
_BEFORE_S = 2.0
_LOOK_S = 0.25
_PATIENCE = 3.0
_ATTEMPTS_LEAST = 40
_STABLE_S = 8.0
_SETTLE_S = 6.0
_ROUNDS = 8
_HURRIED_MS = 7_200_000
_IN_FLIGHT_MS = 6_000
_CHANGED = frozenset({Repair.SETTLED, Repair.GIVEN_BACK, Repair.WITHDRAWN, Repair.RELEASED, Repair.OTHER_MONEY})
_BACK = frozenset({ReleaseState.ROLLED_BACK, ReleaseState.SUPERSEDED, ReleaseState.REJECTED})


class Shown(msgspec.Struct, kw_only=True):
    """What came of it: the stage that found it, the harm, who was told what, and why it proves nothing, if so."""

    problem: str = ""
    stopped_by: str | None = None
    blamed: bool = False
    harm: Harm = Harm()
    told: list[str] = []


class Play:
    """One drill while it is live."""

    def __init__(self, stage: Stage, scene: Scene, drill: Drill, gated: Gated, tell: Tell) -> None:
        """Play ``drill``, which the gates let through, on ``scene``."""
        self._stage = stage
        self._scene = scene
        self._drill = drill
        self._says = drill.manifest
        self._gated = gated
        self._tell = tell
        self._gateway = stage.gateway(self._says.provider)
        self._shown = Shown()
        self._began_ms = scene.rooms.foundation.clock.now_ms()
        self._named: set[str] = set()

    async def run(self) -> Shown:
        """Play it from the first shopper to the last line of the books."""
        stage, provider = self._stage, self._says.provider
        await stage.first(provider)
        original = done(await self._scene.rooms.examiner.serving(self._scene.scope, self._gateway.id)).release
        await self._serve_otherwise()
        since = await stage.positions()
        journal = stage.folder / f"{self._drill.id}.jsonl"
        async with stage.crowd(custom(self._says.traffic), journal) as shoppers:
            buying = asyncio.create_task(shoppers.run())
            try:
                await self._let_pass(_BEFORE_S, "shoppers buy", shoppers)
                await self._happen(shoppers)
            finally:
                shoppers.stop()
                await buying
                struck = await stage.heal(provider)
            # A gateway that is down is not asked, so it counts nothing.
            if not struck and any(spec.kind != "down" for spec in self._says.sandbox):
                self._shown.problem = "its gateway's fault never struck, so nothing was tried"
            await self._settle(shoppers)
        await self._judge(journal, since, shoppers.tally)
        await self._restore(original)
        return self._shown

    async def _happen(self, shoppers: Crowd) -> None:
        """Let the fault happen, and see who notices."""
        says, traffic = self._says, self._says.traffic
        release = await self._on_trial() if self._drill.changes_release else None
        await self._stage.fail(says.provider, says.sandbox)
        if release is None:
            if self._shown.stopped_by is None:
                await self._let_pass(traffic.seconds, "its gateway fails", shoppers)
            return
        if not await self._tried(release, shoppers) and not says.innocent:
            await self._as_stable(release, shoppers)

    # The release

    async def _serve_otherwise(self) -> None:
        """Let the account that serves be as the drill says."""
        if self._says.serving:
            release = done(await self._propose(None, self._says.serving))
            await self._approve(release)
            done(await self._scene.rooms.rollouts.install(self._scene.scope, release.id, _OPERATOR, self._why()))
            await self._scene.rooms.foundation.table.refresh(force=True)

    async def _on_trial(self) -> Release | None:
        try:
            release = await self._propose(release_of(self._drill), self._says.change)
        except (ConfigurationError, ConnectorError) as error:
            self._found(PROPOSAL, f"the proposal was refused: {error}")
            return None
        if isinstance(release, Problem):
            self._found(PROPOSAL, f"the proposal was refused: {release.message}")
            return None
        for report in self._gated.reports:
            done(await self._scene.rooms.proposals.record(self._scene.scope, release.id, report, _OPERATOR))
        await self._approve(release)
        trial = self._scene.rooms.rollouts.start_canary(self._scene.scope, release.id, _OPERATOR, self._why(), _TRIAL)
        return done(await trial)

    async def _propose(self, package: Package | None, differs: Account) -> Release | Problem:
        serving = done(await self._scene.rooms.examiner.serving(self._scene.scope, self._gateway.id))
        changed = with_change(self._says.provider, differs, serving.config)
        gone = {name: None for name in serving.config.settings if name not in changed.settings}
        proposal = Proposal(
            package=package,
            settings={**changed.settings, **gone},
            credentials={
                name: value
                for name, value in changed.credentials.items()
                if serving.config.credentials.get(name) != value
            },
            note=self._why(),
            # Content that was tried before is a release that exists already; each drill has one of its own.
            specification_hash=f"{self._drill.id}-{self._began_ms}",
        )
        return await self._scene.rooms.proposals.propose(self._scene.scope, self._gateway.id, proposal, _OPERATOR)

    async def _approve(self, release: Release) -> None:
        approve = self._scene.rooms.proposals.approve
        done(await approve(self._scene.scope, release.id, _OPERATOR, self._why(), break_glass=True))

    async def _state(self, release: Release) -> Release:
        return done(await self._scene.rooms.rollouts.store.release(self._scene.scope, release.id))

    async def _tried(self, release: Release, shoppers: Crowd) -> bool:
        """Watch the canary; return True when it is over.

        On a busy machine a trial may take nothing for a while (its beat is late): the time is longer then, so that the
        canary is judged by payments and not by the machine.
        """
        seconds, began_s = self._says.traffic.seconds, time.monotonic()
        while (passed_s := time.monotonic() - began_s) < seconds * _PATIENCE:
            if passed_s >= seconds and await self._attempts_of(release) >= _ATTEMPTS_LEAST:
                break
            await self._let_pass(_LOOK_S, "canary", shoppers)
            standing = await self._state(release)
            if standing.state is ReleaseState.CANARY:
                continue
            verdict = (await self._scene.rooms.rollouts.store.trials(release))[0].verdict
            if standing.state in _BACK:
                self._shown.blamed = True
                self._found(CANARY, f"the canary: {verdict}")
                await self._name_affected(release)
                return True
            break
        return False

    async def _attempts_of(self, release: Release) -> int:
        database = self._scene.rooms.foundation.database
        return int(await database.fetchval(_QUERIES["attempts_of_release"], release.account_id, release.id))

    async def _as_stable(self, release: Release, shoppers: Crowd) -> None:
        """Make what the canary let through stable, and ask everybody who may notice now."""
        rollouts, scope = self._scene.rooms.rollouts, self._scene.scope
        if (await self._state(release)).state is ReleaseState.CANARY:
            done(await rollouts.promote(scope, release.id, _OPERATOR, self._why(), break_glass=True))
        await self._scene.rooms.foundation.table.refresh(force=True)
        await self._let_pass(_STABLE_S, "it serves", shoppers)
        report = await self._scene.rooms.validations.validate(scope, release.id, _OPERATOR, lambda *_: None)
        if isinstance(report, Problem):
            self._found(VALIDATE, f"validate: {report.message}")
        elif report.verdict is Verdict.FAILED:
            self._found(VALIDATE, f"validate: {report.findings[0].sentence()}")
        if self._shown.stopped_by == VALIDATE:
            await self._name_affected(release)

    async def _name_affected(self, release: Release) -> None:
        affected = done(await self._scene.rooms.aftermath.affected(self._scene.scope, release.id))
        self._named |= {one.intent_id for one in affected if one.intent_id}

    # The end

    async def _settle(self, shoppers: Crowd) -> None:
        """Let everything that is under way come to its end, as if hours passed meanwhile."""
        clock, database = self._scene.rooms.foundation.clock, self._scene.rooms.foundation.database
        for _ in range(_ROUNDS):
            now_ms = clock.now_ms()
            recent, lease_until = now_ms - _HURRIED_MS, now_ms + _IN_FLIGHT_MS
            account = self._scene.scope.account_id
            await database.execute(_QUERIES["hurry_inquiries"], account, recent, _HURRIED_MS, lease_until)
            self._tell(self._drill.id, "what is under way is settled")
            if not await shoppers.settle(_SETTLE_S, everybody=False):
                break
        # The last word on every order, also on those that seemed to be over.
        await shoppers.settle(0.0, everybody=True)

    async def _judge(self, journal: Path, since: dict[str, int], tally: Tally) -> None:
        """Compare the books with what shops were told; ask every alarm and, where a release served, the gateway."""
        self._tell(self._drill.id, "the books are compared")
        account, database = self._scene.scope.account_id, self._scene.rooms.foundation.database
        rows = await database.fetch(_QUERIES["intents_with_other_money"], account, self._began_ms)
        if rows:
            self._named |= {row["intent_id"] for row in rows}
            self._found(LIVE, f"{len(rows)} answers spoke of other money than was asked for")
        intents = {
            row["id"]: row["intent_id"] for row in await database.fetch(_QUERIES["intents_of_attempts"], account)
        }
        told_of = told(read(journal))
        booked = sum_books(await self._lines(since))
        wrong, moving = wrong_payments(booked, told_of, intents)
        if self._shown.stopped_by is None and not self._says.innocent and self._drill.changes_release:
            await self._ask_again()
        self._shown.harm = harm(tally, wrong, moving, self._named)
        bore_it = not (self._drill.changes_release or wrong or tally.hurt or moving)
        if self._shown.stopped_by is None and bore_it:
            self._found(ABSORBED, "nobody was hurt and every payment is right")

    async def _lines(self, since: dict[str, int]) -> Sequence[Line]:
        books = await self._stage.lines(since)
        return [
            line
            for content in books.values()
            for line in msgspec.json.decode(content, type=dict[str, list[Line]])["entries"]
        ]

    async def _ask_again(self) -> None:
        """Ask the gateway about every payment of the release again."""
        scope, rooms = self._scene.scope, self._scene.rooms
        serving = done(await rooms.examiner.serving(scope, self._gateway.id)).release
        now_ms = rooms.foundation.clock.now_ms()
        reviews = [one async for one in rooms.aftermath.repair(scope, serving.id, _OPERATOR, now_ms)]
        changed = [one for one in reviews if one.repair in _CHANGED]
        if changed:
            self._named |= {one.intent_id for one in changed if one.intent_id}
            self._found(REPAIR, f"{len(changed)} payments are otherwise at the gateway: {changed[0].meaning}")

    async def _restore(self, original: Release) -> None:
        """Let what served before the drill serve again."""
        rollouts, scope = self._scene.rooms.rollouts, self._scene.scope
        pointer = done(await rollouts.store.pointer(scope, self._gateway.id))
        if pointer.trial_release_id is not None:
            done(await rollouts.roll_back(scope, pointer.trial_release_id, _OPERATOR, self._why()))
        for _ in range(2):
            pointer = done(await rollouts.store.pointer(scope, self._gateway.id))
            if pointer.stable_release_id == original.id or pointer.previous_release_id is None:
                break
            done(await rollouts.roll_back(scope, pointer.stable_release_id, _OPERATOR, self._why()))
        await self._scene.rooms.foundation.table.refresh(force=True)

    def _found(self, stage: str, words: str) -> None:
        self._shown.told.append(words)
        if self._shown.stopped_by is None:
            self._shown.stopped_by = stage

    async def _let_pass(self, seconds: float, doing: str, shoppers: Crowd) -> None:
        tally = shoppers.tally
        self._tell(self._drill.id, f"{doing}; {tally.hurt} of {tally.payments} purchases lost")
        await asyncio.sleep(seconds)

    def _why(self) -> str:
        return f"drill {self._drill.id}"


def custom(traffic: Traffic) -> Custom:
    """Return who comes."""
    usual = Mix()
    flows = usual.flows
    if traffic.stored is not None:
        flows = ((Flow.ONE_STEP, 1 - traffic.stored), (Flow.SAVE_AND_AGAIN, traffic.stored))
    mix = Mix(
        currencies=traffic.currencies,
        brands=traffic.brands,
        cards=traffic.cards,
        manual=usual.manual if traffic.manual is None else traffic.manual,
        refunded=usual.refunded if traffic.refunded is None else traffic.refunded,
        flows=flows,
    )
    return Custom(seed=traffic.seed, rate_per_s=traffic.rate_per_s, mix=mix)
