"""The test of assignment keeps its promise exactly, finds what it must find, and survives every number."""

import itertools
import math
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp  # type: ignore[import-untyped]
from tests.support.canaries import (
    PLAIN,
    Drawn,
    assignments,
    drawn,
    drawn_or_not,
    evidence_of,
    expected,
    observe,
    patient,
    plans,
)

from interlock.releases.canary import eprocess
from interlock.releases.canary.eprocess import Evidence, Stake
from interlock.releases.canary.plan import Mixture, Plan
from interlock.releases.canary.types import OTHER, PPM


@patient
@given(plans(), st.lists(drawn_or_not, min_size=1, max_size=7))
def test_an_innocent_release_gains_nothing_on_average_over_all_assignments(plan: Plan, payments: list[Drawn]) -> None:
    for length in range(1, len(payments) + 1):
        first = payments[:length]
        mean = expected(first, lambda arms, first=first: evidence_of(plan, first, arms)[0].value)  # type: ignore[misc]
        assert mean == pytest.approx(1.0, rel=1e-9)


@patient
@given(plans(), st.lists(st.tuples(drawn_or_not, st.booleans()), max_size=25), drawn)
def test_after_any_past_the_next_payment_of_an_innocent_release_changes_nothing_on_average(
    plan: Plan, past: list[tuple[Drawn, bool]], payment: Drawn
) -> None:
    payments, arms = [one for one, _ in past], [treated for _, treated in past]
    now = evidence_of(plan, payments, arms)[0].value
    share = payment.share_ppm / PPM
    treated, untreated = (evidence_of(plan, [*payments, payment], [*arms, arm])[0].value for arm in (True, False))
    assert share * treated + (1 - share) * untreated == pytest.approx(now, rel=1e-9)


@patient
@given(plans(), st.lists(drawn_or_not, min_size=1, max_size=9), st.floats(1.01, 1_000.0))
def test_the_peak_reaches_a_bar_as_rarely_as_promised(plan: Plan, payments: list[Drawn], bar: float) -> None:
    reached = expected(payments, lambda arms: evidence_of(plan, payments, arms)[0].peak >= bar)
    assert reached <= 1.0 / bar + 1e-12


@patient
@given(
    st.lists(st.tuples(drawn, st.booleans()), min_size=1, max_size=60),
    st.floats(1e-4, 0.9),
    st.sampled_from([0.3, 0.5, 1.0]),
)
def test_without_additions_it_is_the_formula_of_the_design(
    events: list[tuple[Drawn, bool]], prior_rate: float, pooled_share: float
) -> None:
    plan = Plan(mixture=PLAIN, pooled_share=pooled_share)
    payments, arms = [payment for payment, _ in events], [treated for _, treated in events]
    assert evidence_of(plan, payments, arms, prior_rate=prior_rate)[1] == pytest.approx(
        _section_8(plan, payments, arms, prior_rate), rel=1e-9
    )


def _section_8(plan: Plan, payments: list[Drawn], arms: list[bool], prior_rate: float) -> list[float]:
    """The formulas as they are written in the design, one after the other, in log space."""
    g = np.array(PLAIN.effects)
    log_weights = np.log(np.array(PLAIN.weights))
    prior, values = plan.baseline.prior_outcomes, []
    own: dict[str, np.ndarray] = {}
    entered: dict[str, float] = {}
    seen: dict[str, list[int]] = {}
    mean: float = 1.0
    for payment, treated in zip(payments, arms, strict=True):
        if payment.stratum not in own:
            own[payment.stratum], entered[payment.stratum], seen[payment.stratum] = np.zeros(len(g)), mean, [0, 0]
        everywhere = np.array(list(seen.values())).sum(axis=0)
        overall = (everywhere[1] + prior * prior_rate) / (everywhere[0] + prior)
        here = seen[payment.stratum]
        d0, share = (here[1] + prior * overall) / (here[0] + prior), payment.share_ppm / PPM
        d1 = d0 + (1 - d0) * g
        if payment.bad:
            own[payment.stratum] += np.log((d1 if treated else d0) / (share * d1 + (1 - share) * d0))
        else:
            m = share * (1 - d1) + (1 - share) * (1 - d0)
            own[payment.stratum] += np.log((1 - d1 if treated else 1 - d0) / m)
        product = math.exp(logsumexp(log_weights + sum(own.values())))
        mean = float(np.mean([entered[one] * math.exp(logsumexp(log_weights + own[one])) for one in own]))
        values.append(plan.pooled_share * product + (1 - plan.pooled_share) * mean)
        if not treated:
            here[0] += 1
            here[1] += payment.bad
    return values


