"""What the outcome of a payment attempt makes of its intent and charge. Pure.

The one place that moves an intent after money was asked for: the confirming request, the return from a challenge,
recovery and webhooks all come here, so they cannot disagree.
"""

from typing import Any

import msgspec

from interlock.base.errors import InvariantError
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome, Result, Transfer
from interlock.payments.attempts.types import BEGUN, Attempt
from interlock.payments.charges.snapshot import new_charge
from interlock.payments.charges.types import Charge, ChargeStatus
from interlock.payments.declines import (
    AUTHENTICATION_REQUIRED,
    CardError,
    authentication_failed,
    card_error,
    debit_error,
)
from interlock.payments.instruments.method_types import DELAYED
from interlock.payments.instruments.types import PaymentMethod
from interlock.payments.intents.machine import Trigger, next_status
from interlock.payments.intents.types import Intent, IntentStatus
from interlock.payments.representation.amounts import front_amount
from interlock.payments.representation.payment_method import payment_method as show_payment_method

replace = msgspec.structs.replace

AUTHORISATION_DAYS = 7
_INSTRUCTIONS = "display_bank_transfer_instructions"
_DAY_MS = 86_400_000


class PaymentState(msgspec.Struct, frozen=True, kw_only=True):
    """An intent in the middle of a payment: everything that decides what an outcome means for it.

    ``may_challenge`` is False for off-session payments and those that asked for an error instead of an action.
    ``charge`` is the attempt's own where it has one already: pending, while the bank takes its time.
    """

    intent: Intent
    attempt: Attempt
    payment_method: PaymentMethod | None
    may_challenge: bool = True
    return_url: str | None = None
    challenge_url: str = ""
    use_stripe_sdk: bool = False
    charge: Charge | None = None


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What to write and announce. ``taken_minor`` is the money captured just now; ``error`` why it did not come about.
    ``attempt`` arrives settled from the caller's execution."""

    intent: Intent
    charge: Charge | None = None
    events: tuple[str, ...] = ()
    taken_minor: int = 0
    error: CardError | None = None


def settle_payment(state: PaymentState, result: Result, now_ms: int) -> Settlement:
    """Return what ``result`` of the state's attempt makes of the intent.

    Args:
        state: the intent, its active attempt and how it may go on.
        result: the outcome, already checked for the amount it echoes.
        now_ms: the time, epoch milliseconds.

    """
    match result.outcome:
        case Outcome.APPROVED:
            return _approve(state, result, now_ms)
        case Outcome.CHALLENGE if state.may_challenge:
            return _challenge(state)
        case Outcome.CHALLENGE:
            return _fail(state, result, AUTHENTICATION_REQUIRED, now_ms)
        case Outcome.PENDING if result.transfer is not None:
            return _await_transfer(state, result.transfer)
        case Outcome.PENDING if _is_delayed(state):
            return _wait(state, result, now_ms)
        case Outcome.PENDING if state.attempt.state == BEGUN:
            return Settlement(intent=_next(state.intent), events=("payment_intent.processing",))
        case Outcome.PENDING | Outcome.UNKNOWN:
            return Settlement(intent=_next(state.intent))
        case Outcome.DECLINED if state.attempt.stage is Operation.COMPLETE and _not_authenticated(result):
            return _fail(state, result, authentication_failed(), now_ms)
        case _ if state.payment_method is not None and state.payment_method.type != "card":
            return _fail(state, result, debit_error(result), now_ms)
        case _:
            return _fail(state, result, card_error(result), now_ms)


def _is_delayed(state: PaymentState) -> bool:
    return state.payment_method is not None and state.payment_method.type in DELAYED


def _wait(state: PaymentState, result: Result, now_ms: int) -> Settlement:
    """The bank was told and will answer in days: the charge exists from now on, its money does not."""
    if state.charge is not None:
        return Settlement(intent=_next(state.intent))
    charge = new_charge(state.intent, state.attempt, state.payment_method, result, None, now_ms)
    pending = replace(charge, status=ChargeStatus.PENDING)
    intent = _next(state.intent, latest_charge_id=pending.id)
    return Settlement(intent=intent, charge=pending, events=("charge.pending", "payment_intent.processing"))


