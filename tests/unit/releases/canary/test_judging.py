"""The verdict: what comes first, what it says, and that nothing is promoted for want of data."""

import itertools
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.canaries import Drawn, assignment, assignments, observe

from interlock.releases.canary import eprocess, recording
from interlock.releases.canary.judging import Continue, Hold, Promote, RollBack, Verdict, judge
from interlock.releases.canary.payers import Payers
from interlock.releases.canary.plan import Baseline, Budget, Mixture, Plan, Promotion
from interlock.releases.canary.recording import Canary
from interlock.releases.canary.types import PPM, Assignment, Indicator, Observation

MINUTE_MS = 60_000
# Wide margins and half of the payments, so that a few thousand payments suffice.
QUICK = Plan(promotion=Promotion(margins={Indicator.APPROVAL: 0.1, Indicator.TECHNICAL: 0.1}, missing_margin=0.1))


class Rollout:
    """One canary with simulated payments; ``at_ms`` moves with every payment."""

    def __init__(self, plan: Plan | None = None, *, share: float = 0.5, seed: int = 1) -> None:
        self.canary: Canary = recording.begin(plan or QUICK, began_ms=0)
        self.payers, self.chance = Payers(), random.Random(seed)
        self.share, self.number, self.at_ms = share, 0, 0

    def pay(
        self,
        count: int,
        *,
        bad: tuple[float, float] = (0.08, 0.08),
        missing: tuple[float, float] = (0.0, 0.0),
        stratum: str = "card",
        indicators: tuple[Indicator, ...] = (Indicator.APPROVAL, Indicator.TECHNICAL),
        real_share: float | None = None,
    ) -> "Rollout":
        """Pay ``count`` times; rates are of the treated and of the other arm."""
        for _ in range(count):
            self.number, self.at_ms = self.number + 1, self.at_ms + 100
            treated = self.chance.random() < (self.share if real_share is None else real_share)
            drawn = assignment(self.number, treated=treated, share_ppm=int(self.share * PPM), stratum=stratum)
            recording.record_assignment(self.canary, drawn, self.payers)
            lost = self.chance.random() < missing[not treated]
            recording.record_arrival(self.canary, drawn, self.payers, missing=lost)
            for indicator in indicators if not lost else ():
                rate = bad[not treated] if indicator is Indicator.APPROVAL else 0.01
                self.outcome(drawn, indicator, bad=self.chance.random() < rate)
        return self

    def outcome(self, drawn: Assignment, indicator: Indicator, *, bad: bool) -> None:
        recording.record_outcome(self.canary, Observation(drawn, indicator, bad), self.payers, heard_ms=self.at_ms)

    def verdict(self, *, later_ms: int = 0) -> Verdict:
        return judge(self.canary, now_ms=self.at_ms + later_ms)


def test_without_data_it_goes_on_collecting_then_holds_and_never_promotes() -> None:
    canary = recording.begin(Plan(), began_ms=0)
    early, late, over = (judge(canary, now_ms=at_ms) for at_ms in (MINUTE_MS, 15 * MINUTE_MS, 10**12))
    assert isinstance(early, Continue)
    assert early.reason.startswith("Collecting: that approval is not worse by 2 points has evidence 1 of 100 needed")
    assert isinstance(late, Hold)
    assert late.reason == (
        "No payment on the candidate was decided for 15 minutes, since it began; without data nothing is promoted."
    )
    assert isinstance(over, Hold)


def test_a_dead_candidate_is_rolled_back_with_the_numbers_in_the_sentence() -> None:
    rollout = Rollout(Plan(), share=0.05, seed=3).pay(100)
    while not isinstance(verdict := rollout.verdict(), RollBack):
        rollout.pay(1, bad=(1.0, 0.08))
    assert verdict.blames_release
    numbers = verdict.numbers
    assert verdict.reason.startswith(
        f"Approval on the candidate {numbers['treated'] - numbers['treated_bad']} of {numbers['treated']}, "  # type: ignore[operator]
        f"on stable {numbers['untreated'] - numbers['untreated_bad']} of {numbers['untreated']} "  # type: ignore[operator]
        "in the same minutes; evidence "
    )
    assert verdict.reason.endswith(" against 10,000 needed.")
    assert numbers["evidence"] >= numbers["needed"] == 10_000  # type: ignore[operator]
    assert numbers["treated"] < 25  # type: ignore[operator]


