"""What may be asked of an intent: amounts, currencies and parameter combinations. Pure.

Limits are those of the API we speak (8 digits; minimum per currency).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from interlock.base.money import Money
from interlock.base.problems import Problem, invalid
from interlock.payments.intents.types import MANUAL, ConfirmIntent, Intent, IntentStatus
from interlock.payments.representation.amounts import from_front, front_amount

MAX_FRONT_AMOUNT = 99_999_999
_MINIMUM: Mapping[str, int] = MappingProxyType(
    {
        "aed": 200,
        "aud": 50,
        "bgn": 100,
        "brl": 50,
        "cad": 50,
        "chf": 50,
        "czk": 1500,
        "dkk": 250,
        "eur": 50,
        "gbp": 30,
        "hkd": 400,
        "huf": 17500,
        "inr": 50,
        "jpy": 50,
        "mxn": 1000,
        "myr": 200,
        "nok": 300,
        "nzd": 50,
        "pln": 200,
        "ron": 200,
        "sek": 300,
        "sgd": 50,
        "thb": 1000,
        "usd": 50,
    }
)
_THREE_DECIMALS = frozenset({"bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"})
_NEVER_REDIRECTS = "never"


def check_amount(money: Money) -> Problem | None:
    """Return what is wrong with an amount to charge, or None."""
    currency = money.currency
    front = front_amount(money.amount_minor, currency)
    if front > MAX_FRONT_AMOUNT:
        return invalid("Amount must be no more than $999,999.99", code="amount_too_large", param="amount")
    if front < _MINIMUM.get(currency, 1):
        return invalid(
            f"Amount must be at least {_MINIMUM.get(currency, 1)} {currency} in the currency's smallest unit.",
            code="amount_too_small",
            param="amount",
        )
    return _check_settled(money, "amount")


def _check_settled(money: Money, param: str) -> Problem | None:
    if money.currency not in _THREE_DECIMALS or money.amount_minor % 10 == 0:
        return None
    return invalid(
        f"Amounts in {money.currency} must end in 0: card networks settle three-decimal currencies to two decimals.",
        code="parameter_invalid_integer",
        param=param,
    )


def settled_money(amount: int, currency: str, param: str) -> Money | Problem:
    """Return the money of a capture, increment or refund: what a front amount means, where it can be settled.

    Args:
        amount: in the front API's minor units.
        currency: of the charge, lower case.
        param: the parameter to name when it cannot be.

    """
    money = front_money(amount, currency, param)
    return money if isinstance(money, Problem) else _check_settled(money, param) or money


def front_money(amount: int, currency: str, param: str) -> Money | Problem:
    """Return the money a front amount means.

    Args:
        amount: in the front API's minor units.
        currency: of the intent, lower case.
        param: the parameter to name when it cannot be expressed.

    """
    money = from_front(amount, currency)
    if money is None:
        return invalid(
            f"{currency} has no decimals: amounts must be a multiple of 100 in the API's units.",
            code="parameter_invalid_integer",
            param=param,
        )
    return money


def check_return_url(details: Mapping[str, Any], options: ConfirmIntent, return_url: str | None) -> Problem | None:
    """Return the problem of confirming without a ``return_url`` where a redirect could be needed, or None.

    With ``payment_method_types`` given only the card's own challenge can redirect, and clients handle that.
    """
    automatic = details.get("automatic_payment_methods")
    if return_url or options.off_session or options.use_stripe_sdk or options.error_on_requires_action:
        return None
    if not automatic or not automatic.get("enabled") or automatic.get("allow_redirects") == _NEVER_REDIRECTS:
        return None
    return invalid(
        "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
        "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't "
        "want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
        "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
    )


def check_method_type(kind: str, details: Mapping[str, Any]) -> Problem | None:
    """Return the problem of paying an intent with a type of payment method that it does not list, or None."""
    types = details.get("payment_method_types")
    if not types or kind in types:
        return None
    return invalid(
        f"The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. Please attach a PaymentMethod of "
        f"one of the following types: {', '.join(types)}.",
        code="payment_intent_incompatible_payment_method",
        param="payment_method",
    )


def check_patience(options: ConfirmIntent) -> Problem | None:
    """Return the problem of not letting the shopper act where only their own bank can send the money, or None."""
    if not (options.off_session or options.error_on_requires_action):
        return None
    param = "off_session" if options.off_session else "error_on_requires_action"
    return invalid(
        f"A payment by bank transfer waits for the customer, so {param} cannot be true.",
        code="payment_intent_invalid_parameter",
        param=param,
    )


def unexpected_state(intent: Intent, action: str, wanted: str) -> Problem:
    """Return the 400 for an action that the intent's state does not allow; the intent is attached by the caller.

    Args:
        intent: the intent as it is.
        action: what was asked, as a verb (``capture``).
        wanted: the states it is possible in, in words.

    """
    return invalid(
        f"You cannot {action} this PaymentIntent because it has a status of {intent.status}. {wanted}",
        code="payment_intent_unexpected_state",
    )


def confirm_problem(intent: Intent, *, publishable: bool) -> Problem | None:
    """Return why ``intent`` cannot be confirmed now, or not by who asks, or None."""
    if publishable and intent.confirmation_method == MANUAL:
        return invalid(
            "This PaymentIntent cannot be confirmed using a publishable key because its `confirmation_method` is set "
            "to `manual`. Confirm it from your server, with a secret key.",
            code="payment_intent_invalid_parameter",
        )
    if intent.status is IntentStatus.SUCCEEDED:
        return unexpected_state(intent, "confirm", "It has already succeeded and cannot be confirmed again.")
    if intent.status in {IntentStatus.CANCELED, IntentStatus.REQUIRES_CAPTURE, IntentStatus.PROCESSING}:
        return unexpected_state(
            intent,
            "confirm",
            "Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, "
            "requires_action, requires_payment_method.",
        )
    return None


def missing_method(intent: Intent, options: ConfirmIntent) -> Problem | None:
    """Return the problem of confirming ``intent`` with nothing to pay with, or None."""
    named = options.payment_method or options.confirmation_token or intent.payment_method_id
    if named or options.payment_method_data is not None:
        return None
    return invalid(
        "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
        "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment "
        "method or ConfirmationToken.",
        code="payment_intent_unexpected_state",
    )
