"""Stripe's request envelope: authentication, version and idempotency headers. Called by the Stripe connector only."""

from urllib.parse import quote

from interlock.gateways.contract import ConnectorConfig, HttpRequest, Tables

_FORM = "application/x-www-form-urlencoded"
_MAX_KEY = 255


def path_part(value: str) -> str:
    """Return ``value`` as one segment of a path."""
    return value if value.isascii() and value.replace("_", "").isalnum() else quote(value, safe="", errors="replace")


def post(tables: Tables, config: ConnectorConfig, path: str, idempotency_key: str, body: bytes) -> HttpRequest:
    """Return a POST that Stripe executes at most once per ``idempotency_key``."""
    headers = {
        "authorization": f"Bearer {config.credentials['secret_key']}",
        "content-type": _FORM,
        "idempotency-key": idempotency_key[:_MAX_KEY],
        "stripe-version": tables.api_version,
    }
    if account := config.settings.get("account"):
        headers["stripe-account"] = account
    return HttpRequest(method="POST", path=path, headers=headers, body=body)


def get(tables: Tables, config: ConnectorConfig, path: str) -> HttpRequest:
    """Return a GET of ``path``, its query included."""
    headers = {
        "authorization": f"Bearer {config.credentials['secret_key']}",
        "stripe-version": tables.api_version,
    }
    if account := config.settings.get("account"):
        headers["stripe-account"] = account
    return HttpRequest(method="GET", path=path, headers=headers)
