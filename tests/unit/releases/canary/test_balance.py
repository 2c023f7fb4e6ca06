"""The split of payments and missing outcomes are tested as exactly as harm is."""

import math
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]
from tests.support.canaries import Drawn, assignments, expected, patient, shares

from interlock.releases.canary import balance
from interlock.releases.canary.balance import Balance
from interlock.releases.canary.plan import Plan
from interlock.releases.canary.types import PPM

BAR = math.log(1e4 / 0.02)


def _split(share_of_each: list[int], arms: tuple[bool, ...]) -> Balance:
    state = balance.empty(Plan())
    for share_ppm, treated in zip(share_of_each, arms, strict=True):
        balance.assigned(state, treated=treated, share_ppm=share_ppm)
    return state


@patient
@given(st.lists(shares, min_size=1, max_size=7), st.floats(1.01, 100.0))
def test_a_fair_split_gains_nothing_on_average_and_reaches_a_bar_as_rarely_as_promised(
    share_of_each: list[int], bar: float
) -> None:
    payments = [Drawn("all", share_ppm, bad=False) for share_ppm in share_of_each]
    mean = expected(payments, lambda arms: math.exp(_split(share_of_each, arms).ratio.log_wealth))
    assert mean == pytest.approx(1.0, rel=1e-9)
    assert expected(payments, lambda arms: _split(share_of_each, arms).ratio_peak_log >= math.log(bar)) <= 1 / bar


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=7))
def test_missing_outcomes_gain_nothing_on_average_when_the_arm_does_not_matter(fate: list[tuple[int, bool]]) -> None:
    def evidence(arms: tuple[bool, ...]) -> Balance:
        state = balance.empty(Plan())
        for (share_ppm, missing), treated in zip(fate, arms, strict=True):
            balance.arrived(state, Plan(), treated=treated, share_ppm=share_ppm, missing=missing)
        return state

    payments = [Drawn("all", share_ppm, bad=missing) for share_ppm, missing in fate]
    assert expected(payments, lambda arms: evidence(arms).missing_treated.value) == pytest.approx(1.0, rel=1e-9)
    assert expected(payments, lambda arms: evidence(arms).missing_untreated.value) == pytest.approx(1.0, rel=1e-9)
    assert len(list(assignments(payments))) == 2 ** len(payments)


def _until_unfair(real_share: float, logged_ppm: int, seed: int, most: int) -> int | None:
    chance, state = random.Random(seed), balance.empty(Plan())
    for payment in range(most):
        balance.assigned(state, treated=chance.random() < real_share, share_ppm=logged_ppm)
        if state.ratio_peak_log >= BAR:
            return payment + 1
    return None


@pytest.mark.parametrize(("real", "within"), [(0.1, 800), (0.025, 2_500), (0.0, 700), (0.5, 40)])
def test_another_split_than_the_logged_one_is_found(real: float, within: int) -> None:
    found = [_until_unfair(real, 50_000, seed, 10_000) for seed in range(20)]
    payments = [one for one in found if one is not None]
    assert len(payments) == 20
    assert np.mean(payments) < within
    # Nothing is said before a test with a fixed number of payments could have known it as well.
    first = min(payments)
    assert stats.binomtest(round(real * first), first, 0.05).pvalue < 0.01


def test_a_fair_split_is_left_alone_though_it_is_looked_at_after_every_payment() -> None:
    assert [_until_unfair(0.05, 50_000, seed, 3_000) for seed in range(40)] == [None] * 40


def test_shares_may_change_and_what_they_expected_is_added_up() -> None:
    state = balance.empty(Plan())
    for share_ppm, treated in ((10_000, False), (500_000, True), (990_000, True)):
        balance.assigned(state, treated=treated, share_ppm=share_ppm)
    assert (state.payments, state.treated, state.expected_treated) == (3, 2, 1.5)
    assert state.impossible == 0


@pytest.mark.parametrize(
    ("treated", "share_ppm", "impossible"), [(True, 0, 1), (False, 0, 0), (True, PPM, 0), (False, PPM, 1)]
)
def test_a_payment_on_an_arm_that_its_share_excludes_is_counted(
    share_ppm: int, impossible: int, *, treated: bool
) -> None:
    state = balance.empty(Plan())
    balance.assigned(state, treated=treated, share_ppm=share_ppm)
    assert (state.impossible, state.payments, state.ratio.log_wealth) == (impossible, 0, 0.0)


@pytest.mark.parametrize("lost", ["treated", "untreated"])
def test_outcomes_missing_on_one_arm_are_found_in_their_direction_only(lost: str) -> None:
    chance, state, plan = random.Random(3), balance.empty(Plan()), Plan()
    for _ in range(4_000):
        treated = chance.random() < 0.05
        missing = chance.random() < (0.3 if treated == (lost == "treated") else 0.005)
        balance.arrived(state, plan, treated=treated, share_ppm=50_000, missing=missing)
    peaks = {"treated": state.missing_treated.peak, "untreated": state.missing_untreated.peak}
    assert peaks.pop(lost) > 1e6
    assert peaks.popitem()[1] < 100


def test_it_goes_on_from_what_was_stored() -> None:
    chance, through, restarted = random.Random(4), balance.empty(Plan()), balance.empty(Plan())
    for _ in range(300):
        treated, missing = chance.random() < 0.2, chance.random() < 0.1
        restarted = msgspec.json.decode(msgspec.json.encode(restarted), type=Balance)
        for state in (through, restarted):
            balance.assigned(state, treated=treated, share_ppm=200_000)
            balance.arrived(state, Plan(), treated=treated, share_ppm=200_000, missing=missing)
    assert restarted == through
