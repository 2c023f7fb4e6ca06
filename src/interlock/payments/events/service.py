"""Use cases of events: reading what was announced. Called by ``api`` and ``webhooks``."""

from interlock.base.context import Scope
from interlock.base.ids import first_id
from interlock.base.problems import Problem, missing
from interlock.payments.events.reading import find_event, page_of_events
from interlock.payments.events.types import Event
from interlock.storage.database import Database, Page, PageResult
from interlock.storage.queries import load_queries

_QUERIES = load_queries(__package__)
KEPT_DAYS = 90
_DAY_MS = 86_400_000


class Events:
    """Read events, and forget old ones."""

    def __init__(self, database: Database) -> None:
        """Read from ``database``."""
        self._database = database

    async def get(self, scope: Scope, event_id: str) -> Event | Problem:
        """Return one event."""
        event = await find_event(self._database, scope, event_id)
        return missing("event", event_id) if event is None else event

    async def trim(self, account_id: str, now_ms: int, limit: int) -> int:
        """Remove up to ``limit`` changes' events older than :data:`KEPT_DAYS` and return how many changes'."""
        before = first_id("evt", now_ms - KEPT_DAYS * _DAY_MS)
        tag = await self._database.execute(_QUERIES["trim_events"], account_id, before, limit)
        return int(tag.rpartition(" ")[2])

    async def list(self, scope: Scope, page: Page, *, types: tuple[str, ...] = ()) -> PageResult[Event]:
        """Return events, newest first, of the given types or of all; a type may be a group (``charge.*``)."""
        return await page_of_events(self._database, scope, page, types)
