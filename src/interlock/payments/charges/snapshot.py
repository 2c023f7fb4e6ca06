"""What a charge remembers of the card and of the gateway's answer at the moment it was made. Pure."""

from typing import Any

from interlock.gateways.loader import load
from interlock.gateways.manifest import Capabilities
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.types import Attempt
from interlock.payments.charges.types import Charge, ChargeStatus
from interlock.payments.declines import CardError
from interlock.payments.instruments.types import PaymentMethod
from interlock.payments.intents.types import Intent

_APPROVED = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "seller_message": "Payment complete.",
    "type": "authorized",
}
_COPIED = (
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_NO_ADDRESS: dict[str, Any] = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_NO_BILLING: dict[str, Any] = {"address": _NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}


def new_charge(
    intent: Intent,
    attempt: Attempt,
    payment_method: PaymentMethod | None,
    result: Result,
    error: CardError | None,
    now_ms: int,
) -> Charge:
    """Return the charge that ``result`` of ``attempt`` made; ``error`` is set when it failed."""
    details = {name: intent.details[name] for name in _COPIED if intent.details.get(name) is not None}
    details["card"] = card_snapshot(payment_method, result, intent, load(attempt.connector).manifest.capabilities)
    details["billing_details"] = _billing(payment_method)
    details["outcome"] = _APPROVED if error is None else _outcome(result, error)
    return Charge(
        account_id=intent.account_id,
        id=attempt.charge_id or "",
        livemode=intent.livemode,
        version=1,
        created_at_ms=now_ms,
        status=ChargeStatus.SUCCEEDED if error is None else ChargeStatus.FAILED,
        payment_intent_id=intent.id,
        attempt_id=attempt.id,
        gateway_id=attempt.gateway_id,
        gateway_reference=result.gateway_reference or attempt.gateway_reference,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        customer_id=intent.customer_id,
        payment_method_id=None if payment_method is None else payment_method.id,
        failure_code=None if error is None else error.code,
        failure_message=None if error is None else error.message,
        metadata=intent.metadata,
        details=details,
    )


def card_snapshot(
    payment_method: PaymentMethod | None, result: Result, intent: Intent, able: Capabilities
) -> dict[str, Any]:
    """Return the card as the charge shows it, checks and references of this payment included.

    What the shop wished for "if available" is shown as available only where the gateway is ``able``.
    """
    card = None if payment_method is None else payment_method.card
    if card is None:
        return {}
    shown: dict[str, Any] = {
        "brand": card.brand,
        "country": card.country,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "last4": card.last4,
        "network": card.brand,
        "cvc_check": result.cvc_check or card.cvc_check,
        "postal_code_check": result.postal_code_check or card.address_postal_code_check,
        "address_line1_check": result.address_line1_check or card.address_line1_check,
        "network_transaction_id": result.network_transaction_id,
        "authorisation_code": result.authorisation_code,
        "three_d_secure": result.three_d_secure,
    }
    options = (intent.details.get("payment_method_options") or {}).get("card") or {}
    if able.incremental and options.get("request_incremental_authorization") == "if_available":
        shown["incremental"] = "available"
    if able.multicapture and options.get("request_multicapture") == "if_available":
        shown["multicapture"] = "available"
    return {name: value for name, value in shown.items() if value is not None}


def _billing(payment_method: PaymentMethod | None) -> dict[str, Any]:
    if payment_method is None or not payment_method.billing_details:
        return _NO_BILLING
    given = payment_method.billing_details
    return {**_NO_BILLING, **given, "address": {**_NO_ADDRESS, **(given.get("address") or {})}}


def _outcome(result: Result, error: CardError) -> dict[str, Any]:
    if result.outcome is not Outcome.DECLINED:
        kind, status = "invalid", "not_sent_to_network"
    elif result.decline_code == "fraudulent":
        kind, status = "blocked", "not_sent_to_network"
    else:
        kind, status = "issuer_declined", "declined_by_network"
    return {
        "advice_code": error.advice_code,
        "network_advice_code": None,
        "network_decline_code": error.network_decline_code,
        "network_status": status,
        "reason": error.decline_code or error.code,
        "risk_level": "highest" if kind == "blocked" else "normal",
        "seller_message": "The gateway blocked this payment as too risky." if kind == "blocked" else error.message,
        "type": kind,
    }