def test_evidence_that_was_reached_once_decides_whatever_came_after() -> None:
    rollout = Rollout()
    while not isinstance(rollout.verdict(), RollBack):
        rollout.pay(1, bad=(0.9, 0.08))
    rollout.pay(1_000, bad=(0.0, 0.08))
    assert rollout.canary.evidence[Indicator.APPROVAL].value < 1_000
    assert isinstance(rollout.verdict(), RollBack)


def test_the_one_stratum_that_is_dead_is_named() -> None:
    rollout = Rollout().pay(3_000)
    while not isinstance(verdict := rollout.verdict(), RollBack):
        rollout.pay(60).pay(1, stratum="debit·SEK", bad=(1.0, 0.08))
    assert verdict.reason.startswith("In debit·SEK: approval on the candidate 0 of ")
    assert verdict.numbers["stratum"] == "debit·SEK"


@pytest.mark.parametrize(
    ("indicator", "words"),
    [
        (Indicator.TECHNICAL, "Technical failures on the candidate 12 of 12, on stable 0 of 12"),
        (Indicator.SLOW, "Slow answers on the candidate 12 of 12, on stable 0 of 12"),
        (Indicator.PENDING_TOO_LONG, "Payments pending too long on the candidate 12 of 12, on stable 0 of 12"),
    ],
)
def test_each_indicator_can_roll_back_by_itself(indicator: Indicator, words: str) -> None:
    rollout = Rollout(Plan())
    for number in range(24):
        rollout.outcome(assignment(number, treated=number % 2 == 0, share_ppm=500_000), indicator, bad=number % 2 == 0)
    verdict = rollout.verdict()
    assert isinstance(verdict, RollBack)
    assert verdict.reason.startswith(words)
    assert verdict.numbers["indicator"] == indicator.value


def test_one_other_amount_on_the_treated_arm_is_enough_and_comes_before_everything() -> None:
    rollout = Rollout().pay(200, bad=(0.9, 0.08), real_share=0.9)
    rollout.outcome(assignment(7_777), Indicator.ECHO_MISMATCH, bad=True)
    verdict = rollout.verdict()
    assert isinstance(verdict, RollBack)
    assert verdict.reason == (
        "On the candidate a gateway answered with another amount or currency than it was asked for, in at_7777."
    )
    assert verdict.numbers == {"attempt_id": "at_7777"}


def test_one_other_amount_on_stable_says_nothing_of_the_candidate() -> None:
    rollout = Rollout().pay(50)
    rollout.outcome(assignment(7_777, treated=False), Indicator.ECHO_MISMATCH, bad=True)
    assert isinstance(rollout.verdict(), Continue)


def test_an_unfair_split_rolls_back_and_blames_nobody() -> None:
    verdict = Rollout(share=0.05).pay(3_000, real_share=0.15).verdict()
    assert isinstance(verdict, RollBack)
    assert not verdict.blames_release
    assert "the candidate got " in verdict.reason
    assert " of 3,000 payments where 150 were assigned; evidence " in verdict.reason


def test_a_payment_on_an_arm_without_a_share_rolls_back_at_once() -> None:
    rollout = Rollout()
    recording.record_assignment(rollout.canary, assignment(1, share_ppm=0), rollout.payers)
    verdict = rollout.verdict()
    assert isinstance(verdict, RollBack)
    assert not verdict.blames_release
    assert verdict.reason.endswith(": payments on an arm that their logged share excludes: 1.")


