"""One pass over one trial: read what is new, take it in, judge, and say what to do. Called by the controller.

Reading is incremental: new attempts by id from a little before the last look (an id is made before its row is
committed), now and then from longer before it (a commit that took long, a process whose clock is behind), and those
whose verdicts are still open by name.
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
_RATE_ROWS_MAX = 50_000
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
    last = ""
    for _ in range(_RECALL_PAGES_MAX):
        page = await _after(database, trial, last)
        known = [attempt for attempt in page if attempt.id <= memory.checkpoint.cursor]
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
    memory.sparing.tick(now_ms)
    await _read_named(database, trial, memory, memory.waiting_for(now_ms, patient=patient), now_ms)
    floor = first_id("at", max(trial.created_at_ms, now_ms - _OVERLAP_MS))
    if memory.looked_at_ms is not None:
        near = first_id("at", memory.looked_at_ms - _NEAR_MS)
        await _read_late(database, trial, memory, floor if patient else max(floor, near), now_ms)
    await _read_new(database, trial, memory, floor, now_ms)
    memory.looked_at_ms = now_ms
    return judge(memory.canary, now_ms=now_ms)


async def _read_named(database: Database, trial: StoredTrial, memory: Memory, names: list[str], now_ms: int) -> None:
    for start in range(0, len(names), _NAMED_PAGE):
        rows = await database.fetch(_QUERIES["named_attempts"], trial.account_id, names[start : start + _NAMED_PAGE])
        for row in rows:
            memory.take_in(read_attempt(row), now_ms)


async def _read_late(database: Database, trial: StoredTrial, memory: Memory, last: str, now_ms: int) -> None:
    """Take in what lies behind the cursor and was not there when it passed; of all the others only ids are read."""
    cursor, late = memory.checkpoint.cursor, []
    for _ in range(_PAGES_MAX):
        rows = await database.fetch(
            _QUERIES["trial_attempt_ids"], trial.account_id, trial.gateway_id, last, cursor, _PAGE
        )
        late += [row["id"] for row in rows if not memory.has_begun(row["id"])]
        if len(rows) < _PAGE:
            break
        last = rows[-1]["id"]
    await _read_named(database, trial, memory, late, now_ms)


async def _read_new(database: Database, trial: StoredTrial, memory: Memory, floor: str, now_ms: int) -> None:
    last = memory.checkpoint.cursor or first_id("at", trial.created_at_ms)
    if memory.looked_at_ms is None:
        last = min(last, floor)  # nobody knows when the process before this one looked last
    for _ in range(_PAGES_MAX):
        page = await _after(database, trial, last)
        for attempt in page:
            memory.take_in(attempt, now_ms)
        if page:
            last = page[-1].id
        if len(page) < _PAGE:
            break
    memory.advance(max(last, memory.checkpoint.cursor), floor)


async def _after(database: Database, trial: StoredTrial, after: str) -> list[TrialAttempt]:
    start = after or first_id("at", trial.created_at_ms)
    rows = await database.fetch(_QUERIES["trial_attempts"], trial.account_id, trial.gateway_id, start, _PAGE)
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
    attempts, slowest_ms = (0, 0) if row is None else (row["attempts"], row["slowest_ms"])
    return Recent(attempts * 1000 / _RATE_WINDOW_MS, (slowest_ms or _NO_LATENCY_MS) / 1000)


def share_for(trial: StoredTrial, lately: Recent) -> Exposure:
    """Return the share that the trial may have now."""
    return largest_share(
        rate_per_s=lately.rate_per_s,
        latency_s=lately.latency_s,
        rollback_s=_ROLLBACK_S,
        maximum_ppm=trial.plan.share_ppm,
    )
