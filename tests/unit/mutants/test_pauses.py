"""A process that did not run for a while notices; one that was only busy does not."""

import asyncio
import time

from benchmarks.mutants.pauses import Pauses


async def test_a_loop_that_stood_still_is_one_pause() -> None:
    async with Pauses(tick_s=0.01, late_s=0.2) as pauses:
        time.sleep(0.3)  # noqa: ASYNC251 - the loop stands still, as it does in a process that is stopped
        await asyncio.sleep(0.05)
        assert pauses.look() == 1


async def test_a_pause_counts_although_no_tick_has_come_since() -> None:
    async with Pauses(tick_s=0.01, late_s=0.2) as pauses:
        time.sleep(0.3)  # noqa: ASYNC251 - see above
        assert pauses.look() == 1


async def test_a_loop_that_goes_on_has_none() -> None:
    async with Pauses(tick_s=0.01, late_s=5.0) as pauses:
        await asyncio.sleep(0.1)
        assert pauses.look() == 0
