"""The public shape of a customer."""

from collections.abc import Sequence
from typing import Any

from interlock.payments.customers.types import Customer, DeletedSource
from interlock.payments.instruments.types import PaymentMethod
from interlock.payments.representation.addresses import address_or_none, shipping
from interlock.payments.representation.payment_method import card_source


def customer(value: Customer) -> dict[str, Any]:
    """Return the customer as the API shows it, unexpanded; a deleted one shows only that it is."""
    if value.deleted:
        return {"id": value.id, "object": "customer", "deleted": True}
    return known_customer(value)


def known_customer(value: Customer) -> dict[str, Any]:
    """Return every key of the customer, also when it is just being deleted (for ``customer.deleted``)."""
    more = value.details.get
    invoice_settings = more("invoice_settings") or {}
    shown = {
        "id": value.id,
        "object": "customer",
        "address": address_or_none(more("address")),
        "balance": more("balance") or 0,
        "created": value.created_at_ms // 1000,
        "currency": None,
        "customer_account": None,
        "default_source": value.default_source,
        "delinquent": False,
        "description": value.description,
        "discount": None,
        "email": value.email,
        "invoice_prefix": more("invoice_prefix") or value.id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": invoice_settings.get("custom_fields"),
            "default_payment_method": value.default_payment_method,
            "footer": invoice_settings.get("footer"),
            "rendering_options": _rendering_options(invoice_settings.get("rendering_options")),
        },
        "livemode": value.livemode,
        "metadata": value.metadata,
        "name": value.name,
        "next_invoice_sequence": more("next_invoice_sequence") or 1,
        "phone": value.phone,
        "preferred_locales": more("preferred_locales") or [],
        "shipping": shipping(more("shipping")),
        "tax_exempt": more("tax_exempt") or "none",
        "test_clock": None,
    }
    for key in ("business_name", "individual_name"):
        if more(key):
            shown[key] = more(key)
    return shown


def _rendering_options(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if not given:
        return None
    return {"amount_tax_display": given.get("amount_tax_display"), "template": given.get("template")}


def sources(customer_id: str, cards: Sequence[PaymentMethod], *, has_more: bool = False) -> dict[str, Any]:
    """Return the list that ``expand[]=sources`` puts into a customer.

    Args:
        customer_id: the customer.
        cards: its card sources, newest first.
        has_more: whether there are more of them.

    """
    return {
        "object": "list",
        "data": [card_source(card) for card in cards],
        "has_more": has_more,
        "url": f"/v1/customers/{customer_id}/sources",
    }


def deleted_source(value: DeletedSource) -> dict[str, Any]:
    """Return what the API shows of a source that was just removed."""
    return {"id": value.id, "object": "card", "deleted": True}
