"""What ``make bench-statistics`` simulates is the product's own judgement, and what it reports is computed right."""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from benchmarks.statistics import __main__ as program
from benchmarks.statistics import bound, delays, drawing, innocence, summing, work
from benchmarks.statistics.innocence import PRODUCT, Alarms, Counts, Register
from benchmarks.statistics.promoting import Trials
from benchmarks.statistics.traffic import SCENARIOS, Step, payments
from benchmarks.statistics.work import APPROVALS
from scipy import integrate, stats  # type: ignore[import-untyped]

from interlock.releases.canary import recording
from interlock.releases.canary.judging import RollBack, judge
from interlock.releases.canary.payers import Payers
from interlock.releases.canary.plan import Plan
from interlock.releases.canary.recording import Canary
from interlock.releases.canary.types import PPM, Assignment, Indicator, Observation

# Alarms are wanted here, so that there is something to agree about.
EAGER = Plan(alpha=0.6)


def _tell(canary: Canary, payers: Payers, step: Step, row: int, number: int) -> None:
    """Tell the product of one simulated payment, in the words that the release controller uses."""
    drawn = Assignment(
        f"at_{number}",
        f"payer_{step.payer[row]}",
        bool(step.treated[row]),
        int(step.share_ppm[row]),
        str(step.stratum[row]),
    )
    recording.record_assignment(canary, drawn, payers)
    recording.record_arrival(canary, drawn, payers, missing=bool(step.missing[row]))
    if step.missing[row]:
        return
    for indicator, bad in (
        (Indicator.APPROVAL, step.bad[row]),
        (Indicator.TECHNICAL, step.technical[row]),
        (Indicator.SLOW, step.slow[row]),
    ):
        recording.record_outcome(canary, Observation(drawn, indicator, bool(bad)), payers, heard_ms=0)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_product_rolls_back_the_same_innocent_canaries_after_the_same_payments(scenario: str) -> None:
    canaries, seed, shape = 6, (3, 4), SCENARIOS[scenario]()
    simulated = innocence.first_alarms(scenario, EAGER, canaries=canaries, seed=seed)[PRODUCT]
    told = [recording.begin(EAGER, began_ms=0) for _ in range(canaries)]
    registers, first = [Payers() for _ in range(canaries)], np.zeros(canaries, dtype=np.int64)
    for number, step in enumerate(payments(shape, canaries, np.random.default_rng(seed)), start=1):
        for row in np.flatnonzero(first == 0):
            _tell(told[row], registers[row], step, int(row), number)
            if isinstance(judge(told[row], now_ms=0), RollBack):
                first[row] = number
    assert first.tolist() == simulated.tolist()
    assert 0 < (first > 0).sum() < canaries


def test_retries_stay_on_their_arm_and_declines_repeat() -> None:
    steps = list(payments(SCENARIOS["sticky_retries"](), 200, np.random.default_rng(1)))
    payer, treated = (np.array([getattr(step, name) for step in steps]) for name in ("payer", "treated"))
    bad = np.array([step.bad for step in steps])
    again = payer[1:] == payer[:-1]
    assert 0.1 < again.mean() < 0.3
    # Now and then the one who comes back later is the one who paid last; only that payment is drawn again.
    assert (treated[1:] == treated[:-1])[again].mean() > 0.99
    assert bad[1:][again].mean() > 0.85
    assert bad[1:][~again].mean() < 0.3
    assert abs(treated.mean() - 0.05) < 0.01


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_arms_of_an_innocent_canary_have_the_same_rates_at_each_moment(scenario: str) -> None:
    shape = SCENARIOS[scenario]()
    excess = dict.fromkeys(("bad", "technical", "slow", "missing"), 0.0)
    variance = dict.fromkeys(excess, 1e-9)
    register = Register(2_000, len(shape.share_ppm))
    for step in payments(shape, 2_000, np.random.default_rng(2)):
        counts, share = register.claim(step.payer), step.share_ppm / PPM
        for name in excess:
            verdict = getattr(step, name)
            excess[name] += ((step.treated - share) * verdict * counts).sum()
            variance[name] += (share * (1 - share) * verdict * counts).sum()
    for name, found in excess.items():
        assert abs(found) / math.sqrt(variance[name]) < 4


def test_the_first_payment_of_a_payer_counts_as_in_the_product() -> None:
    chance, register, payers = np.random.default_rng(3), Register(1, 50), Payers()
    for number in range(300):
        payer = chance.integers(0, 50, 1)
        assert register.claim(payer)[0] == payers.claim(f"payer_{payer[0]}", f"at_{number}", 0)


def test_a_dead_candidate_is_rolled_back_by_the_simulated_alarms() -> None:
    alarms, chance = Alarms(Plan(), 50), np.random.default_rng(4)
    for step in payments(SCENARIOS["plain"](), 50, chance):
        step.bad[step.treated] = True
        alarms.take(step, np.ones(50, dtype=bool))
    assert alarms.fired().all()


def test_promotion_of_the_benchmark_is_the_products() -> None:
    plan, chance, canaries = Plan(), np.random.default_rng(5), 20
    trials = Trials(plan, Indicator.APPROVAL, canaries)
    told, registers = [recording.begin(plan, began_ms=0) for _ in range(canaries)], [Payers() for _ in range(canaries)]
    for number in range(300):
        treated, bad = chance.random(canaries) < 0.2, chance.random(canaries) < 0.1
        trials.observe(treated, 0.2, bad)
        for row in range(canaries):
            drawn = Assignment(f"at_{number}", f"payer_{number}", bool(treated[row]), 200_000, "card")
            verdict = Observation(drawn, Indicator.APPROVAL, bool(bad[row]))
            recording.record_outcome(told[row], verdict, registers[row], heard_ms=0)
    np.testing.assert_allclose(trials.log, [one.trials[Indicator.APPROVAL].log_value for one in told], rtol=1e-9)


