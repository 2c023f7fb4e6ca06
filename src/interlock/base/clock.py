"""The only place that reads the wall clock; rooms receive a :class:`Clock` so that tests can set the time."""

import time
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time."""

    def now_ms(self) -> int:
        """Return the time in milliseconds since the epoch, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return the machine's time in epoch milliseconds."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that moves only when told to; for tests and simulations."""

    def __init__(self, now_ms: int) -> None:
        """Start at ``now_ms`` epoch milliseconds."""
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the set time in epoch milliseconds."""
        return self._now_ms

    def advance(self, by_ms: int) -> None:
        """Move the clock forward by ``by_ms`` milliseconds."""
        self._now_ms += by_ms
