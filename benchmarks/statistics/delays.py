"""How many candidate payments a bad release gets until it is rolled back, simulated on the twin."""

from collections.abc import Sequence

import msgspec
import numpy as np
from benchmarks.statistics.twin import Floats, Ints, Twin

from interlock.releases.canary.plan import Plan
from interlock.releases.canary.types import Indicator

BASE_BAD = 0.08
"""Stable declines or fails this part of payments."""

SHARE = 0.05
_PAYMENTS_MAX = 2_000_000


class Traffic(msgspec.Struct, frozen=True):
    """Strata with their shares of payments and stable's bad rate in each."""

    shares: tuple[float, ...] = (1.0,)
    bad: tuple[float, ...] = (BASE_BAD,)


MIXED = Traffic(
    shares=(0.26, 0.18, 0.13, 0.10, 0.08, 0.06, 0.05, 0.04, 0.028, 0.028, 0.024, 0.02),
    bad=(0.058, 0.078, 0.068, 0.098, 0.049, 0.118, 0.088, 0.147, 0.08, 0.059, 0.195, 0.108),
)
"""Twelve strata from 26 % down to 2 % of payments, approval from .80 to .95, .92 together."""

SMALL = 8
"""The stratum of ``MIXED`` that has 2.8 % of payments and stable's average bad rate."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with the candidate: ``effect`` of the payments that are good on stable are bad on it.

    ``stratum`` restricts the fault to one stratum; ``innocent_payments`` (both arms together) come before it begins.
    """

    effect: float
    stratum: int | None = None
    innocent_payments: int = 0


def effect_of(approval: float) -> float:
    """Return the effect that brings the candidate's approval from .92 down to ``approval``."""
    return 1.0 - approval / (1.0 - BASE_BAD)


def until_rollback(
    fault: Fault, traffic: Traffic, plan: Plan, *, canaries: int, seed: Sequence[int], share: float = SHARE
) -> Floats:
    """Return for each canary how many payments its candidate got from the fault's beginning to the rollback.

    Approval alone tells: the other indicators stand still, so nothing but the largest part of the budget is used.

    Raises:
        RuntimeError: a canary was not rolled back within two million payments.

    """
    chance = np.random.default_rng(seed)
    prior = plan.baseline.prior_rates[Indicator.APPROVAL]
    twin = Twin(plan, prior, canaries=canaries, strata=len(traffic.shares))
    bar = 1.0 / (plan.alpha * plan.budget.approval)
    limits, stable = np.cumsum(traffic.shares), np.array(traffic.bad)
    payments: Floats = np.zeros(canaries)
    found: Floats = np.full(canaries, np.nan)
    running: Ints = np.arange(canaries)
    for payment in range(_PAYMENTS_MAX):
        count = len(running)
        stratum = np.searchsorted(limits, chance.random(count) * limits[-1], side="right")
        treated = chance.random(count) < share
        faulty = treated & (payment >= fault.innocent_payments)
        if fault.stratum is not None:
            faulty &= stratum == fault.stratum
        bad = chance.random(count) < stable[stratum] + faulty * fault.effect * (1.0 - stable[stratum])
        twin.observe(np.arange(count), stratum, treated, np.full(count, share), bad)
        payments += treated & (payment >= fault.innocent_payments)
        over = twin.peak >= bar
        if over.any():
            found[running[over]] = payments[over]
            twin.keep(~over)
            payments, running = payments[~over], running[~over]
            if not len(running):
                return found
    raise RuntimeError(f"{len(running)} canaries were not rolled back within {_PAYMENTS_MAX:,} payments")
