"""The built-in minimal check of Stripe request parameters: what the handlers rely on, whatever else validates."""

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
        if name in _INTEGERS:
            if not isinstance(value, str) or not value.lstrip("-").isdigit() or not value.isascii():
                return invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
            if int(value) < 0 or (name == "amount" and int(value) == 0):
                return invalid("This value must be greater than or equal to 1.", code="parameter_invalid_integer",
                               param=name)  # fmt: skip
        elif name in _BOOLEANS:
            if value not in ("true", "false"):
                return invalid(f"Invalid boolean: {value}", param=name)
        elif name in _CHOICES:
            if value not in _CHOICES[name]:
                expected = ", ".join(choice for choice in _CHOICES[name] if choice)
                return invalid(f"Invalid {name}: must be one of {expected}", param=name)
        elif name == "currency":
            if not isinstance(value, str) or len(value) != _CURRENCY_LETTERS or not value.isalpha():
                return invalid(f"Invalid currency: {value}.", param=name)
        elif name == "metadata":
            wrong = _check_metadata(value)
            if wrong is not None:
                return wrong
    return None


def _check_metadata(value: object) -> Refusal | None:
    if value == "":
        return None
    if not isinstance(value, dict):
        return invalid("Invalid metadata: metadata must be a hash", param="metadata")
    if len(value) > _MAX_METADATA:
        return invalid("Metadata can have at most 50 keys.", param="metadata")
    for key, text in value.items():
        if len(key) > _MAX_METADATA_KEY:
            return invalid(f"Metadata key '{key}' is longer than 40 characters.", param="metadata")
        if not isinstance(text, str):
            return invalid("Metadata values must be strings.", param=f"metadata[{key}]")
        if len(text) > _MAX_METADATA_VALUE:
            return invalid("Metadata values can have up to 500 characters.", param=f"metadata[{key}]")
    return None