def test_outcomes_missing_on_the_candidate_roll_back_and_on_stable_hold() -> None:
    lost = Rollout().pay(600, missing=(0.3, 0.001)).verdict()
    assert isinstance(lost, RollBack)
    assert lost.blames_release
    assert lost.reason.startswith("Outcomes are missing on the candidate for ")
    held = Rollout().pay(600, missing=(0.001, 0.3)).verdict()
    assert isinstance(held, Hold)
    assert held.reason.startswith("Outcomes are missing on stable for ")


def test_a_candidate_that_falls_silent_is_held_and_goes_on_when_it_speaks() -> None:
    rollout = Rollout().pay(100)
    assert isinstance(rollout.verdict(later_ms=15 * MINUTE_MS - 1_000), Continue)
    silent = rollout.verdict(later_ms=15 * MINUTE_MS)
    assert isinstance(silent, Hold)
    assert silent.reason.endswith("for 15 minutes, since its last one; without data nothing is promoted.")
    assert isinstance(rollout.pay(3).verdict(), Continue)


def test_a_harmless_release_is_promoted_with_the_numbers_in_the_sentence() -> None:
    rollout = Rollout()
    while isinstance(verdict := rollout.verdict(), Continue):
        rollout.pay(20)
    assert isinstance(verdict, Promote)
    assert verdict.reason.startswith(
        "The candidate is not worse than stable (approval by 10 points, the rate of technical failures by 10 points, "
        "the rate of missing outcomes by 10 points at most); approval on the candidate "
    )
    assert verdict.reason.endswith(" against 100 needed.")
    assert rollout.number < 2_000


def test_a_stratum_that_was_hardly_tried_keeps_it_from_being_promoted() -> None:
    rollout = Rollout().pay(2_000).pay(40, stratum="debit")
    verdict = rollout.verdict()
    assert isinstance(verdict, Continue)
    assert verdict.reason.startswith("Collecting: strata with fewer than 30 outcomes on an arm: 1, the largest debit (")
    assert isinstance(rollout.pay(60, stratum="debit").verdict(), Promote)


def test_outcomes_that_were_never_asked_for_keep_it_from_being_promoted() -> None:
    rollout = Rollout()
    for number in range(2_000):
        drawn = assignment(number, treated=number % 2 == 0, share_ppm=500_000)
        for indicator in (Indicator.APPROVAL, Indicator.TECHNICAL):
            rollout.outcome(drawn, indicator, bad=False)
    verdict = rollout.verdict()
    assert isinstance(verdict, Continue)
    assert verdict.reason == (
        "Collecting: that the rate of missing outcomes is not worse by 10 points has evidence 1 of 100 needed."
    )


def test_time_that_is_over_holds_and_says_what_was_missing() -> None:
    rollout = Rollout(msgspec.structs.replace(QUICK, duration_ms=10_000)).pay(100)
    verdict = rollout.verdict()
    assert isinstance(verdict, Hold)
    assert verdict.reason.startswith(
        "Undecided when its time was over: that approval is not worse by 10 points has evi"
    )
    assert isinstance(rollout.pay(1_900).verdict(), Promote)


