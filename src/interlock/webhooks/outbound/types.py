"""Values and table of outbound webhooks: endpoints, deliveries, tries."""

from enum import StrEnum

import msgspec

from interlock.storage.tables import Table


class EndpointStatus(StrEnum):
    """``deleted`` endpoints stay as a marker until their last deliveries are abandoned; nobody sees them."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"


class SealedSecret(msgspec.Struct, frozen=True):
    """A signing secret, encrypted by the vault. ``until_ms`` is when it stops to sign; None for the current one."""

    sealed: str
    until_ms: int | None = None


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a shop wants its events. ``secrets`` are newest first; ``deleted`` repeats the status for list filters."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    status: EndpointStatus
    url: str
    enabled_events: tuple[str, ...]
    description: str | None
    api_version: str | None
    metadata: dict[str, str]
    secrets: tuple[SealedSecret, ...]
    deleted: bool = False


class DeliveryState(StrEnum):
    """What became of one event for one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    ABANDONED = "abandoned"


class Subscriber(msgspec.Struct, frozen=True):
    """What the fan-out must know of an enabled endpoint."""

    id: str
    livemode: bool
    enabled_events: tuple[str, ...]


class EventFacts(msgspec.Struct, frozen=True):
    """What the fan-out must know of an event."""

    id: str
    livemode: bool
    type: str
    outbox_id: str


class NewDelivery(msgspec.Struct, frozen=True):
    """A row to be made by the fan-out."""

    outbox_id: str
    event_id: str
    endpoint_id: str
    livemode: bool
    pending_webhooks: int


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery whose time has come, with the event to send. ``attempts`` are the tries before this one."""

    event_id: str
    livemode: bool
    attempts: int
    retry_until_ms: int
    body: bytes


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What one try came to: an HTTP status or an error, never both absent. ``answer`` is the scrubbed first part."""

    status: int | None
    error: str | None
    latency_ms: int
    answer: str = ""

    @property
    def is_delivered(self) -> bool:
        """Return True for 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One finished try, as it is recorded: the new state of the delivery and a line of its log."""

    id: str
    event_id: str
    endpoint_id: str
    livemode: bool
    at_ms: int
    attempt: int
    state: DeliveryState
    next_attempt_at_ms: int
    reply: Reply


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An enabled endpoint, ready to be sent to; its repr hides the secrets. ``secrets`` pairs each with its end."""

    endpoint_id: str
    livemode: bool
    url: str
    secrets: tuple[tuple[str, int | None], ...]

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return f"Target({self.endpoint_id})"

    __str__ = __repr__

    def secrets_at(self, now_ms: int) -> list[str]:
        """Return the secrets that sign now, newest first."""
        return [secret for secret, until_ms in self.secrets if until_ms is None or now_ms < until_ms]


WEBHOOK_ENDPOINTS = Table(WebhookEndpoint, "webhook_endpoints")
