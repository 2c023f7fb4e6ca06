"""Use cases of events: reading what was announced. Called by ``api`` and ``webhooks``."""

from interlock.base.context import Scope
from interlock.base.problems import Problem, missing
from interlock.payments.events.types import EVENTS, Event
from interlock.storage.database import Database, Page, PageResult


class Events:
    """Read events."""

    def __init__(self, database: Database) -> None:
        """Read from ``database``."""
        self._database = database

    async def get(self, scope: Scope, event_id: str) -> Event | Problem:
        """Return one event."""
        event = await self._database.get(EVENTS, scope, event_id)
        return missing("event", event_id) if event is None else event

    async def list(self, scope: Scope, page: Page, *, type_: str | None = None) -> PageResult[Event]:
        """Return events, newest first, of one type when given."""
        where = {} if type_ is None else {"type": type_}
        return await self._database.find(EVENTS, scope, page, where=where)
