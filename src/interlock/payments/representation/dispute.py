"""The public shape of a dispute."""

from typing import Any

from interlock.payments.disputes.types import DisputeStatus, DisputeView
from interlock.payments.representation.amounts import front_amount
from interlock.payments.representation.balance import balance_transaction

EVIDENCE_FIELDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
_OVER = frozenset({DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.WARNING_CLOSED, DisputeStatus.PREVENTED})


def dispute(shown: DisputeView, now_ms: int) -> dict[str, Any]:
    """Return the dispute as the API shows it at ``now_ms``, unexpanded."""
    value = shown.dispute
    evidence: dict[str, Any] = dict.fromkeys(EVIDENCE_FIELDS)
    evidence["enhanced_evidence"] = {}
    evidence.update(value.evidence)
    due_ms = value.evidence_due_at_ms
    rendered: dict[str, Any] = {
        "id": value.id,
        "object": "dispute",
        "amount": front_amount(value.amount_minor, value.currency),
        "balance_transactions": [balance_transaction(each, now_ms) for each in shown.transactions],
        "charge": value.charge_id,
        "created": value.created_at_ms // 1000,
        "currency": value.currency,
        "enhanced_eligibility_types": [],
        "evidence": evidence,
        "evidence_details": {
            "due_by": None if due_ms is None else due_ms // 1000,
            "enhanced_eligibility": {},
            "has_evidence": bool(value.evidence),
            "past_due": False,
            "submission_count": value.submission_count,
        },
        "is_charge_refundable": value.status in _OVER or value.status.startswith("warning"),
        "livemode": value.livemode,
        "metadata": value.metadata,
        "payment_intent": value.payment_intent_id,
        "reason": value.reason,
        "status": value.status,
    }
    if "method_type" not in value.details:  # the published object has no form for a debited bank account
        rendered["payment_method_details"] = {
            "card": {
                "brand": value.details.get("card_brand") or "unknown",
                "case_type": "inquiry" if value.status.startswith("warning") else "chargeback",
                "network_reason_code": None,
            },
            "type": "card",
        }
    return rendered
