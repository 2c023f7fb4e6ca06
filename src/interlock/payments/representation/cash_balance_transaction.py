"""The public shape of money that arrived by bank transfer."""

from typing import Any

from interlock.payments.intents.types import Funded
from interlock.payments.representation.amounts import front_amount

_SENDERS: dict[str, dict[str, Any]] = {
    "eu_bank_transfer": {"bic": None, "iban_last4": None, "sender_name": None},
    "gb_bank_transfer": {"account_number_last4": None, "sender_name": None, "sort_code": None},
    "jp_bank_transfer": {"sender_bank": None, "sender_branch": None, "sender_name": None},
    "us_bank_transfer": {"sender_name": None},
}


def cash_balance_transaction(value: Funded) -> dict[str, Any]:
    """Return the transfer as the API shows it; who sent it is not known in test mode."""
    amount = front_amount(value.money.amount_minor, value.money.currency)
    transfer: dict[str, Any] = {"reference": value.reference, "type": value.kind}
    if value.kind in _SENDERS:
        transfer[value.kind] = _SENDERS[value.kind]
    return {
        "id": value.id,
        "object": "customer_cash_balance_transaction",
        "created": value.created_at_ms // 1000,
        "currency": value.money.currency,
        "customer": value.customer_id,
        "customer_account": None,
        "ending_balance": amount,
        "funded": {"bank_transfer": transfer},
        "livemode": value.livemode,
        "net_amount": amount,
        "type": "funded",
    }
