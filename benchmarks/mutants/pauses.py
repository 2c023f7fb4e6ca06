"""Notices that this process did not run for a while: suspended, or on a machine that had no time for it.

Limits of time go on meanwhile, so that what was under way proves nothing. Used by ``gauntlet``.
"""

import asyncio
import time
from types import TracebackType
from typing import Self

TICK_S = 1.0
LATE_S = 10.0


class Pauses:
    """Counts the times at which a tick of the event loop came ``late_s`` or more after it was due."""

    def __init__(self, tick_s: float = TICK_S, late_s: float = LATE_S) -> None:
        """Count nothing yet."""
        self.count = 0
        self._tick_s = tick_s
        self._late_s = late_s
        self._due_s = 0.0
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to count."""
        self._due_s = time.monotonic() + self._tick_s
        self._ticking = asyncio.create_task(self._tick(), name="pauses")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End counting."""
        assert self._ticking is not None
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)

    def look(self) -> int:
        """Return how many pauses there have been, one that no tick has come after yet among them."""
        self._count_late()
        return self.count

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            self._count_late()

    def _count_late(self) -> None:
        now_s = time.monotonic()
        if now_s - self._due_s >= self._late_s:
            self.count += 1
        self._due_s = now_s + self._tick_s
