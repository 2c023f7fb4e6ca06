"""The public shape of a confirmation token."""

from typing import Any

from interlock.payments.instruments.types import ConfirmationToken
from interlock.payments.representation.addresses import billing_details, shipping
from interlock.payments.representation.payment_method import instrument


def confirmation_token(value: ConfirmationToken) -> dict[str, Any]:
    """Return the confirmation token as the API shows it, unexpanded."""
    preview: dict[str, Any] = {
        "allow_redisplay": value.allow_redisplay,
        "billing_details": billing_details(value.billing_details),
        "customer": value.details.get("customer"),
        "customer_account": None,
        "type": value.type,
    }
    preview |= instrument(value.type, value.card)
    return {
        "id": value.id,
        "object": "confirmation_token",
        "created": value.created_at_ms // 1000,
        "expires_at": value.expires_at_ms // 1000,
        "livemode": value.livemode,
        "mandate_data": _mandate_data(value.details.get("mandate_data")),
        "payment_intent": value.payment_intent_id,
        "payment_method_options": {"card": {"cvc_token": None}},
        "payment_method_preview": preview,
        "return_url": value.return_url,
        "setup_future_usage": value.setup_future_usage,
        "setup_intent": value.setup_intent_id,
        "shipping": shipping(value.details.get("shipping")),
        "use_stripe_sdk": value.use_stripe_sdk,
    }


def _mandate_data(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if not given:
        return None
    acceptance = given.get("customer_acceptance") or {}
    online = acceptance.get("online") or {}
    return {
        "customer_acceptance": {
            "online": {"ip_address": online.get("ip_address"), "user_agent": online.get("user_agent")},
            "type": acceptance.get("type") or "online",
        }
    }
