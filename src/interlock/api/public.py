"""What a publishable key may see of an object, wherever it stands: as the answer, inside an error, or expanded.

Called by the request pipeline, by ``api.call`` and by the routes that browsers use. A publishable key is in every shop
page, so whatever it is shown, anybody who pays (or tries to) reads.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.base.problems import Problem

Shown = dict[str, Any]

# As in the published API: nothing about the customer or the shop's own data.
_OF_PAYMENT_INTENT = frozenset(
    {
        "id",
        "object",
        "amount",
        "amount_details",
        "automatic_payment_methods",
        "canceled_at",
        "cancellation_reason",
        "capture_method",
        "client_secret",
        "confirmation_method",
        "created",
        "currency",
        "description",
        "last_payment_error",
        "livemode",
        "next_action",
        "payment_method",
        "payment_method_configuration_details",
        "payment_method_types",
        "processing",
        "receipt_email",
        "setup_future_usage",
        "shipping",
        "source",
        "status",
    }
)
_NOT_OF_SETUP_INTENT = frozenset({"application", "customer", "customer_account", "metadata", "on_behalf_of", "mandate"})
_NOT_OF_PAYMENT_METHOD = frozenset({"customer", "customer_account", "metadata"})


def payment_intent(shown: Mapping[str, Any]) -> Shown:
    """Return of a rendered payment intent what is public."""
    return {name: _inside(value) for name, value in shown.items() if name in _OF_PAYMENT_INTENT}


def setup_intent(shown: Mapping[str, Any]) -> Shown:
    """Return of a rendered setup intent what is public."""
    return {name: _inside(value) for name, value in shown.items() if name not in _NOT_OF_SETUP_INTENT}


def payment_method(shown: Mapping[str, Any]) -> Shown:
    """Return what is public of a rendered payment method that stands inside another object."""
    return {name: value for name, value in shown.items() if name not in _NOT_OF_PAYMENT_METHOD}


_REDUCERS = {"payment_intent": payment_intent, "setup_intent": setup_intent, "payment_method": payment_method}


def problem(found: Problem) -> Problem:
    """Return ``found`` with its attached objects reduced; objects of other kinds are left out."""
    if not found.attached:
        return found
    attached = {name: _REDUCERS[name](shown) for name, shown in found.attached.items() if name in _REDUCERS}
    return msgspec.structs.replace(found, attached=attached)


def expanded(shown: Mapping[str, Any]) -> Shown:
    """Return an answer whose references were expanded with what stands inside it reduced."""
    return {name: _inside(value) for name, value in shown.items()}


def _inside(value: Any) -> Any:
    """Return a field's value: a payment method, or a last error that holds one, is reduced."""
    if not isinstance(value, dict):
        return value
    if value.get("object") == "payment_method":
        return payment_method(value)
    method = value.get("payment_method")
    return {**value, "payment_method": payment_method(method)} if isinstance(method, dict) else value
