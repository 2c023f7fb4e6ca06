"""What libraries in browsers and apps add to every request (who they are, what they saw), which is taken and not used;
and what only the shop's server may decide, which is refused.

Called by the request pipeline, for publishable keys only: a server that sends what libraries add has made a mistake.
"""

from typing import Any

from interlock.api.forms import Form
from interlock.base.problems import Problem, invalid

_ADDED = (
    "_stripe_version",
    "client_attribution_metadata",
    "client_context",
    "expected_payment_method_type",
    "guid",
    "is_stripe_sdk",
    "key",
    "locale",
    "muid",
    "pasted_fields",
    "payment_user_agent",
    "referrer",
    "set_as_default_payment_method",
    "sid",
    "time_on_page",
)
_ADDED_TO_DATA = (
    "client_attribution_metadata",
    "guid",
    "muid",
    "pasted_fields",
    "payment_user_agent",
    "referrer",
    "sid",
    "time_on_page",
)
_ADDED_TO_RISK = ("hcaptcha_ekey", "hcaptcha_token")

# "Secret key only" in the published API; no library for browsers or apps sends them. Whoever holds the page could
# otherwise say that the shopper is absent, which skips 3D Secure, or leave the money uncaptured.
_DECISIONS = (
    "amount_details",
    "capture_method",
    "confirmation_method",
    "error_on_requires_action",
    "mandate",
    "off_session",
    "payment_details",
    "payment_method_types",
)
# Of one method's options. Libraries send others: network, setup_future_usage, cvc, client, code, bank_transfer.
_DECISIONS_ON_METHODS = (
    "capture_method",
    "mandate_options",
    "request_extended_authorization",
    "request_incremental_authorization",
    "request_multicapture",
    "request_overcapture",
    "request_three_d_secure",
    "require_cvc_recollection",
    "statement_descriptor_suffix_kana",
    "statement_descriptor_suffix_kanji",
)


def decided(form: Form) -> Problem | None:
    """Return the refusal of a decision that is not a browser's, or None when ``form`` holds none."""
    for name in _DECISIONS:
        if name in form.values:
            return _not_yours(name)
    methods = form.values.get("payment_method_options")
    for method, options in methods.items() if isinstance(methods, dict) else ():
        for name in _DECISIONS_ON_METHODS:
            if isinstance(options, dict) and name in options:
                return _not_yours(f"payment_method_options[{method}][{name}]")
    return None


def _not_yours(param: str) -> Problem:
    return invalid(
        f"{param} cannot be given with a publishable API key: it is for your server to decide. Give it when "
        "your server makes or confirms the object, with a secret API key.",
        code="secret_key_required",
        param=param,
    )


def forget_additions(form: Form) -> str | None:
    """Remove from ``form`` what the library added, and return the API version that it asked for, if any."""
    version = form.values.get("_stripe_version")
    _remove(form.values, _ADDED)
    data = form.values.get("payment_method_data")
    for place in (form.values, data):
        if isinstance(place, dict):
            _remove(place.get("radar_options"), _ADDED_TO_RISK)
    _remove(data, _ADDED_TO_DATA)
    return version if isinstance(version, str) else None


def _remove(place: Any, names: tuple[str, ...]) -> None:
    if isinstance(place, dict):
        for name in names:
            place.pop(name, None)
