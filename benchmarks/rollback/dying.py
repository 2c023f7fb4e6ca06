"""Candidates that are dead from their first payment, at 5 % of a shop under load: what they cost until the worker's
canary controller takes them back, and whether any shopper noticed.

Nobody helps the controller: it reads, judges and rolls back as in production. Only the share is held at 5 %, which the
exposure limit may lower for a while after an earlier measurement's slow answers.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from benchmarks.figures import Results
from benchmarks.processes import free_ports
from benchmarks.rollback import trials
from benchmarks.rollback.fleet import Fleet
from benchmarks.rollback.plan import EXCESS, SHOPPERS
from benchmarks.rollback.shoppers import Shoppers
from benchmarks.telling import Tell

from interlock.cli.replay.scene import misconfigured
from interlock.gateways.package import Package
from interlock.releases.types import Plan
from interlock.routing.releases import Release

_RATE_PER_S = 40.0
_SHARE_PPM = 50_000
_DECIDED_WITHIN_S = 60.0
_ENOUGH = 10
_ANSWERED_WITHIN_S = 40.0
_TRIAL = Plan(share_ppm=_SHARE_PPM)
_ATTEMPTS = (
    "SELECT state, code, settled_at_ms FROM attempts "
    "WHERE account_id = $1 AND release_id = $2 AND created_at_ms >= $3 AND arm = 'candidate' ORDER BY id"
)
_BUSINESS = frozenset({"approved", "declined", "challenge", "pending"})
_TAKEN_BACK = "release_withdrawn"


class Death(msgspec.Struct, frozen=True, kw_only=True):
    """A way of being dead: a fault of the candidate's gateway, a wrong package, or an address where nobody listens.

    ``fails`` is False where the candidate's payments have no outcome rather than a bad one: nobody may try them again
    before an inquiry has settled them, and the stable release settles them once the candidate is taken back.
    """

    name: str
    fault: Mapping[str, Any] | None = None
    package: Package | None = None
    nobody_listens: bool = False
    fails: bool = True


class Tried(msgspec.Struct, frozen=True):
    """An attempt on the candidate arm: how it ended, and when that was known."""

    state: str
    code: str | None
    settled_at_ms: int | None


class Harm(msgspec.Struct, frozen=True):
    """Candidate payments that failed: ``known`` when the rollback was decided, ``in_flight`` then, and how many were
    ``taken_back`` before they were sent."""

    known: int
    in_flight: int
    taken_back: int


class Burial(msgspec.Struct, frozen=True, kw_only=True):
    """One dead candidate."""

    death: str
    harm: Harm
    seconds: float
    states: dict[str, int]
    shopper_failures: list[str]
    slowest_s: float


def deaths() -> tuple[Death, ...]:
    """Return the ways of being dead, in the order in which they are tried."""
    return (
        Death(name="a constant of the connector is wrong: 400", package=misconfigured("a benchmark")),
        Death(name="credentials refused: 401", fault={"kind": "refuse", "status": 401}),
        Death(name="nobody listens at its address", nobody_listens=True),
        Death(name="server error: 503", fault={"kind": "status_5xx", "status": 503, "executes": False}, fails=False),
        Death(name="connection reset", fault={"kind": "reset_before"}, fails=False),
    )


async def measure(fleet: Fleet, count: int, seed: int, results: Results, tell: Tell) -> dict[str, object]:
    """Bury ``count`` dead candidates, add their runs to ``results`` and return what they are made of.

    Raises:
        TrialFailedError: the controller did not take one back in time.
        NothingFlowsError: a candidate got next to no payments.

    """
    ways, buried = deaths(), []
    async with Shoppers(fleet.addresses(), fleet.key, rate_per_s=_RATE_PER_S, seed=seed + 1).coming() as shoppers:
        for number in range(count):
            death = ways[number % len(ways)]
            tell(f"dead candidate ({number + 1} of {count}): {death.name}")
            burial = await _bury(fleet, shoppers, death)
            buried.append(burial)
            results.add(SHOPPERS, len(burial.shopper_failures))
            if death.fails:
                results.add(EXCESS, burial.harm.known)
    return details(buried)


async def _bury(fleet: Fleet, shoppers: Shoppers, death: Death) -> Burial:
    rooms, began_s = fleet.rooms, time.time()
    url = f"http://127.0.0.1:{free_ports(1)[0]}" if death.nobody_listens else fleet.second.url
    if death.fault is not None:
        await fleet.second.fail(dict(death.fault))
    try:
        begin = trials.on_trial(rooms, fleet.scope, fleet.gateway_id, _TRIAL, base_url=url, package=death.package)
        async with begin as release, trials.held_share(rooms, release, _SHARE_PPM):
            decided_ms = await _decided(fleet, release, began_s)
        visits = shoppers.between(began_s, time.time())
        await shoppers.answered(visits, _ANSWERED_WITHIN_S)
    finally:
        await fleet.second.recover()
    tried = await _tried(fleet, release, began_s)
    return Burial(
        death=death.name,
        harm=harm_of(tried, decided_ms),
        seconds=decided_ms / 1000 - began_s,
        states=Counter(one.state for one in tried),
        shopper_failures=[visit.complaint() for visit in visits if visit.complaint()],
        slowest_s=max((visit.seconds or 0.0 for visit in visits), default=0.0),
    )


async def _tried(fleet: Fleet, release: Release, since_s: float) -> list[Tried]:
    rows = await fleet.connection.fetch(_ATTEMPTS, fleet.scope.account_id, release.id, int(since_s * 1000))
    return [Tried(row["state"], row["code"], row["settled_at_ms"]) for row in rows]


async def _decided(fleet: Fleet, release: Release, began_s: float) -> int:
    """Wait until the controller has taken the candidate back; return when it decided, in epoch milliseconds."""

    async def is_back() -> bool:
        return (await trials.pointer_of(fleet.rooms, release)).trial_release_id is None

    if not await trials.until(is_back, _DECIDED_WITHIN_S):
        payments = len(await _tried(fleet, release, began_s))
        error = trials.NothingFlowsError if payments < _ENOUGH else trials.TrialFailedError
        raise error(f"not taken back after {_DECIDED_WITHIN_S:g} s and {payments} payments of a dead candidate")
    return (await trials.pointer_of(fleet.rooms, release)).changed_at_ms


def harm_of(tried: Sequence[Tried], decided_ms: int) -> Harm:
    """Return what the candidate's payments come to.

    What was taken back before it was sent is no failure of the candidate's. A failure whose outcome was not known when
    the rollback was decided was in flight, and so was one that began later: the controller could not have spared it.
    """
    failed = [one for one in tried if one.state not in _BUSINESS and one.code != _TAKEN_BACK]
    known = sum(one.settled_at_ms is not None and one.settled_at_ms <= decided_ms for one in failed)
    return Harm(known, len(failed) - known, sum(one.code == _TAKEN_BACK for one in tried))


def details(buried: Sequence[Burial]) -> dict[str, object]:
    """Return what the figures are made of, by the way of being dead."""
    found: dict[str, object] = {}
    for name in dict.fromkeys(one.death for one in buried):
        these = [one for one in buried if one.death == name]
        found[name] = {
            "candidate_payments": [sum(one.states.values()) for one in these],
            "failures_known_at_decision": [one.harm.known for one in these],
            "failures_in_flight_at_decision": [one.harm.in_flight for one in these],
            "taken_back_unsent": sum(one.harm.taken_back for one in these),
            "seconds_from_proposal": [round(one.seconds, 1) for one in these],
            "slowest_answer_s": [round(one.slowest_s, 1) for one in these],
            "states": dict(sum((Counter(one.states) for one in these), Counter())),
            "shopper_failures": [failure for one in these for failure in one.shopper_failures],
        }
    return found
