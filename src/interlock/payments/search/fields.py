"""Which fields the search language may name per object, and what they are in the database. Pure.

Only what stands here ever reaches SQL; values always travel as parameters.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

FieldType = Literal["text", "number", "seconds", "flag", "pairs"]


class Field(msgspec.Struct, frozen=True):
    """One searchable field: ``sql`` is its expression, ``fuzzy`` whether ``~`` may be asked of it."""

    sql: str
    type: FieldType
    fuzzy: bool = False


def _card(name: str) -> Field:
    return Field(f"details::jsonb->'card'->>'{name}'", "text")


_COMMON = {
    "amount": Field("amount_minor", "number"),
    "created": Field("created_at_ms", "seconds"),
    "currency": Field("currency", "text"),
    "customer": Field("customer_id", "text"),
    "metadata": Field("metadata", "pairs", fuzzy=True),
    "status": Field("status", "text"),
}

PAYMENT_INTENTS: Mapping[str, Field] = _COMMON
CHARGES: Mapping[str, Field] = {
    **_COMMON,
    "billing_details.address.postal_code": Field(
        "details::jsonb->'billing_details'->'address'->>'postal_code'", "text"
    ),
    "disputed": Field("disputed", "flag"),
    "payment_method_details.card.brand": _card("brand"),
    "payment_method_details.card.exp_month": Field("(details::jsonb->'card'->>'exp_month')::bigint", "number"),
    "payment_method_details.card.exp_year": Field("(details::jsonb->'card'->>'exp_year')::bigint", "number"),
    "payment_method_details.card.fingerprint": _card("fingerprint"),
    "payment_method_details.card.last4": _card("last4"),
    "refunded": Field("(amount_captured_minor > 0 AND amount_refunded_minor = amount_captured_minor)", "flag"),
}
CUSTOMERS: Mapping[str, Field] = {
    "created": Field("created_at_ms", "seconds"),
    "email": Field("email", "text", fuzzy=True),
    "metadata": Field("metadata", "pairs", fuzzy=True),
    "name": Field("name", "text", fuzzy=True),
    "phone": Field("phone", "text", fuzzy=True),
}
