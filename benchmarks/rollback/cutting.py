"""From the decision to roll back to the last payment that the candidate's gateway received, with processes that do not
hear of it: one stopped under load and resumed later, and now and then another that is cut off from the database.

Time counts from before the rollback's commit, so what is measured is at least what passes after it. The process that is
stopped has payments on their way then that are durable and drawn to the candidate, but not sent: its commits are held
up for a moment before it is stopped, and go through while it does not run.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from benchmarks.figures import Results
from benchmarks.rollback import trials
from benchmarks.rollback.door import Holds, all_but_writing, everybody, only_writing
from benchmarks.rollback.fleet import ACTOR, BooksEntry, Fleet, Node
from benchmarks.rollback.plan import LAST_PAYMENT, RESUMED
from benchmarks.rollback.shoppers import Shoppers
from benchmarks.telling import Tell

from interlock.releases.types import Plan
from interlock.routing.releases import Release

_RATE_PER_S = 50.0
_STOPPED_S = 1.6
"""From the decision until the stopped process is resumed: by then everybody else must have stopped sending."""
_WATCHED_S = 1.2
_COMMITS_HELD_S = 0.15
_BEFORE_MAX_S = 0.3
_SHARE_PPM = 500_000
_CUT_OFF_EVERY = 3
_FLOWING_WITHIN_S = 20.0
_IN_VAIN_MAX = 0.25
_EACH_MIN = 2
_ANSWERED_WITHIN_S = 20.0
_PLAN = Plan(share_ppm=_SHARE_PPM, waits_for_person=True)
# Half of all payments: the controller's own share would be a few a second, too few to show a late one.
_FLOWING = (
    "SELECT count(*) FROM (SELECT i.metadata ->> 'node' FROM attempts AS a JOIN payment_intents AS i "
    "ON i.account_id = a.account_id AND i.id = a.intent_id WHERE a.account_id = $1 AND a.release_id = $2 "
    "AND a.created_at_ms > $3 AND a.share_ppm = $4 GROUP BY 1 HAVING count(*) >= $5) AS nodes"
)
_SENDERS = (
    "SELECT a.id, i.metadata ->> 'node' AS node FROM attempts AS a JOIN payment_intents AS i "
    "ON i.account_id = a.account_id AND i.id = a.intent_id WHERE a.account_id = $1 AND a.id = ANY($2::text[])"
)
_WITHDRAWN = (
    "SELECT count(*) FROM attempts AS a JOIN payment_intents AS i ON i.account_id = a.account_id AND i.id = a.intent_id"
    " WHERE a.account_id = $1 AND a.release_id = $2 AND a.created_at_ms > $3 AND a.code = 'release_withdrawn' "
    "AND i.metadata ->> 'node' = $4"
)


class Sent(msgspec.Struct, frozen=True):
    """A payment in the books of the candidate's gateway: when, by the gateway's clock, and which process sent it."""

    at_s: float
    node: str


class Moments(msgspec.Struct, frozen=True):
    """When a rollback was decided and committed, and the stopped process resumed (seconds since the epoch)."""

    decided_s: float
    committed_s: float
    resumed_s: float


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """One rollback: seconds from the decision, and what the gateway's books say."""

    stopped: str
    cut_off: str | None
    reading_only: bool
    committed_s: float
    last_s: float
    last_of_cut_off_s: float | None
    by_resumed: int
    candidate_payments: int
    withdrawn_by_resumed: int
    shopper_failures: list[str]


async def measure(fleet: Fleet, cuts: int, seed: int, results: Results, tell: Tell) -> dict[str, object]:
    """Run ``cuts`` rollbacks, add their runs to ``results`` and return what they are made of.

    Raises:
        NothingFlowsError: the candidate got no payments, too often.

    """
    draw = random.Random(f"interlock cuts {seed}")
    done: list[Cut] = []
    in_vain = 0
    async with Shoppers(fleet.addresses(), fleet.key, rate_per_s=_RATE_PER_S, seed=seed).coming() as shoppers:
        while len(done) < cuts:
            tell(f"rollback under load, one process stopped ({len(done) + 1} of {cuts})")
            try:
                cut = await _cycle(fleet, shoppers, len(done), draw)
            except trials.NothingFlowsError:
                in_vain += 1
                if in_vain > cuts * _IN_VAIN_MAX:
                    raise
                continue
            done.append(cut)
            results.add(LAST_PAYMENT, cut.last_s)
            results.add(RESUMED, cut.by_resumed)
    return {**details(done), "trials_that_took_no_payments": in_vain}


