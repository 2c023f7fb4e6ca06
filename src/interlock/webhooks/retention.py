"""Retention: what webhooks keep, and for how long. Run by ``worker`` in bounded batches."""

import msgspec

from interlock.base.ids import new_id
from interlock.storage.database import Database
from interlock.webhooks.inbound.service import InboundNotifications
from interlock.webhooks.outbound.store import OutboundStore

_DAY_MS = 24 * 3_600_000
_ROWS = 1_000
_TIME_PREFIX = len("evt_") + 8


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """How many days each thing is kept. Deliveries must outlive the three days of tries."""

    deliveries_days: int = 30
    tries_days: int = 14
    notifications_days: int = 30


def event_id_at(at_ms: int) -> str:
    """Return a text that sorts before every event id made at ``at_ms`` or later: ids begin with their time. Pure."""
    return new_id("evt", at_ms)[:_TIME_PREFIX]


class WebhookRetention:
    """The sweep."""

    def __init__(self, database: Database, inbound: InboundNotifications, keep: Keep | None = None) -> None:
        """Keep things as long as ``keep`` says."""
        self._store = OutboundStore(database)
        self._inbound = inbound
        self._keep = keep or Keep()

    async def sweep(self, now_ms: int) -> int:
        """Delete a bounded number of old rows of every account; return how many."""
        keep = self._keep
        tries_before = event_id_at(now_ms - keep.tries_days * _DAY_MS)
        deliveries_before = event_id_at(now_ms - keep.deliveries_days * _DAY_MS)
        gone = await self._inbound.trim(now_ms - keep.notifications_days * _DAY_MS, _ROWS)
        account_id = await self._store.next_delivery_account("")
        while account_id is not None:
            gone += await self._store.trim(
                account_id, tries_before=tries_before, deliveries_before=deliveries_before, limit=_ROWS
            )
            account_id = await self._store.next_delivery_account(account_id)
        return gone