@patient
@given(plans(), st.lists(st.tuples(drawn, st.booleans()), max_size=40), st.integers(0, 40))
def test_a_restart_in_the_middle_changes_no_bit(plan: Plan, events: list[tuple[Drawn, bool]], cut: int) -> None:
    through, restarted = eprocess.empty(plan.mixture, 0.1), eprocess.empty(plan.mixture, 0.1)
    for number, (payment, treated) in enumerate(events):
        if number == cut:
            restarted = msgspec.json.decode(msgspec.json.encode(restarted), type=Evidence)
            plan = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
        observe(through, plan, payment, treated=treated)
        observe(restarted, plan, payment, treated=treated)
    assert restarted == through
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(through), type=Evidence) == through


@patient
@given(st.lists(st.tuples(drawn, st.booleans()), min_size=1, max_size=30), st.permutations("abcdef"))
def test_names_of_strata_do_not_matter(events: list[tuple[Drawn, bool]], names: list[str]) -> None:
    renamed = dict(zip("abcdef", names, strict=True))
    payments, arms = [payment for payment, _ in events], [treated for _, treated in events]
    others = [msgspec.structs.replace(one, stratum=renamed[one.stratum]) for one in payments]
    assert evidence_of(Plan(), payments, arms)[1] == evidence_of(Plan(), others, arms)[1]


@patient
@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), min_size=2, max_size=20), st.randoms())
def test_the_order_of_good_verdicts_does_not_matter(events: list[tuple[str, bool]], chance: random.Random) -> None:
    plan, shuffled = Plan(mixture=PLAIN), [("a", False), ("b", False), *chance.sample(events, len(events))]
    values = [
        evidence_of(plan, [Drawn(name, 50_000, bad=False) for name, _ in order], [arm for _, arm in order])[0].value
        for order in ([("a", False), ("b", False), *events], shuffled)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-9)


@patient
@given(drawn, st.lists(st.tuples(drawn, st.booleans()), max_size=20))
def test_a_bad_verdict_counts_against_the_arm_it_was_on(payment: Drawn, past: list[tuple[Drawn, bool]]) -> None:
    payment = msgspec.structs.replace(payment, bad=True)
    payments, arms = [*(one for one, _ in past), payment], [treated for _, treated in past]
    treated = evidence_of(Plan(), payments, [*arms, True])[0].value
    untreated = evidence_of(Plan(), payments, [*arms, False])[0].value
    before = evidence_of(Plan(), payments[:-1], arms)[0].value
    # At a share of one in a million nearly everything is untreated, so an untreated payment moves nothing visible.
    assert untreated <= before * (1 + 1e-12)
    assert treated >= before * (1 - 1e-12)
    assert treated > untreated


@pytest.mark.parametrize("share_ppm", [0, PPM])
def test_a_payment_that_was_not_drawn_teaches_the_base_rate_and_proves_nothing(share_ppm: int) -> None:
    payments = [Drawn("a", share_ppm, bad=True)] * 50
    evidence, values = evidence_of(Plan(), payments, [False] * 50)
    assert set(values) == {1.0}
    assert evidence.peak == 1.0
    assert eprocess.base_rates(evidence, "a", 20.0)[0] > 0.7
    assert (evidence.strata["a"].untreated, evidence.strata["a"].treated) == (0, 0)


@pytest.mark.parametrize("share_ppm", [1, 10, 50_000, 500_000, PPM - 10, PPM - 1])
@pytest.mark.parametrize("prior_rate", [1e-300, 1e-12, 0.08, 1 - 1e-12])
@pytest.mark.parametrize(("treated", "bad"), list(itertools.product((False, True), repeat=2)))
def test_numbers_stay_numbers_at_every_extreme(share_ppm: int, prior_rate: float, *, treated: bool, bad: bool) -> None:
    plan, evidence = Plan(), eprocess.empty(Mixture(), prior_rate)
    for number in range(1_500):
        observe(evidence, plan, Drawn("ab"[number % 2], share_ppm, bad=bad), treated=treated)
    for number in range(200):
        observe(evidence, plan, Drawn("ab"[number % 2], share_ppm, bad=not bad), treated=not treated)
    wealths = [evidence.pooled.log_wealth, *(part.stake.log_wealth for part in evidence.strata.values())]
    assert all(map(math.isfinite, [*wealths, *evidence.wealths, evidence.value, evidence.peak]))
    assert sum(evidence.pooled.fractions) == pytest.approx(1.0, abs=1e-9)
    assert 0.0 <= evidence.value <= evidence.peak
    assert msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence) == evidence


