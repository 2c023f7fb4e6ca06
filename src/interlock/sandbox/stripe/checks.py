"""The built-in minimal check of Stripe request parameters: what the handlers rely on, whatever else validates."""

from collections.abc import Callable

from interlock.sandbox.http import Form
from interlock.sandbox.stripe.errors import Refusal, invalid

_INTEGERS = ("amount", "amount_to_capture", "limit", "application_fee_amount")
_BOOLEANS = ("confirm", "use_stripe_sdk", "error_on_requires_action", "final_capture")
_CHOICES = {
    "capture_method": ("automatic", "automatic_async", "manual"),
    "confirmation_method": ("automatic", "manual"),
    "setup_future_usage": ("off_session", "on_session", ""),
    "reason": ("duplicate", "fraudulent", "requested_by_customer"),
    "cancellation_reason": ("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
    "usage": ("off_session", "on_session"),
}
_CURRENCY_LETTERS = 3
_MAX_METADATA = 50
_MAX_METADATA_KEY = 40
_MAX_METADATA_VALUE = 500


def check(form: Form) -> Refusal | None:
    """Return what is wrong with the plain parameters, if anything."""
    for name, value in form.items():
        test = _TESTS.get(name)
        wrong = test(name, value) if test is not None else None
        if wrong is not None:
            return wrong
    return None


def _integer(name: str, value: object) -> Refusal | None:
    if not isinstance(value, str) or not value.lstrip("-").isdigit() or not value.isascii():
        return invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    if int(value) < 0 or (name == "amount" and int(value) == 0):
        message = "This value must be greater than or equal to 1."
        return invalid(message, code="parameter_invalid_integer", param=name)
    return None


def _boolean(name: str, value: object) -> Refusal | None:
    return None if value in ("true", "false") else invalid(f"Invalid boolean: {value}", param=name)


def _choice(name: str, value: object) -> Refusal | None:
    if value in _CHOICES[name]:
        return None
    expected = ", ".join(choice for choice in _CHOICES[name] if choice)
    return invalid(f"Invalid {name}: must be one of {expected}", param=name)


def _currency(name: str, value: object) -> Refusal | None:
    if isinstance(value, str) and len(value) == _CURRENCY_LETTERS and value.isalpha():
        return None
    return invalid(f"Invalid currency: {value}.", param=name)


def _metadata(name: str, value: object) -> Refusal | None:
    if value == "":
        return None
    if not isinstance(value, dict):
        return invalid("Invalid metadata: metadata must be a hash", param=name)
    if len(value) > _MAX_METADATA:
        return invalid("Metadata can have at most 50 keys.", param=name)
    return next((wrong for pair in value.items() if (wrong := _metadata_pair(*pair)) is not None), None)


def _metadata_pair(key: str, text: object) -> Refusal | None:
    if len(key) > _MAX_METADATA_KEY:
        return invalid(f"Metadata key '{key}' is longer than 40 characters.", param="metadata")
    if not isinstance(text, str):
        return invalid("Metadata values must be strings.", param=f"metadata[{key}]")
    if len(text) > _MAX_METADATA_VALUE:
        return invalid("Metadata values can have up to 500 characters.", param=f"metadata[{key}]")
    return None


_TESTS: dict[str, Callable[[str, object], Refusal | None]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(_BOOLEANS, _boolean),
    **dict.fromkeys(_CHOICES, _choice),
    "currency": _currency,
    "metadata": _metadata,
}
