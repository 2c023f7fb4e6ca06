"""Every event an account has announced, oldest first, read as the API would."""

from interlock.payments.events.reading import event_at
from interlock.payments.events.types import ANNOUNCEMENTS, Event
from interlock.storage.database import Database


async def announced(database: Database, account_id: str | None = None) -> list[Event]:
    """Return the events of ``account_id``, or of all accounts."""
    rows = await database.fetch(
        f"SELECT {ANNOUNCEMENTS.select_list} FROM announcements WHERE $1::text IS NULL OR account_id = $1 ORDER BY id",  # noqa: S608 - names of a declared table
        account_id,
    )
    announcements = [ANNOUNCEMENTS.decode(row) for row in rows]
    found = [event_at(one, position) for one in announcements for position in range(len(one.types.split()))]
    return [event for event in found if event is not None]