async def _cycle(fleet: Fleet, shoppers: Shoppers, number: int, draw: random.Random) -> Cut:
    rooms, began_s = fleet.rooms, time.time()
    stopped = fleet.nodes[number % len(fleet.nodes)]
    cut_off = _another(fleet, stopped, draw) if number % _CUT_OFF_EVERY == _CUT_OFF_EVERY - 1 else None
    holds = all_but_writing if number % (2 * _CUT_OFF_EVERY) == _CUT_OFF_EVERY - 1 else everybody
    async with trials.on_trial(rooms, fleet.scope, fleet.gateway_id, _PLAN, base_url=fleet.second.url) as release:
        async with trials.held_share(rooms, release, _SHARE_PPM):
            await _flowing(fleet, release, began_s)
        moments = await _rolled_back(fleet, release, stopped, cut_off, holds, draw)
    await asyncio.sleep(_WATCHED_S)
    visits = shoppers.between(began_s, moments.resumed_s)
    await shoppers.answered(visits, _ANSWERED_WITHIN_S)
    sent = await _sent(fleet, await fleet.second.payments(int(began_s * 1000)))
    withdrawn = await fleet.connection.fetchval(
        _WITHDRAWN, fleet.scope.account_id, release.id, int(began_s * 1000), stopped.name
    )
    return Cut(
        stopped=stopped.name,
        cut_off=None if cut_off is None else cut_off.name,
        reading_only=cut_off is not None and holds is all_but_writing,
        committed_s=moments.committed_s - moments.decided_s,
        last_s=last_after(sent, moments.decided_s),
        last_of_cut_off_s=None if cut_off is None else last_after(sent, moments.decided_s, cut_off.name),
        by_resumed=by_resumed(sent, stopped.name, moments.resumed_s),
        candidate_payments=len(sent),
        withdrawn_by_resumed=withdrawn,
        shopper_failures=[visit.complaint() for visit in visits if visit.complaint()],
    )


async def _rolled_back(
    fleet: Fleet, release: Release, stopped: Node, cut_off: Node | None, holds: Holds, draw: random.Random
) -> Moments:
    """Stop one process, cut off another, decide, and resume both later."""
    stopped.door.shut(only_writing)
    await asyncio.sleep(_COMMITS_HELD_S)
    try:
        stopped.stop()
        stopped.door.open()
        if cut_off is not None:
            cut_off.door.shut(holds)
        await asyncio.sleep(draw.uniform(0.0, _BEFORE_MAX_S))
        decided_s = time.time()
        trials.got(await fleet.rooms.rollouts.roll_back(fleet.scope, release.id, ACTOR, "decided by the benchmark"))
        committed_s = time.time()
        await asyncio.sleep(max(0.0, decided_s + _STOPPED_S - time.time()))
        return Moments(decided_s, committed_s, time.time())
    finally:
        stopped.resume()
        stopped.door.open()
        if cut_off is not None:
            cut_off.door.open()


async def _flowing(fleet: Fleet, release: Release, since_s: float) -> None:
    """Wait until every process sends its part of payments to the candidate."""

    async def everybody_sends() -> bool:
        senders: int = await fleet.connection.fetchval(
            _FLOWING, fleet.scope.account_id, release.id, int(since_s * 1000), _SHARE_PPM, _EACH_MIN
        )
        return senders == len(fleet.nodes)

    if not await trials.until(everybody_sends, _FLOWING_WITHIN_S):
        raise trials.NothingFlowsError(f"not every process sent to the candidate within {_FLOWING_WITHIN_S:g} s")


def _another(fleet: Fleet, stopped: Node, draw: random.Random) -> Node:
    return draw.choice([node for node in fleet.nodes if node is not stopped])


async def _sent(fleet: Fleet, books: Sequence[BooksEntry]) -> list[Sent]:
    """Return the books' payments with the process that took each from its shopper."""
    rows = await fleet.connection.fetch(_SENDERS, fleet.scope.account_id, [entry.reference for entry in books])
    return senders_of(books, {row["id"]: row["node"] for row in rows})


def senders_of(books: Iterable[BooksEntry], nodes: Mapping[str, str]) -> list[Sent]:
    """Return each payment with its process.

    Raises:
        KeyError: a payment was sent and is not in the database: nothing may be sent before it is durable.

    """
    return [Sent(entry.at_ms / 1000, nodes[entry.reference]) for entry in books]


def last_after(sent: Iterable[Sent], decided_s: float, node: str | None = None) -> float:
    """Return when the gateway received its last payment (of one process), in seconds after the decision; 0 where all
    came before it."""
    times = [payment.at_s for payment in sent if node is None or payment.node == node]
    return max(0.0, max(times, default=decided_s) - decided_s)


def by_resumed(sent: Iterable[Sent], node: str, resumed_s: float) -> int:
    """Return how many payments the process sent from the moment it was resumed."""
    # The books count whole milliseconds.
    return sum(payment.node == node and payment.at_s >= int(resumed_s * 1000) / 1000 for payment in sent)


def details(cuts: Sequence[Cut]) -> dict[str, object]:
    """Return what the figures are made of."""
    cut_off = [cut for cut in cuts if cut.last_of_cut_off_s is not None]
    return {
        "rollbacks": len(cuts),
        "candidate_payments": sum(cut.candidate_payments for cut in cuts),
        "commit_s_max": round(max((cut.committed_s for cut in cuts), default=0.0), 3),
        "last_payment_without_cut_off_s_max": _longest(cut.last_s for cut in cuts if cut.cut_off is None),
        "last_payment_of_process_without_database_s_max": _longest(
            cut.last_of_cut_off_s or 0.0 for cut in cut_off if not cut.reading_only
        ),
        "last_payment_of_process_that_can_only_write_s_max": _longest(
            cut.last_of_cut_off_s or 0.0 for cut in cut_off if cut.reading_only
        ),
        "taken_back_by_resumed_process": sum(cut.withdrawn_by_resumed for cut in cuts),
        "shopper_failures": [failure for cut in cuts for failure in cut.shopper_failures],
    }


def _longest(seconds: Iterable[float]) -> float | None:
    longest = max(seconds, default=None)
    return None if longest is None else round(longest, 3)
