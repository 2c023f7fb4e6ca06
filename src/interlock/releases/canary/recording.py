"""The state of one canary, and how it takes in what becomes known. Called by the release controller.

``Canary`` is a plain struct: encode it into a row together with the position up to which events were read, decode it in
another process, go on from there, and every number is the same to the last bit. ``Payers`` comes beside it.

Order matters in one way only: events are recorded in the order in which they became known, never sorted by arm or
result.
"""

import msgspec

from interlock.releases.canary import balance, eprocess, promotion
from interlock.releases.canary.balance import Balance
from interlock.releases.canary.eprocess import Evidence
from interlock.releases.canary.payers import Payers
from interlock.releases.canary.plan import Plan
from interlock.releases.canary.promotion import Trial
from interlock.releases.canary.types import Assignment, Indicator, Observation

_EVENT = {indicator: number for number, indicator in enumerate(Indicator)}
_ASSIGNED, _ARRIVED = len(_EVENT), len(_EVENT) + 1


class Canary(msgspec.Struct, kw_only=True):
    """Everything that is known of one canary; bounded by ``plan.strata_limit``.

    ``payer_halvings`` repeats what the register of payers says, so that it can be built again alike. ``left_out``
    counts events of payers that had spoken already or fall out of a full register. ``mismatch_attempt_id`` is the
    first payment on the treated arm whose amount or currency came back different. ``missing_trial`` weighs, beside the
    ``trials`` of what was decided, that payments are not lost before they are decided.
    """

    plan: Plan
    began_ms: int
    evidence: dict[Indicator, Evidence]
    trials: dict[Indicator, Trial]
    missing_trial: Trial
    balance: Balance
    payer_halvings: int = 0
    left_out: int = 0
    treated_heard_ms: int | None = None
    mismatch_attempt_id: str | None = None


def begin(plan: Plan, *, began_ms: int) -> Canary:
    """Return a canary before its first payment, begun at ``began_ms``."""
    rates = plan.baseline.prior_rates
    return Canary(
        plan=plan,
        began_ms=began_ms,
        evidence={indicator: eprocess.empty(plan.mixture, rates[indicator]) for indicator in Indicator},
        trials={indicator: Trial(margin) for indicator, margin in plan.promotion.margins.items()},
        missing_trial=Trial(plan.promotion.missing_margin),
        balance=balance.empty(plan),
    )


def record_assignment(canary: Canary, assignment: Assignment, payers: Payers) -> bool:
    """Take in that a payment was drawn; call it when the attempt is stored, before any outcome.

    Returns:
        whether it counts: the payer's first.

    """
    if not _counts(canary, assignment, payers, _ASSIGNED):
        return False
    balance.assigned(canary.balance, treated=assignment.treated, share_ppm=assignment.share_ppm)
    return True


def record_outcome(canary: Canary, observation: Observation, payers: Payers, *, heard_ms: int) -> bool:
    """Take in one verdict of a payment that became known at ``heard_ms``; a repeat of the same one changes nothing.

    Returns:
        whether it counts: the first of its kind, of the payer's first payment. A money mismatch on the treated arm is
        kept whether it counts or not.

    """
    assignment, indicator, bad = observation.assignment, observation.indicator, observation.bad
    treated, share_ppm = assignment.treated, assignment.share_ppm
    if bad and treated and indicator is Indicator.ECHO_MISMATCH and canary.mismatch_attempt_id is None:
        canary.mismatch_attempt_id = assignment.attempt_id
    if not _counts(canary, assignment, payers, _EVENT[indicator]):
        return False
    if treated:
        canary.treated_heard_ms = heard_ms
    evidence, plan = canary.evidence[indicator], canary.plan
    stratum = eprocess.name_of(evidence, assignment.stratum, plan.strata_limit)
    trial = canary.trials.get(indicator)
    if trial is not None:
        here, overall = eprocess.base_rates(evidence, stratum, plan.baseline.prior_outcomes)
        promotion.weigh(trial, treated=treated, share_ppm=share_ppm, bad=bad, stratum_rate=here, overall_rate=overall)
    eprocess.observe(evidence, plan, stratum=stratum, treated=treated, share_ppm=share_ppm, bad=bad)
    return True


def record_arrival(canary: Canary, assignment: Assignment, payers: Payers, *, missing: bool) -> bool:
    """Take in, when a payment's time for a first outcome is over, whether it has none (``missing``).

    Returns:
        whether it counts: once, of the payer's first payment.

    """
    if not _counts(canary, assignment, payers, _ARRIVED):
        return False
    treated, share_ppm = assignment.treated, assignment.share_ppm
    _, rate = eprocess.base_rates(canary.balance.missing_treated, "", canary.plan.baseline.prior_outcomes)
    promotion.weigh(
        canary.missing_trial,
        treated=treated,
        share_ppm=share_ppm,
        bad=missing,
        stratum_rate=rate,
        overall_rate=rate,
    )
    balance.arrived(canary.balance, canary.plan, treated=treated, share_ppm=share_ppm, missing=missing)
    return True


def remember(payers: Payers, assignment: Assignment, *, verdicts: frozenset[Indicator], arrived: bool) -> None:
    """Tell a register that is being built again what of a payment was recorded before the checkpoint.

    Args:
        payers: begun with the canary's ``payer_halvings``; payments come in the order of their assignment.
        assignment: the payment.
        verdicts: those of its verdicts that were recorded.
        arrived: whether ``record_arrival`` was called for it.

    """
    events = [_ASSIGNED, *(_EVENT[indicator] for indicator in Indicator if indicator in verdicts)]
    for event in [*events, _ARRIVED] if arrived else events:
        payers.claim(assignment.payer, assignment.attempt_id, event)


def _counts(canary: Canary, assignment: Assignment, payers: Payers, event: int) -> bool:
    counts = payers.claim(assignment.payer, assignment.attempt_id, event)
    canary.payer_halvings = payers.halvings
    canary.left_out += not counts
    return counts
