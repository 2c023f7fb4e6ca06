"""Stripe's JSON objects, made from what the sandbox remembers. Every key of Stripe's published fixtures is present."""

from typing import Any

from interlock.sandbox import cards
from interlock.sandbox.stripe.accountdetails import transfer_instructions
from interlock.sandbox.stripe.errors import ADVICE, NETWORK_DECLINE_CODES
from interlock.sandbox.stripe.state import Attempt, Customer, Dispute, Method, Payment, Refund, Setup

Json = dict[str, Any]

_NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
_NOTHING = {"charge": None, "setup_attempt": None}
_ACTIONABLE = "requires_action"


def billing_details(billing: Json) -> Json:
    """Return billing details with every key present."""
    address = billing.get("address") or {}
    return {
        "address": {**_NO_ADDRESS, **address},
        "email": billing.get("email"),
        "name": billing.get("name"),
        "phone": billing.get("phone"),
        "tax_id": billing.get("tax_id"),
    }


def checks(method: Method) -> Json:
    """Return what the issuer says of address and security code."""
    card = cards.behaviour(method.card_name)
    address = method.billing.get("address")
    given = address if isinstance(address, dict) else {}
    return {
        "address_line1_check": card.line1_check if given.get("line1") else None,
        "address_postal_code_check": card.postal_code_check if given.get("postal_code") else None,
        "cvc_check": card.cvc_check if method.cvc_given else None,
    }


def payment_method(method: Method) -> Json:
    """Return a payment_method."""
    return {
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": method.allow_redisplay,
        "billing_details": billing_details(method.billing),
        method.kind: _shown_as(method),
        "created": method.created,
        "customer": method.customer,
        "customer_account": None,
        "livemode": False,
        "metadata": method.metadata,
        "type": method.kind,
    }


def _shown_as(method: Method) -> Json:
    if method.kind == "card":
        return card(method)
    return {**account(method), "generated_from": _NOTHING} if method.kind == "sepa_debit" else {}


