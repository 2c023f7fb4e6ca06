"""Pages of events: whatever is asked for, what comes is what a list of all events would give."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import pairwise

import pytest
from tests.support.announced import announced

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem
from interlock.payments.events.service import Events
from interlock.payments.work import Change, Work
from interlock.storage.database import Database, Page

SCOPE = Scope("acct_events", livemode=False)
KINDS = ("charge.succeeded", "charge.refunded", "customer.created", "refund.created", "payment_intent.succeeded")
FILTERS: tuple[tuple[str, ...], ...] = ((), ("charge.*",), ("*",), ("refund.created", "customer.*"), ("c*.*ed",))


@pytest.fixture
async def all_ids(database: Database) -> list[str]:
    """Return the ids of many events, newest first: changes of one to five events, of another mode and account too."""
    work = Work(database, SystemClock())
    for number in range(23):
        change = Change(SCOPE)
        for position in range(1 + number % 5):
            change.event(KINDS[(number + position) % len(KINDS)], {"id": new_id("xx"), "number": number})
        assert await work.record(change) is None
    for scope in (Scope("acct_events", livemode=True), Scope("acct_other", livemode=False)):
        change = Change(scope)
        change.event("charge.succeeded", {"id": "ch_elsewhere"})
        assert await work.record(change) is None
    found = [event.id for event in await announced(database, SCOPE.account_id) if not event.livemode]
    return found[::-1]


async def types_of(database: Database) -> dict[str, str]:
    return {event.id: event.type for event in await announced(database)}


@pytest.mark.parametrize("types", FILTERS)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_in_both_directions_give_every_event_once_and_in_order(
    database: Database, all_ids: list[str], types: Sequence[str], limit: int
) -> None:
    kinds = await types_of(database)
    wanted = [one for one in all_ids if not types or any(fnmatchcase(kinds[one], kind) for kind in types)]
    events = Events(database)

    forwards: list[str] = []
    while True:
        page = await events.list(
            SCOPE, Page(limit=limit, starting_after=forwards[-1] if forwards else None), types=tuple(types)
        )
        forwards += [event.id for event in page.items]
        assert page.has_more == (len(forwards) < len(wanted))
        if not page.has_more:
            break
    assert forwards == wanted

    backwards = [wanted[-1]]
    while True:
        page = await events.list(SCOPE, Page(limit=limit, ending_before=backwards[0]), types=tuple(types))
        backwards = [event.id for event in page.items] + backwards
        if not page.has_more:
            break
    assert backwards == wanted


async def test_the_events_of_one_change_are_in_the_order_in_which_they_were_announced(
    database: Database, all_ids: list[str]
) -> None:
    assert all(newer > older for newer, older in pairwise(all_ids))
    events = Events(database)
    for event_id in all_ids[:6]:
        found = await events.get(SCOPE, event_id)
        assert not isinstance(found, Problem)
        assert (found.id, found.account_id) == (event_id, SCOPE.account_id)


async def test_events_of_others_and_of_the_other_mode_are_not_found(database: Database, all_ids: list[str]) -> None:
    events = Events(database)
    for scope in (Scope("acct_other", livemode=False), Scope("acct_events", livemode=True)):
        assert isinstance(await events.get(scope, all_ids[0]), Problem)
        assert len((await events.list(scope, Page(limit=10))).items) == 1
