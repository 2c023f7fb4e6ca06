"""A clock that is set back: no transaction ends below a snapshot's cutoff for good, whoever notices first."""

from tests.integration.ledger.test_ledger import NOW_MS, SCOPE, charge, write

from interlock.base.clock import ManualClock
from interlock.ledger.service import Ledger
from interlock.ledger.times import PostingTimes
from interlock.storage.database import Database

MINUTE_MS = 60_000


async def total(ledger: Ledger) -> int:
    return sum(each.available_minor + each.pending_minor for each in await ledger.balance(SCOPE))


async def test_a_posting_is_never_dated_before_what_a_snapshot_took_in(database: Database) -> None:
    clock, times = ManualClock(NOW_MS), PostingTimes(database)
    ledger = Ledger(database, clock)
    assert times.at(NOW_MS) == NOW_MS
    await write(database, charge(1000, at_ms=NOW_MS))
    clock.advance(61_000)
    await ledger.advance_snapshots(SCOPE)
    await times.refresh()
    clock.advance(-2 * MINUTE_MS)  # nobody looks at the snapshots before the clock is as late again
    dated_ms = times.at(clock.now_ms())
    assert dated_ms == NOW_MS + 1_000
    await write(database, charge(500, at_ms=dated_ms))
    assert await total(ledger) == 1500
    clock.advance(10 * MINUTE_MS)
    assert times.at(clock.now_ms()) == clock.now_ms()
    await ledger.advance_snapshots(SCOPE)
    assert await total(ledger) == 1500
    assert await ledger.check(SCOPE) == []


async def test_snapshots_of_a_clock_that_was_ahead_are_taken_again(database: Database) -> None:
    clock = ManualClock(NOW_MS)
    ledger = Ledger(database, clock)
    await write(database, charge(1000, at_ms=NOW_MS - 3 * MINUTE_MS), charge(200, at_ms=NOW_MS))
    clock.advance(61_000)
    await ledger.advance_snapshots(SCOPE)
    clock.advance(-2 * MINUTE_MS)
    await write(database, charge(500, at_ms=clock.now_ms()))  # by a machine that did not know of the cutoff yet
    assert await total(ledger) == 1200
    await ledger.advance_snapshots(SCOPE)
    assert await total(ledger) == 1700
    times = PostingTimes(database)
    await times.refresh()
    assert times.at(clock.now_ms()) == clock.now_ms()  # and postings are dated by the clock again
    clock.advance(10 * MINUTE_MS)
    await ledger.advance_snapshots(SCOPE)
    assert await total(ledger) == 1700
    assert await ledger.check(SCOPE) == []


async def test_clocks_of_workers_that_differ_a_little_do_not_take_snapshots_again(database: Database) -> None:
    clock = ManualClock(NOW_MS)
    ledger = Ledger(database, clock)
    await write(database, charge(1000, at_ms=NOW_MS - MINUTE_MS))
    clock.advance(61_000)
    await ledger.advance_snapshots(SCOPE)
    clock.advance(-5_000)
    assert await ledger.advance_snapshots(SCOPE) == 1  # one look, nothing forgotten
