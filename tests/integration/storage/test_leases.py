"""Leases on a real database: what the statements do."""

from interlock.base.clock import ManualClock
from interlock.storage.database import Database
from interlock.storage.leases import WHOLE_INSTALLATION, Leases


async def test_a_killed_process_is_succeeded_within_seconds_though_the_clock_was_set_back(database: Database) -> None:
    clock, now_s = ManualClock(2_000_000_000_000), [0.0]
    dead = Leases(database, clock, name="sweeps", owner="dead", monotonic=lambda: now_s[0])
    heir = Leases(database, clock, name="sweeps", owner="heir", monotonic=lambda: now_s[0])
    assert await dead.take(WHOLE_INSTALLATION)
    clock.advance(-3_600_000)
    waited_s = 0
    while not await heir.take(WHOLE_INSTALLATION):
        clock.advance(1_000)
        now_s[0] += 1
        waited_s += 1
    assert waited_s <= 8
    await dead.renew()
    assert not dead.holds(WHOLE_INSTALLATION)
    assert heir.holds(WHOLE_INSTALLATION)


async def test_an_expired_lease_is_taken_at_once_and_one_in_use_is_not(database: Database) -> None:
    clock = ManualClock(2_000_000_000_000)
    first, second = (Leases(database, clock, name="sweeps", owner=owner) for owner in ("first", "second"))
    assert await first.take(WHOLE_INSTALLATION)
    assert not await second.take(WHOLE_INSTALLATION)
    clock.advance(6_001)
    third = Leases(database, clock, name="sweeps", owner="third")
    assert await third.take(WHOLE_INSTALLATION)
