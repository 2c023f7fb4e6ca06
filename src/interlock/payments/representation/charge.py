"""The public shape of a charge."""

from typing import Any

from interlock.payments.charges.types import APPROVED, NO_BILLING, Charge, ChargeStatus
from interlock.payments.instruments.types import CardFacts
from interlock.payments.representation.amounts import front_amount
from interlock.payments.representation.payment_method import flat_holder, legacy_card


def charge(value: Charge) -> dict[str, Any]:
    """Return the charge as the API shows it, unexpanded."""
    currency = value.currency
    more = value.details.get
    amount = front_amount(value.amount_minor, currency)
    # Nothing is left to capture of a debit on its way, although its money has not come and is in no book yet.
    pending = value.status is ChargeStatus.PENDING
    return {
        "id": value.id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if pending else front_amount(value.amount_captured_minor, currency),
        "amount_refunded": front_amount(value.amount_refunded_minor + _released_minor(value), currency),
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": value.balance_transaction_id,
        "billing_details": more("billing_details") or NO_BILLING,
        "calculated_statement_descriptor": more("calculated_statement_descriptor"),
        "captured": value.captured or pending,
        "created": value.created_at_ms // 1000,
        "currency": currency,
        "customer": value.customer_id,
        "description": more("description"),
        "disputed": value.disputed,
        "failure_balance_transaction": None,
        "failure_code": value.failure_code,
        "failure_message": value.failure_message,
        "fraud_details": more("fraud_details") or {},
        "livemode": value.livemode,
        "metadata": value.metadata,
        "on_behalf_of": None,
        "outcome": more("outcome") or APPROVED,
        "paid": value.status is ChargeStatus.SUCCEEDED,
        "payment_intent": value.payment_intent_id,
        "payment_method": value.payment_method_id,
        "payment_method_details": _method_details(value, amount),
        "receipt_email": more("receipt_email"),
        "receipt_number": None,
        "receipt_url": None,
        "refunded": value.amount_minor == value.amount_refunded_minor + _released_minor(value),
        "refunds": _refunds(value),
        "review": None,
        "shipping": more("shipping"),
        "source": _source(value),
        "source_transfer": None,
        "statement_descriptor": more("statement_descriptor"),
        "statement_descriptor_suffix": more("statement_descriptor_suffix"),
        "status": value.status,
        "transfer_data": None,
        "transfer_group": more("transfer_group"),
    }


def _refunds(value: Charge) -> dict[str, Any]:
    """Return the list of refunds, unexpanded: its items are elsewhere, so it says where and whether there are any."""
    has_refunds = value.amount_refunded_minor or value.amount_refund_pending_minor or value.details.get("has_refunds")
    url = f"/v1/charges/{value.id}/refunds"
    return {"object": "list", "data": [], "has_more": bool(has_refunds), "url": url}


def _source(value: Charge) -> dict[str, Any] | None:
    """Return the card of a charge made with a source; a charge made with a payment method shows none."""
    card = value.details.get("card")
    if value.payment_method_id is None or not value.payment_method_id.startswith("card_") or not card:
        return None
    facts = CardFacts(
        vault_card_id="",
        bin="",
        brand=card["brand"],
        last4=card["last4"],
        exp_month=card["exp_month"],
        exp_year=card["exp_year"],
        fingerprint=card["fingerprint"],
        funding=card["funding"],
        country=card.get("country"),
        cvc_check=card.get("cvc_check"),
        address_line1_check=card.get("address_line1_check"),
        address_postal_code_check=card.get("postal_code_check"),
    )
    shown = legacy_card(value.payment_method_id, facts, flat_holder(value.details.get("billing_details") or {}))
    return {**shown, "customer": value.customer_id}


def _released_minor(value: Charge) -> int:
    """Return what was authorised and given back uncaptured: the published API counts it as refunded."""
    return value.amount_minor - value.amount_captured_minor if value.released else 0


def _method_details(value: Charge, amount: int) -> dict[str, Any]:
    debit = value.details.get("sepa_debit")
    if debit is not None:
        return {"sepa_debit": debit, "type": "sepa_debit"}
    if "customer_balance" in value.details:
        return {"customer_balance": {}, "type": "customer_balance"}
    return {"card": _card(value, amount), "type": "card"}


def _card(value: Charge, amount: int) -> dict[str, Any]:
    card = value.details.get("card") or {}
    get = card.get
    shown = {
        "amount_authorized": amount,
        "authorization_code": get("authorisation_code"),
        "brand": get("brand"),
        "checks": {
            "address_line1_check": get("address_line1_check"),
            "address_postal_code_check": get("postal_code_check"),
            "cvc_check": get("cvc_check"),
        },
        "country": get("country"),
        "exp_month": get("exp_month"),
        "exp_year": get("exp_year"),
        "extended_authorization": {"status": "disabled"},
        "fingerprint": get("fingerprint"),
        "funding": get("funding"),
        "incremental_authorization": {"status": get("incremental") or "unavailable"},
        "installments": None,
        "last4": get("last4"),
        "mandate": None,
        "multicapture": {"status": get("multicapture") or "unavailable"},
        "network": get("network"),
        "network_token": {"used": False},
        "network_transaction_id": get("network_transaction_id"),
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": None,
        "three_d_secure": get("three_d_secure"),
        "transaction_link_id": None,
        "wallet": None,
    }
    capture_before_ms = value.details.get("capture_before_ms")
    if capture_before_ms is not None and not value.captured and not value.released:
        shown["capture_before"] = capture_before_ms // 1000  # the published API leaves it out where nothing is held
    return shown
