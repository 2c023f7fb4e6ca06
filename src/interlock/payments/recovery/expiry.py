"""Ends authorisations that nobody captured in time. Called by ``worker``."""

from interlock.base.context import Scope
from interlock.payments.intents.follow_ons import FollowOns
from interlock.payments.work import Work
from interlock.storage.queries import load_queries

_QUERIES = load_queries(__package__)
_BATCH = 200


class Expiry:
    """Cancels intents whose authorisation has run out."""

    def __init__(self, work: Work, follow_ons: FollowOns) -> None:
        """Wire the parts."""
        self._work = work
        self._follow_ons = follow_ons

    async def sweep(self, now_ms: int) -> int:
        """Cancel every intent that is due and return how many."""
        rows = await self._work.database.fetch(_QUERIES["due_captures"], now_ms, _BATCH)
        ended = 0
        for row in rows:
            ended += await self._follow_ons.expire(Scope(row["account_id"], row["livemode"]), row["id"])
        return ended
