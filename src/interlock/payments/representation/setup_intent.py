"""The public shape of a setup intent and of its attempts."""

from typing import Any

from interlock.payments.attempts.types import Attempt
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


def setup_attempt(attempt: Attempt, intent: SetupIntent) -> dict[str, Any]:
    """Return one verification as the API's ``setup_attempt``, unexpanded."""
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
        "payment_method_details": {
            "card": {
                "brand": attempt.network,
                "checks": None,
                "country": attempt.country,
                "exp_month": None,
                "exp_year": None,
                "fingerprint": None,
                "funding": None,
                "last4": None,
                "network": attempt.network,
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        },
        "setup_error": intent.last_setup_error if failed else None,
        "setup_intent": intent.id,
        "status": "failed" if failed else states.get(attempt.state, "processing"),
        "usage": intent.usage,
    }
