"""Adyen's request envelope: API key and idempotency headers. Called by the Adyen connector only."""

from urllib.parse import quote

from interlock.gateways.contract import ConnectorConfig, HttpRequest

_MAX_KEY = 64


def path_part(value: str) -> str:
    """Return ``value`` as one segment of a path."""
    return value if value.isalnum() and value.isascii() else quote(value, safe="", errors="replace")


def post(config: ConnectorConfig, path: str, idempotency_key: str, body: bytes) -> HttpRequest:
    """Return a POST that Adyen executes at most once per ``idempotency_key``."""
    headers = {
        "x-api-key": config.credentials["api_key"],
        "content-type": "application/json",
        "idempotency-key": idempotency_key[:_MAX_KEY],
    }
    return HttpRequest(method="POST", path=path, headers=headers, body=body)
