"""The e-processes of ``interlock.releases.canary`` for many canaries at once, one row each, in numpy.

A test proves it equal to the product's own on thousands of random sequences; simulations may then count on it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.releases.canary.balance import ODDS, RATIO
from interlock.releases.canary.plan import Mixture, Plan

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_LOG_MAX = 700.0


class Wealth:
    """Stakes spread over hypotheses: ``fractions`` has one more axis than ``log`` and ``events``."""

    def __init__(self, shape: tuple[int, ...], mixture: Mixture) -> None:
        """Begin with wealth 1."""
        self.mixture = mixture
        self.weights: Floats = np.array(mixture.weights)
        self.ones: Floats = np.ones(len(self.weights))
        self.fractions: Floats = np.broadcast_to(self.weights, (*shape, len(self.weights))).copy()
        self.log: Floats = np.zeros(shape)
        self.events: Floats = np.zeros(shape)

    def grow(self, at: tuple[Any, ...], factors: Floats) -> Floats:
        """Multiply the stakes ``at`` by their factors, renew them, return the logarithms of their wealth."""
        products = self.fractions[at]
        products *= factors
        grown = products @ self.ones
        log: Floats = self.log[at] + np.log(grown)
        renewed = self.mixture.renewal / (self.events[at] + self.mixture.renewal_delay)
        products *= ((1.0 - renewed) / grown)[:, None]
        products += np.multiply.outer(renewed, self.weights)
        self.fractions[at], self.log[at] = products, log
        self.events[at] += 1.0
        return log

    def keep(self, rows: Bools) -> None:
        """Drop the other canaries."""
        self.fractions, self.log, self.events = self.fractions[rows], self.log[rows], self.events[rows]


class Ratio:
    """The sample ratio of ``interlock.releases.canary.balance``; ``peak`` is a logarithm."""

    def __init__(self, canaries: int) -> None:
        """Begin before the first payment."""
        self.odds: Floats = np.array(ODDS)
        self.stake = Wealth((canaries,), RATIO)
        self.peak: Floats = np.zeros(canaries)

    def assigned(self, rows: Ints, treated: Bools, share: Floats) -> None:
        """Take the assignment of one payment into each of the canaries ``rows``."""
        factors = 1.0 / (1.0 + share[:, None] * (self.odds - 1.0))
        factors[treated] *= self.odds
        self.peak[rows] = np.maximum(self.peak[rows], self.stake.grow((rows,), factors))


class Twin:
    """Evidence of one indicator for ``canaries`` canaries with ``strata`` strata each, all under one plan."""

    def __init__(self, plan: Plan, prior_rate: float, *, canaries: int, strata: int) -> None:
        """Begin before the first event; of a single stratum all strata together are a copy, which is not kept."""
        self.plan = plan
        self.prior_rate = prior_rate
        self.effects: Floats = np.array(plan.mixture.effects)
        self.own = Wealth((canaries, strata), plan.mixture)
        self.pooled = Wealth((canaries,), plan.mixture)
        self.open: Bools = np.zeros((canaries, strata), dtype=bool)
        self.wealth: Floats = np.zeros((canaries, strata))
        self.seen: Floats = np.zeros((canaries, strata))
        self.bad: Floats = np.zeros((canaries, strata))
        self.all_seen: Floats = np.zeros(canaries)
        self.all_bad: Floats = np.zeros(canaries)
        self.value: Floats = np.ones(canaries)
        self.peak: Floats = np.ones(canaries)

    def observe(self, rows: Ints, stratum: Ints, treated: Bools, share: Floats, bad: Bools) -> None:
        """Take one verdict into each of the canaries ``rows``; the other arrays are aligned with ``rows``."""
        self._open(rows, stratum)
        factors = self._factors(rows, stratum, treated, share, bad)
        at = (rows, stratum)
        grown = self.own.grow(at, factors)
        self.wealth[at] = np.exp(np.minimum(grown, _LOG_MAX))
        if self.wealth.shape[1] > 1:
            grown = self.pooled.grow((rows,), factors)
        together = np.exp(np.minimum(grown, _LOG_MAX))
        part = self.plan.pooled_share
        mean = self.wealth[rows].sum(axis=1) / self.open[rows].sum(axis=1)
        value = part * together + (1.0 - part) * mean
        self.value[rows] = value
        self.peak[rows] = np.maximum(self.peak[rows], value)
        self._learn(rows, stratum, treated, bad)

    def keep(self, rows: Bools) -> None:
        """Drop the canaries that are not in ``rows``, to go on with the others."""
        self.own.keep(rows)
        self.pooled.keep(rows)
        for name in ("open", "wealth", "seen", "bad", "all_seen", "all_bad", "value", "peak"):
            setattr(self, name, getattr(self, name)[rows])

    def _open(self, rows: Ints, stratum: Ints) -> None:
        new = ~self.open[rows, stratum]
        if not new.any():
            return
        rows, stratum = rows[new], stratum[new]
        count = self.open[rows].sum(axis=1)
        mean = np.where(count > 0, self.wealth[rows].sum(axis=1) / np.maximum(count, 1), 1.0)
        self.own.log[rows, stratum] = np.log(np.maximum(mean, np.exp(-_LOG_MAX)))
        self.wealth[rows, stratum] = mean
        self.open[rows, stratum] = True

    def _rate(self, rows: Ints, stratum: Ints) -> Floats:
        prior = self.plan.baseline.prior_outcomes
        overall = (self.all_bad[rows] + prior * self.prior_rate) / (self.all_seen[rows] + prior)
        rate: Floats = (self.bad[rows, stratum] + prior * overall) / (self.seen[rows, stratum] + prior)
        return rate

    def _factors(self, rows: Ints, stratum: Ints, treated: Bools, share: Floats, bad: Bools) -> Floats:
        factors: Floats = 1.0 / (1.0 - share[:, None] * self.effects)
        factors[treated] *= 1.0 - self.effects
        at = np.flatnonzero(bad)
        gain = (1.0 / self._rate(rows[at], stratum[at]) - 1.0)[:, None] * self.effects
        factors[at] = np.where(treated[at, None], 1.0 + gain, 1.0) / (1.0 + share[at, None] * gain)
        return factors

    def _learn(self, rows: Ints, stratum: Ints, treated: Bools, bad: Bools) -> None:
        rows, stratum, bad = rows[~treated], stratum[~treated], bad[~treated]
        at: tuple[Any, ...]
        for seen, failed, at in (
            (self.all_seen, self.all_bad, (rows,)),
            (self.seen, self.bad, (rows, stratum)),
        ):
            seen[at] += 1.0
            failed[at] += bad
            full = tuple(axis[seen[at] >= self.plan.baseline.memory_outcomes] for axis in at)
            if full[0].size:
                seen[full] *= 0.5
                failed[full] *= 0.5
