"""What the benchmark simulates with is the product's own arithmetic."""

import msgspec
import numpy as np
import pytest
from benchmarks.statistics.twin import Twin
from tests.support.canaries import PLAIN

from interlock.releases.canary import eprocess
from interlock.releases.canary.plan import Mixture, Plan
from interlock.releases.canary.types import PPM


def _plan(mixture: Mixture, memory_outcomes: float, pooled_share: float) -> Plan:
    baseline = msgspec.structs.replace(Plan().baseline, memory_outcomes=memory_outcomes)
    return Plan(mixture=mixture, baseline=baseline, pooled_share=pooled_share)


@pytest.mark.parametrize(
    ("plan", "prior_rate", "canaries", "events", "strata"),
    [
        (Plan(), 0.1, 1_000, 40, 5),
        (Plan(), 0.1, 600, 40, 1),
        (Plan(), 0.002, 30, 1_200, 12),
        (_plan(Mixture(), 12.0, 0.5), 0.5, 600, 40, 5),
        (_plan(Mixture(renewal=50.0), 10_000.0, 1.0), 0.1, 600, 40, 5),
        (_plan(PLAIN, 10_000.0, 0.5), 0.1, 600, 40, 5),
    ],
)
def test_twin_and_product_agree_on_thousands_of_random_sequences(
    plan: Plan, prior_rate: float, canaries: int, events: int, strata: int
) -> None:
    chance = np.random.default_rng(11)
    twin = Twin(plan, prior_rate, canaries=canaries, strata=strata)
    ours = [eprocess.empty(plan.mixture, prior_rate) for _ in range(canaries)]
    levels = chance.choice([0.02, 0.1, 0.5, 0.95], canaries)
    for _ in range(events):
        rows = np.flatnonzero(chance.random(canaries) < 0.9)
        count = len(rows)
        stratum = chance.integers(0, strata, count)
        share_ppm = chance.choice([1, 50_000, 400_000, 950_000, PPM - 1], count)
        treated, bad = chance.random(count) < share_ppm / PPM, chance.random(count) < levels[rows]
        twin.observe(rows, stratum, treated, share_ppm / PPM, bad)
        for at, row in enumerate(rows):
            eprocess.observe(
                ours[row],
                plan,
                stratum=str(stratum[at]),
                treated=bool(treated[at]),
                share_ppm=int(share_ppm[at]),
                bad=bool(bad[at]),
            )
    np.testing.assert_allclose(twin.value, [one.value for one in ours], rtol=1e-9)
    np.testing.assert_allclose(twin.peak, [one.peak for one in ours], rtol=1e-9)
    if strata > 1:
        pooled = [one.pooled.fractions for one in ours]
        np.testing.assert_allclose(twin.pooled.fractions, pooled, rtol=1e-8, atol=1e-300)


def test_canaries_that_are_dropped_leave_the_others_alone() -> None:
    plan, chance = Plan(), np.random.default_rng(12)
    whole, part = (Twin(plan, 0.1, canaries=6, strata=2) for _ in range(2))
    kept = np.array([True, False, True, True, False, True])
    everyone, some = np.arange(6), np.arange(4)
    for step in range(60):
        if step == 30:
            part.keep(kept)
        stratum, share = chance.integers(0, 2, 6), np.full(6, 0.2)
        treated, bad = chance.random(6) < 0.2, chance.random(6) < 0.1
        whole.observe(everyone, stratum, treated, share, bad)
        if step < 30:
            part.observe(everyone, stratum, treated, share, bad)
        else:
            part.observe(some, stratum[kept], treated[kept], share[kept], bad[kept])
    np.testing.assert_array_equal(part.peak, whole.peak[kept])