def card(method: Method) -> Json:
    """Return the card of a payment_method."""
    return {
        "brand": method.brand,
        "checks": checks(method),
        "country": method.country,
        "display_brand": method.brand,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "fingerprint": method.fingerprint,
        "funding": method.funding,
        "generated_from": None,
        "last4": method.last4,
        "networks": {"available": [method.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def next_action(payment_id: str, base_url: str, return_url: str | None, *, use_sdk: bool) -> Json:
    """Return where the shopper has to go."""
    page = f"{base_url}/_sandbox/3ds/{payment_id}"
    if return_url is not None and not use_sdk:
        return {"redirect_to_url": {"return_url": return_url, "url": page}, "type": "redirect_to_url"}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page}}


def payment_intent(payment: Payment, base_url: str) -> Json:
    """Return a payment_intent."""
    action = None
    if payment.status == _ACTIONABLE and payment.transfer:
        action = transfer_instructions(payment, base_url)
    elif payment.status == _ACTIONABLE:
        action = next_action(payment.id, base_url, payment.return_url, use_sdk=payment.use_sdk)
    return {
        "id": payment.id,
        "object": "payment_intent",
        "amount": payment.amount,
        "amount_capturable": payment.amount_capturable,
        "amount_details": {"tip": {}},
        "amount_received": payment.amount_received,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": payment.automatic,
        "canceled_at": payment.canceled_at,
        "cancellation_reason": payment.cancellation_reason,
        "capture_method": payment.capture_method,
        "client_secret": payment.secret,
        "confirmation_method": payment.confirmation_method,
        "created": payment.created,
        "currency": payment.currency,
        "customer": payment.customer,
        "customer_account": None,
        "description": payment.description,
        "excluded_payment_method_types": None,
        "last_payment_error": payment.last_error,
        "latest_charge": payment.attempts[-1].id if payment.attempts else None,
        "livemode": False,
        "managed_payments": None,
        "metadata": payment.metadata,
        "next_action": action,
        "on_behalf_of": None,
        "payment_method": payment.method.id if payment.method is not None else None,
        "payment_method_configuration_details": None,
        "payment_method_options": payment.options or _no_options(payment),
        "payment_method_types": payment.payment_method_types,
        "processing": None,
        "receipt_email": payment.receipt_email,
        "review": None,
        "setup_future_usage": payment.setup_future_usage,
        "shipping": payment.shipping,
        "source": None,
        "statement_descriptor": payment.statement_descriptor,
        "statement_descriptor_suffix": payment.statement_descriptor_suffix,
        "status": payment.status,
        "transfer_data": None,
        "transfer_group": payment.transfer_group,
    }


def _no_options(payment: Payment) -> Json:
    kinds = payment.payment_method_types
    return {"card": _NO_CARD_OPTIONS} if "card" in kinds else {kind: {} for kind in kinds}


_NO_CARD_OPTIONS = {
    "installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic",
}  # fmt: skip


def outcome(attempt: Attempt, method: Method | None) -> Json:
    """Return a charge's outcome."""
    card = cards.behaviour(method.card_name if method is not None else "")
    common = {"risk_level": card.risk_level, "network_advice_code": None, "advice_code": None,
              "network_decline_code": None}  # fmt: skip
    if attempt.approved or attempt.pending:
        return {**common, "network_status": "approved_by_network", "reason": None,
                "seller_message": "Payment complete.", "type": "authorized"}  # fmt: skip
    if card.blocked:
        return {**common, "network_status": "not_sent_to_network", "reason": "highest_risk_level",
                "seller_message": "Stripe blocked this payment as too risky.", "type": "blocked"}  # fmt: skip
    return {
        **common,
        "advice_code": ADVICE.get(attempt.decline_code),
        "network_decline_code": NETWORK_DECLINE_CODES.get(attempt.decline_code),
        "network_status": "declined_by_network",
        "reason": attempt.decline_code or attempt.code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def method_details(payment: Payment, attempt: Attempt, method: Method) -> Json:
    """Return payment_method_details of a charge."""
    if method.kind == "card":
        return card_details(payment, attempt, method)
    debit = {**account(method), "mandate": f"mandate_{payment.id[3:]}"} if method.kind == "sepa_debit" else {}
    return {method.kind: debit, "type": method.kind}


def account(method: Method) -> Json:
    """Return what is shown of a bank account."""
    return {
        "bank_code": method.bank_code,
        "branch_code": None,
        "country": method.country,
        "fingerprint": method.fingerprint,
        "last4": method.last4,
    }


def card_details(payment: Payment, attempt: Attempt, method: Method) -> Json:
    """Return payment_method_details of a charge by card."""
    authenticated = None
    if attempt.authenticated:
        authenticated = {
            "authentication_flow": "challenge", "electronic_commerce_indicator": "05", "exemption_indicator": None,
            "result": "authenticated", "result_reason": None, "transaction_id": payment.id, "version": "2.2.0",
        }  # fmt: skip
    manual = payment.capture_method == "manual" and not attempt.captured
    asked = payment.options.get("card")
    options = asked if isinstance(asked, dict) else {}
    card = {
        "amount_authorized": attempt.amount,
        "authorization_code": attempt.id[-6:].upper() if attempt.approved else None,
        "brand": method.brand,
        "checks": checks(method),
        "country": method.country,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": method.fingerprint,
        "funding": method.funding,
        "incremental_authorization": {"status": _granted(options, "request_incremental_authorization")},
        "installments": None,
        "last4": method.last4,
        "mandate": None,
        "multicapture": {"status": _granted(options, "request_multicapture")},
        "network": method.brand,
        "network_token": {"used": False},
        "network_transaction_id": network_transaction_id(attempt.id) if attempt.approved else None,
        "overcapture": {"maximum_amount_capturable": attempt.amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": authenticated,
        "transaction_link_id": None,
        "wallet": None,
    }
    if manual and attempt.approved:
        card["capture_before"] = attempt.created + 7 * 86_400
    return {"card": card, "type": "card"}


def _granted(options: Json, name: str) -> str:
    return "available" if options.get(name) == "if_available" else "unavailable"


def network_transaction_id(charge_id: str) -> str:
    """Return the scheme's transaction id, derived from the charge's."""
    return str(int.from_bytes(charge_id[-12:].encode(), "big") % 10**15).zfill(15)


def charge(payment: Payment, attempt: Attempt) -> Json:
    """Return a charge."""
    method = payment.method
    return {
        "id": attempt.id,
        "object": "charge",
        "amount": attempt.amount,
        "amount_captured": attempt.amount if attempt.pending else attempt.amount_captured,
        "amount_refunded": attempt.amount_refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": f"txn_{attempt.id[3:]}" if attempt.captured else None,
        "billing_details": billing_details(method.billing if method is not None else {}),
        "calculated_statement_descriptor": payment.statement_descriptor or "INTERLOCK SANDBOX",
        "captured": attempt.captured or attempt.pending,
        "created": attempt.created,
        "currency": payment.currency,
        "customer": payment.customer,
        "description": payment.description,
        "disputed": attempt.disputed,
        "failure_balance_transaction": None,
        "failure_code": attempt.code or None,
        "failure_message": attempt.message or None,
        "fraud_details": {},
        "livemode": False,
        "metadata": payment.metadata,
        "on_behalf_of": None,
        "outcome": outcome(attempt, method),
        "paid": attempt.approved,
        "payment_intent": payment.id,
        "payment_method": method.id if method is not None else None,
        "payment_method_details": None if method is None else method_details(payment, attempt, method),
        "receipt_email": payment.receipt_email,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": attempt.amount_refunded > 0 and attempt.amount_refunded >= attempt.amount_captured,
        "refunds": {"object": "list", "data": [], "has_more": False, "url": f"/v1/charges/{attempt.id}/refunds"},
        "review": None,
        "shipping": payment.shipping,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": payment.statement_descriptor,
        "statement_descriptor_suffix": payment.statement_descriptor_suffix,
        "status": "pending" if attempt.pending else "succeeded" if attempt.approved else "failed",
        "transfer_data": None,
        "transfer_group": payment.transfer_group,
    }


_TO_CARD = {
    "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
    "type": "card",
}
_TO_ACCOUNT = {"eu_bank_transfer": {"reference": None, "reference_status": None}, "type": "eu_bank_transfer"}


def refund(value: Refund, method: Method | None = None) -> Json:
    """Return a refund."""
    shown: Json = {
        "id": value.id,
        "object": "refund",
        "amount": value.amount,
        "balance_transaction": f"txn_{value.id[3:]}",
        "charge": value.charge,
        "created": value.created,
        "currency": value.currency,
        "customer": None,
        "customer_account": None,
        "destination_details": _TO_CARD if method is None or method.kind == "card" else _TO_ACCOUNT,
        "metadata": value.metadata,
        "payment_intent": value.payment,
        "payment_method": method.id if method is not None else None,
        "reason": value.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": value.status,
        "transfer_reversal": None,
    }
    if value.failure_reason is not None:
        shown["failure_reason"] = value.failure_reason
        shown["failure_balance_transaction"] = f"txn_f{value.id[3:]}"
    return shown


def customer(value: Customer) -> Json:
    """Return a customer."""
    return {
        "id": value.id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": value.created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": value.description,
        "discount": None,
        "email": value.email,
        "invoice_prefix": value.id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": False,
        "metadata": value.metadata,
        "name": value.name,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }  # fmt: skip


def setup_intent(setup: Setup, base_url: str) -> Json:
    """Return a setup_intent."""
    action = None
    if setup.status == _ACTIONABLE:
        action = next_action(setup.id, base_url, setup.return_url, use_sdk=setup.use_sdk)
    return {
        "id": setup.id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": setup.automatic,
        "cancellation_reason": setup.cancellation_reason,
        "client_secret": setup.secret,
        "created": setup.created,
        "customer": setup.customer,
        "customer_account": None,
        "description": setup.description,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": setup.last_error,
        "latest_attempt": setup.attempt,
        "livemode": False,
        "managed_payments": None,
        "mandate": setup.mandate,
        "metadata": setup.metadata,
        "next_action": action,
        "on_behalf_of": None,
        "payment_method": setup.method.id if setup.method is not None else None,
        "payment_method_configuration_details": None,
        "payment_method_options": setup.options or {"card": {"mandate_options": None, "network": None,
                                                             "request_three_d_secure": "automatic"}},
        "payment_method_types": setup.payment_method_types,
        "single_use_mandate": None,
        "status": setup.status,
        "usage": setup.usage,
    }  # fmt: skip


_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file",
    "uncategorized_text",
)  # fmt: skip


def dispute(value: Dispute) -> Json:
    """Return a dispute."""
    return {
        "id": value.id,
        "object": "dispute",
        "amount": value.amount,
        "balance_transactions": [],
        "charge": value.charge,
        "created": value.created,
        "currency": value.currency,
        "enhanced_eligibility_types": [],
        "evidence": {
            **dict.fromkeys(_EVIDENCE),
            **{name: text for name, text in value.evidence.items() if name in _EVIDENCE},
            "enhanced_evidence": {},
        },
        "evidence_details": {
            "due_by": value.created + 7 * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": bool(value.evidence),
            "past_due": False,
            "submission_count": 1 if value.evidence else 0,
        },
        "is_charge_refundable": value.status.startswith("warning"),
        "livemode": False,
        "metadata": value.metadata,
        "payment_intent": value.payment,
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "case_type": "inquiry" if value.status.startswith("warning") else "chargeback",
                "network": "visa",
                "network_reason_code": "10.4" if value.reason == "fraudulent" else "13.1",
            },
            "type": "card",
        },
        "reason": value.reason,
        "status": value.status,
    }


def balance_transaction(source: str, kind: str, amount: int, currency: str, created: int) -> Json:
    """Return the balance transaction of a charge or refund: fee 2.9 % + 30 on charges."""
    fee = amount * 29 // 1000 + 30 if kind == "charge" else 0
    signed = amount if kind == "charge" else -amount
    details = [{"amount": fee, "application": None, "currency": currency, "description": "Stripe processing fees",
                "type": "stripe_fee"}]  # fmt: skip
    return {
        "id": f"txn_{source[3:]}",
        "object": "balance_transaction",
        "amount": signed,
        "available_on": created,
        "balance_type": "payments",
        "created": created,
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details if fee else [],
        "net": signed - fee,
        "reporting_category": kind,
        "source": source,
        "status": "available",
        "type": kind,
    }
