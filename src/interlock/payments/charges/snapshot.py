"""What a charge remembers of the card and of the gateway's answer at the moment it was made. Pure."""

from collections.abc import Collection
from typing import Any

from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.types import Attempt
from interlock.payments.charges.types import NO_BILLING, Charge, ChargeStatus
from interlock.payments.declines import CardError
from interlock.payments.instruments.types import CardFacts, PaymentMethod, SepaDebitFacts
from interlock.payments.intents.types import Intent
from interlock.payments.representation.payment_method import account

_COPIED = (
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


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
    facts = None if payment_method is None else payment_method.card
    terms = attempt.detail.get("terms")
    if isinstance(facts, SepaDebitFacts):
        details["sepa_debit"] = {**account(facts), "mandate": (terms or {}).get("id")}
    elif isinstance(facts, CardFacts) or terms is None:
        details["card"] = card_snapshot(facts, result, intent, attempt.detail.get("features") or ())
    else:
        details["customer_balance"] = terms
    billing = _billing(payment_method)
    if billing is not None:
        details["billing_details"] = billing
    if error is not None:
        details["outcome"] = _outcome(result, error)
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


def card_snapshot(card: CardFacts | None, result: Result, intent: Intent, features: Collection[str]) -> dict[str, Any]:
    """Return the card as the charge shows it, checks and references of this payment included.

    What the shop wished for "if available" is shown as available only where the release has it among its ``features``.
    """
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
    if "incremental" in features and options.get("request_incremental_authorization") == "if_available":
        shown["incremental"] = "available"
    if "multicapture" in features and options.get("request_multicapture") == "if_available":
        shown["multicapture"] = "available"
    return {name: value for name, value in shown.items() if value is not None}


def _billing(payment_method: PaymentMethod | None) -> dict[str, Any] | None:
    if payment_method is None or not payment_method.billing_details:
        return None
    given = payment_method.billing_details
    return {**NO_BILLING, **given, "address": {**NO_BILLING["address"], **(given.get("address") or {})}}


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
