"""What is simulated, cut into tasks that processes take in turn. Every task has a seed of its own.

The seed follows from the program's seed, the task's name and its number, so results do not depend on how many
processes there are or in which order they come to an end.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import msgspec
import numpy as np
from benchmarks.statistics import delays, innocence, promoting
from benchmarks.statistics.delays import MIXED, Fault, Traffic
from benchmarks.statistics.innocence import NOMINAL
from benchmarks.statistics.traffic import SCENARIOS
from numpy.typing import NDArray

from interlock.releases.canary.plan import Budget, Mixture, Plan

Found = dict[str, NDArray[Any]]
ONE = Traffic()
_REST = 1e-9

APPROVALS = {"000": 0.0, "050": 0.5, "085": 0.85, "090": 0.90}
"""Approval of the bad candidates whose delay has a bar, by the name that the figure has."""

MIXTURE_OF_SECTION_8 = Mixture(
    effects=(0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 0.97), weights=(1 / 7,) * 7, renewal=0.0, renewal_delay=1.0
)
PLAIN_FORMULA = Plan(
    mixture=MIXTURE_OF_SECTION_8,
    pooled_share=0.5,
    budget=Budget(
        approval=0.2,
        technical=0.2,
        slow=0.2,
        pending_too_long=0.2,
        echo_mismatch=0.2 - 2 * _REST,
        missing_outcome=_REST,
        sample_ratio=_REST,
    ),
)
"""Design section 8 to the letter: equal weights, half product and half mean, five indicators with equal parts."""

PLAIN_WITH_BUDGET = Plan(mixture=MIXTURE_OF_SECTION_8, pooled_share=0.5)
"""The same, approval with the part of alpha that it has in the product."""


class Task(msgspec.Struct, frozen=True):
    """Part ``number`` of group ``name``. ``run`` takes canaries and seed; ``cost`` is about its seconds."""

    name: str
    number: int
    canaries: int
    cost: float
    run: Callable[..., Found]

    def result(self, seed: int) -> Found:
        """Simulate."""
        return self.run(canaries=self.canaries, seed=(seed, crc32(self.name.encode()), self.number))


def tasks(*, quick: bool) -> list[Task]:
    """Return everything to be simulated, the longest first; ``quick`` a tenth of it."""
    found = [*_barred(), *_pictured(), *_compared(), *_innocent(), *_promoted()]
    if quick:
        found = [msgspec.structs.replace(one, canaries=max(40, one.canaries // 10), cost=one.cost / 4) for one in found]
    return sorted(found, key=lambda task: -task.cost)


def _cut(name: str, canaries: int, parts: int, seconds: float, run: Callable[..., Found]) -> Iterator[Task]:
    for number in range(parts):
        yield Task(name, number, canaries // parts, seconds / parts, run)


def _delay(fault: Fault, traffic: Traffic, plan: Plan, *, canaries: int, seed: tuple[int, ...]) -> Found:
    return {"payments": delays.until_rollback(fault, traffic, plan, canaries=canaries, seed=seed)}


def _delayed(fault: Fault, traffic: Traffic, plan: Plan | None = None) -> Callable[..., Found]:
    return functools.partial(_delay, fault, traffic, plan or Plan())


def _barred() -> Iterator[Task]:
    sizes = {"000": (20_000, 2, 3.0), "050": (20_000, 4, 6.0), "085": (4_000, 4, 14.0), "090": (1_000, 2, 50.0)}
    for name, (canaries, parts, seconds) in sizes.items():
        fault = Fault(delays.effect_of(APPROVALS[name]))
        yield from _cut(f"one_stratum/{name}", canaries, parts, seconds, _delayed(fault, ONE))
    fault = Fault(1.0, stratum=delays.SMALL)
    yield from _cut("small_stratum", 4_000, 4, 14.0, _delayed(fault, MIXED))


def _pictured() -> Iterator[Task]:
    for approval, canaries, seconds in ((0.7, 2_000, 2.0), (0.8, 1_500, 3.0), (0.88, 600, 9.0)):
        fault = Fault(delays.effect_of(approval))
        yield from _cut(f"one_stratum/{approval * 1000:.0f}", canaries, 1, seconds, _delayed(fault, ONE))


def _compared() -> Iterator[Task]:
    """Twelve strata, a fault that begins late, and the plain formula."""
    for name, canaries, seconds in (("000", 4_000, 1.0), ("050", 4_000, 2.0), ("085", 1_200, 9.0)):
        fault = Fault(delays.effect_of(APPROVALS[name]))
        yield from _cut(f"twelve_strata/{name}", canaries, 1, seconds, _delayed(fault, MIXED))
    for group, plan in (("plain_formula", PLAIN_FORMULA), ("plain_with_budget", PLAIN_WITH_BUDGET)):
        for name, canaries, seconds in (("000", 8_000, 1.0), ("050", 4_000, 1.5), ("085", 1_000, 4.0)):
            fault = Fault(delays.effect_of(APPROVALS[name]))
            yield from _cut(f"{group}/{name}", canaries, 1, seconds, _delayed(fault, ONE, plan))
    late = Fault(1.0, innocent_payments=20_000)
    yield from _cut("late/product", 800, 1, 6.0, _delayed(late, ONE))
    yield from _cut("late/plain_with_budget", 400, 1, 4.0, _delayed(late, ONE, PLAIN_WITH_BUDGET))


def _innocent() -> Iterator[Task]:
    plan = Plan(alpha=NOMINAL)
    for scenario in SCENARIOS:
        run = functools.partial(innocence.first_alarms, scenario, plan)
        yield from _cut(f"innocent/{scenario}", 20_000, 8, 40.0, run)


def _promotion(difference: float, share_ppm: int, payments: int, *, canaries: int, seed: tuple[int, ...]) -> Found:
    found = promoting.until_promoted(
        difference, Plan(), share_ppm=share_ppm, payments=payments, canaries=canaries, seed=seed
    )
    return {"payments": np.asarray(found)}


def _promoted() -> Iterator[Task]:
    for share_ppm in (50_000, 200_000, 500_000):
        run = functools.partial(_promotion, 0.0, share_ppm, 100_000)
        yield from _cut(f"promoted/alike/{share_ppm}", 400, 1, 4.0, run)
    run = functools.partial(_promotion, Plan().promotion.margins["approval"], 200_000, 10_000)  # type: ignore[index]
    yield from _cut("promoted/worse_by_margin/200000", 20_000, 8, 10.0, run)
