"""What may be asked of a checkout session. Pure; the words are Stripe's where shops are likely to match them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from interlock.base.problems import Problem, invalid
from interlock.payments import metadata
from interlock.payments.checkout.types import CheckoutSession, CreateSession, SessionStatus
from interlock.payments.instruments.method_types import check_type

LIVES_MS = 24 * 3_600_000
_LIVES_AT_LEAST_MS = 30 * 60_000
_CLOCK_SLACK_MS = 60_000
MAX_LINE_ITEMS = 100
MAX_QUANTITY = 999_999
_MAX_URL_CHARACTERS = 5_000

UI_MODES: Mapping[str, str] = MappingProxyType(
    {
        "hosted_page": "hosted_page",
        "embedded_page": "embedded_page",
        "elements": "elements",
        # as the API called them before 2026
        "hosted": "hosted_page",
        "embedded": "embedded_page",
        "custom": "elements",
    }
)


def check_create(command: CreateSession, now_ms: int) -> Problem | None:
    """Return the first thing wrong with a new session, or None; prices and customer are looked up elsewhere."""
    return (
        _check_mode(command)
        or _check_pages(command.details)
        or _check_expiry(command.expires_at_ms, now_ms)
        or _check_customer(command)
        or _check_types(command.details.get("payment_method_types"))
        or metadata.check(command.metadata or {})
        or _check_nested_metadata(command.details)
    )


def not_open(session: CheckoutSession, action: str) -> Problem:
    """Return the problem of doing ``action`` (a participle) to a session that is over."""
    return invalid(
        f'Only Checkout Sessions with a status in ["open"] can be {action}. This Checkout Session has a status of '
        f"`{session.status}`."
    )


def is_due(session: CheckoutSession, now_ms: int) -> bool:
    """Return True when an open session has outlived its time."""
    return session.status is SessionStatus.OPEN and now_ms >= session.expires_at_ms


def _missing(param: str) -> Problem:
    return invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)


def _check_mode(command: CreateSession) -> Problem | None:
    count = len(command.line_items)
    if command.mode == "payment":
        if not count:
            return _missing("line_items")
        if count > MAX_LINE_ITEMS:
            return invalid(f"A session can have at most {MAX_LINE_ITEMS} line items.", param="line_items")
        return None
    if command.mode == "setup":
        return invalid("You can not pass `line_items` in `setup` mode.", param="line_items") if count else None
    if command.mode == "subscription":
        return invalid("Subscriptions are not offered here. Use mode payment or setup.", param="mode")
    return invalid("Invalid mode: must be one of payment or setup", param="mode")


def _check_pages(details: Mapping[str, Any]) -> Problem | None:
    ui_mode = UI_MODES.get(details.get("ui_mode") or "hosted_page")
    if ui_mode is None:
        return invalid("Invalid ui_mode: must be one of elements, embedded_page, or hosted_page", param="ui_mode")
    if ui_mode == "hosted_page":
        if not details.get("success_url"):
            return _missing("success_url")
    elif details.get("redirect_on_completion") != "never" and not details.get("return_url"):
        return _missing("return_url")
    for param in ("success_url", "cancel_url", "return_url"):
        problem = _check_url(details.get(param), param)
        if problem is not None:
            return problem
    return None


def _check_url(url: str | None, param: str) -> Problem | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and len(url) <= _MAX_URL_CHARACTERS
    except ValueError:
        good = False
    return None if good else invalid("Not a valid URL", code="url_invalid", param=param)


def _check_expiry(expires_at_ms: int | None, now_ms: int) -> Problem | None:
    if expires_at_ms is None:
        return None
    lives_ms = expires_at_ms - now_ms
    if lives_ms < _LIVES_AT_LEAST_MS - _CLOCK_SLACK_MS:
        return invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", param="expires_at"
        )
    if lives_ms > LIVES_MS + _CLOCK_SLACK_MS:
        return invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", param="expires_at"
        )
    return None


def _check_customer(command: CreateSession) -> Problem | None:
    if command.customer is not None and command.customer_email is not None:
        return invalid(
            "You may only specify one of these parameters: customer, customer_email.",
            code="parameters_exclusive",
            param="customer_email",
        )
    creation = command.details.get("customer_creation")
    if creation is None:
        return None
    if creation not in {"always", "if_required"}:
        return invalid("Invalid customer_creation: must be one of always or if_required", param="customer_creation")
    if command.customer is not None:
        return invalid("`customer_creation` can only be used without a customer.", param="customer_creation")
    return None


def _check_types(types: list[str] | None) -> Problem | None:
    for number, kind in enumerate(types or ()):
        problem = check_type(kind, f"payment_method_types[{number}]")
        if problem is not None:
            return problem
    return None


def _check_nested_metadata(details: Mapping[str, Any]) -> Problem | None:
    for name in ("payment_intent_data", "setup_intent_data"):
        problem = metadata.check((details.get(name) or {}).get("metadata") or {})
        if problem is not None:
            return problem
    return None
