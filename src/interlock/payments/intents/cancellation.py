"""Cancelling: the intent ends at once, its authorisation is released at the gateway as soon as can be. Pure.

A void that could not be sent, was refused, or whose answer is unknown does not keep the intent alive: the shop has
decided. The void attempt stays open and recovery sends it until the gateway confirms. One that was accepted and then
declined (Adyen's ``CANCELLATION`` without success) is sent again as a reversal: the money may have been captured since.
"""

import logging

import msgspec

from interlock.base.errors import InvariantError
from interlock.gateways.outcomes import Outcome
from interlock.payments.attempts.settling import next_inquiry_ms
from interlock.payments.attempts.strays import refund_captured
from interlock.payments.attempts.types import Attempt
from interlock.payments.charges.types import CHARGES, Charge
from interlock.payments.intents.follow_on import FollowOnSettlement, cancel_intent, release_charge
from interlock.payments.intents.machine import Trigger
from interlock.payments.intents.types import INTENTS, Intent, IntentStatus
from interlock.payments.work import Change

replace = msgspec.structs.replace

CANCELLABLE = frozenset(
    {
        IntentStatus.REQUIRES_PAYMENT_METHOD,
        IntentStatus.REQUIRES_CONFIRMATION,
        IntentStatus.REQUIRES_ACTION,
        IntentStatus.REQUIRES_CAPTURE,
    }
)
VOID_SENDS_MAX = 40
DECLINED_SENDS_MAX = 8
"""Sends of a void that its gateway declines, some hours of them: there may be nothing to release any more."""
_log = logging.getLogger(__name__)


def cancel_change(
    change: Change, intent: Intent, charge: Charge | None, trigger: Trigger, reason: str | None, now_ms: int
) -> Intent:
    """Add the cancellation of ``intent`` (and the release of ``charge``) to ``change``.

    Returns:
        The intent as it is then: cancelled, or succeeded with what was captured of it.

    Raises:
        InvariantError: the intent cannot be cancelled; the caller checks that first.

    """
    canceled = cancel_intent(intent, trigger, reason, now_ms)
    if canceled is None:
        raise InvariantError(f"an intent that is {intent.status} cannot be cancelled")
    change.update(INTENTS, canceled)
    if charge is not None:
        released = release_charge(charge)
        change.update(CHARGES, released)
        expired = trigger is Trigger.EXPIRE and canceled.status is IntentStatus.CANCELED
        change.event_of("charge.expired" if expired else "charge.refunded", released)
    change.event_of(f"payment_intent.{canceled.status}", canceled)
    return canceled


def void_settled(
    change: Change, intent: Intent, charge: Charge, attempt: Attempt, now_ms: int
) -> tuple[Attempt, FollowOnSettlement]:
    """Add what the outcome of a void makes of intent and charge to ``change``.

    Args:
        change: to add to.
        intent: the intent, held or already cancelled.
        charge: its authorised charge.
        attempt: the void attempt, settled by its outcome.
        now_ms: epoch milliseconds.

    Returns:
        The attempt as it must be written (kept open while the gateway has not done it), and the settlement.

    """
    # Taken at the gateway although no capture is known here (by hand, there): the shop cancels, so it goes back.
    captured = attempt.state == Outcome.DECLINED and refund_captured(change, attempt, now_ms)
    if intent.status is not IntentStatus.REQUIRES_CAPTURE:
        kept = attempt if captured else keep_sending(attempt, now_ms)
        return kept, FollowOnSettlement(intent=intent, charge=charge)
    if attempt.state == Outcome.DECLINED and not captured:
        held = replace(intent, version=intent.version + 1, active_attempt_id=None)
        change.update(INTENTS, held)
        return attempt, FollowOnSettlement(intent=held, charge=charge, failed=True)
    trigger = Trigger.EXPIRE if attempt.detail.get("expired") else Trigger.CANCEL
    canceled = cancel_change(change, intent, charge, trigger, attempt.detail.get("reason"), now_ms)
    return attempt if captured else keep_sending(attempt, now_ms), FollowOnSettlement(intent=canceled, charge=charge)


def keep_sending(attempt: Attempt, now_ms: int) -> Attempt:
    """Return the void of an intent that is cancelled, scheduled for another send while the gateway has not done it."""
    declined = attempt.state == Outcome.DECLINED
    if not declined and attempt.state not in {Outcome.REFUSED, Outcome.NOT_SENT}:
        return attempt
    if attempt.inquiries >= (DECLINED_SENDS_MAX if declined else VOID_SENDS_MAX):
        _log.error("void %s was given up: its gateway keeps the hold until it runs out", attempt.id)
        return attempt
    again = replace(attempt, settled_at_ms=None, next_inquiry_at_ms=now_ms + next_inquiry_ms(attempt.inquiries))
    return replace(again, detail={**attempt.detail, "reverse": True}) if declined else again
