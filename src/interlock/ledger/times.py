"""Times of new transactions: none before what a snapshot has taken in, or no balance would ever count it.

Kept up to date by ``bootstrap``, asked by ``payments`` for every posting. Snapshots are sums of all transactions older
than a cutoff, which lies a minute back; a clock that is set back by more than that (or a machine started with one that
is slow) would write below it. Such a posting is dated to the cutoff. Snapshots taken by a clock that was ahead are
given up by the next pass over them (:meth:`interlock.ledger.service.Ledger.advance_snapshots`); this is for the time
until then, and for the time in which nobody makes that pass.
"""

import asyncio
import contextlib
import logging

from interlock.base.redaction import exception_text
from interlock.ledger import store
from interlock.storage.database import Database

POLL_INTERVAL_S = 1.0
"""Far shorter than the minute a transaction waits for its snapshot."""

_log = logging.getLogger(__name__)


class PostingTimes:
    """The earliest time a posting may have, as the database knew it a moment ago."""

    def __init__(self, database: Database) -> None:
        """Read from ``database``. Every time is allowed until :meth:`refresh` or :meth:`start`."""
        self._database = database
        self._earliest_ms = 0
        self._poller: asyncio.Task[None] | None = None

    def at(self, now_ms: int) -> int:
        """Return the time to write a posting at that is made at ``now_ms``."""
        return max(now_ms, self._earliest_ms)

    async def refresh(self) -> None:
        """Read how far snapshots go.

        Raises:
            StorageError: the database cannot be reached; what was known stays.

        """
        self._earliest_ms = await store.read_latest_cutoff_ms(self._database)

    async def start(self) -> None:
        """Read once, then keep polling until :meth:`stop`."""
        await self.refresh()
        self._poller = asyncio.create_task(self._poll(), name="posting-times")

    async def stop(self) -> None:
        """Stop polling."""
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller
            self._poller = None

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - without the database nothing is posted either
                _log.debug("cutoffs of the ledger cannot be read: %s", exception_text(error))
