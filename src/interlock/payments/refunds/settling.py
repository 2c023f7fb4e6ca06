"""Writes down what came of a refund: refund, charge, ledger and events in one change.

Called by the refunds service, by recovery and by inbound webhooks. A refund that a gateway refused technically stays
*pending*: nothing was lost, and the worker sends it again until the gateway takes it or the tries run out.
"""

import logging

from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.exchanges import keep_exchanges
from interlock.payments.attempts.settling import next_inquiry_ms, settle_attempt
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.charges.types import CHARGES, Charge
from interlock.payments.money import Books
from interlock.payments.refunds.machine import Trigger, give_back, next_status, replace, take_back
from interlock.payments.refunds.types import REFUNDS, Refund, RefundStatus
from interlock.payments.representation.differences import previous_attributes
from interlock.payments.representation.refund import refund as show_refund
from interlock.payments.work import Change

SENDS_MAX = 40
_log = logging.getLogger(__name__)
_FAILURE_REASONS = {
    "charge_for_pending_refund_disputed",
    "declined",
    "expired_or_canceled_card",
    "insufficient_funds",
    "lost_or_stolen_card",
    "merchant_request",
    "unknown",
}
_FAILURE_CODES = {"charge_disputed": "charge_for_pending_refund_disputed"}


def settle_refund(
    change: Change,
    books: Books,
    refund: Refund,
    charge: Charge,
    attempt: Attempt,
    result: Result,
    now_ms: int,
    execution: Execution | None = None,
) -> Refund:
    """Add to ``change`` what ``result`` of the refund's attempt makes of everything; return the refund after it."""
    settled = settle_attempt(attempt, result, now_ms, execution)
    if execution is not None:
        keep_exchanges(change, settled, execution, now_ms)
    outcome = result.outcome
    if outcome.is_technical_failure and attempt.inquiries < SENDS_MAX:
        # Kept open: the worker sends it again, under another idempotency key because this one was answered.
        settled = replace(settled, settled_at_ms=None, next_inquiry_at_ms=now_ms + next_inquiry_ms(attempt.inquiries))
        change.update(ATTEMPTS, settled)
        return refund
    change.update(ATTEMPTS, settled)
    if outcome is Outcome.APPROVED:
        return succeed(change, books, refund, charge, result, now_ms)
    if outcome in {Outcome.DECLINED, Outcome.REFUSED, Outcome.NOT_SENT}:
        return fail(change, books, refund, charge, failure_reason(result), now_ms)
    return _named(change, refund, result)


def succeed(change: Change, books: Books, refund: Refund, charge: Charge, result: Result, now_ms: int) -> Refund:
    """Add the refund's success; a refund that is over already stays as it is."""
    status = next_status(refund.status, Trigger.SUCCEED)
    if status is None:
        if refund.status in {RefundStatus.FAILED, RefundStatus.CANCELED}:
            _log.error("refund %s was carried out although it is %s here", refund.id, refund.status)
        return refund
    done = replace(
        refund,
        version=refund.version + 1,
        status=status,
        gateway_reference=result.gateway_reference or refund.gateway_reference,
    )
    done = books.post_refund(change, charge, done, now_ms)
    returned = give_back(charge, refund)
    change.update(REFUNDS, done)
    change.update(CHARGES, returned)
    announce_update(change, refund, done, "refund.updated", "charge.refund.updated")
    change.event_of("charge.refunded", returned)
    return done


def fail(change: Change, books: Books, refund: Refund, charge: Charge, reason: str, now_ms: int) -> Refund:
    """Add the refund's failure; money that was booked as returned is booked back."""
    status = next_status(refund.status, Trigger.FAIL)
    if status is None:
        return refund
    failed = replace(refund, version=refund.version + 1, status=status, failure_reason=reason)
    if refund.status is RefundStatus.SUCCEEDED:
        failed = books.post_refund_failure(change, charge, failed, now_ms)
    kept = take_back(charge, refund)
    change.update(REFUNDS, failed)
    change.update(CHARGES, kept)
    change.event("refund.failed", show_refund(failed))
    announce_update(change, refund, failed, "refund.updated", "charge.refund.updated")
    return failed


def announce_update(change: Change, before: Refund, after: Refund, *kinds: str) -> None:
    """Announce that ``before`` has become ``after``, as an event of each of ``kinds``."""
    rendered = show_refund(after)
    previous = previous_attributes(show_refund(before), rendered)
    for kind in kinds:
        change.event(kind, rendered, previous)


def settle_release(change: Change, refund: Refund, result: Result, *, failed: bool) -> Refund:
    """Add the end of a refund that gave an authorisation back: no money had been taken, so no book tells of it."""
    status = next_status(refund.status, Trigger.FAIL if failed else Trigger.SUCCEED)
    if status is None:
        return refund
    reason = failure_reason(result) if failed else None
    done = replace(refund, version=refund.version + 1, status=status, failure_reason=reason)
    change.update(REFUNDS, done)
    if failed:
        change.event("refund.failed", show_refund(done))
    announce_update(change, refund, done, "refund.updated", "charge.refund.updated")
    return done


def _named(change: Change, refund: Refund, result: Result) -> Refund:
    if result.gateway_reference is None or result.gateway_reference == refund.gateway_reference:
        return refund
    named = replace(refund, version=refund.version + 1, gateway_reference=result.gateway_reference)
    change.update(REFUNDS, named)
    return named


def failure_reason(result: Result) -> str:
    """Return the API's word for why a refund did not come about."""
    for code in (result.decline_code, result.code):
        reason = _FAILURE_CODES.get(code or "", code)
        if reason in _FAILURE_REASONS:
            return reason
    return "unknown"