def test_hold_back_is_the_same_test_with_the_large_arm_treated() -> None:
    plan = msgspec.structs.replace(QUICK, treated_name="the new release", untreated_name="the old one, held back")
    fine = Rollout(plan, share=0.95)
    while isinstance(promoted := fine.verdict(), Continue):
        fine.pay(50)
    assert isinstance(promoted, Promote)
    assert promoted.reason.startswith("The new release is not worse than the old one, held back (")
    rolled_back = Rollout(plan, share=0.95).pay(2_000, bad=(0.3, 0.08)).verdict()
    assert isinstance(rolled_back, RollBack)
    assert rolled_back.reason.startswith("Approval on the new release ")
    assert isinstance(Rollout(plan, share=0.95).pay(2_000, bad=(0.08, 0.3)).verdict(), Promote)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(Indicator), st.booleans(), st.booleans()), max_size=40),
    st.integers(0, 10**9),
)
def test_a_verdict_is_the_same_however_often_it_is_asked_and_can_be_stored(
    told: list[tuple[bool, Indicator, bool, bool]], now_ms: int
) -> None:
    rollout = Rollout(Plan())
    for number, (treated, indicator, bad, missing) in enumerate(told):
        drawn = assignment(number, treated=treated)
        recording.record_assignment(rollout.canary, drawn, rollout.payers)
        recording.record_arrival(rollout.canary, drawn, rollout.payers, missing=missing)
        rollout.outcome(drawn, indicator, bad=bad)
    before = msgspec.json.encode(rollout.canary)
    verdict = judge(rollout.canary, now_ms=now_ms)
    assert verdict == judge(rollout.canary, now_ms=now_ms)
    assert msgspec.json.encode(rollout.canary) == before
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
    assert len(told) > 30 or not isinstance(verdict, Promote)


def test_a_mean_of_indicators_would_break_the_promise_and_dividing_alpha_keeps_it() -> None:
    """Two payments, each seen by two indicators that speak in opposite order; every assignment summed.

    The first payment's one verdict gives its arm away while its other verdict is still to come, so whoever takes the
    mean of both e-values knows what the second one will do. The second payment's share depends on what was seen.
    """
    bar = 100.0
    plan = Plan(mixture=Mixture(effects=(0.9999,), weights=(1.0,), renewal=0.0, renewal_delay=1.0), baseline=RARE)
    mean_reached = divided_reached = 0.0
    for first, second in itertools.product((True, False), repeat=2):
        share = 2.0 / bar if first else 0.5 / bar
        probability = 0.5 * (share if second else 1 - share)
        one, other = (eprocess.empty(plan.mixture, 1e-6) for _ in range(2))
        a, b = Drawn("a", PPM // 2, bad=True), Drawn("a", int(share * PPM), bad=True)
        means, singles = [], []
        for evidence, payment, treated in ((one, a, first), (other, b, second), (one, b, second), (other, a, first)):
            observe(evidence, plan, payment, treated=treated)
            means.append((one.value + other.value) / 2)
            singles += [one.peak, other.peak]
        mean_reached += probability * (max(means) >= 0.99 * bar)
        divided_reached += probability * (max(singles) >= 0.99 * bar * 2)
    assert mean_reached == pytest.approx(1.25 / bar)
    assert divided_reached <= 1 / (0.99 * bar)


RARE = Baseline(prior_outcomes=1e9)


@pytest.mark.parametrize("alpha", [0.05, 0.5])
def test_all_alarms_together_roll_an_innocent_release_back_as_rarely_as_alpha(alpha: float) -> None:
    """Exact: every assignment of eight payments with fixed verdicts of every kind, mismatches aside."""
    chance = random.Random(9)
    plan = Plan(alpha=alpha, budget=Budget())
    fate = [
        (Drawn("ab"[number % 2], chance.choice([300_000, 50_000]), bad=False), chance.choices([True, False], k=5))
        for number in range(8)
    ]
    rolled_back = 0.0
    for arms, probability in assignments([payment for payment, _ in fate]):
        rollout = Rollout(plan)
        for number, ((payment, verdicts), treated) in enumerate(zip(fate, arms, strict=True)):
            drawn = assignment(number, treated=treated, share_ppm=payment.share_ppm, stratum=payment.stratum)
            recording.record_assignment(rollout.canary, drawn, rollout.payers)
            recording.record_arrival(rollout.canary, drawn, rollout.payers, missing=verdicts[0])
            for indicator, bad in zip(list(Indicator)[:4], verdicts[1:], strict=True):
                rollout.outcome(drawn, indicator, bad=bad)
        rolled_back += probability * isinstance(rollout.verdict(), RollBack)
    assert rolled_back <= alpha
    assert rolled_back > 0.0
