"""Promotion: a worse release is promoted as rarely as promised, a harmless one in finite time, nothing without data."""

import itertools
import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.canaries import assignment

from interlock.releases.canary import eprocess, promotion, recording
from interlock.releases.canary.payers import Payers
from interlock.releases.canary.plan import Mixture, Plan, Promotion
from interlock.releases.canary.promotion import Gap, Trial
from interlock.releases.canary.types import PPM, Indicator, Observation

rates = st.floats(0.0, 1.0)
guesses = st.floats(0.001, 0.999)
some_shares = st.sampled_from([1, 50_000, 500_000, 950_000, PPM - 1]) | st.integers(1, PPM - 1)
margins = st.sampled_from([0.005, 0.02, 0.2, 0.9])


class Moment(msgspec.Struct, frozen=True):
    """True rates of both arms in two strata at one payment, the share of the first stratum, and the logged share."""

    stable: tuple[float, float]
    treated: tuple[float, float]
    mix: float
    share_ppm: int

    @property
    def difference(self) -> float:
        parts = zip((self.mix, 1 - self.mix), self.stable, self.treated, strict=True)
        return sum(part * (there - here) for part, here, there in parts)


moments = st.builds(Moment, st.tuples(rates, rates), st.tuples(rates, rates), rates, some_shares)


def _mean_factor(moment: Moment, margin: float, here: tuple[float, float], overall: float) -> float:
    """The mean of what one payment multiplies the evidence by, over stratum, arm and verdict."""
    mean = 0.0
    for stratum, treated, bad in itertools.product((0, 1), (False, True), (False, True)):
        share, mix = moment.share_ppm / PPM, (moment.mix, 1 - moment.mix)[stratum]
        rate = (moment.treated if treated else moment.stable)[stratum]
        probability = mix * (share if treated else 1 - share) * (rate if bad else 1 - rate)
        trial = Trial(margin)
        promotion.weigh(
            trial,
            treated=treated,
            share_ppm=moment.share_ppm,
            bad=bad,
            stratum_rate=here[stratum],
            overall_rate=overall,
        )
        mean += probability * math.exp(trial.log_value)
    return mean


@given(moments, margins, st.tuples(guesses, guesses), guesses)
def test_where_the_release_is_worse_by_the_margin_evidence_of_harmlessness_shrinks_on_average(
    moment: Moment, margin: float, here: tuple[float, float], overall: float
) -> None:
    mean = _mean_factor(moment, margin, here, overall)
    if moment.difference >= margin:
        assert mean <= 1.0 + 1e-9
    else:
        assert mean >= 1.0 - 1e-9
    if abs(moment.difference - margin) < 1e-12:
        assert mean == pytest.approx(1.0, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.lists(moments, min_size=1, max_size=3), margins)
def test_with_rates_as_the_canary_learns_them_the_sum_over_everything_that_can_happen_is_at_most_one(
    path: list[Moment], margin: float
) -> None:
    """Exact: every stratum, arm and verdict of up to three payments, each as bad as the margin on average or worse."""
    worse = [_worsened(moment, margin) for moment in path]
    plan = Plan(promotion=Promotion(margins={Indicator.APPROVAL: margin}))
    mean = 0.0
    for steps in itertools.product(itertools.product((0, 1), (False, True), (False, True)), repeat=len(worse)):
        canary, payers, probability = recording.begin(plan, began_ms=0), Payers(), 1.0
        for number, (moment, (stratum, treated, bad)) in enumerate(zip(worse, steps, strict=True)):
            share = moment.share_ppm / PPM
            rate = (moment.treated if treated else moment.stable)[stratum]
            probability *= (moment.mix, 1 - moment.mix)[stratum] * (share if treated else 1 - share)
            probability *= rate if bad else 1 - rate
            drawn = assignment(number, treated=treated, share_ppm=moment.share_ppm, stratum="ab"[stratum])
            recording.record_outcome(canary, Observation(drawn, Indicator.APPROVAL, bad), payers, heard_ms=0)
        mean += probability * math.exp(canary.trials[Indicator.APPROVAL].log_value)
    assert mean <= 1.0 + 1e-9


def _worsened(moment: Moment, margin: float) -> Moment:
    """Return the moment, its treated arm worse than stable by the margin in both strata where it was better."""
    if moment.difference >= margin:
        return moment
    stable = tuple(min(rate, 1 - margin) for rate in moment.stable)
    treated = tuple(rate + margin for rate in stable)
    return msgspec.structs.replace(moment, stable=stable, treated=treated)


