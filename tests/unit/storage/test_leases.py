"""Leases under clocks that are set back, processes that die and processes that stand still: never two holders."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.base.clock import ManualClock
from interlock.storage import leases as module
from interlock.storage.leases import WHOLE_INSTALLATION, Leases

TTL_MS = 6_000
START_MS = 2_000_000_000_000


class Row:
    """The table with its one row, as the statements of the module treat it."""

    def __init__(self) -> None:
        self.owner: str | None = None
        self.token = 0
        self.until_ms = 0

    async def fetchval(self, sql: str, *given: Any) -> int | None:
        owner, until_ms = given[2], given[3]
        if sql == module._TAKE:
            free = self.owner in {None, owner} or self.until_ms <= given[4]
            if not free and (self.token, self.until_ms) != (given[5], given[6]):
                return None
            self.token += self.owner != owner
        elif (owner, given[3]) == (self.owner, self.token):
            until_ms = given[4]
        else:
            return None
        self.owner, self.until_ms = owner, until_ms
        return self.token

    async def execute(self, _: str, *given: Any) -> str:
        if (given[2], given[3]) == (self.owner, self.token):
            self.until_ms = 0
        return "UPDATE"

    async def fetchrow(self, _: str, *__: Any) -> dict[str, int]:
        return {"token": self.token, "until_ms": self.until_ms}


class World:
    """Several processes with one wall clock that may be set back, and time that cannot."""

    def __init__(self, processes: int) -> None:
        self.now_s = 0.0
        self.clock = ManualClock(START_MS)
        self.row: Any = Row()
        self.leases = [self.process(f"p{number}") for number in range(processes)]

    def process(self, owner: str) -> Leases:
        return Leases(self.row, self.clock, name="sweeps", owner=owner, ttl_ms=TTL_MS, monotonic=lambda: self.now_s)

    def pass_ms(self, ms: int) -> None:
        self.now_s += ms / 1000
        self.clock.advance(ms)

    def holders(self) -> int:
        return sum(each.holds(WHOLE_INSTALLATION) for each in self.leases)


STEPS = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 2)),
    st.tuples(st.just("renew"), st.integers(0, 2)),
    st.tuples(st.just("die"), st.integers(0, 2)),
    st.tuples(st.just("pass"), st.integers(1, 8_000)),
    st.tuples(st.just("back"), st.integers(1, 7_200_000)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=80))
def test_two_processes_never_hold_a_lease_however_often_the_clock_is_set_back(steps: list[tuple[str, int]]) -> None:
    world = World(3)

    async def live() -> None:
        for number, (step, value) in enumerate(steps):
            if step == "take":
                await world.leases[value].take(WHOLE_INSTALLATION)
            elif step == "renew":
                await world.leases[value].renew()
            elif step == "die":
                world.leases[value] = world.process(f"p{value} again {number}")
            elif step == "pass":
                world.pass_ms(value)
            else:
                world.clock.advance(-value)
            assert world.holders() <= 1

    asyncio.run(live())


@given(st.integers(0, 86_400_000), st.integers(100, 2_000))
def test_the_work_of_a_killed_process_is_taken_over_in_time_whatever_the_clock_does(
    back_ms: int, every_ms: int
) -> None:
    world = World(2)
    dead, heir = world.leases

    async def live() -> None:
        assert await dead.take(WHOLE_INSTALLATION)
        world.clock.advance(-back_ms)
        waited_ms = 0
        while not await heir.take(WHOLE_INSTALLATION):
            world.pass_ms(every_ms)
            waited_ms += every_ms
        assert waited_ms <= TTL_MS + TTL_MS / 8 + 2 * every_ms

    asyncio.run(live())


async def test_a_process_that_goes_on_renewing_keeps_its_lease_after_the_clock_was_set_back() -> None:
    world = World(2)
    holder, other = world.leases
    assert await holder.take(WHOLE_INSTALLATION)
    world.clock.advance(-3_600_000)
    for _ in range(30):
        world.pass_ms(1_000)
        holder.keep(WHOLE_INSTALLATION)
        await holder.renew()
        assert not await other.take(WHOLE_INSTALLATION)
    assert holder.holds(WHOLE_INSTALLATION)
