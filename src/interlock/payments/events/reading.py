"""Announcements read as events: one by one, and in pages. Called by ``events.service`` and ``webhooks``."""

from collections.abc import Sequence

from interlock.base.context import Scope
from interlock.payments.events.facts import announcement_of, draw, event_id
from interlock.payments.events.types import ANNOUNCEMENTS, Announcement, Event
from interlock.storage.database import Database, Page, PageResult
from interlock.storage.pages import Pattern

_AFTER_EVERY_DIGIT = "~"


def event_at(announcement: Announcement, position: int) -> Event | None:
    """Return the event at ``position`` of its announcement, or None."""
    types = announcement.types.split()
    data = draw(announcement.facts, position) if 0 <= position < len(types) else None
    if data is None:
        return None
    return Event(
        account_id=announcement.account_id,
        id=event_id(announcement.id, position),
        livemode=announcement.livemode,
        created_at_ms=announcement.created_at_ms,
        type=types[position],
        request_id=announcement.request_id,
        idempotency_key=announcement.idempotency_key,
        api_version=announcement.api_version,
        data=data.decode(),
    )


async def find_event(database: Database, scope: Scope, wanted: str) -> Event | None:
    """Return the event called ``wanted``, or None."""
    announcement_id, position = announcement_of(wanted)
    announcement = await database.get(ANNOUNCEMENTS, scope, announcement_id)
    return None if announcement is None else event_at(announcement, position)


async def page_of_events(database: Database, scope: Scope, page: Page, types: Sequence[str]) -> PageResult[Event]:
    """Return events, newest first, of ``types`` (a star stands for any text) or of all.

    Every announcement that is found holds at least one event of the page, but for the cursor's own; so a page of events
    never needs more announcements than events, and one to spare.
    """
    where = {"types": Pattern(tuple(f"* {kind} *" for kind in types))} if types else {}
    after = None if page.starting_after is None else announcement_of(page.starting_after)
    before = None if page.ending_before is None else announcement_of(page.ending_before)
    asked = Page(
        limit=page.limit + 1,
        starting_after=None if after is None else after[0] + _AFTER_EVERY_DIGIT,
        ending_before=None if before is None else before[0][:-1],
        created_gt=page.created_gt,
        created_gte=page.created_gte,
        created_lt=page.created_lt,
        created_lte=page.created_lte,
        bounds=True,
    )
    found = await database.find(ANNOUNCEMENTS, scope, asked, where=where)
    places = [
        (announcement, position)
        for announcement in found.items
        for position in _matching(announcement, types)
        if (after is None or (announcement.id, position) < after)
        and (before is None or (announcement.id, position) > before)
    ]
    backwards = before is not None and after is None
    chosen = places[-page.limit :] if backwards else places[: page.limit]
    events = [event_at(announcement, position) for announcement, position in chosen]
    shown = [event for event in events if event is not None]
    cursor = page.starting_after or page.ending_before
    exists = cursor is None or await _exists(database, scope, cursor, found.items)
    return PageResult(shown, found.has_more or len(places) > page.limit, exists)


async def _exists(database: Database, scope: Scope, cursor: str, found: Sequence[Announcement]) -> bool:
    """Tell whether there is an event called ``cursor``: its announcement has come with the page unless filtered out."""
    announcement_id, position = announcement_of(cursor)
    for announcement in found:
        if announcement.id == announcement_id:
            return position < len(announcement.types.split())
    return await find_event(database, scope, cursor) is not None


def _matching(announcement: Announcement, types: Sequence[str]) -> list[int]:
    """Return the positions of the announcement's events that are of ``types``, newest first."""
    wanted = [kind.split("*") for kind in types]
    found = [
        position
        for position, kind in enumerate(announcement.types.split())
        if not wanted or any(_fits(kind, parts) for parts in wanted)
    ]
    return found[::-1]


def _fits(kind: str, parts: Sequence[str]) -> bool:
    """Tell whether ``kind`` is made of ``parts`` in order with any text where they were cut."""
    if len(parts) == 1:
        return kind == parts[0]
    first, *middle, last = parts
    if not kind.startswith(first) or not kind.endswith(last) or len(kind) < len(first) + len(last):
        return False
    at, end = len(first), len(kind) - len(last)
    for part in middle:
        found = kind.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
