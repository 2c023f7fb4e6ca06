"""What may be expanded: per object kind, the fields that hold ids of other objects, as the published API has them.

Called by ``api.expansion`` and by ``api.fixtures`` where no published specification is at hand. A field whose target is
empty may be asked for and changes nothing: it is always null here (Connect, invoicing, Radar reviews), or it is a hash
that is shown whole anyway, which some clients ask for all the same.
"""

from collections.abc import Mapping

Targets = tuple[str, ...]
_NEVER: Targets = ()


def _whole(*names: str) -> dict[str, Targets]:
    """Return hashes that are shown whole anyway."""
    return dict.fromkeys(names, ())


_EVIDENCE_FILES = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
PREFIXES: Mapping[str, str] = {
    "ba": "bank_account",
    "card": "card",
    "ch": "charge",
    "cs": "checkout.session",
    "cus": "customer",
    "dp": "dispute",
    "du": "dispute",
    "file": "file",
    "mandate": "mandate",
    "par": "payment_attempt_record",
    "at": "payment_attempt_record",
    "pi": "payment_intent",
    "pm": "payment_method",
    "price": "price",
    "prod": "product",
    "py": "charge",
    "pyr": "refund",
    "re": "refund",
    "setatt": "setup_attempt",
    "seti": "setup_intent",
    "txn": "balance_transaction",
}
"""Id prefix → kind."""

LINKS: Mapping[str, Mapping[str, Targets]] = {
    "balance_transaction": {"source": ("charge", "refund", "dispute"), **_whole("fee_details")},
    "charge": {
        **_whole("billing_details", "fraud_details", "outcome", "presentment_details", "radar_options", "shipping"),
        "application": _NEVER,
        "application_fee": _NEVER,
        "balance_transaction": ("balance_transaction",),
        "customer": ("customer",),
        "failure_balance_transaction": ("balance_transaction",),
        "invoice": _NEVER,
        "on_behalf_of": _NEVER,
        "payment_intent": ("payment_intent",),
        "payment_method_details.card.mandate": ("mandate",),
        "review": _NEVER,
        "source_transfer": _NEVER,
        "transfer": _NEVER,
        "transfer_data.destination": _NEVER,
    },
    "checkout.session": {
        **_whole("customer_details", "discounts", "payment_method_options", "shipping_cost", "total_details.breakdown"),
        "customer": ("customer",),
        "invoice": _NEVER,
        "payment_intent": ("payment_intent",),
        "payment_link": _NEVER,
        "setup_intent": ("setup_intent",),
        "subscription": _NEVER,
    },
    "customer": {
        **_whole("address", "discount", "shipping", "tax"),
        "cash_balance": _NEVER,
        "default_source": ("card",),
        "invoice_settings.default_payment_method": ("payment_method",),
        "test_clock": _NEVER,
    },
    "card": {"customer": ("customer",), "account": _NEVER},
    "dispute": {
        **{f"evidence.{name}": ("file",) for name in _EVIDENCE_FILES},
        **_whole("balance_transactions", "evidence", "evidence_details", "payment_method_details"),
        "charge": ("charge",),
        "payment_intent": ("payment_intent",),
    },
    "event": _whole("data", "request"),
    "file": _whole("links"),
    "item": {"price.product": ("product",), **_whole("discounts", "taxes")},
    "list:item": {},
    "mandate": {"payment_method": ("payment_method",)},
    "payment_intent": {
        **_whole("amount_details", "automatic_payment_methods", "next_action", "payment_details"),
        **_whole("payment_method_options", "processing", "shipping"),
        "application": _NEVER,
        "customer": ("customer",),
        "invoice": _NEVER,
        "last_payment_error.payment_method.customer": ("customer",),
        "latest_charge": ("charge",),
        "on_behalf_of": _NEVER,
        "payment_method": ("payment_method",),
        "review": _NEVER,
        "source": _NEVER,
        "transfer_data.destination": _NEVER,
    },
    "payment_method": {"customer": ("customer",), **_whole("billing_details", "card", "radar_options")},
    "price": {"product": ("product",), "currency_options": _NEVER, "tiers": _NEVER},
    "product": {"default_price": ("price",), "marketing_features": _NEVER, "tax_code": _NEVER},
    "refund": {
        **_whole("destination_details", "next_action"),
        "balance_transaction": ("balance_transaction",),
        "charge": ("charge",),
        "failure_balance_transaction": ("balance_transaction",),
        "payment_intent": ("payment_intent",),
        "source_transfer_reversal": _NEVER,
        "transfer_reversal": _NEVER,
    },
    "setup_attempt": {
        "application": _NEVER,
        "customer": ("customer",),
        "on_behalf_of": _NEVER,
        "payment_method": ("payment_method",),
        "setup_intent": ("setup_intent",),
    },
    "setup_intent": {
        **_whole("automatic_payment_methods", "last_setup_error", "next_action", "payment_method_options"),
        "application": _NEVER,
        "customer": ("customer",),
        "latest_attempt": ("setup_attempt",),
        "mandate": ("mandate",),
        "on_behalf_of": _NEVER,
        "payment_method": ("payment_method",),
        "single_use_mandate": ("mandate",),
    },
}
"""Kind → field (dotted inside a hash) → kinds it may name."""

INCLUDED: Mapping[tuple[str, str], str] = {
    ("charge", "refunds"): "refund",
    ("checkout.session", "line_items"): "item",
    ("customer", "sources"): "card",
    ("customer", "subscriptions"): "subscription",
    ("customer", "tax_ids"): "tax_id",
    ("payment_intent", "payment_attempt_records"): "payment_attempt_record",
}
"""(kind, field) → kind of the list's items, for fields shown on request only."""

TOTAL_COUNT = "total_count"
"""What a search shows on request beside the objects it found."""