def _await_transfer(state: PaymentState, transfer: Transfer) -> Settlement:
    """The shopper's bank has to send money, all of it or what is missing; told again only when less is missing."""
    intent = state.intent
    currency = transfer.remaining.currency
    remaining = front_amount(transfer.remaining.amount_minor, currency)
    action = {
        _INSTRUCTIONS: {
            "amount_remaining": remaining,
            "currency": currency,
            "financial_addresses": list(transfer.addresses),
            "hosted_instructions_url": transfer.page,
            "reference": transfer.reference,
            "type": transfer.kind,
        },
        "type": _INSTRUCTIONS,
    }
    if intent.next_action is None:
        waiting = _next(intent, status=_move(intent, Trigger.CHALLENGE), next_action=action)
        return Settlement(intent=waiting, events=("payment_intent.requires_action",))
    if remaining >= intent.next_action[_INSTRUCTIONS]["amount_remaining"]:
        return Settlement(intent=_next(intent))  # no news, or news that are older than what is known
    return Settlement(intent=_next(intent, next_action=action), events=("payment_intent.partially_funded",))


def _charged(state: PaymentState, result: Result, error: CardError | None, now_ms: int) -> Charge:
    """Return the attempt's charge as ``result`` leaves it: a new one, or the next version of the pending one."""
    charge = new_charge(state.intent, state.attempt, state.payment_method, result, error, now_ms)
    before = state.charge
    if before is None:
        return charge
    return replace(
        before,
        version=before.version + 1,
        status=charge.status,
        gateway_reference=charge.gateway_reference,
        failure_code=charge.failure_code,
        failure_message=charge.failure_message,
        details=before.details if error is None else {**before.details, "outcome": charge.details["outcome"]},
    )


def _approve(state: PaymentState, result: Result, now_ms: int) -> Settlement:
    intent, attempt = state.intent, state.attempt
    amount = attempt.amount_minor
    charge = _charged(state, result, None, now_ms)
    common: dict[str, Any] = {
        "latest_charge_id": charge.id,
        "active_attempt_id": None,
        "last_payment_error": None,
        "next_action": None,
    }
    if attempt.operation is Operation.SALE:
        taken = _next(intent, status=_move(intent, Trigger.TAKE), amount_received_minor=amount, **common)
        charge = replace(charge, captured=True, amount_captured_minor=amount)
        events = ("charge.succeeded", "payment_intent.succeeded")
        return Settlement(intent=taken, charge=charge, taken_minor=amount, events=events)
    capture_before_ms = now_ms + AUTHORISATION_DAYS * _DAY_MS
    held = _next(
        intent,
        status=_move(intent, Trigger.AUTHORISE),
        amount_capturable_minor=amount,
        capture_before_ms=capture_before_ms,
        **common,
    )
    charge = replace(charge, details={**charge.details, "capture_before_ms": capture_before_ms})
    return Settlement(
        intent=held, charge=charge, events=("charge.succeeded", "payment_intent.amount_capturable_updated")
    )


def _challenge(state: PaymentState) -> Settlement:
    if state.return_url is not None and not state.use_stripe_sdk:
        action: dict[str, Any] = {
            "redirect_to_url": {"return_url": state.return_url, "url": state.challenge_url},
            "type": "redirect_to_url",
        }
    else:
        sdk = {"type": "three_d_secure_redirect", "stripe_js": state.challenge_url, "source": state.attempt.id}
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    status = state.intent.status
    if status is IntentStatus.PROCESSING:
        status = _move(state.intent, Trigger.CHALLENGE)
    intent = _next(state.intent, status=status, next_action=action)
    return Settlement(intent=intent, events=("payment_intent.requires_action",))


def _fail(state: PaymentState, result: Result, error: CardError, now_ms: int) -> Settlement:
    intent = state.intent
    charge = _charged(state, result, error, now_ms)
    last_error = {"charge": charge.id, **error.as_dict()}
    if state.payment_method is not None:
        last_error["payment_method"] = show_payment_method(state.payment_method)
    failed = _next(
        intent,
        status=_move(intent, Trigger.FAIL),
        active_attempt_id=None,
        latest_charge_id=charge.id,
        payment_method_id=None,
        next_action=None,
        last_payment_error=last_error,
    )
    return Settlement(
        intent=failed, charge=charge, error=error, events=("charge.failed", "payment_intent.payment_failed")
    )


def _not_authenticated(result: Result) -> bool:
    return result.decline_code in {None, "authentication_required"}


def _move(intent: Intent, trigger: Trigger) -> IntentStatus:
    status = next_status(intent.status, trigger)
    if status is None:
        problem = f"{trigger} may not happen to an intent that is {intent.status}"
        raise InvariantError(problem)
    return status


def _next(intent: Intent, **changes: Any) -> Intent:
    return replace(intent, version=intent.version + 1, **changes)
