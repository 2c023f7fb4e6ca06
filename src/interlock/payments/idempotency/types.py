"""The kept first answer of a request with an idempotency key."""

import msgspec

from interlock.storage.tables import Table


class IdempotencyKey(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's key. ``status`` and ``body`` are None while the first request is still being worked on;
    ``resource_id`` is the object it works on, so that an interrupted request can be answered from its state. An answer
    that shows exactly what an event of the same change shows is kept as ``event_id``: the bytes are there already.
    """

    account_id: str
    livemode: bool
    key: str
    created_at_ms: int
    path: str
    fingerprint: str
    request_id: str
    resource_id: str
    status: int | None
    body: bytes | None
    event_id: str | None = None


IDEMPOTENCY_KEYS = Table(
    IdempotencyKey,
    "idempotency_keys",
    key=("account_id", "livemode", "key"),
    version=None,
    fixed=("created_at_ms", "path", "fingerprint", "request_id", "resource_id"),
)
