"""From the state of a canary to a verdict, with a sentence for whoever is woken by it. Pure; called by the controller.

In this order, because the first that applies is the most urgent:

1. one answer with another amount or currency on the treated arm: roll back;
2. evidence of harm that reached 1/alpha of its part of the budget: roll back;
3. payments are not split as assigned: roll back, *without blaming the release*. The comparison means nothing then, so
   the treated arm would go on taking payments that nobody watches; and a release that loses payments before they are
   stored looks exactly like this. Stable is known, and going back costs nothing but the canary;
4. outcomes missing more often on the treated arm: roll back. A lost outcome may be a charge nobody knows of;
5. outcomes missing more often on the other arm: hold. Moving payments there would not help;
6. no decided payment on the treated arm for ``silence_ms``: hold. No data is never a pass;
7. harmless by every indicator, in every stratum that matters: promote;
8. time over: hold, and say what was missing. Else go on collecting.

Numbers 1 to 4 share one alpha (``Budget``): an alarm with part w fires at 1/(alpha · w), so the probabilities of false
alarms add up to alpha at most. The parts are not averaged into one e-value: verdicts of one payment become known at
different times, each e-process is a martingale in the order of its own events only, and a mean of such processes may
exceed 1/alpha more often than alpha (a test shows it with two payments).
"""

import math

import msgspec

from interlock.releases.canary import promotion
from interlock.releases.canary.eprocess import Evidence, Stratum
from interlock.releases.canary.promotion import Trial, needed
from interlock.releases.canary.recording import Canary
from interlock.releases.canary.types import Indicator

Numbers = dict[str, float | int | str]

_BAD_WORDS = {
    Indicator.TECHNICAL: "technical failures",
    Indicator.SLOW: "slow answers",
    Indicator.PENDING_TOO_LONG: "payments pending too long",
    Indicator.ECHO_MISMATCH: "amounts or currencies that came back different",
}
_SHOWN_MAX = 1e15


class Continue(msgspec.Struct, frozen=True, tag="continue"):
    """Undecided: go on collecting."""

    reason: str
    numbers: Numbers


class RollBack(msgspec.Struct, frozen=True, tag="roll_back"):
    """Take the treated arm out. ``blames_release`` is False where the comparison itself broke."""

    reason: str
    numbers: Numbers
    blames_release: bool = True


