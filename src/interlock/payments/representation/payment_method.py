"""The public shape of a payment method, and of the same card as a legacy source (``card``)."""

from collections.abc import Mapping
from typing import Any

from interlock.payments.instruments.types import CardFacts, Facts, PaymentMethod, SepaDebitFacts
from interlock.payments.representation.addresses import billing_details

_SPOKEN_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "EFTPOS Australia",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
_DISPLAY_BRANDS = {"amex": "american_express", "diners": "diners_club", "unionpay": "union_pay"}
_NOTHING_GENERATED = {"charge": None, "setup_attempt": None}
_FLAT_ADDRESS = {
    "address_city": "city",
    "address_country": "country",
    "address_line1": "line1",
    "address_line2": "line2",
    "address_state": "state",
    "address_zip": "postal_code",
}


def payment_method(value: PaymentMethod) -> dict[str, Any]:
    """Return the payment method as the API shows it, unexpanded."""
    shown: dict[str, Any] = {
        "id": value.id,
        "object": "payment_method",
        "allow_redisplay": value.allow_redisplay,
        "billing_details": billing_details(value.billing_details),
        "created": value.created_at_ms // 1000,
        "customer": value.customer_id,
        "customer_account": None,
        "livemode": value.livemode,
        "metadata": value.metadata,
        "type": value.type,
    }
    shown |= instrument(value.type, value.card)
    return shown


def instrument(kind: str, facts: Facts | None) -> dict[str, Any]:
    """Return the part of a payment method or of a confirmation token's preview that is named after its type."""
    if isinstance(facts, CardFacts):
        return {"card": card(facts)}
    return {kind: {} if facts is None else {**account(facts), "generated_from": _NOTHING_GENERATED}}


def account(facts: SepaDebitFacts) -> dict[str, Any]:
    """Return what is shown of a bank account wherever one is."""
    return {
        "bank_code": facts.bank_code,
        "branch_code": facts.branch_code,
        "country": facts.country,
        "fingerprint": facts.fingerprint,
        "last4": facts.last4,
    }


def card(facts: CardFacts) -> dict[str, Any]:
    """Return the ``card`` part."""
    return {
        "brand": facts.brand,
        "checks": {
            "address_line1_check": facts.address_line1_check,
            "address_postal_code_check": facts.address_postal_code_check,
            "cvc_check": facts.cvc_check,
        },
        "country": facts.country,
        "display_brand": _DISPLAY_BRANDS.get(facts.brand, facts.brand),
        "exp_month": facts.exp_month,
        "exp_year": facts.exp_year,
        "fingerprint": facts.fingerprint,
        "funding": facts.funding,
        "generated_from": None,
        "last4": facts.last4,
        "networks": {"available": facts.networks or (facts.brand,), "preferred": facts.preferred_network},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": facts.three_d_secure_supported},
        "wallet": None,
    }


def card_source(value: PaymentMethod) -> dict[str, Any]:
    """Return a stored card in the legacy shape of ``/v1/customers/{id}/sources``."""
    holder = flat_holder(value.billing_details)
    facts = value.card
    shown = legacy_card(value.id, facts, holder) if isinstance(facts, CardFacts) else {"id": value.id, "object": "card"}
    return {**shown, "customer": value.customer_id, "metadata": value.metadata}


def flat_holder(billing: Mapping[str, Any]) -> dict[str, str | None]:
    """Return name and address of billing details in the flat form of cards."""
    address = billing.get("address") or {}
    return {"name": billing.get("name"), **{flat: address.get(key) for flat, key in _FLAT_ADDRESS.items()}}


def legacy_card(card_id: str, facts: CardFacts, holder: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the ``card`` object of tokens and sources.

    Args:
        card_id: the card's own id (``card_…``).
        facts: what is known of the card.
        holder: name and ``address_…`` fields in the flat form.

    """
    return {
        "id": card_id,
        "object": "card",
        **{flat: holder.get(flat) for flat in _FLAT_ADDRESS},
        "address_line1_check": facts.address_line1_check,
        "address_zip_check": facts.address_postal_code_check,
        "brand": _SPOKEN_BRANDS.get(facts.brand, "Unknown"),
        "country": facts.country,
        "cvc_check": facts.cvc_check,
        "dynamic_last4": None,
        "exp_month": facts.exp_month,
        "exp_year": facts.exp_year,
        "fingerprint": facts.fingerprint,
        "funding": facts.funding,
        "last4": facts.last4,
        "metadata": {},
        "name": holder.get("name"),
        "networks": {"preferred": facts.preferred_network},
        "regulated_status": "unregulated",
        "tokenization_method": None,
    }