def test_a_stake_that_is_ten_billion_events_old_still_grows() -> None:
    mixture = Mixture()
    stake = Stake(list(mixture.weights), log_wealth=-5_000.0, events=10_000_000_000)
    for _ in range(1_000):
        eprocess.grow(stake, [1.0, *(1.0 + effect for effect in mixture.effects[1:])], mixture)
    assert stake.log_wealth == pytest.approx(-5_000.0 + 1_000 * math.log(1.97) + math.log(0.2352), abs=0.01)
    assert min(stake.fractions) > 0.0


def test_strata_beyond_the_limit_share_one() -> None:
    plan = Plan(strata_limit=3)
    payments = [Drawn(f"stratum_{number}", 50_000, bad=False) for number in range(5_000)]
    evidence, _ = evidence_of(plan, payments, [number % 20 == 0 for number in range(5_000)])
    assert list(evidence.strata) == ["stratum_0", "stratum_1", "stratum_2", OTHER]
    assert evidence.strata[OTHER].treated + evidence.strata[OTHER].untreated == 4_997
    assert len(msgspec.json.encode(evidence)) < 3_000


def _until(evidence: Evidence, plan: Plan, chance: random.Random, *, dead: str, bar: float, traffic: str) -> int:
    """Return the treated payments until the bar is reached, with everything in stratum ``dead`` failing on that arm."""
    treated_payments = 0
    while evidence.peak < bar and treated_payments < 5_000:
        stratum, treated = chance.choice(traffic), chance.random() < 0.05
        bad = chance.random() < 0.08 or (treated and stratum in dead)
        observe(evidence, plan, Drawn(stratum, 50_000, bad=bad), treated=treated)
        treated_payments += treated
    return treated_payments


def test_a_dead_candidate_is_found_within_a_handful_of_its_payments() -> None:
    chance, plan = random.Random(5), Plan()
    payments = [
        _until(eprocess.empty(plan.mixture, 0.1), plan, chance, dead="abc", bar=1e4, traffic="abc") for _ in range(60)
    ]
    assert sum(payments) / len(payments) < 6.5
    assert max(payments) <= 12


def test_one_dead_stratum_is_found_and_named() -> None:
    chance, plan = random.Random(6), Plan()
    evidence = eprocess.empty(plan.mixture, 0.1)
    assert _until(evidence, plan, chance, dead="z", bar=1e4, traffic="a" * 12 + "b" * 7 + "z") < 400
    assert evidence.peak_stratum == "z"


def test_a_fault_that_begins_late_is_found_at_once_where_the_plain_formula_is_blind() -> None:
    delays = {}
    for mixture in (Mixture(), PLAIN):
        chance, plan = random.Random(7), Plan(mixture=mixture)
        evidence = eprocess.empty(mixture, 0.1)
        for _ in range(30_000):
            observe(evidence, plan, Drawn("a", 50_000, bad=chance.random() < 0.08), treated=chance.random() < 0.05)
        assert evidence.peak < 1e3
        delays[mixture] = _until(evidence, plan, chance, dead="a", bar=1e4, traffic="a")
    assert delays[Mixture()] <= 20
    assert delays[PLAIN] > 3 * delays[Mixture()]


def test_the_treated_arm_may_be_the_large_one() -> None:
    chance, plan = random.Random(8), Plan()
    evidence = eprocess.empty(plan.mixture, 0.1)
    untreated_payments = 0
    while evidence.peak < 1e4:
        treated = chance.random() < 0.95
        observe(evidence, plan, Drawn("a", 950_000, bad=chance.random() < (0.5 if treated else 0.08)), treated=treated)
        untreated_payments += not treated
    assert untreated_payments < 60


def test_all_assignments_are_summed() -> None:
    payments = [Drawn("a", 300_000, bad=True), Drawn("a", 10, bad=False)]
    assert sum(probability for _, probability in assignments(payments)) == pytest.approx(1.0)
    assert len(list(assignments(payments))) == 4
