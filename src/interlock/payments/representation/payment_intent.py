"""The public shape of a payment intent."""

from typing import Any

import msgspec

from interlock.payments.intents.types import Intent
from interlock.payments.representation.amounts import front_amount

_OPTIONS: dict[str, Any] = {
    "card": {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": "automatic",
    }
}


_encode = msgspec.json.Encoder().encode


class _LastShown:
    """The intent shown last and its bytes: an answer shows what the event of the same change has just shown."""

    __slots__ = ("intent", "shown")

    def __init__(self) -> None:
        self.intent: Intent | None = None
        self.shown = b""


_LAST = _LastShown()


def payment_intent_json(intent: Intent) -> bytes:
    """Return the intent's public shape as JSON. Intents are immutable, so the last one's bytes may be given again."""
    if _LAST.intent is not intent:
        _LAST.shown = _encode(payment_intent(intent))
        _LAST.intent = intent
    return _LAST.shown


def payment_intent(intent: Intent) -> dict[str, Any]:
    """Return the intent as the API shows it, unexpanded."""
    currency = intent.currency
    more = intent.details.get
    others = more("automatic_types")
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": front_amount(intent.amount_minor, currency),
        "amount_capturable": front_amount(intent.amount_capturable_minor, currency),
        "amount_details": more("amount_details") or {"tip": {}},
        "amount_received": front_amount(intent.amount_received_minor, currency),
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": more("automatic_payment_methods"),
        "canceled_at": None if intent.canceled_at_ms is None else intent.canceled_at_ms // 1000,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": intent.capture_method,
        "client_secret": intent.client_secret,
        "confirmation_method": intent.confirmation_method,
        "created": intent.created_at_ms // 1000,
        "currency": currency,
        "customer": intent.customer_id,
        "customer_account": None,
        "description": more("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": intent.last_payment_error,
        "latest_charge": intent.latest_charge_id,
        "livemode": intent.livemode,
        "managed_payments": {"enabled": False},
        "metadata": intent.metadata,
        "next_action": intent.next_action,
        "on_behalf_of": None,
        "payment_method": intent.payment_method_id,
        "payment_method_configuration_details": None,
        "payment_method_options": more("payment_method_options") or _OPTIONS if others is None else _options(intent),
        "payment_method_types": more("payment_method_types") or ["card", *(others or ())],
        "processing": None,
        "receipt_email": more("receipt_email"),
        "review": None,
        "setup_future_usage": intent.setup_future_usage,
        "shipping": more("shipping"),
        "source": None,
        "statement_descriptor": more("statement_descriptor"),
        "statement_descriptor_suffix": more("statement_descriptor_suffix"),
        "status": intent.status,
        "transfer_data": None,
        "transfer_group": more("transfer_group"),
    }


def _options(intent: Intent) -> dict[str, Any]:
    options: dict[str, Any] = intent.details.get("payment_method_options") or _OPTIONS
    types = None if intent.details.get("payment_method_types") else intent.details.get("automatic_types")
    return {**{kind: {} for kind in types}, **options} if types else options