@given(moments, margins, st.tuples(guesses, guesses), guesses)
def test_one_payment_never_takes_more_than_three_quarters_of_the_evidence(
    moment: Moment, margin: float, here: tuple[float, float], overall: float
) -> None:
    for stratum, treated, bad in itertools.product((0, 1), (False, True), (False, True)):
        trial = Trial(margin)
        promotion.weigh(
            trial,
            treated=treated,
            share_ppm=moment.share_ppm,
            bad=bad,
            stratum_rate=here[stratum],
            overall_rate=overall,
        )
        assert math.exp(trial.log_value) >= 0.25 - 1e-9


@pytest.mark.parametrize("share_ppm", [0, PPM])
def test_a_payment_that_was_not_drawn_is_no_evidence(share_ppm: int) -> None:
    trial = Trial(0.02)
    promotion.weigh(trial, treated=False, share_ppm=share_ppm, bad=False, stratum_rate=0.1, overall_rate=0.1)
    assert trial == Trial(0.02)


def _payments_until_promoted(difference: float, share: float, seed: int, most: int) -> int | None:
    chance, trial, plan = random.Random(seed), Trial(0.02), Plan()
    evidence = eprocess.empty(Mixture(), 0.1)
    for payment in range(most):
        treated = chance.random() < share
        bad = chance.random() < 0.08 + treated * difference
        here, overall = eprocess.base_rates(evidence, "a", 20.0)
        promotion.weigh(
            trial, treated=treated, share_ppm=int(share * PPM), bad=bad, stratum_rate=here, overall_rate=overall
        )
        eprocess.observe(evidence, plan, stratum="a", treated=treated, share_ppm=int(share * PPM), bad=bad)
        if trial.log_value >= math.log(promotion.needed(plan.promotion)):
            return payment + 1
    return None


def test_a_harmless_release_is_found_harmless_about_as_soon_as_its_variance_allows() -> None:
    # Growth per payment of the best bet is about margin² / (2·(variance + margin²)): a Kelly bet on a mean.
    best = math.log(100) / (0.02**2 / (2 * (0.08 * 0.92 / 0.25 + 0.02**2)))
    found = [_payments_until_promoted(0.0, 0.5, seed, 40_000) for seed in range(24)]
    payments = [one for one in found if one is not None]
    assert len(payments) == len(found)
    assert sum(payments) / len(payments) < 1.25 * best


def test_a_better_release_is_promoted_sooner_and_one_that_is_worse_by_the_margin_is_not() -> None:
    better = [_payments_until_promoted(-0.03, 0.5, seed, 40_000) for seed in range(8)]
    # Evidence grows by about margin·(margin - 2·difference) over twice the variance: a quarter of the time here.
    assert sum(one or 40_000 for one in better) / 8 < 3_500
    assert all(_payments_until_promoted(0.02, 0.5, seed, 4_000) is None for seed in range(16))


def test_strata_that_matter_need_outcomes_on_both_arms() -> None:
    evidence, plan = eprocess.empty(Mixture(), 0.1), Plan()
    for stratum, untreated, treated in (("card", 900, 60), ("debit", 100, 29), ("few treated", 80, 0), ("rare", 5, 1)):
        for arm, count in ((False, untreated), (True, treated)):
            for _ in range(count):
                eprocess.observe(evidence, plan, stratum=stratum, treated=arm, share_ppm=50_000, bad=False)
    gaps = promotion.gaps(evidence, plan.promotion)
    assert [(gap.stratum, gap.treated, gap.untreated) for gap in gaps] == [("debit", 29, 100), ("few treated", 0, 80)]
    assert gaps[0] == Gap("debit", 129 / 1_175, 29, 100)


def test_a_held_back_arm_that_is_too_small_is_a_gap_as_well() -> None:
    evidence, plan = eprocess.empty(Mixture(), 0.1), Plan()
    for number in range(400):
        eprocess.observe(evidence, plan, stratum="card", treated=number % 20 > 0, share_ppm=950_000, bad=False)
    assert promotion.gaps(evidence, plan.promotion) == [Gap("card", 1.0, 380, 20)]


def test_before_any_outcome_there_is_no_stratum_and_no_evidence() -> None:
    assert promotion.gaps(eprocess.empty(Mixture(), 0.1), Promotion()) == []
    assert Trial(0.02).log_value == 0.0
