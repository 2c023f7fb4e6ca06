"""From the decision to roll back to the last payment that the candidate's gateway received, with processes that do not
hear of it: one stopped under load and resumed later, and now and then another that is cut off from the database.
"""

import asyncio
import random
import time

import msgspec
from benchmarks.figures import Results
from benchmarks.rollback import trials
from benchmarks.rollback.door import Holds, all_but_writing, everybody
from benchmarks.rollback.fleet import ACTOR, BooksEntry, Fleet, Node
from benchmarks.rollback.shoppers import Shoppers
from benchmarks.telling import Tell

from interlock.releases.types import Plan
from interlock.routing.releases import Release

STOPPED_S = 1.6
"""From the decision until the stopped process is resumed: by then everybody else must have stopped sending."""
_WATCHED_S = 1.2
_BEFORE_MAX_S = 0.3
_SHARE_PPM = 500_000
_CUT_OFF_EVERY = 3
_FLOWING_WITHIN_S = 20.0
_EACH_MIN = 2
_ANSWERED_WITHIN_S = 20.0
_PLAN = Plan(share_ppm=_SHARE_PPM, waits_for_person=True)
# Half of all payments: the controller's own share would be a few a second, too few to show a late one.
_FLOWING = (
    "SELECT count(*) FROM (SELECT i.metadata ->> 'node' FROM attempts AS a JOIN payment_intents AS i "
    "ON i.account_id = a.account_id AND i.id = a.intent_id WHERE a.account_id = $1 AND a.release_id = $2 "
    "AND a.created_at_ms > $3 AND a.share_ppm = $4 GROUP BY 1 HAVING count(*) >= $5) AS nodes"
)
_WITHDRAWN = (
    "SELECT count(*) FROM attempts AS a JOIN payment_intents AS i ON i.account_id = a.account_id AND i.id = a.intent_id "
    "WHERE a.account_id = $1 AND a.release_id = $2 AND a.created_at_ms > $3 AND a.code = 'release_withdrawn' "
    "AND i.metadata ->> 'node' = $4"
)


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """One cycle: seconds from the decision, and what the gateway's books say."""

    stopped: str
    cut_off: str | None
    reading_only: bool
    committed_s: float
    last_s: float
    last_of_cut_off_s: float | None
    after_resumption: int
    candidate_payments: int
    withdrawn_by_stopped: int
    shopper_failures: list[str]


async def measure(fleet: Fleet, shoppers: Shoppers, cycles: int, seed: int, results: Results, tell: Tell) -> list[Cut]:
    """Run ``cycles`` rollbacks and add their runs to ``results``."""
    draw = random.Random(f"interlock cuts {seed}")
    cuts: list[Cut] = []
    for number in range(cycles):
        tell(f"rollback under load, one process stopped ({number + 1} of {cycles})")
        cut = await _cycle(fleet, shoppers, number, draw)
        cuts.append(cut)
        results.add("decision_to_last_candidate_payment_p99_s", cut.last_s)
        results.add("sent_to_candidate_by_resumed_process", cut.after_resumption)
    return cuts


async def _cycle(fleet: Fleet, shoppers: Shoppers, number: int, draw: random.Random) -> Cut:
    rooms, began_s = fleet.rooms, time.time()
    release = await trials.begin(rooms, fleet.scope, fleet.gateway_id, _PLAN, base_url=fleet.second.url)
    stopped = fleet.nodes[number % len(fleet.nodes)]
    cut_off = _another_with_door(fleet, stopped, draw) if number % _CUT_OFF_EVERY == _CUT_OFF_EVERY - 1 else None
    holds = all_but_writing if number % (2 * _CUT_OFF_EVERY) == _CUT_OFF_EVERY - 1 else everybody
    async with trials.held_share(rooms, release, _SHARE_PPM):
        await _flowing(fleet, release, began_s)
    try:
        stopped.stop()
        _shut(cut_off, holds)
        await asyncio.sleep(draw.uniform(0.0, _BEFORE_MAX_S))
        decided_s = time.time()
        trials.got(await rooms.rollouts.roll_back(fleet.scope, release.id, ACTOR, "decided by the benchmark"))
        committed_s = time.time()
        await asyncio.sleep(max(0.0, decided_s + STOPPED_S - time.time()))
        resumed_s = time.time()
    finally:
        stopped.resume()
        _open(cut_off)
    await asyncio.sleep(_WATCHED_S)
    visits = shoppers.between(began_s, resumed_s)
    await shoppers.answered(visits, _ANSWERED_WITHIN_S)
    books = await fleet.second.payments(int(began_s * 1000))
    return Cut(
        stopped=stopped.name,
        cut_off=None if cut_off is None else cut_off.name,
        reading_only=holds is all_but_writing,
        committed_s=committed_s - decided_s,
        last_s=_last(books, decided_s),
        last_of_cut_off_s=None if cut_off is None else _last(books, decided_s, cut_off.name),
        after_resumption=sum(entry.at_ms > resumed_s * 1000 for entry in books),
        candidate_payments=len(books),
        withdrawn_by_stopped=await fleet.connection.fetchval(
            _WITHDRAWN, fleet.scope.account_id, release.id, int(began_s * 1000), stopped.name
        ),
        shopper_failures=[visit.failure or "no answer" for visit in visits if visit.failure or visit.seconds is None],
    )


async def _flowing(fleet: Fleet, release: Release, since_s: float) -> None:
    """Wait until every process sends its part of payments to the candidate."""

    async def everybody_sends() -> bool:
        senders: int = await fleet.connection.fetchval(
            _FLOWING, fleet.scope.account_id, release.id, int(since_s * 1000), _SHARE_PPM, _EACH_MIN
        )
        return senders == len(fleet.nodes)

    await trials.until(everybody_sends, "not every process sent to the candidate", _FLOWING_WITHIN_S)


def _another_with_door(fleet: Fleet, stopped: Node, draw: random.Random) -> Node:
    return draw.choice([node for node in fleet.nodes if node.door is not None and node is not stopped])


def _shut(node: Node | None, holds: Holds) -> None:
    if node is not None and node.door is not None:
        node.door.shut(holds)


def _open(node: Node | None) -> None:
    if node is not None and node.door is not None:
        node.door.open()


def _last(books: list[BooksEntry], decided_s: float, node: str | None = None) -> float:
    """Return when the gateway received its last payment (of one process), in seconds after the decision."""
    times = [entry.at_ms for entry in books if node is None or entry.metadata.get("node") == node]
    return max(0.0, max(times, default=0) / 1000 - decided_s)


def details(cuts: list[Cut]) -> dict[str, object]:
    """Return what the figures are made of."""
    whole = [cut.last_of_cut_off_s for cut in cuts if cut.last_of_cut_off_s is not None and not cut.reading_only]
    reading = [cut.last_of_cut_off_s for cut in cuts if cut.last_of_cut_off_s is not None and cut.reading_only]
    return {
        "cycles": len(cuts),
        "candidate_payments": sum(cut.candidate_payments for cut in cuts),
        "commit_s_max": max(cut.committed_s for cut in cuts),
        "last_payment_of_process_without_database_s": whole,
        "last_payment_of_process_that_can_only_write_s": reading,
        "withdrawn_by_resumed_process": sum(cut.withdrawn_by_stopped for cut in cuts),
        "shopper_failures": [failure for cut in cuts for failure in cut.shopper_failures],
    }
