"""The public shape of a refund."""

from typing import Any

from interlock.payments.refunds.types import Refund
from interlock.payments.representation.amounts import front_amount


def refund(value: Refund) -> dict[str, Any]:
    """Return the refund as the API shows it, unexpanded."""
    shown = {
        "id": value.id,
        "object": "refund",
        "amount": front_amount(value.amount_minor, value.currency),
        "balance_transaction": value.balance_transaction_id,
        "charge": value.charge_id,
        "created": value.created_at_ms // 1000,
        "currency": value.currency,
        "customer": value.customer_id,
        "customer_account": None,
        "destination_details": _destination(value),
        "metadata": value.metadata,
        "payment_intent": value.payment_intent_id,
        "payment_method": value.payment_method_id,
        "reason": value.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": value.status,
        "transfer_reversal": None,
    }
    if value.failure_reason is not None:
        shown["failure_reason"] = value.failure_reason
        shown["failure_balance_transaction"] = value.failure_balance_transaction_id
    return shown


def _destination(value: Refund) -> dict[str, Any]:
    transfer = value.details.get("destination")
    if transfer is None:
        return {"card": {"type": "refund"}, "type": "card"}
    return {transfer: {"reference": None, "reference_status": None}, "type": transfer}
