"""The public shapes of the balance and of balance transactions."""

from collections.abc import Sequence
from typing import Any

from interlock.ledger.types import BalanceTransaction, CurrencyBalance
from interlock.payments.representation.amounts import front_amount

_DEFAULT_CURRENCY = "usd"


def _sum(currency: str, amount_minor: int) -> dict[str, Any]:
    amount = front_amount(amount_minor, currency)
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


def balance(balances: Sequence[CurrencyBalance], *, livemode: bool) -> dict[str, Any]:
    """Return the balance as the API shows it; an account without money has zero of a default currency."""
    known = balances or [CurrencyBalance(_DEFAULT_CURRENCY, 0, 0)]
    return {
        "object": "balance",
        "available": [_sum(one.currency, one.available_minor) for one in known],
        "connect_reserved": [{"amount": 0, "currency": one.currency} for one in known],
        "livemode": livemode,
        "pending": [_sum(one.currency, one.pending_minor) for one in known],
        "refund_and_dispute_prefunding": {
            "available": [{"amount": 0, "currency": one.currency} for one in known],
            "pending": [{"amount": 0, "currency": one.currency} for one in known],
        },
    }


def balance_transaction(value: BalanceTransaction, now_ms: int) -> dict[str, Any]:
    """Return a balance transaction as the API shows it at ``now_ms``, unexpanded."""
    fee = front_amount(value.fee_minor, value.currency)
    details = []
    if fee:
        details.append(
            {
                "amount": fee,
                "application": None,
                "currency": value.currency,
                "description": "Gateway processing fees",
                "type": "stripe_fee",
            }
        )
    return {
        "id": value.id,
        "object": "balance_transaction",
        "amount": front_amount(value.amount_minor, value.currency),
        "available_on": value.available_at_ms // 1000,
        "balance_type": "payments",
        "created": value.created_at_ms // 1000,
        "currency": value.currency,
        "description": value.description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details,
        "net": front_amount(value.net_minor, value.currency),
        "reporting_category": value.reporting_category,
        "source": value.source_id,
        "status": value.status(now_ms),
        "type": value.type,
    }
