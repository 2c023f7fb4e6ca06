"""What may be expanded: per object kind, the fields that hold ids of other objects, as the published API has them.

Called by ``api.expansion`` and by ``api.fixtures`` where no published specification is at hand. A field whose target is
empty may be asked for and changes nothing: it is always null here (Connect, invoicing, Radar reviews), or it is a hash
that is shown whole anyway, which some clients ask for all the same.
"""

from collections.abc import Mapping

from interlock.payments.instruments.method_types import KNOWN as METHOD_TYPES

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

_SESSION_PAGES = (
    "adaptive_pricing",
    "after_expiration",
    "automatic_tax",
    "branding_settings",
    "collected_information",
    "consent",
    "consent_collection",
    "currency_conversion",
    "custom_fields",
    "custom_text",
    "invoice_creation",
    "managed_payments",
    "name_collection",
    "optional_items",
    "payment_method_configuration_details",
    "permissions",
    "phone_number_collection",
    "presentment_details",
    "saved_payment_method_options",
    "shipping_address_collection",
    "shipping_options",
    "tax_id_collection",
    "wallet_options",
)

LINKS: Mapping[str, Mapping[str, Targets]] = {
    "account": {
        **_whole("business_profile", "capabilities", "company", "controller", "external_accounts"),
        **_whole("future_requirements", "groups", "individual", "requirements", "settings", "tos_acceptance"),
    },
    "balance": {
        **_whole("available", "connect_reserved", "instant_available", "issuing", "pending"),
        **_whole("refund_and_dispute_prefunding"),
    },
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
        **_whole(*_SESSION_PAGES),
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
    "card": {"customer": ("customer",), "account": _NEVER, **_whole("networks")},
    "confirmation_token": _whole("mandate_data", "payment_method_options", "payment_method_preview", "shipping"),
    "customer_cash_balance_transaction": {
        **_whole("adjusted_for_overdraft", "applied_to_payment", "funded", "refunded_from_payment"),
        **_whole("transferred_to_balance", "unapplied_from_payment"),
        "customer": ("customer",),
    },
    "dispute": {
        **{f"evidence.{name}": ("file",) for name in _EVIDENCE_FILES},
        **_whole("balance_transactions", "evidence", "evidence_details", "payment_method_details"),
        "charge": ("charge",),
        "payment_intent": ("payment_intent",),
    },
    "event": _whole("data", "request"),
    "file": _whole("links"),
    "item": {"price.product": ("product",), **_whole("adjustable_quantity", "discounts", "taxes")},
    "list:item": {},
    "mandate": {
        **_whole("customer_acceptance", "multi_use", "payment_method_details", "single_use"),
        "payment_method": ("payment_method",),
    },
    "payment_attempt_record": {
        **_whole("amount", "amount_authorized", "amount_canceled", "amount_failed", "amount_guaranteed"),
        **_whole("amount_refunded", "amount_requested", "customer_details", "payment_method_details"),
        **_whole("processor_details", "shipping_details"),
    },
    "payment_intent": {
        **_whole("amount_details", "automatic_payment_methods", "hooks", "managed_payments", "next_action"),
        **_whole("payment_details", "payment_method_configuration_details", "payment_method_options"),
        **_whole("presentment_details", "processing", "shipping"),
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
    "payment_method": {
        **_whole("billing_details", "card_present", "radar_options", *METHOD_TYPES),
        "customer": ("customer",),
    },
    "price": {
        **_whole("custom_unit_amount", "recurring", "transform_quantity"),
        "product": ("product",),
        "currency_options": _NEVER,
        "tiers": _NEVER,
    },
    "product": {
        **_whole("package_dimensions"),
        "default_price": ("price",),
        "marketing_features": _NEVER,
        "tax_code": _NEVER,
    },
    "refund": {
        **_whole("destination_details", "next_action", "presentment_details"),
        "balance_transaction": ("balance_transaction",),
        "charge": ("charge",),
        "failure_balance_transaction": ("balance_transaction",),
        "payment_intent": ("payment_intent",),
        "source_transfer_reversal": _NEVER,
        "transfer_reversal": _NEVER,
    },
    "setup_attempt": {
        **_whole("payment_method_details", "setup_error"),
        "application": _NEVER,
        "customer": ("customer",),
        "on_behalf_of": _NEVER,
        "payment_method": ("payment_method",),
        "setup_intent": ("setup_intent",),
    },
    "setup_intent": {
        **_whole("automatic_payment_methods", "last_setup_error", "managed_payments", "next_action"),
        **_whole("payment_method_configuration_details", "payment_method_options"),
        "application": _NEVER,
        "customer": ("customer",),
        "latest_attempt": ("setup_attempt",),
        "mandate": ("mandate",),
        "on_behalf_of": _NEVER,
        "payment_method": ("payment_method",),
        "single_use_mandate": ("mandate",),
    },
    "token": _whole("bank_account", "card"),
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