class Promote(msgspec.Struct, frozen=True, tag="promote"):
    """Harmless: the treated arm may take all payments."""

    reason: str
    numbers: Numbers


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Inconclusive: change nothing and tell a person. Later events may still decide it."""

    reason: str
    numbers: Numbers


Verdict = Continue | RollBack | Promote | Hold


def judge(canary: Canary, *, now_ms: int) -> Verdict:
    """Return the verdict on ``canary`` at ``now_ms``."""
    found = _mismatch(canary) or _harm(canary) or _ratio(canary) or _missing(canary) or _silence(canary, now_ms)
    if found is not None:
        return found
    lacking = _lacking(canary)
    if not lacking:
        return Promote(_harmless(canary), _standing(canary))
    if now_ms - canary.began_ms >= canary.plan.duration_ms:
        return Hold(f"Undecided when its time was over: {'; '.join(lacking)}.", _standing(canary))
    return Continue(f"Collecting: {'; '.join(lacking)}.", _standing(canary))


def _mismatch(canary: Canary) -> RollBack | None:
    attempt_id = canary.mismatch_attempt_id
    if attempt_id is None:
        return None
    name = canary.plan.treated_name
    reason = f"On {name} a gateway answered with another amount or currency than it was asked for, in {attempt_id}."
    return RollBack(reason, {"attempt_id": attempt_id})


def _harm(canary: Canary) -> RollBack | None:
    plan = canary.plan
    weighed = {one: canary.evidence[one].peak * plan.budget.of(one) for one in Indicator}
    worst = max(weighed, key=weighed.__getitem__)
    if weighed[worst] < 1.0 / plan.alpha:
        return None
    evidence = canary.evidence[worst]
    stratum = evidence.peak_stratum
    counts = _counts(evidence, stratum)
    place = f"In {stratum}: " if stratum is not None else ""
    sentence = f"{place}{_compare(canary, worst, counts)}; {_weight(weighed[worst], 1.0 / plan.alpha)}."
    numbers: Numbers = {"indicator": worst.value, **counts, "evidence": weighed[worst], "needed": 1.0 / plan.alpha}
    if stratum is not None:
        numbers["stratum"] = stratum
    return RollBack(_capital(sentence), numbers)


def _ratio(canary: Canary) -> RollBack | None:
    balance, plan = canary.balance, canary.plan
    evidence = plan.budget.sample_ratio * math.exp(min(balance.ratio_peak_log, 700.0))
    numbers: Numbers = {
        "payments": balance.payments,
        "treated": balance.treated,
        "expected": balance.expected_treated,
        "impossible": balance.impossible,
        "evidence": evidence,
        "needed": 1.0 / plan.alpha,
    }
    if balance.impossible:
        seen = f"payments on an arm that their logged share excludes: {balance.impossible:,}"
    elif evidence >= 1.0 / plan.alpha:
        seen = (
            f"{plan.treated_name} got {balance.treated:,} of {balance.payments:,} payments where "
            f"{balance.expected_treated:,.0f} were assigned; {_weight(evidence, 1.0 / plan.alpha)}"
        )
    else:
        return None
    reason = f"Payments are not split as assigned, so the arms cannot be compared and nothing guards them: {seen}."
    return RollBack(reason, numbers, blames_release=False)


def _missing(canary: Canary) -> RollBack | Hold | None:
    plan, balance = canary.plan, canary.balance
    for evidence, hold in ((balance.missing_treated, False), (balance.missing_untreated, True)):
        weighed = evidence.peak * (1.0 if hold else plan.budget.missing_outcome)
        if weighed < 1.0 / plan.alpha:
            continue
        counts = _counts(evidence, None)
        other = plan.treated_name if hold else plan.untreated_name
        reason = (
            f"Outcomes are missing on {plan.untreated_name if hold else plan.treated_name} for "
            f"{_of(counts['treated_bad'], counts['treated'])} payments, on {other} for "
            f"{_of(counts['untreated_bad'], counts['untreated'])}; {_weight(weighed, 1.0 / plan.alpha)}."
        )
        numbers: Numbers = {**counts, "evidence": weighed, "needed": 1.0 / plan.alpha}
        return Hold(reason, numbers) if hold else RollBack(reason, numbers)
    return None


def _silence(canary: Canary, now_ms: int) -> Hold | None:
    heard_ms = canary.treated_heard_ms
    silent_ms = now_ms - (canary.began_ms if heard_ms is None else heard_ms)
    if silent_ms < canary.plan.silence_ms:
        return None
    since = "since it began" if heard_ms is None else "since its last one"
    reason = (
        f"No payment on {canary.plan.treated_name} was decided for {silent_ms / 60_000:,.0f} minutes, {since}; "
        "without data nothing is promoted."
    )
    return Hold(reason, {"silent_ms": silent_ms, **_standing(canary)})


def _lacking(canary: Canary) -> list[str]:
    """Return what promotion still lacks, each as half a sentence."""
    plan, lacking = canary.plan, []
    for noun, trial in _trials(canary):
        if trial.log_value < -math.log(plan.promotion.alpha):
            lacking.append(
                f"that {noun} is not worse by {_points(trial.margin)} has evidence "
                f"{_amount(_shown(trial.log_value))} of {_amount(needed(plan.promotion))} needed"
            )
    short = promotion.gaps(canary.evidence[Indicator.APPROVAL], plan.promotion)
    if short:
        first = short[0]
        lacking.append(
            f"strata with fewer than {plan.promotion.stratum_outcomes_min} outcomes on an arm: {len(short)}, "
            f"the largest {first.stratum} ({first.share:.1%} of payments, {first.treated:,} on {plan.treated_name}, "
            f"{first.untreated:,} on {plan.untreated_name})"
        )
    return lacking


def _harmless(canary: Canary) -> str:
    plan = canary.plan
    bounds = ", ".join(f"{noun} by {_points(trial.margin)}" for noun, trial in _trials(canary))
    approval = _compare(canary, Indicator.APPROVAL, _counts(canary.evidence[Indicator.APPROVAL], None))
    weakest = min(trial.log_value for _, trial in _trials(canary))
    return _capital(
        f"{plan.treated_name} is not worse than {plan.untreated_name} ({bounds} at most); {approval}; "
        f"{_weight(_shown(weakest), needed(plan.promotion))}."
    )


def _standing(canary: Canary) -> Numbers:
    """Return where everything stands: counts, evidence of harm by indicator, evidence of harmlessness by indicator."""
    plan = canary.plan
    numbers: Numbers = dict(_counts(canary.evidence[Indicator.APPROVAL], None))
    for indicator in Indicator:
        numbers[f"harm_{indicator.value}"] = canary.evidence[indicator].value * plan.budget.of(indicator)
    for indicator, trial in canary.trials.items():
        numbers[f"harmless_{indicator.value}"] = _shown(trial.log_value)
    numbers["harmless_missing_outcome"] = _shown(canary.missing_trial.log_value)
    numbers["harm_needed"] = 1.0 / plan.alpha
    numbers["harmless_needed"] = needed(plan.promotion)
    return numbers


def _counts(evidence: Evidence, stratum: str | None) -> dict[str, int]:
    parts: list[Stratum] = list(evidence.strata.values()) if stratum is None else [evidence.strata[stratum]]
    return {
        "treated": sum(part.treated for part in parts),
        "treated_bad": sum(part.treated_bad for part in parts),
        "untreated": sum(part.untreated for part in parts),
        "untreated_bad": sum(part.untreated_bad for part in parts),
    }


def _compare(canary: Canary, indicator: Indicator, counts: dict[str, int]) -> str:
    plan, treated, untreated = canary.plan, counts["treated"], counts["untreated"]
    there, here = counts["treated_bad"], counts["untreated_bad"]
    word = _BAD_WORDS.get(indicator)
    if word is None:
        word, there, here = "approval", treated - there, untreated - here
    return (
        f"{word} on {plan.treated_name} {_of(there, treated)}, on {plan.untreated_name} {_of(here, untreated)} "
        "in the same minutes"
    )


def _trials(canary: Canary) -> list[tuple[str, Trial]]:
    """Return what promotion has to show, each with its name in a sentence."""
    found = [(_noun(indicator), trial) for indicator, trial in canary.trials.items()]
    return [*found, ("the rate of missing outcomes", canary.missing_trial)]


def _noun(indicator: Indicator) -> str:
    return "the rate of " + _BAD_WORDS[indicator] if indicator in _BAD_WORDS else "approval"


def _points(margin: float) -> str:
    return f"{margin * 100:g} points"


def _of(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}"


def _weight(evidence: float, bar: float) -> str:
    return f"evidence {_amount(evidence)} against {_amount(bar)} needed"


def _amount(value: float) -> str:
    if value >= _SHOWN_MAX:
        return f"more than {_SHOWN_MAX:.0e}"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _shown(log_value: float) -> float:
    return math.exp(min(log_value, 700.0))


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
