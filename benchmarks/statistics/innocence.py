"""How often is an innocent release rolled back? The product's alarms beside what is commonly done instead.

Each test says for each canary after which payment it fired first; a canary goes on to its end, so that all of them see
the same payments.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from benchmarks.statistics.delays import MIXED
from benchmarks.statistics.traffic import SCENARIOS, STRATA, Step, payments
from benchmarks.statistics.twin import Bools, Floats, Ints, Ratio, Twin

from interlock.releases.canary.plan import Plan
from interlock.releases.canary.types import PPM, Indicator

NOMINAL = 0.01
"""The error probability that every test claims here."""

PRODUCT, UNCOUNTED = "product", "product_counting_every_outcome"
PEEKING, ONCE, YESTERDAY = "z_test_at_every_payment", "z_test_once", "against_yesterday"
_Z = NormalDist().inv_cdf(1.0 - NOMINAL)
_YESTERDAY_BAD = 1.0 - 0.99 * (1.0 - float(np.dot(MIXED.shares, MIXED.bad)))
"""Average bad rate of ``traffic.plain``: declined, or the hundredth that fails technically."""

_FIRST_LOOK = 10
"""Outcomes on the candidate before the common tests look for the first time."""


class Register:
    """Who has paid: the first payment of each payer counts, as ``interlock.releases.canary.payers`` has it."""

    def __init__(self, canaries: int, payers: int) -> None:
        """Begin with nobody."""
        self.seen: Bools = np.zeros((canaries, payers), dtype=bool)

    def claim(self, payer: Ints) -> Bools:
        """Return which of the payments, one per canary, count; remember their payers."""
        rows = np.arange(len(payer))
        first: Bools = ~self.seen[rows, payer]
        self.seen[rows, payer] = True
        return first


class Alarms:
    """Every alarm of the product that can roll back, but for those that no innocent release can cause.

    Those are mismatches of money and payments pending too long, one twentieth of the budget together.
    """

    def __init__(self, plan: Plan, canaries: int) -> None:
        """Begin before the first payment."""
        self.plan = plan
        rates = plan.baseline.prior_rates
        self.indicators = (Indicator.APPROVAL, Indicator.TECHNICAL, Indicator.SLOW)
        self.evidence = [Twin(plan, rates[one], canaries=canaries, strata=STRATA) for one in self.indicators]
        self.missing = Twin(plan, plan.baseline.missing_prior_rate, canaries=canaries, strata=1)
        self.ratio = Ratio(canaries)

    def take(self, step: Step, counts: Bools) -> None:
        """Take in the payments that count."""
        rows = np.flatnonzero(counts)
        share, treated = step.share_ppm[rows] / PPM, step.treated[rows]
        self.ratio.assigned(rows, treated, share)
        self.missing.observe(rows, np.zeros(len(rows), dtype=np.int64), treated, share, step.missing[rows])
        rows = np.flatnonzero(counts & ~step.missing)
        share, treated, stratum = step.share_ppm[rows] / PPM, step.treated[rows], step.stratum[rows]
        for evidence, bad in zip(self.evidence, (step.bad, step.technical, step.slow), strict=True):
            evidence.observe(rows, stratum, treated, share, bad[rows])

    def fired(self) -> Bools:
        """Return which canaries are to be rolled back."""
        budget = self.plan.budget
        found: Bools = self.ratio.peak >= -math.log(self.plan.alpha * budget.sample_ratio)
        found |= self.missing.peak * budget.missing_outcome >= 1.0 / self.plan.alpha
        for indicator, evidence in zip(self.indicators, self.evidence, strict=True):
            found |= evidence.peak * budget.of(indicator) >= 1.0 / self.plan.alpha
        return found


class Counts:
    """What the common tests go by: payments and bad ones on each arm."""

    def __init__(self, canaries: int) -> None:
        """Begin with none."""
        self.seen: Floats = np.zeros((2, canaries))
        self.bad: Floats = np.zeros((2, canaries))

    def take(self, step: Step) -> None:
        """Take in every outcome."""
        for arm, on_it in enumerate((~step.treated, step.treated)):
            told = on_it & ~step.missing
            self.seen[arm] += told
            self.bad[arm] += told & step.bad

    def two_samples(self) -> Floats:
        """Return the z statistic of two proportions with a pooled variance; positive where the candidate is worse."""
        seen = np.maximum(self.seen, 1.0)
        rates, pooled = self.bad / seen, self.bad.sum(axis=0) / seen.sum(axis=0)
        deviation = np.sqrt(np.maximum(pooled * (1.0 - pooled), 1e-12) * (1.0 / seen[0] + 1.0 / seen[1]))
        z: Floats = (rates[1] - rates[0]) / deviation
        return z

    def yesterday(self) -> Floats:
        """Return the z statistic of the candidate's bad payments against what was usual before."""
        expected = _YESTERDAY_BAD * self.seen[1]
        z: Floats = (self.bad[1] - expected) / np.sqrt(np.maximum(expected * (1.0 - _YESTERDAY_BAD), 1e-12))
        return z


def first_alarms(scenario: str, plan: Plan, *, canaries: int, seed: Sequence[int]) -> dict[str, Ints]:
    """Return for each test after which payment it fired first in each canary; 0 where it never did."""
    shape, chance = SCENARIOS[scenario](), np.random.default_rng(seed)
    total = len(shape.share_ppm)
    register, alarms, counts = Register(canaries, total), Alarms(plan, canaries), Counts(canaries)
    prior = plan.baseline.prior_rates[Indicator.APPROVAL]
    naive = Twin(plan, prior, canaries=canaries, strata=STRATA) if shape.retries else None
    found: dict[str, Ints] = {name: np.zeros(canaries, dtype=np.int64) for name in (PRODUCT, PEEKING, ONCE, YESTERDAY)}
    if naive is not None:
        found[UNCOUNTED] = np.zeros(canaries, dtype=np.int64)
    for number, step in enumerate(payments(shape, canaries, chance), start=1):
        alarms.take(step, register.claim(step.payer))
        counts.take(step)
        look = counts.seen[1] >= _FIRST_LOOK
        fired = {PRODUCT: alarms.fired(), YESTERDAY: look & (counts.yesterday() > _Z)}
        fired[PEEKING] = look & (counts.two_samples() > _Z)
        fired[ONCE] = fired[PEEKING] & (number == total)
        if naive is not None:
            told = np.flatnonzero(~step.missing)
            naive.observe(told, step.stratum[told], step.treated[told], step.share_ppm[told] / PPM, step.bad[told])
            fired[UNCOUNTED] = naive.peak * plan.budget.approval >= 1.0 / plan.alpha
        for name, now in fired.items():
            found[name][now & (found[name] == 0)] = number
    return found
