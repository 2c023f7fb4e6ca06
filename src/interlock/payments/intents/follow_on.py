"""What the outcome of a capture, an increment or a void makes of its intent and charge. Pure.

Used by the services that ask for them, by recovery and by webhooks, so that all agree.
"""

from typing import Any

import msgspec

from interlock.base.errors import InvariantError
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.types import Attempt
from interlock.payments.charges.types import Charge
from interlock.payments.intents.machine import Trigger, next_status
from interlock.payments.intents.types import Intent, IntentStatus
from interlock.payments.refunds.types import Refund

replace = msgspec.structs.replace


class FollowOnSettlement(msgspec.Struct, frozen=True, kw_only=True):
    """What to write and announce; ``failed`` is True when the gateway did not do it, ``refund`` what a void is for."""

    intent: Intent
    charge: Charge
    events: tuple[str, ...] = ()
    taken_minor: int = 0
    failed: bool = False
    refund: Refund | None = None


def settle_capture(intent: Intent, charge: Charge, attempt: Attempt, result: Result) -> FollowOnSettlement:
    """Return what a capture's outcome makes of the intent and the charge."""
    match result.outcome:
        case Outcome.APPROVED:
            return _captured(intent, charge, attempt, result)
        case Outcome.PENDING:
            if intent.status is IntentStatus.PROCESSING:
                return FollowOnSettlement(intent=_next(intent), charge=charge)
            waiting = _next(intent, status=_move(intent, Trigger.CAPTURE_ACCEPTED))
            return FollowOnSettlement(intent=waiting, charge=charge, events=("payment_intent.processing",))
        case Outcome.UNKNOWN | Outcome.CHALLENGE:
            return FollowOnSettlement(intent=_next(intent), charge=charge)
        case _:
            open_again = _next(intent, status=_move(intent, Trigger.CAPTURE_FAIL), active_attempt_id=None)
            return FollowOnSettlement(intent=open_again, charge=charge, failed=True)


def _captured(intent: Intent, charge: Charge, attempt: Attempt, result: Result) -> FollowOnSettlement:
    taken = attempt.amount_minor
    captured_minor = charge.amount_captured_minor + taken
    # More to come only where the shop asked for it; otherwise the gateway has released the rest.
    last = bool(attempt.detail.get("final", True)) or captured_minor == charge.amount_minor
    caught = _next_charge(
        charge,
        captured=True,
        amount_captured_minor=captured_minor,
        capture_reference=result.gateway_reference or charge.capture_reference,
        released=last and captured_minor < charge.amount_minor,
    )
    received = intent.amount_received_minor + taken
    if not last:
        part = _next(
            intent,
            status=_move(intent, Trigger.CAPTURE_PART),
            amount_received_minor=received,
            amount_capturable_minor=intent.amount_capturable_minor - taken,
            active_attempt_id=None,
        )
        events = ("charge.captured", "payment_intent.amount_capturable_updated")
        return FollowOnSettlement(intent=part, charge=caught, taken_minor=taken, events=events)
    done = _next(
        intent,
        status=_move(intent, Trigger.CAPTURE_LAST),
        amount_received_minor=received,
        amount_capturable_minor=0,
        capture_before_ms=None,
        active_attempt_id=None,
    )
    events = ("charge.captured", "payment_intent.succeeded")
    return FollowOnSettlement(intent=done, charge=caught, taken_minor=taken, events=events)


def settle_increment(intent: Intent, charge: Charge, attempt: Attempt, result: Result) -> FollowOnSettlement:
    """Return what an increment's outcome makes of the intent and the charge; the attempt's amount is the new total."""
    if result.outcome in {Outcome.UNKNOWN, Outcome.PENDING, Outcome.CHALLENGE}:
        return FollowOnSettlement(intent=_next(intent), charge=charge)
    if result.outcome is not Outcome.APPROVED:
        return FollowOnSettlement(intent=_next(intent, active_attempt_id=None), charge=charge, failed=True)
    raised = _next(
        intent,
        amount_minor=attempt.amount_minor,
        amount_capturable_minor=attempt.amount_minor - intent.amount_received_minor,
        active_attempt_id=None,
    )
    return FollowOnSettlement(
        intent=raised,
        charge=_next_charge(charge, amount_minor=attempt.amount_minor),
        events=("payment_intent.amount_capturable_updated",),
    )


def cancel_intent(intent: Intent, trigger: Trigger, reason: str | None, now_ms: int) -> Intent | None:
    """Return the cancelled intent, or None when its state does not allow it.

    One that was captured in part has succeeded with what was taken; only the rest is released.
    """
    in_part = intent.amount_received_minor > 0
    status = next_status(intent.status, Trigger.RELEASE_REST if in_part else trigger)
    if status is None:
        return None
    return _next(
        intent,
        status=status,
        amount_capturable_minor=0,
        canceled_at_ms=None if in_part else now_ms,
        cancellation_reason=None if in_part else reason,
        capture_before_ms=None,
        active_attempt_id=None,
        next_action=None,
    )


def release_charge(charge: Charge) -> Charge:
    """Return the charge after its uncaptured authorisation was given back."""
    return _next_charge(charge, released=True)


def _move(intent: Intent, trigger: Trigger) -> IntentStatus:
    status = next_status(intent.status, trigger)
    if status is None:
        problem = f"{trigger} may not happen to an intent that is {intent.status}"
        raise InvariantError(problem)
    return status


def _next(intent: Intent, **changes: Any) -> Intent:
    return replace(intent, version=intent.version + 1, **changes)


def _next_charge(charge: Charge, **changes: Any) -> Charge:
    return replace(charge, version=charge.version + 1, **changes)
