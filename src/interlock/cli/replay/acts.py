"""The three acts of ``replay nov7``: the same bad release on a switch without protection, in a canary, at the gates."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

import msgspec

from interlock.base.problems import Problem
from interlock.cli.output import RefusedError
from interlock.cli.replay.money import wrong_minor
from interlock.cli.replay.scene import CONNECTOR, Scene, crowd, misconfigured
from interlock.releases.gates.running import run_gate, run_gates
from interlock.releases.gates.types import Gate, GateReport, Subject, Verdict
from interlock.releases.proposals import Proposal
from interlock.releases.types import Actor, Plan
from interlock.routing.releases import Release, ReleaseState
from interlock.sandbox.shoppers.crowd import Crowd
from interlock.sandbox.specs import find
from interlock.storage.queries import load_queries

T = TypeVar("T")
_OPERATOR = Actor("replay", verified=True)
_BEFORE_S = 6.0
_OUTAGE_S = 18.0
_AFTER_S = 7.0
_UNDONE_WITHIN_S = 90.0
_LOOK_S = 0.1
_SETTLE_S = 20.0
_ORDERS_A_SECOND = 40
_WHY = "November 7th, played again"
_QUERIES = load_queries("interlock.cli.replay")


class Act(StrEnum):
    """How the bad release is let loose."""

    UNPROTECTED = "unprotected"
    CANARY = "canary"
    PROTECTED = "protected"


class Moment(msgspec.Struct, frozen=True):
    """Something that happened, seconds after the act began."""

    at_s: float
    what: str


class Played(msgspec.Struct, kw_only=True):
    """What came of an act. ``seconds`` are (second, payments, lost ones) from its beginning."""

    act: Act
    purchases: int = 0
    lost: int = 0
    wrong_minor: int = 0
    first_bad_to_undone_s: float | None = None
    bad_attempts: int = 0
    stopped_by: str = ""
    moments: list[Moment] = []
    seconds: list[tuple[int, int, int]] = []


Tell = Callable[[Act, str, float], None]
"""Told what is going on, and which part of the act is behind (0 to 1)."""


class _Stage:
    """One act while it is played."""

    def __init__(self, scene: Scene, act: Act, shoppers: Crowd, tell: Tell) -> None:
        self.scene = scene
        self.played = Played(act=act)
        self.shoppers = shoppers
        self._tell = tell
        self._began_s = time.monotonic()

    def mark(self, what: str) -> None:
        self.played.moments.append(Moment(round(time.monotonic() - self._began_s, 2), what))

    async def let_pass(self, seconds: float, doing: str, begin: float, end: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            tally = self.shoppers.tally
            self._tell(
                self.played.act,
                f"{doing}; {tally.hurt} of {tally.payments} purchases lost",
                end - (end - begin) * left / seconds,
            )
            await asyncio.sleep(min(left, _LOOK_S))

    async def propose(self) -> Release:
        rooms, scene = self.scene.rooms, self.scene
        proposal = Proposal(package=misconfigured(self.played.act.value), note=_WHY)
        gateway = scene.gateways[CONNECTOR]
        return done(await rooms.proposals.propose(scene.scope, gateway.id, proposal, _OPERATOR))

    async def force(self, release: Release) -> Release:
        proposals = self.scene.rooms.proposals
        return done(await proposals.approve(self.scene.scope, release.id, _OPERATOR, _WHY, break_glass=True))

    async def release_now(self, release: Release) -> Release:
        return done(await self.scene.rooms.rollouts.store.release(self.scene.scope, release.id))


async def play(scene: Scene, act: Act, seed: int, tell: Tell) -> Played:
    """Play one act and return what came of it."""
    first = 1 + list(Act).index(act) * 10_000 * _ORDERS_A_SECOND
    shoppers = crowd(scene, seed, first)
    books_before = await wrong_minor(scene)
    async with shoppers:
        stage = _Stage(scene, act, shoppers, tell)
        buying = asyncio.create_task(shoppers.run(keep=False))
        await stage.let_pass(_BEFORE_S, "shoppers buy", 0.0, 0.15)
        await _ACTS[act](stage)
        await stage.let_pass(_AFTER_S, "shoppers buy", 0.8, 0.9)
        shoppers.stop()
        await buying
        tell(act, "what is under way is settled", 0.93)
        await shoppers.settle(_SETTLE_S, everybody=False)
    played, tally = stage.played, shoppers.tally
    played.purchases, played.lost = tally.payments, tally.hurt
    # The acts are the stage's own hands: what is private to it is private to both.
    played.seconds = [(second - int(stage._began_s), count, bad) for second, count, bad in tally.seconds()]  # noqa: SLF001
    played.wrong_minor = max(0, await wrong_minor(scene) - books_before)
    tell(act, "done", 1.0)
    return played


async def _unprotected(stage: _Stage) -> None:
    """Straight to stable, no canary, no other gateway to go to; people look for the cause, then roll back."""
    scene = stage.scene
    others = [gateway for name, gateway in scene.gateways.items() if name != CONNECTOR]
    for gateway in others:
        done(await scene.rooms.routing.update_gateway(scene.scope, gateway.id, enabled=False, why=_WHY))
    await stage.let_pass(1.0, "the other gateway is switched off", 0.15, 0.2)
    release = await stage.force(await stage.propose())
    done(await scene.rooms.rollouts.promote(scene.scope, release.id, _OPERATOR, _WHY, break_glass=True))
    stage.mark("released")
    suspects = ("overload is suspected", "the database is suspected", "the network is suspected")
    for number, suspect in enumerate(suspects):
        stage.mark(suspect)
        begin = 0.2 + 0.5 * number / len(suspects)
        await stage.let_pass(_OUTAGE_S / len(suspects), suspect, begin, begin + 0.5 / len(suspects))
    done(await scene.rooms.rollouts.roll_back(scene.scope, release.id, _OPERATOR, "it was the release"))
    stage.mark("rolled back")
    await _count(stage, release)
    stage.played.stopped_by = "a person, after three wrong suspects"
    for gateway in others:
        done(await scene.rooms.routing.update_gateway(scene.scope, gateway.id, enabled=True, why=_WHY))


async def _canary(stage: _Stage) -> None:
    """Forced past the gates into the canary: the controller takes it back, stable takes what it refuses."""
    scene = stage.scene
    release = await stage.force(await stage.propose())
    done(await scene.rooms.rollouts.start_canary(scene.scope, release.id, _OPERATOR, _WHY, Plan()))
    stage.mark("canary started")
    until = time.monotonic() + _UNDONE_WITHIN_S
    while time.monotonic() < until:
        standing = await stage.release_now(release)
        if standing.state is not ReleaseState.CANARY:
            break
        await stage.let_pass(_LOOK_S, "the canary is watched", 0.4, 0.5)
    else:
        raise RefusedError("replay", f"the canary was not undone in {_UNDONE_WITHIN_S:g} s", "see the worker's log")
    stage.mark("rolled back")
    await _count(stage, release)
    trial = (await scene.rooms.rollouts.store.trials(release))[0]
    stage.played.stopped_by = f"the canary: {trial.verdict}"


async def _protected(stage: _Stage) -> None:
    """As it is meant: the gates look at it, and it is rejected before a shopper meets it."""
    scene, rooms = stage.scene, stage.scene.rooms
    release = await stage.propose()
    stage.mark("proposed")
    parts = await rooms.proposals.subject_parts(release)
    package, config, expiries = done(parts)
    base = await rooms.rollouts.store.package(done(await rooms.rollouts.store.release(scene.scope, _base(release))))
    subject = Subject(
        package=package,
        livemode=False,
        config=config,
        stable=done(base),
        stable_config=config,
        specifications=find(None),
        credentials_expire_at_ms=expiries,
        now_ms=rooms.foundation.clock.now_ms(),
    )

    def told(gate: Gate, what: str, number: int, steps: int) -> None:
        # As above: an act tells through its stage.
        stage._tell(stage.played.act, f"gate {gate.value}: {what}", 0.2 + 0.5 * number / max(steps, 1))  # noqa: SLF001

    reports = await run_gates(subject, run_gate, told)
    for report in reports:
        done(await rooms.proposals.record(scene.scope, release.id, report, _OPERATOR))
    failed = next((report for report in reports if report.verdict is Verdict.FAILED), None)
    stage.mark("no gate failed it" if failed is None else f"stopped by {failed.gate.value}")
    if failed is not None:
        stage.played.stopped_by = f"gate {failed.gate.value}: {_first_failure(failed)}"
    standing = await stage.release_now(release)
    if standing.state is not ReleaseState.REJECTED:
        stage.played.stopped_by = stage.played.stopped_by or f"nothing: the release is {standing.state}"


def _first_failure(report: GateReport) -> str:
    """Return what failed first, without the cases it failed in."""
    found = next(finding for finding in report.findings if finding.verdict is Verdict.FAILED)
    return f"{found.problem.partition(' (in ')[0]}; {found.remedy}"


def _base(release: Release) -> str:
    return release.base_release_id or ""


async def _count(stage: _Stage, release: Release) -> None:
    """Note how long it took from the first bad outcome to the undo, and how many tries the release spoilt."""
    scene, played = stage.scene, stage.played
    now_ms = scene.rooms.foundation.clock.now_ms()
    first_ms = await scene.rooms.foundation.database.fetchval(
        _QUERIES["first_bad_outcome"], scene.scope.account_id, release.id
    )
    if first_ms is not None:
        played.first_bad_to_undone_s = round((now_ms - first_ms) / 1000, 2)
    affected = done(await scene.rooms.aftermath.affected(scene.scope, release.id))
    played.bad_attempts = sum(one.state in {"refused", "not_sent", "unknown"} for one in affected)


_ACTS: dict[Act, Callable[[_Stage], Awaitable[None]]] = {
    Act.UNPROTECTED: _unprotected,
    Act.CANARY: _canary,
    Act.PROTECTED: _protected,
}


def done(result: T | Problem) -> T:
    """Return ``result``, which a replay cannot go on without."""
    if isinstance(result, Problem):
        raise RefusedError("replay", result.message.rstrip("."), "see the log")
    return result
