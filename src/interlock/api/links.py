"""What may be expanded: per object kind, the fields that hold ids of other objects, as the published API has them.

Called by ``api.expansion`` and by ``api.fixtures`` where no published specification is at hand. A field whose target is
empty may be asked for and is always null here (Connect, invoicing, Radar reviews).
"""

from collections.abc import Mapping

Targets = tuple[str, ...]
_NEVER: Targets = ()

PREFIXES: Mapping[str, str] = {
    "ba": "bank_account",
    "card": "card",
    "ch": "charge",
    "cs": "checkout.session",
    "cus": "customer",
    "dp": "dispute",
    "du": "dispute",
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
    "balance_transaction": {"source": ("charge", "refund", "dispute")},
    "charge": {
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
        "customer": ("customer",),
        "invoice": _NEVER,
        "payment_intent": ("payment_intent",),
        "payment_link": _NEVER,
        "setup_intent": ("setup_intent",),
        "subscription": _NEVER,
    },
    "customer": {
        "cash_balance": _NEVER,
        "default_source": ("card",),
        "invoice_settings.default_payment_method": ("payment_method",),
        "test_clock": _NEVER,
    },
    "card": {"customer": ("customer",), "account": _NEVER},
    "dispute": {"charge": ("charge",), "payment_intent": ("payment_intent",)},
    "item": {"price.product": ("product",)},
    "list:item": {},
    "mandate": {"payment_method": ("payment_method",)},
    "payment_intent": {
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
    "payment_method": {"customer": ("customer",)},
    "price": {"product": ("product",)},
    "product": {"default_price": ("price",), "tax_code": _NEVER},
    "refund": {
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
