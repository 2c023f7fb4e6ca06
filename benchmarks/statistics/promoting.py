"""How many payments promotion takes, and how often a release that is worse by the margin gets it: numpy twin.

One indicator, one stratum; the evidence of ``interlock.releases.canary.promotion`` for many canaries at once.
"""

from collections.abc import Sequence

import numpy as np
from benchmarks.statistics.delays import BASE_BAD
from benchmarks.statistics.twin import Bools, Floats, Ints

from interlock.releases.canary.plan import Plan
from interlock.releases.canary.promotion import BOLDEST
from interlock.releases.canary.types import PPM, Indicator


class Trials:
    """Evidence of harmlessness, as a logarithm, and stable's rate as the canary learns it."""

    def __init__(self, plan: Plan, indicator: Indicator, canaries: int) -> None:
        """Begin before the first event."""
        self.margin = plan.promotion.margins[indicator]
        self.baseline, self.prior_rate = plan.baseline, plan.baseline.prior_rates[indicator]
        self.log: Floats = np.zeros(canaries)
        self.seen: Floats = np.zeros(canaries)
        self.bad: Floats = np.zeros(canaries)

    def observe(self, treated: Bools, share: float, bad: Bools) -> None:
        """Take one verdict into each canary."""
        prior = self.baseline.prior_outcomes
        overall = (self.bad + prior * self.prior_rate) / (self.seen + prior)
        here = (self.bad + prior * overall) / (self.seen + prior)
        difference = np.where(treated, 1.0 / share, -1.0 / (1.0 - share)) * (bad - here)
        variance = overall * (1.0 - overall) / (share * (1.0 - share))
        largest = max(1.0 / share, 1.0 / (1.0 - share))
        bet = np.minimum(self.margin / (variance + self.margin**2), BOLDEST / (largest - self.margin))
        self.log += np.log1p(bet * (self.margin - difference))
        self.seen += ~treated
        self.bad += ~treated & bad
        full = self.seen >= self.baseline.memory_outcomes
        self.seen[full] *= 0.5
        self.bad[full] *= 0.5

    def keep(self, rows: Bools) -> None:
        """Drop the other canaries."""
        self.log, self.seen, self.bad = self.log[rows], self.seen[rows], self.bad[rows]


def until_promoted(
    difference: float, plan: Plan, *, share_ppm: int, payments: int, canaries: int, seed: Sequence[int]
) -> Floats:
    """Return for each canary how many payments (both arms) approval takes to be found harmless; nan: not in time.

    Args:
        difference: what the candidate's bad rate is above stable's, negative where it is better.
        plan: of the canary.
        share_ppm: of the candidate.
        payments: after which a canary ends.
        canaries: how many.
        seed: of the random numbers.

    """
    chance, share = np.random.default_rng(seed), share_ppm / PPM
    trials = Trials(plan, Indicator.APPROVAL, canaries)
    found: Floats = np.full(canaries, np.nan)
    running: Ints = np.arange(canaries)
    for payment in range(1, payments + 1):
        treated = chance.random(len(running)) < share
        trials.observe(treated, share, chance.random(len(running)) < BASE_BAD + difference * treated)
        over = trials.log >= -np.log(plan.promotion.alpha)
        if over.any():
            found[running[over]] = payment
            trials.keep(~over)
            running = running[~over]
            if not len(running):
                break
    return found
