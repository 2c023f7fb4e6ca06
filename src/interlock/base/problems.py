"""Expected failures as values, in the vocabulary of the API we speak.

A use case returns ``Result | Problem``; the API turns a problem into a status and an error object, the CLI
into one line and an exit code. Nothing here is raised.
"""

from typing import Any

import msgspec

# Clients match on these words, which follow no rule.
_SPOKEN = {"file": "file upload", "payment_intent": "payment_intent", "setup_intent": "setupintent"}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not done.

    ``type`` is api_error, card_error, idempotency_error or invalid_request_error. ``attached`` holds whole
    objects to show inside the error (``{"payment_intent": {...}}``), already rendered. ``retryable`` becomes
    ``Stripe-Should-Retry`` when it is not None.
    """

    status: int
    type: str
    message: str
    code: str | None = None
    param: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    charge: str | None = None
    attached: dict[str, Any] = {}
    retryable: bool | None = None


def invalid(message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> Problem:
    """Return an ``invalid_request_error``."""
    return Problem(status=status, type="invalid_request_error", message=message, code=code, param=param)


def missing(kind: str, object_id: str, *, param: str = "id") -> Problem:
    """Return the 404 for an object that does not exist in this account and mode.

    Args:
        kind: the object in Stripe's snake case, e.g. ``payment_intent``.
        object_id: the id asked for.
        param: the parameter that carried the id (``id`` for a path).

    """
    spoken = _SPOKEN.get(kind) or kind.replace("_", " ")
    return invalid(f"No such {spoken}: '{object_id}'", code="resource_missing", param=param, status=404)
