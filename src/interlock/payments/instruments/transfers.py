"""What a payment by bank transfer needs. Pure; the words and codes are Stripe's (``customer_balance``).

The shopper sends the money to an account that the gateway opens for this one payment, in one transfer or in several.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from interlock.base.problems import Problem, invalid
from interlock.gateways.contract import BankTransfer

METHOD = "customer_balance"
CURRENCIES: Mapping[str, str] = MappingProxyType(
    {
        "eu_bank_transfer": "eur",
        "gb_bank_transfer": "gbp",
        "jp_bank_transfer": "jpy",
        "mx_bank_transfer": "mxn",
        "us_bank_transfer": "usd",
    }
)
_OPTION = "payment_method_options[customer_balance]"


def transfer_terms(
    details: Mapping[str, Any], currency: str, customer_id: str | None, capture_method: str
) -> dict[str, Any] | Problem:
    """Return what an attempt keeps of the transfer it waits for, or why an intent cannot be paid by one.

    Args:
        details: the intent's; its ``payment_method_options`` say which kind of transfer.
        currency: the intent's.
        customer_id: the intent's.
        capture_method: the intent's.

    """
    options = (details.get("payment_method_options") or {}).get(METHOD) or {}
    transfer = options.get("bank_transfer") or {}
    kind = str(transfer.get("type"))
    if customer_id is None:
        return _missing("customer")
    if options.get("funding_type") != "bank_transfer":
        return _missing(f"{_OPTION}[funding_type]")
    if kind not in CURRENCIES:
        return _missing(f"{_OPTION}[bank_transfer][type]")
    if CURRENCIES[kind] != currency:
        return invalid(
            f"The currency provided ({currency}) is invalid. Payments by {kind} support the following "
            f"currencies: {CURRENCIES[kind]}.",
            code="payment_method_currency_mismatch",
            param="currency",
        )
    country = (transfer.get("eu_bank_transfer") or {}).get("country")
    if kind == "eu_bank_transfer" and not country:
        return _missing(f"{_OPTION}[bank_transfer][eu_bank_transfer][country]")
    if capture_method == "manual":
        return invalid(
            "The payment method type customer_balance does not support manual capture: money that has come is taken.",
            code="payment_intent_invalid_parameter",
            param="capture_method",
        )
    return {"method": METHOD, "type": kind, "country": country}


def transfer_of(terms: Mapping[str, Any]) -> BankTransfer:
    """Return the transfer to wait for, from what an attempt kept."""
    return BankTransfer(kind=str(terms.get("type")), country=terms.get("country"))


def _missing(param: str) -> Problem:
    return invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)
