"""The public shape of an event."""

from typing import Any

import msgspec

from interlock.payments.events.types import Event


def event(value: Event, pending_webhooks: int = 0) -> dict[str, Any]:
    """Return the event as the API and webhook deliveries show it.

    Args:
        value: the event.
        pending_webhooks: deliveries not yet acknowledged.

    """
    return {
        "id": value.id,
        "object": "event",
        "api_version": value.api_version,
        "created": value.created_at_ms // 1000,
        "data": msgspec.Raw(value.data.encode()),
        "livemode": value.livemode,
        "pending_webhooks": pending_webhooks,
        "request": {"id": value.request_id, "idempotency_key": value.idempotency_key},
        "type": value.type,
    }
