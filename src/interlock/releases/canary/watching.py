"""One pass over one trial: read what is new, take it in, judge, and say what to do. Called by the controller.

Reading is incremental: new attempts by id from a little before the last look (an id is made before its row is
committed), now and then from longer before it (a commit that took long, a process whose clock is behind), and those
whose verdicts are still open by name. Of the stable arm's payers only those that are kept are read (``sparing``).
"""

import msgspec

from interlock.base.ids import first_id
from interlock.releases.canary.exposure import Exposure, largest_share
from interlock.releases.canary.judging import Verdict, judge
from interlock.releases.canary.memory import Memory, first_memory, memory_of
from interlock.releases.canary.observing import TrialAttempt, read_attempt
from interlock.releases.types import StoredTrial
from interlock.storage.database import Database
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.releases")
_PAGE = 2_000
_PAGES_MAX = 20
_RECALL_PAGES_MAX = 500
_OVERLAP_MS = 15_000
_NEAR_MS = 300
"""How far a pass reads back. At a thousand payments a second the whole overlap would be most of the worker's time."""
_NAMED_PAGE = 2_000
_RATE_WINDOW_MS = 30_000
_RATE_ROWS_MAX = 5_000
_ROLLBACK_S = 1.0
_NO_LATENCY_MS = 1_000


class Recent(msgspec.Struct, frozen=True):
    """What the gateway did lately: payments per second and the slowest answer."""

    rate_per_s: float
    latency_s: float


async def open_memory(database: Database, trial: StoredTrial) -> Memory:
    """Return what is known of ``trial``, as another process left it."""
    memory = memory_of(trial)
    if not memory.checkpoint.cursor:
        return memory
    last, payers = "", memory.sparing.names_below
    for _ in range(_RECALL_PAGES_MAX):
        page = await _after(database, trial, payers, last)
        known = [attempt for attempt in page if attempt.id <= memory.checkpoint.cursor]
        memory.pass_over(await _returning(database, trial, memory, known))
        memory.recall(known)
        if len(known) < _PAGE:
            return memory
        last = known[-1].id
    # More rows than anybody should read at once: what cannot be remembered is not counted twice, it is begun anew.
    return first_memory(trial)


async def look(database: Database, trial: StoredTrial, memory: Memory, now_ms: int, *, patient: bool) -> Verdict:
    """Take in what is new and return the judge's verdict.

    Args:
        database: to read attempts from.
        trial: which.
        memory: of this process; changed in place.
        now_ms: the time.
        patient: look at every open attempt, not only at the young ones, and for those that were committed late.

    """
    payers = memory.spare(now_ms)
    await _read_named(database, trial, memory, memory.waiting_for(now_ms, patient=patient), now_ms)
    floor = first_id("at", max(trial.created_at_ms, now_ms - _OVERLAP_MS))
    if memory.looked_at_ms is not None:
        near = first_id("at", memory.looked_at_ms - _NEAR_MS)
        await _read_late(database, trial, memory, payers, floor if patient else max(floor, near), now_ms)
    await _read_new(database, trial, memory, payers, floor, now_ms)
    memory.looked_at_ms = now_ms
    return judge(memory.canary, now_ms=now_ms)


async def _read_named(database: Database, trial: StoredTrial, memory: Memory, names: list[str], now_ms: int) -> None:
    for start in range(0, len(names), _NAMED_PAGE):
        rows = await database.fetch(_QUERIES["named_attempts"], trial.account_id, names[start : start + _NAMED_PAGE])
        await _take_in(database, trial, memory, [read_attempt(row) for row in rows], now_ms)


async def _read_late(
    database: Database, trial: StoredTrial, memory: Memory, payers: str, last: str, now_ms: int
) -> None:
    """Take in what lies behind the cursor and was not there when it passed; of all the others only ids are read."""
    cursor, late = memory.checkpoint.cursor, []
    for _ in range(_PAGES_MAX):
        rows = await database.fetch(
            _QUERIES["trial_attempt_ids"], trial.account_id, trial.gateway_id, payers, last, cursor, _PAGE
        )
        late += [row["id"] for row in rows if not memory.has_begun(row["id"])]
        if len(rows) < _PAGE:
            break
        last = rows[-1]["id"]
    await _read_named(database, trial, memory, late, now_ms)


async def _read_new(
    database: Database, trial: StoredTrial, memory: Memory, payers: str, floor: str, now_ms: int
) -> None:
    last = memory.checkpoint.cursor or first_id("at", trial.created_at_ms)
    if memory.looked_at_ms is None:
        last = min(last, floor)  # nobody knows when the process before this one looked last
    for _ in range(_PAGES_MAX):
        page = await _after(database, trial, payers, last)
        await _take_in(database, trial, memory, page, now_ms)
        if page:
            last = page[-1].id
        if len(page) < _PAGE:
            break
    memory.advance(max(last, memory.checkpoint.cursor), floor)


async def _take_in(
    database: Database, trial: StoredTrial, memory: Memory, attempts: list[TrialAttempt], now_ms: int
) -> None:
    memory.pass_over(await _returning(database, trial, memory, attempts))
    for attempt in attempts:
        memory.take_in(attempt, now_ms)


async def _returning(database: Database, trial: StoredTrial, memory: Memory, attempts: list[TrialAttempt]) -> list[str]:
    """Return which attempts are a later try of somebody whose first one may not have been read."""
    asked = [attempt for attempt in attempts if memory.may_have_paid_unseen(attempt)]
    if not asked:
        return []
    columns = ([one.id for one in asked], [one.payer for one in asked], [one.operation for one in asked])
    place, began = (trial.account_id, trial.gateway_id, trial.livemode), first_id("at", trial.created_at_ms)
    return [row["id"] for row in await database.fetch(_QUERIES["returning_payers"], *place, began, *columns)]


async def _after(database: Database, trial: StoredTrial, payers: str, after: str) -> list[TrialAttempt]:
    start = after or first_id("at", trial.created_at_ms)
    rows = await database.fetch(_QUERIES["trial_attempts"], trial.account_id, trial.gateway_id, payers, start, _PAGE)
    return [read_attempt(row) for row in rows]


async def recent(database: Database, trial: StoredTrial, now_ms: int) -> Recent:
    """Return how much the gateway is asked at present, and how long it takes."""
    row = await database.fetchrow(
        _QUERIES["recent_attempts"],
        trial.account_id,
        trial.gateway_id,
        trial.livemode,
        first_id("at", now_ms - _RATE_WINDOW_MS),
        _RATE_ROWS_MAX,
    )
    attempts, slowest_ms, oldest_ms = (row["attempts"], row["slowest_ms"], row["oldest_ms"]) if row else (0, 0, None)
    # Of very many the newest are enough: the time they took is then shorter than the window.
    window_ms = _RATE_WINDOW_MS if attempts < _RATE_ROWS_MAX else max(1, now_ms - (oldest_ms or 0))
    return Recent(attempts * 1000 / window_ms, (slowest_ms or _NO_LATENCY_MS) / 1000)


def share_for(trial: StoredTrial, lately: Recent) -> Exposure:
    """Return the share that the trial may have now."""
    return largest_share(
        rate_per_s=lately.rate_per_s,
        latency_s=lately.latency_s,
        rollback_s=_ROLLBACK_S,
        maximum_ppm=trial.plan.share_ppm,
    )
