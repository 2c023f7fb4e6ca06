"""What makes a bank account acceptable, and what a debit of it needs. Pure; the words and codes are Stripe's.

A debit is no card payment: the bank answers days later, it is taken at once or not at all, and only in euros.
"""

from collections.abc import Mapping
from typing import Any

from interlock.base.ibans import is_valid_iban, plain_iban
from interlock.base.problems import Problem, invalid
from interlock.gateways.contract import MandateAcceptance
from interlock.payments.instruments.types import Mandate, SepaDebitData

METHOD = "sepa_debit"
CURRENCY = "eur"
_REQUIRED_BILLING = ("email", "name")


def check_account(data: SepaDebitData | None, billing_details: Mapping[str, Any], param: str) -> str | Problem:
    """Return the plain IBAN of an account that may be debited, or the first thing wrong with it.

    Args:
        data: as given by the client.
        billing_details: of the same method; the bank wants the holder's name, the law a way to notify.
        param: the parameter that held both, "" where the fields are the request's own.

    """
    if data is None or not data.iban:
        return _missing(param, "sepa_debit", "iban")
    iban = plain_iban(data.iban)
    if not is_valid_iban(iban):
        return invalid(
            "The IBAN you provided is invalid.",
            code="account_number_invalid",
            param=_path(param, "sepa_debit[iban]"),
        )
    for field in _REQUIRED_BILLING:
        if not billing_details.get(field):
            return _missing(param, "billing_details", field)
    return iban


def check_debit(currency: str, capture_method: str) -> Problem | None:
    """Return why an intent cannot be paid by debit, or None."""
    if currency != CURRENCY:
        return invalid(
            f"The currency provided ({currency}) is invalid. Payments with sepa_debit support the following "
            f"currencies: {CURRENCY}.",
            code="payment_method_currency_mismatch",
            param="currency",
        )
    if capture_method == "manual":
        return invalid(
            "The payment method type sepa_debit does not support manual capture: a debit is taken at once.",
            code="payment_intent_invalid_parameter",
            param="capture_method",
        )
    return None


def terms_of(mandate: Mandate) -> dict[str, Any]:
    """Return what an attempt keeps of the mandate it debits under, so that its request can be built again."""
    return {"method": METHOD, "id": mandate.id, **mandate.customer_acceptance}


def acceptance_of(terms: Mapping[str, Any]) -> MandateAcceptance:
    """Return how the holder agreed, from what an attempt kept."""
    online = terms.get("online") or {}
    return MandateAcceptance(
        online=terms.get("type") == "online",
        accepted_at_s=int(terms.get("accepted_at") or 0),
        ip=online.get("ip_address"),
        user_agent=online.get("user_agent"),
    )


def _path(param: str, field: str) -> str:
    if not param:
        return field
    first, bracket, rest = field.partition("[")
    return f"{param}[{first}]{bracket}{rest}"


def _missing(param: str, group: str, field: str) -> Problem:
    where = _path(param, f"{group}[{field}]")
    return invalid(f"Missing required param: {where}.", code="parameter_missing", param=where)
