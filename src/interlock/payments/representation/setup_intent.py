"""The public shape of a setup intent and of its attempts."""

from typing import Any

from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.types import Attempt
from interlock.payments.declines import setup_error
from interlock.payments.instruments.types import CardFacts, PaymentMethod
from interlock.payments.representation.payment_method import payment_method
from interlock.payments.setup.types import SetupIntent

_OPTIONS: dict[str, Any] = {
    "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"},
}


def setup_intent(value: SetupIntent) -> dict[str, Any]:
    """Return the setup intent as the API shows it, unexpanded."""
    more = value.details.get
    return {
        "id": value.id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": more("automatic_payment_methods"),
        "cancellation_reason": value.cancellation_reason,
        "client_secret": value.client_secret,
        "created": value.created_at_ms // 1000,
        "customer": value.customer_id,
        "customer_account": None,
        "description": more("description"),
        "excluded_payment_method_types": None,
        "flow_directions": more("flow_directions"),
        "last_setup_error": value.last_setup_error,
        "latest_attempt": None if value.latest_attempt_id is None else setup_attempt_id(value.latest_attempt_id),
        "livemode": value.livemode,
        "managed_payments": None,
        "mandate": value.mandate_id,
        "metadata": value.metadata,
        "next_action": value.next_action,
        "on_behalf_of": None,
        "payment_method": value.payment_method_id,
        "payment_method_configuration_details": None,
        "payment_method_options": more("payment_method_options") or _OPTIONS,
        "payment_method_types": more("payment_method_types") or ["card"],
        "single_use_mandate": None,
        "status": value.status,
        "usage": value.usage,
    }


def setup_attempt_id(attempt_id: str) -> str:
    """Return the public id of a setup attempt."""
    return "setatt_" + attempt_id.removeprefix("at_")


def attempt_id_of(setup_attempt: str) -> str:
    """Return the attempt that a public id of a setup attempt stands for; other texts stand for none."""
    return "at_" + setup_attempt.removeprefix("setatt_")


def setup_attempt(attempt: Attempt, intent: SetupIntent, method: PaymentMethod | None) -> dict[str, Any]:
    """Return one verification of ``method`` as the API's ``setup_attempt``, unexpanded."""
    failed = attempt.state in {"declined", "refused", "not_sent"}
    states = {"approved": "succeeded", "challenge": "requires_action", "pending": "processing"}
    return {
        "id": setup_attempt_id(attempt.id),
        "object": "setup_attempt",
        "application": None,
        "created": attempt.created_at_ms // 1000,
        "customer": intent.customer_id,
        "customer_account": None,
        "flow_directions": None,
        "livemode": attempt.livemode,
        "on_behalf_of": None,
        "payment_method": attempt.payment_method_id or "",
        "payment_method_details": {"card": _card(attempt, method), "type": "card"},
        "setup_error": _error(attempt, method) if failed else None,
        "setup_intent": intent.id,
        "status": "failed" if failed else states.get(attempt.state, "processing"),
        "usage": intent.usage,
    }


def _card(attempt: Attempt, method: PaymentMethod | None) -> dict[str, Any]:
    facts = method.card if method is not None and isinstance(method.card, CardFacts) else None
    return {
        "brand": attempt.network,
        "checks": None if facts is None else _checks(facts),
        "country": attempt.country,
        "exp_month": None if facts is None else facts.exp_month,
        "exp_year": None if facts is None else facts.exp_year,
        "fingerprint": None if facts is None else facts.fingerprint,
        "funding": None if facts is None else facts.funding,
        "last4": None if facts is None else facts.last4,
        "network": attempt.network,
        "three_d_secure": None,
        "wallet": None,
    }


def _checks(facts: CardFacts) -> dict[str, str | None]:
    return {
        "address_line1_check": facts.address_line1_check,
        "address_postal_code_check": facts.address_postal_code_check,
        "cvc_check": facts.cvc_check,
    }


def _error(attempt: Attempt, method: PaymentMethod | None) -> dict[str, Any]:
    """Return why this attempt failed; the intent's own error is only that of its latest one."""
    result = Result(outcome=Outcome(attempt.state), decline_code=attempt.decline_code)
    challenged = attempt.stage is Operation.COMPLETE or "challenge" in attempt.detail
    error = setup_error(result, challenged=challenged).as_dict()
    return error if method is None else {**error, "payment_method": payment_method(method)}
