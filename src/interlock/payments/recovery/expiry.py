"""Ends authorisations that nobody captured in time. Called by ``worker``."""

import logging

from interlock.base.context import Scope
from interlock.base.redaction import exception_text
from interlock.payments.intents.follow_ons import FollowOns
from interlock.payments.rotation import Rotation
from interlock.payments.work import Work
from interlock.storage.queries import load_queries

_QUERIES = load_queries(__package__)
_BATCH = 200
_log = logging.getLogger(__name__)


class Expiry:
    """Cancels intents whose authorisation has run out."""

    def __init__(self, work: Work, follow_ons: FollowOns) -> None:
        """Wire the parts."""
        self._work = work
        self._follow_ons = follow_ons
        self._rotation = Rotation("capture_before_ms", _BATCH)

    async def sweep(self, now_ms: int) -> int:
        """Cancel a batch of intents that are due and return how many; the next sweep goes on after them."""
        rotation = self._rotation
        rows = await self._work.database.fetch(_QUERIES["due_captures"], now_ms, rotation.limit, *rotation.after)
        rotation.read(rows)
        ended = 0
        for row in rows:
            ended += await self._expire(Scope(row["account_id"], row["livemode"]), row["id"])
        return ended

    async def _expire(self, scope: Scope, intent_id: str) -> bool:
        """End one authorisation; one that cannot be is told in the log and keeps up no other."""
        try:
            return await self._follow_ons.expire(scope, intent_id)
        except Exception as error:  # noqa: BLE001 - a bug with one intent must not keep the holds of all others
            _log.error("expiry of %s failed: %s", intent_id, exception_text(error))
            return False
