"""Stripe's error objects, as values."""

from typing import Any

import msgspec

from interlock.sandbox.http import Reply

DOC_URL = "https://stripe.com/docs/error-codes/"

DECLINE_MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "fraudulent": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "card_velocity_exceeded": (
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
    ),
    "authentication_required": ("Your card was declined. This transaction requires authentication."),
}

ADVICE = {
    "generic_decline": "try_again_later",
    "insufficient_funds": "try_again_later",
    "processing_error": "try_again_later",
    "card_velocity_exceeded": "try_again_later",
    "lost_card": "do_not_try_again",
    "stolen_card": "do_not_try_again",
    "fraudulent": "do_not_try_again",
    "expired_card": "confirm_card_data",
    "incorrect_cvc": "confirm_card_data",
}

NETWORK_DECLINE_CODES = {
    "generic_decline": "05",
    "insufficient_funds": "51",
    "lost_card": "41",
    "stolen_card": "43",
    "expired_card": "54",
    "incorrect_cvc": "82",
    "processing_error": "06",
    "card_velocity_exceeded": "65",
}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request is not done; ``keep`` when an idempotency key remembers it."""

    status: int = 400
    type: str = "invalid_request_error"
    message: str
    code: str | None = None
    param: str | None = None
    decline_code: str | None = None
    charge: str | None = None
    attached: dict[str, Any] = {}
    keep: bool = False

    def error(self) -> dict[str, Any]:
        """Return the error object."""
        error: dict[str, Any] = {}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = DOC_URL + self.code.replace("_", "-")
        if self.charge is not None:
            error["charge"] = self.charge
        if self.decline_code is not None:
            error["decline_code"] = self.decline_code
            if self.decline_code in ADVICE:
                error["advice_code"] = ADVICE[self.decline_code]
            if self.decline_code in NETWORK_DECLINE_CODES:
                error["network_decline_code"] = NETWORK_DECLINE_CODES[self.decline_code]
        error["message"] = self.message
        if self.param is not None:
            error["param"] = self.param
        error.update(self.attached)
        error["type"] = self.type
        return error

    def reply(self) -> Reply:
        """Return the refusal as Stripe sends it."""
        return Reply(self.status, msgspec.json.encode({"error": self.error()}))


def invalid(message: str, *, code: str | None = None, param: str | None = None) -> Refusal:
    """Return a plain 400."""
    return Refusal(message=message, code=code, param=param)


def missing_object(kind: str, object_id: str, *, param: str = "id", status: int = 404) -> Refusal:
    """Return the 404 for an object that does not exist."""
    return Refusal(status=status, message=f"No such {kind}: '{object_id}'", code="resource_missing", param=param)


def missing_param(name: str) -> Refusal:
    """Return the 400 for a parameter that must be there."""
    return invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)


def unknown_url(method: str, path: str) -> Refusal:
    """Return the 404 for a URL Stripe does not have."""
    return Refusal(
        status=404,
        message=f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can "
        "help at https://support.stripe.com/.",
    )