@pytest.mark.parametrize(("share", "stable", "candidate"), [(0.05, 0.08, 1.0), (0.05, 0.08, 0.15), (0.5, 0.3, 0.1)])
def test_the_bound_is_the_mutual_information_of_arm_and_verdict(share: float, stable: float, candidate: float) -> None:
    joint = np.array([[(1 - share) * (1 - stable), (1 - share) * stable], [share * (1 - candidate), share * candidate]])
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    assert bound.information(share, stable, candidate) == pytest.approx(
        stats.entropy(joint.ravel(), independent.ravel())
    )
    assert bound.candidate_payments(share, stable, candidate, 1e-4) == pytest.approx(
        share * math.log(1e4) / stats.entropy(joint.ravel(), independent.ravel())
    )


def test_no_information_is_no_information() -> None:
    assert bound.information(0.05, 0.08, 0.08) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("counts", [(900, 70, 60, 9), (50, 10, 10, 9), (400, 0, 30, 1)])
def test_the_common_test_is_the_one_of_the_books(counts: tuple[int, int, int, int]) -> None:
    here, here_bad, there, there_bad = counts
    compared = Counts(1)
    compared.seen, compared.bad = np.array([[here], [there]], float), np.array([[here_bad], [there_bad]], float)
    table = [[here_bad, here - here_bad], [there_bad, there - there_bad]]
    chi_squared = stats.chi2_contingency(table, correction=False).statistic
    assert compared.two_samples()[0] ** 2 == pytest.approx(chi_squared)


def test_intervals_cover_as_often_as_they_say() -> None:
    chance = np.random.default_rng(6)
    covered = 0
    for _ in range(100):
        _, low, high = summing.share(int((chance.random(300) < 0.02).sum()), 300)
        covered += low <= 0.02 <= high
    assert covered >= 97
    assert summing.share(0, 20_000)[1:] == pytest.approx((0.0, 1 - 0.005 ** (1 / 20_000)))
    middle, low, high = summing.mean(np.arange(1_000.0))
    assert middle == 499.5
    assert (low + high) / 2 == pytest.approx(middle)
    density, _ = integrate.quad(
        stats.norm(scale=np.arange(1_000.0).std(ddof=1) / 1_000**0.5).pdf, low - middle, high - middle
    )
    assert density == pytest.approx(0.99)


def test_approval_falls_to_what_was_asked_for() -> None:
    for approval in APPROVALS.values():
        effect = delays.effect_of(approval)
        assert (1 - delays.BASE_BAD) * (1 - effect) == pytest.approx(approval)
    mixed = np.dot(delays.MIXED.shares, delays.MIXED.bad)
    assert sum(delays.MIXED.shares) == pytest.approx(1.0)
    assert mixed == pytest.approx(delays.BASE_BAD, abs=0.002)
    assert delays.MIXED.shares[delays.SMALL] == 0.028


@pytest.fixture(scope="module")
def written() -> dict[str, object]:
    """A very small benchmark: every group, few canaries, the slow ones left out."""
    left_out = ("late", "promoted", "plain_with")
    slow = ("085", "090", "800", "880")
    wanted = [
        one
        for one in work.tasks(quick=True)
        if one.number == 0 and not (one.name.startswith(left_out) or one.name.endswith(slow))
    ]
    groups = {task.name: task.run(canaries=20, seed=(7, task.number)) for task in wanted}
    return program.document(groups, quick=True, seed=7, seconds=1.0, speed=1e5)


def test_every_figure_has_the_name_and_the_bar_of_the_design(written: dict[str, object]) -> None:
    figures = {one["name"]: one for one in written["figures"]}  # type: ignore[attr-defined]
    assert set(written["not_measured"]) == {"canary_over_bound_q085", "canary_over_bound_q090"}  # type: ignore[call-overload]
    assert {name: one["bar"] for name, one in figures.items()} == {
        "canary_over_bound_q000": "<= 1.35",
        "canary_over_bound_q050": "<= 1.30",
        "false_rollback_share_plain": "<= 0.01",
        "false_rollback_share_drift": "<= 0.01",
        "false_rollback_share_gateway_outage": "<= 0.01",
        "false_rollback_share_sticky_retries": "<= 0.01",
        "stratum_2_8_percent_dead_canary_payments": "<= 340",
    }
    for one in figures.values():
        low, high = one["interval_99"]
        assert low <= one["value"] <= high
        assert one["holds"] is (low <= float(one["bar"].split()[1]))
    assert json.loads(json.dumps(written)) == written


def test_rates_are_claimed_on_twenty_thousand_canaries_at_least() -> None:
    for scenario in SCENARIOS:
        assert sum(one.canaries for one in work.tasks(quick=False) if one.name == f"innocent/{scenario}") >= 20_000


def test_alarms_only_add_up(written: dict[str, object]) -> None:
    for tests in written["curves"]["alarms"].values():  # type: ignore[index]
        for shares in tests.values():
            assert all(early <= late for early, late in pairwise(shares))


def test_the_same_numbers_give_the_same_pictures(written: dict[str, object], tmp_path: Path) -> None:
    first, second = (drawing.draw(dict(written), tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == ["canary-delay.svg", "canary-false-rollbacks.svg", "canary-peeking.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert all(path.read_text(encoding="utf-8").lstrip().startswith("<?xml") for path in first)
