"""Which account a key stands for, asked by every request: a bounded cache in front of the table of hashes.

Called by ``api``. An entry is believed for a second and looked up again in the background from half a second on, so
that a busy key never waits for the database and a revoked one is refused within the second. Unknown keys are
remembered as briefly, or guessing would be a way to keep the database busy.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from interlock.base.errors import StorageError
from interlock.payments.access.keys import hash_of, looks_like_a_key, same_hash
from interlock.payments.access.types import API_KEYS, ApiKey
from interlock.storage.database import Database
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.payments.access")
BELIEVED_S = 1.0
_RENEWED_AFTER_S = 0.5
_ENTRIES_MAX = 10_000

MayAsk = Callable[[], bool]
"""Says whether the database may be asked now; counted by whoever limits guessing."""


class _Entry(NamedTuple):
    record: ApiKey | None
    asked_at: float


class Authenticator:
    """Looks keys up. One per process."""

    def __init__(self, database: Database, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Read from ``database``; ``monotonic_s`` dates the entries."""
        self._database = database
        self._monotonic_s = monotonic_s
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._renewals: dict[str, asyncio.Task[ApiKey | None]] = {}

    async def find(self, key: str, may_ask: MayAsk | None = None) -> ApiKey | None:
        """Return the record of ``key``, or None when it is unknown, malformed or revoked.

        Args:
            key: as the client sent it.
            may_ask: called before the database is asked for a key that was not valid lately; False means that it may
                not be, and the key counts as unknown.

        Raises:
            StorageError: the key is not cached and the database cannot be asked.

        """
        if not looks_like_a_key(key):
            return None
        key_hash = hash_of(key)
        entry = self._entries.get(key_hash)
        record = None if entry is None else entry.record
        age_s = self._monotonic_s() - entry.asked_at if entry is not None else BELIEVED_S
        if age_s >= BELIEVED_S:
            under_way = key_hash in self._renewals
            if record is None and may_ask is not None and not under_way and not may_ask():
                return None
            return await asyncio.shield(self._lookup(key_hash))
        if record is not None and age_s >= _RENEWED_AFTER_S:
            self._lookup(key_hash)
        return record

    def _lookup(self, key_hash: str) -> "asyncio.Task[ApiKey | None]":
        """Return the look-up of this hash that is under way, or begin one: many requests ask once."""
        task = self._renewals.get(key_hash)
        if task is None:
            task = asyncio.create_task(self._ask(key_hash), name="api-key")
            self._renewals[key_hash] = task
            task.add_done_callback(lambda done: self._forget(key_hash, done))
        return task

    def _forget(self, key_hash: str, done: "asyncio.Task[ApiKey | None]") -> None:
        self._renewals.pop(key_hash, None)
        if not done.cancelled():
            done.exception()  # who waits gets it; a renewal that failed is tried again by the next request

    async def _ask(self, key_hash: str) -> ApiKey | None:
        asked_at = self._monotonic_s()
        rows = await self._database.fetch(_QUERIES["key_by_hash"], key_hash)
        records = [API_KEYS.decode(row) for row in rows]
        if len(records) > 1:
            raise StorageError("two API keys have the same hash")
        record = records[0] if records and same_hash(records[0].key_hash, key_hash) else None
        self._entries[key_hash] = _Entry(record, asked_at)
        self._entries.move_to_end(key_hash)
        while len(self._entries) > _ENTRIES_MAX:
            self._entries.popitem(last=False)
        return record
