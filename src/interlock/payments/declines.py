"""From an outcome to what the shopper and the shop are told. Pure; the words are Stripe's, which checkouts show.

Used by intents, setup intents and charges.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from interlock.gateways.outcomes import Outcome, Result

_DOCS = "https://stripe.com/docs/error-codes/"

_OWN_CODE = frozenset(
    {
        "authentication_required",
        "expired_card",
        "incorrect_cvc",
        "incorrect_number",
        "incorrect_zip",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "processing_error",
    }
)
"""Decline codes that are error codes themselves; all others come under ``card_declined``."""

_MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "authentication_required": "Your card was declined. This transaction requires authentication.",
        "card_not_supported": "Your card is not supported.",
        "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently or exceeding its "
        "amount limit.",
        "currency_not_supported": "Your card does not support this currency.",
        "expired_card": "Your card has expired.",
        "incorrect_cvc": "Your card's security code is incorrect.",
        "incorrect_number": "Your card number is incorrect.",
        "incorrect_zip": "The zip code you provided failed validation.",
        "insufficient_funds": "Your card has insufficient funds.",
        "invalid_account": "Your card was declined: the account is invalid.",
        "invalid_cvc": "Your card's security code is invalid.",
        "invalid_expiry_month": "Your card's expiration month is invalid.",
        "invalid_expiry_year": "Your card's expiration year is invalid.",
        "invalid_number": "Your card number is not a valid credit card number.",
        "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    }
)
_DEBIT_MESSAGE = "The customer's bank account could not be debited."
_DEBIT_ERRORS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "insufficient_funds": (
            "insufficient_funds",
            "The customer's account has insufficient funds to cover this payment.",
        ),
        "invalid_account": ("bank_account_unusable", "The customer's bank account cannot be used for payments."),
        "transaction_not_allowed": (
            "debit_not_authorized",
            "The customer has notified their bank that this payment was unauthorized.",
        ),
    }
)
_DEFAULT_MESSAGE = "Your card was declined."


class CardError(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that did not come about: Stripe's ``card_error`` without the objects around it."""

    code: str
    message: str
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``last_payment_error`` starts; absent parts are left out, as the API does."""
        shown: dict[str, Any] = {
            "code": self.code,
            "doc_url": _DOCS + self.code.replace("_", "-"),
            "message": self.message,
            "type": "card_error",
        }
        for name in ("decline_code", "advice_code", "network_decline_code"):
            value = getattr(self, name)
            if value is not None:
                shown[name] = value
        return shown


AUTHENTICATION_REQUIRED = CardError(
    code="authentication_required",
    decline_code="authentication_required",
    message=_MESSAGES["authentication_required"],
)


def card_error(result: Result) -> CardError:
    """Return what to tell of a result that did not approve.

    A decline speaks in the issuer's words. A technical failure of every route is nobody's fault the shopper could
    mend, so it is told as ``processing_error`` whatever the gateway called it; the attempts keep the details.
    """
    if result.outcome is not Outcome.DECLINED:
        return CardError(code="processing_error", message=_MESSAGES["processing_error"], advice_code="try_again_later")
    decline_code = result.decline_code or "generic_decline"
    return CardError(
        code=decline_code if decline_code in _OWN_CODE else "card_declined",
        decline_code=decline_code,
        message=_MESSAGES.get(decline_code, _DEFAULT_MESSAGE),
        advice_code=result.advice_code,
        network_decline_code=result.network_decline_code,
    )


def setup_error(result: Result, *, challenged: bool) -> CardError:
    """Return what to tell of a card verification that failed, ``challenged`` when the shopper was asked to act."""
    error = card_error(result)
    if error.code == AUTHENTICATION_REQUIRED.code and challenged:
        return msgspec.structs.replace(error, code="setup_intent_authentication_failure")
    return error


def debit_error(result: Result) -> CardError:
    """Return what to tell of a debit that did not come about, or that a bank sent back before it was paid."""
    if result.outcome is not Outcome.DECLINED:
        return CardError(code="processing_error", message=_DEBIT_MESSAGE, advice_code="try_again_later")
    code, message = _DEBIT_ERRORS.get(result.decline_code or "", ("payment_method_provider_decline", _DEBIT_MESSAGE))
    return CardError(code=code, message=message)


def authentication_failed() -> CardError:
    """Return what to tell when the shopper did not pass the challenge."""
    return CardError(
        code="payment_intent_authentication_failure",
        message="The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
        "PaymentMethod to attempt to fulfill this PaymentIntent again.",
    )
