"""What the outcome of a card verification makes of its setup intent, and what it leaves for later payments. Pure."""

from typing import Any

import msgspec

from interlock.base.errors import InvariantError
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.types import Attempt
from interlock.payments.declines import CardError, setup_error
from interlock.payments.instruments.attachment import stored
from interlock.payments.instruments.types import PaymentMethod
from interlock.payments.representation.payment_method import payment_method as show_payment_method
from interlock.payments.setup.machine import Trigger, next_status
from interlock.payments.setup.types import SetupIntent, SetupStatus

replace = msgspec.structs.replace


class SetupSettlement(msgspec.Struct, frozen=True, kw_only=True):
    """What to write and announce; ``payment_method`` is its next version where the outcome changed it."""

    setup_intent: SetupIntent
    payment_method: PaymentMethod | None = None
    events: tuple[str, ...] = ()
    error: CardError | None = None


def settle_setup(
    intent: SetupIntent, attempt: Attempt, method: PaymentMethod | None, result: Result, challenge_url: str
) -> SetupSettlement:
    """Return what ``result`` of a verification makes of the setup intent.

    Args:
        intent: in *processing* (or *requires_action* when news come by webhook).
        attempt: the verification.
        method: what is being set up.
        result: the outcome.
        challenge_url: our page that sends the shopper on to a challenge.

    """
    match result.outcome:
        case Outcome.APPROVED:
            return _succeed(intent, attempt, method, result)
        case Outcome.CHALLENGE:
            return _challenge(intent, attempt, challenge_url)
        case Outcome.PENDING | Outcome.UNKNOWN:
            return SetupSettlement(setup_intent=_next(intent))
        case _:
            challenged = attempt.stage is Operation.COMPLETE or intent.status is SetupStatus.REQUIRES_ACTION
            return _fail(intent, method, setup_error(result, challenged=challenged))


def _succeed(intent: SetupIntent, attempt: Attempt, method: PaymentMethod | None, result: Result) -> SetupSettlement:
    done = _next(
        intent,
        status=_move(intent, Trigger.SUCCEED),
        active_attempt_id=None,
        next_action=None,
        last_setup_error=None,
    )
    events = ["setup_intent.succeeded"]
    kept = None
    if method is not None:
        kept = stored(
            method,
            intent.customer_id,
            attempt.gateway_id,
            network_transaction_id=result.network_transaction_id,
            reference=result.stored_credential_reference,
        )
        if kept.customer_id != method.customer_id:
            events.insert(0, "payment_method.attached")
    return SetupSettlement(setup_intent=done, payment_method=kept, events=tuple(events))


def _challenge(intent: SetupIntent, attempt: Attempt, challenge_url: str) -> SetupSettlement:
    return_url = attempt.detail.get("return_url")
    action: dict[str, Any]
    if return_url is not None and not attempt.detail.get("use_stripe_sdk"):
        action = {"redirect_to_url": {"return_url": return_url, "url": challenge_url}, "type": "redirect_to_url"}
    else:
        sdk = {"type": "three_d_secure_redirect", "stripe_js": challenge_url, "source": attempt.id}
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    status = intent.status
    if status is SetupStatus.PROCESSING:
        status = _move(intent, Trigger.CHALLENGE)
    return SetupSettlement(
        setup_intent=_next(intent, status=status, next_action=action), events=("setup_intent.requires_action",)
    )


def _fail(intent: SetupIntent, method: PaymentMethod | None, error: CardError) -> SetupSettlement:
    shown = error.as_dict()
    if method is not None:
        shown["payment_method"] = show_payment_method(method)
    failed = _next(
        intent,
        status=_move(intent, Trigger.FAIL),
        active_attempt_id=None,
        payment_method_id=None,
        next_action=None,
        last_setup_error=shown,
    )
    return SetupSettlement(setup_intent=failed, error=error, events=("setup_intent.setup_failed",))


def _move(intent: SetupIntent, trigger: Trigger) -> SetupStatus:
    status = next_status(intent.status, trigger)
    if status is None:
        raise InvariantError(f"{trigger} may not happen to a setup intent that is {intent.status}")
    return status


def _next(intent: SetupIntent, **changes: Any) -> SetupIntent:
    return replace(intent, version=intent.version + 1, **changes)
