"""The public shape of a webhook endpoint.

The endpoint's own type lives in ``webhooks``, which is above this room; hence the protocol.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class EndpointFacts(Protocol):
    """What is shown of an endpoint."""

    @property
    def id(self) -> str:
        """Return the id."""
        ...

    @property
    def livemode(self) -> bool:
        """Return True in live mode."""
        ...

    @property
    def created_at_ms(self) -> int:
        """Return when it was made."""
        ...

    @property
    def status(self) -> str:
        """Return enabled or disabled."""
        ...

    @property
    def url(self) -> str:
        """Return where events go."""
        ...

    @property
    def enabled_events(self) -> Sequence[str]:
        """Return the event types it hears."""
        ...

    @property
    def description(self) -> str | None:
        """Return the shop's words."""
        ...

    @property
    def api_version(self) -> str | None:
        """Return the version it was made for."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """Return the shop's own pairs."""
        ...


def webhook_endpoint(value: EndpointFacts, secret: str | None = None) -> dict[str, Any]:
    """Return the endpoint as the API shows it.

    Args:
        value: the endpoint.
        secret: the signing secret, given only in the answer to its creation (or to a roll).

    """
    shown: dict[str, Any] = {
        "id": value.id,
        "object": "webhook_endpoint",
        "api_version": value.api_version,
        "application": None,
        "created": value.created_at_ms // 1000,
        "description": value.description,
        "enabled_events": list(value.enabled_events),
        "livemode": value.livemode,
        "metadata": dict(value.metadata),
        "status": str(value.status),
        "url": value.url,
    }
    if secret is not None:
        shown["secret"] = secret
    return shown


def deleted_webhook_endpoint(endpoint_id: str) -> dict[str, Any]:
    """Return the answer to a deletion."""
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}
