"""Values and tables of events and of the outbox that hurries them to webhook endpoints."""

import msgspec

from interlock.storage.tables import Table

API_VERSION = "2026-05-27.dahlia"
"""The version of the API we speak: objects are rendered in its shape."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact. ``data`` is the JSON text of the API's ``data`` object as it was when the fact came true."""

    account_id: str
    id: str
    livemode: bool
    created_at_ms: int
    type: str
    object_id: str
    request_id: str | None
    idempotency_key: str | None
    api_version: str
    data: str


class OutboxEntry(msgspec.Struct, frozen=True):
    """The events of one committed change, waiting to be fanned out; deleted when deliveries exist."""

    account_id: str
    id: str
    livemode: bool
    created_at_ms: int
    event_ids: list[str]


EVENTS = Table(Event, "events", version=None)
OUTBOX = Table(OutboxEntry, "outbox", version=None)
