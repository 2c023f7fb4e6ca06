"""Loops: named jobs that run again and again, supervised so that none can stop another. Used by ``worker.main``.

A loop that finds work comes back soon, one that finds none waits longer and longer, up to its idle pause: an idle
worker costs next to nothing. A loop that fails is logged and waits before it is run again; the others do not notice.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from interlock.base.clock import Clock
from interlock.base.redaction import exception_text
from interlock.storage.leases import WHOLE_INSTALLATION, Leases

_LOG = logging.getLogger(__name__)
JITTER = 0.2
FIRST_FAILURE_PAUSE_MS = 500
LONGEST_FAILURE_PAUSE_MS = 30_000
_STOP_WITHIN_S = 8.0

Run = Callable[[], Awaitable[int]]
"""One pass; returns how much it found to do."""

Sweep = Callable[[int], Awaitable[int]]
"""One pass at a time in epoch milliseconds; returns how much it did."""


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """One job.

    ``busy_ms`` is the pause after a pass that found work, ``idle_ms`` the longest one after passes that found none.
    ``exclusive`` loops run in one worker of the installation at a time; the others claim their work row by row or
    account by account.
    """

    name: str
    run: Run
    busy_ms: int
    idle_ms: int
    exclusive: bool = False
    timeout_s: float = 60.0


def sweep_loop(name: str, sweep: Sweep, clock: Clock, *, busy_ms: int = 100, idle_ms: int) -> Loop:
    """Return an exclusive loop around a sweep of another room (recovery, expiry, snapshots, cleanup)."""

    async def run() -> int:
        return await sweep(clock.now_ms())

    return Loop(name=name, run=run, busy_ms=busy_ms, idle_ms=idle_ms, exclusive=True)


def pause_ms(loop: Loop, *, found: int, idle_passes: int, failures: int, draw: float) -> int:
    """Return how long a loop waits now. Pure.

    Args:
        loop: the loop.
        found: what its last pass found.
        idle_passes: passes in a row that found nothing.
        failures: passes in a row that failed.
        draw: a random number in [0, 1).

    """
    if failures:
        nominal = min(FIRST_FAILURE_PAUSE_MS * 2 ** min(failures - 1, 20), LONGEST_FAILURE_PAUSE_MS)
    elif found:
        nominal = loop.busy_ms
    else:
        nominal = min(max(loop.busy_ms, 10) * 2 ** min(idle_passes, 20), loop.idle_ms)
    return int(nominal * (1 - JITTER + 2 * JITTER * draw))


class LoopState:
    """What is known of a running loop; read by health checks."""

    def __init__(self) -> None:
        """Start without history."""
        self.passes = 0
        self.found = 0
        self.failures = 0
        self.idle_passes = 0
        self.hurry = asyncio.Event()


class Supervisor:
    """Runs loops until told to stop."""

    def __init__(self, loops: Sequence[Loop], leader: Leases) -> None:
        """Run ``loops``; exclusive ones only while ``leader`` holds the installation's lease."""
        names = [loop.name for loop in loops]
        assert len(set(names)) == len(names), "loop names must differ"
        self._loops = list(loops)
        self._leader = leader
        self._stop = asyncio.Event()
        self.states = {loop.name: LoopState() for loop in loops}

    def hurry(self, name: str | None = None) -> None:
        """Let a loop (all without a name) run now instead of at the end of its pause."""
        for known, state in self.states.items():
            if name is None or name == known:
                state.hurry.set()

    def stop(self) -> None:
        """Begin no new pass."""
        self._stop.set()
        self.hurry()

    async def run(self) -> None:
        """Run until :meth:`stop`; then let passes in progress end, for a few seconds."""
        tasks = [asyncio.create_task(self._repeat(loop), name=f"loop-{loop.name}") for loop in self._loops]
        try:
            await self._stop.wait()
            if tasks:
                _, late = await asyncio.wait(tasks, timeout=_STOP_WITHIN_S)
                for task in late:
                    _LOG.warning("%s did not end in time", task.get_name())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, loop: Loop) -> None:
        state = self.states[loop.name]
        while not self._stop.is_set():
            state.hurry.clear()
            found = await self._pass(loop, state)
            draw = random.random()  # noqa: S311 - jitter, not a secret
            wait_ms = pause_ms(loop, found=found, idle_passes=state.idle_passes, failures=state.failures, draw=draw)
            state.idle_passes = 0 if found else state.idle_passes + 1
            await self._rest(state, wait_ms)

    async def _rest(self, state: LoopState, wait_ms: int) -> None:
        if self._stop.is_set():
            return
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await state.hurry.wait()
        except TimeoutError:
            return
        state.idle_passes = 0

    async def _pass(self, loop: Loop, state: LoopState) -> int:
        """Run one pass; a failure is logged and counted, never raised."""
        try:
            if loop.exclusive and not await self._leader.take(WHOLE_INSTALLATION):
                return 0
            async with asyncio.timeout(loop.timeout_s):
                found = await loop.run()
        except Exception as error:  # noqa: BLE001 - one loop's failure must not stop the others, nor itself for ever
            state.failures += 1
            # The first few with their traceback; a database that is away for an hour need not fill the log.
            text = exception_text(error) if state.failures <= 3 else type(error).__name__
            _LOG.error("loop %s failed (%d in a row): %s", loop.name, state.failures, text)
            return 0
        state.failures = 0
        state.passes += 1
        state.found += found
        return found
