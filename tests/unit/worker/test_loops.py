"""Loops: none stops another, pauses are bounded, a hurry is heard, a stop is orderly."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.clock import ManualClock
from interlock.storage.leases import Leases
from interlock.worker.loops import LONGEST_FAILURE_PAUSE_MS, Loop, Supervisor, pause_ms, sweep_loop


class _Leader:
    """Stands for the lease of the installation."""

    def __init__(self, *, leads: bool = True) -> None:
        self.leads = leads

    async def take(self, account_id: str) -> bool:
        return self.leads


def supervisor(*loops: Loop, leads: bool = True) -> Supervisor:
    return Supervisor(loops, cast("Leases", cast("Any", _Leader(leads=leads))))


async def run_for(running: Supervisor, seconds: float) -> None:
    task = asyncio.create_task(running.run())
    await asyncio.sleep(seconds)
    running.stop()
    await asyncio.wait_for(task, 5)


async def test_a_loop_that_fails_or_hangs_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> int:
        raise RuntimeError("card 4242424242424242 in an exception")

    async def hangs() -> int:
        await asyncio.sleep(60)
        return 0

    async def works() -> int:
        return 1

    running = supervisor(
        Loop(name="fails", run=fails, busy_ms=1, idle_ms=10),
        Loop(name="hangs", run=hangs, busy_ms=1, idle_ms=10, timeout_s=0.05),
        Loop(name="works", run=works, busy_ms=1, idle_ms=10),
    )
    await run_for(running, 0.4)
    assert running.states["works"].passes > 20
    assert running.states["fails"].failures >= 1
    assert running.states["hangs"].failures >= 1
    assert "4242424242424242" not in caplog.text
    assert "loop fails failed (1 in a row)" in caplog.text


async def test_exclusive_loops_run_only_with_the_lease() -> None:
    seen: list[int] = []

    async def sweep(now_ms: int) -> int:
        seen.append(now_ms)
        return 0

    loop = sweep_loop("sweep", sweep, ManualClock(42), idle_ms=5)
    await run_for(supervisor(loop, leads=False), 0.05)
    assert seen == []
    await run_for(supervisor(loop), 0.05)
    assert set(seen) == {42}


async def test_a_hurry_ends_the_pause() -> None:
    passes = 0

    async def counts() -> int:
        nonlocal passes
        passes += 1
        return 0

    running = supervisor(Loop(name="slow", run=counts, busy_ms=60_000, idle_ms=60_000))
    task = asyncio.create_task(running.run())
    await asyncio.sleep(0.02)
    assert passes == 1
    running.hurry("another")
    await asyncio.sleep(0.02)
    assert passes == 1
    running.hurry("slow")
    await asyncio.sleep(0.02)
    assert passes == 2
    running.hurry()
    await asyncio.sleep(0.02)
    assert passes == 3
    running.stop()
    await asyncio.wait_for(task, 1)


async def test_a_stop_lets_the_pass_in_progress_end() -> None:
    done = False

    async def slow() -> int:
        nonlocal done
        await asyncio.sleep(0.2)
        done = True
        return 1

    running = supervisor(Loop(name="slow", run=slow, busy_ms=1, idle_ms=1))
    await run_for(running, 0.05)
    assert done
    assert running.states["slow"].passes == 1


@given(st.integers(0, 5), st.integers(0, 100), st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_pauses_are_bounded(found: int, idle_passes: int, failures: int, draw: float) -> None:
    async def nothing() -> int:
        return 0

    loop = Loop(name="x", run=nothing, busy_ms=50, idle_ms=2_000)
    wait_ms = pause_ms(loop, found=found, idle_passes=idle_passes, failures=failures, draw=draw)
    if failures:
        assert 400 <= wait_ms <= LONGEST_FAILURE_PAUSE_MS * 1.2
    elif found:
        assert 40 <= wait_ms <= 60
    else:
        assert 40 <= wait_ms <= 2_400
