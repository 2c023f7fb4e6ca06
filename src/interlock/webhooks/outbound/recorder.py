"""The recorder: writes finished tries, those of many deliveries in one statement. Called by lanes.

Like the group commit of payments: what finishes while one statement is in flight goes with the next. A try that is lost
here (kill -9) is made again later, never skipped, because its delivery is still pending.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import asyncpg
import msgspec

from interlock.webhooks.outbound.store import OutboundStore
from interlock.webhooks.outbound.types import Reply, Tried

_LOG = logging.getLogger(__name__)
_ROWS = 500
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0

Recorded = Callable[[Tried], None]


def _without_text(reply: Reply) -> Reply:
    return msgspec.structs.replace(reply, answer="", error=None if reply.is_delivered else "failed")


class Recorder:
    """Gathers tries by account. Bounded by its callers: a lane holds a limited number of deliveries until recorded."""

    def __init__(self, store: OutboundStore) -> None:
        """Write through ``store``."""
        self._store = store
        self._waiting: dict[str, list[tuple[Tried, Recorded]]] = {}
        self._task: asyncio.Task[None] | None = None

    def put(self, account_id: str, tried: Tried, recorded: Recorded) -> None:
        """Take a finished try; ``recorded`` is called when it is durable."""
        self._waiting.setdefault(account_id, []).append((tried, recorded))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush(), name="webhook-recorder")

    async def _flush(self) -> None:
        while self._waiting:
            account_id = next(iter(self._waiting))
            entries = self._waiting.pop(account_id)
            for start in range(0, len(entries), _ROWS):
                part = entries[start : start + _ROWS]
                await self._write(account_id, [tried for tried, _ in part])
                for tried, recorded in part:
                    recorded(tried)

    async def _write(self, account_id: str, tried: list[Tried]) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._store.record(account_id, tried)
            except asyncpg.DataError:
                # The only free text is the shop's answer: the log can do without it, the delivery's state cannot.
                _LOG.exception("webhook tries hold text that cannot be stored")
                tried = [msgspec.structs.replace(one, reply=_without_text(one.reply)) for one in tried]
            except Exception as error:  # noqa: BLE001 - a try that was made must not be forgotten while this process lives
                # Safe to repeat: the guard on attempts and the log's key make a second write of the same try nothing.
                _LOG.warning("webhook tries not recorded, again in %.1f s: %s", pause_s, type(error).__name__)
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def close(self, timeout_s: float) -> None:
        """Write what is left, for at most ``timeout_s``; what is not written is tried again by the next worker."""
        if self._task is not None and not self._task.done():
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(self._task, timeout_s)
