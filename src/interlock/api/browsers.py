"""What libraries in browsers and apps add to every request: who they are, what they saw. Taken and not used.

Called by the request pipeline, for publishable keys only: a server that sends these has made a mistake.
"""

from typing import Any

from interlock.api.forms import Form

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
