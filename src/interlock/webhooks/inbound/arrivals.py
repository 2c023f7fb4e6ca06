"""Which gateways' notifications arrived and could be believed. Called by ``releases``, to prove that they do."""

from collections.abc import Collection

from interlock.base.context import Scope
from interlock.storage.database import Database
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.webhooks.inbound")


class Arrivals:
    """Questions about stored notifications. One per process."""

    def __init__(self, database: Database) -> None:
        """Ask ``database``."""
        self._database = database

    async def has_heard(self, scope: Scope, gateway_id: str, since_ms: int, references: Collection[str]) -> bool:
        """Return True when something arrived about one of these payments.

        Args:
            scope: account and mode.
            gateway_id: whose notifications.
            since_ms: when the first of the payments began.
            references: attempts' ids and the gateway's own names of payments.

        """
        named, mode = list(references), scope.livemode
        found = await self._database.fetchval(_QUERIES["heard"], scope.account_id, mode, gateway_id, since_ms, named)
        return bool(found)

    async def has_ever_heard(self, scope: Scope, gateway_id: str, before_ms: int) -> bool:
        """Return True when anything of this gateway that is still stored arrived before ``before_ms``."""
        found = await self._database.fetchval(
            _QUERIES["ever_heard"], scope.account_id, scope.livemode, gateway_id, before_ms
        )
        return bool(found)
