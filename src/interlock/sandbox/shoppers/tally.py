"""Counts of what came of the shoppers' payments, bounded in memory, for live views and reports."""

from collections import Counter, deque
from enum import StrEnum

import msgspec

from interlock.sandbox.shoppers.orders import Expected

_LATENCIES = 20_000
_SECONDS = 120
_UNEXPECTED = 200


class Came(StrEnum):
    """What came of a payment, in the shopper's words."""

    PAID = "paid"
    DECLINED = "declined"
    UNPAID = "unpaid"
    WAITING = "waiting"
    FAILED = "failed"
    NO_ANSWER = "no_answer"


_FITS: dict[Expected, frozenset[Came]] = {
    Expected.PAID: frozenset({Came.PAID, Came.WAITING}),
    Expected.DECLINED: frozenset({Came.DECLINED, Came.WAITING}),
    Expected.UNPAID: frozenset({Came.UNPAID, Came.DECLINED, Came.WAITING}),
    Expected.EITHER: frozenset({Came.PAID, Came.DECLINED, Came.UNPAID, Came.WAITING}),
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One payment's end as the shop heard it.

    ``wait_ms`` is what the shopper waited for the answer, repeats included; ``gateways`` the connectors that were
    tried, in order, where the shop asked for them.
    """

    order: str
    step: str
    came: Came
    expected: Expected
    wait_ms: int
    tries: int = 1
    code: str = ""
    gateways: tuple[str, ...] = ()

    @property
    def surprising(self) -> bool:
        """Return True when the card should have come to something else."""
        return self.came not in _FITS[self.expected]

    @property
    def hurts(self) -> bool:
        """Return True for a shopper who could not buy although the card is good."""
        return self.expected is Expected.PAID and self.came not in _FITS[Expected.PAID]


class Tally:
    """Counts outcomes."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.payments = 0
        self.hurt = 0
        self.repeated = 0
        self.failovers = 0
        self.orders_begun = 0
        self.orders_done = 0
        self.differing_twins = 0
        self.by_came: Counter[Came] = Counter()
        self.by_code: Counter[str] = Counter()
        self.by_gateway: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.surprises: deque[Outcome] = deque(maxlen=_UNEXPECTED)
        self._latencies: deque[int] = deque(maxlen=_LATENCIES)
        self._seconds: deque[tuple[int, int, int]] = deque(maxlen=_SECONDS)

    def add(self, outcome: Outcome, now_s: float) -> None:
        """Count one payment that ended at ``now_s``."""
        self.payments += 1
        self.by_came[outcome.came] += 1
        self.hurt += outcome.hurts
        self.repeated += outcome.tries > 1
        if outcome.code:
            self.by_code[outcome.code] += 1
        if outcome.gateways:
            self.by_gateway[outcome.gateways[-1]] += 1
            self.failovers += len(set(outcome.gateways)) > 1
        if outcome.surprising:
            self.surprises.append(outcome)
        self._latencies.append(outcome.wait_ms)
        self._count_second(int(now_s), good=not outcome.hurts)

    def _count_second(self, second: int, *, good: bool) -> None:
        last = self._seconds[-1] if self._seconds else None
        if last is not None and last[0] == second:
            self._seconds[-1] = (second, last[1] + 1, last[2] + (not good))
        else:
            self._seconds.append((second, 1, int(not good)))

    def seconds(self) -> list[tuple[int, int, int]]:
        """Return the latest seconds (of the clock that :meth:`add` was given) with payments and those that hurt."""
        return list(self._seconds)

    @property
    def success_share(self) -> float:
        """Return the share of payments that came to what their card deserves; 1 before the first."""
        return 1.0 if not self.payments else 1 - self.hurt / self.payments

    def percentile_ms(self, share: float) -> int:
        """Return the wait that ``share`` of the latest payments stayed below."""
        if not self._latencies:
            return 0
        ordered = sorted(self._latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def per_second(self, now_s: float, seconds: int) -> list[int]:
        """Return payments per second of the last ``seconds``, oldest first."""
        counts = {second: count for second, count, _ in self._seconds}
        return [counts.get(second, 0) for second in range(int(now_s) - seconds, int(now_s))]
