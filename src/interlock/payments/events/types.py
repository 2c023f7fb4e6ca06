"""Values and tables of events and of the outbox that hurries them to webhook endpoints."""

import msgspec

from interlock.storage.tables import Table

API_VERSION = "2026-05-27.dahlia"
"""The version of the API we speak: objects are rendered in its shape."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, as it is read. ``data`` is the JSON text of the API's ``data`` object as the fact came true."""

    account_id: str
    id: str
    livemode: bool
    created_at_ms: int
    type: str
    request_id: str | None
    idempotency_key: str | None
    api_version: str
    data: str


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one committed change, in one row: a payment announces three.

    ``types`` are the events' types in order, with a space before and after each; ``facts`` is what they say (see
    ``events.facts``). The id is that of its first event; the others have the same but for the last character.
    """

    account_id: str
    id: str
    livemode: bool
    created_at_ms: int
    request_id: str | None
    idempotency_key: str | None
    api_version: str
    types: str
    facts: str


class OutboxEntry(msgspec.Struct, frozen=True):
    """An announcement that waits to be fanned out; deleted when deliveries exist. Not written where nobody listens."""

    account_id: str
    id: str
    livemode: bool


ANNOUNCEMENTS = Table(Announcement, "announcements", version=None)
OUTBOX = Table(
    OutboxEntry,
    "outbox",
    version=None,
    # Decided in the snapshot that writes the row: an endpoint made before the event is seen with it.
    only_if="EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.account_id = r.account_id AND e.livemode = r.livemode "
    "AND e.status = 'enabled')",
)
