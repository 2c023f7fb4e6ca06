"""The public shape of a card token."""

from typing import Any

from interlock.payments.instruments.types import Token
from interlock.payments.representation.payment_method import legacy_card


def token(value: Token) -> dict[str, Any]:
    """Return the token as the API shows it."""
    return {
        "id": value.id,
        "object": "token",
        "card": legacy_card(value.card_id, value.card, value.holder),
        "client_ip": value.client_ip,
        "created": value.created_at_ms // 1000,
        "livemode": value.livemode,
        "type": "card",
        "used": value.used,
    }
