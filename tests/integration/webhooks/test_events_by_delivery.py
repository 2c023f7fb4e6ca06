"""Events listed by whether they were delivered: what a shop asks for after its endpoint was down."""

from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatchcase

import pytest
from aiohttp import web
from tests.support.announced import announced
from tests.support.outbound import LIVE, TEST, Bench
from tests.support.webhook_receiver import WebhookReceiver

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.payments.work import Change
from interlock.storage.database import Database, Page

HEARD = ("charge.succeeded", "charge.failed")
KINDS = (*HEARD, "customer.created")


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    made = Bench(database)
    async with WebhookReceiver() as receiver:

        async def answer(request: web.Request, _body: bytes) -> web.StreamResponse:
            return web.Response(status=500 if request.path == "/bad" else 200)

        receiver.behaviour = answer
        await made.endpoint(receiver.url("/good"), *HEARD)
        await made.endpoint(receiver.url("/bad"), "charge.failed")
        await made.endpoint("https://shop.example/hooks", scope=LIVE)
        for number in range(12):
            change = Change(TEST)
            for position in range(1 + number % 4):
                change.event(KINDS[(number + position) % len(KINDS)], {"id": new_id("xx"), "number": number})
            assert await made.work.record(change) is None
        await made.event("charge.succeeded", scope=LIVE)
        await made.delivery.fan_out.run_once()
        await made.delivery.settled()
        yield made
    await made.close()


async def _all(bench: Bench, limit: int, types: Sequence[str], *, delivered: bool) -> list[str]:
    """Return the ids of every page from the newest on, after checking that they come the same from the oldest on."""
    find, forwards = bench.endpoints.events_by_delivery, list[str]()
    while True:
        page = Page(limit=limit, starting_after=forwards[-1] if forwards else None)
        found = await find(TEST, page, types, delivered=delivered)
        assert found.cursor_found
        forwards += [event.id for event in found.items]
        if not found.has_more:
            break
    backwards = forwards[-1:]
    while backwards:
        found = await find(TEST, Page(limit=limit, ending_before=backwards[0]), types, delivered=delivered)
        backwards = [event.id for event in found.items] + backwards
        if not found.has_more:
            break
    assert backwards == forwards
    return forwards


@pytest.mark.parametrize("types", [(), ("charge.*",), ("charge.failed", "customer.created"), ("charge_failed",)])
@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_every_event_is_in_one_of_the_two_lists(bench: Bench, types: Sequence[str], limit: int) -> None:
    every = [event for event in await announced(bench.database, TEST.account_id) if not event.livemode][::-1]
    wanted = [event for event in every if not types or any(fnmatchcase(event.type, kind) for kind in types)]
    undelivered = [event.id for event in wanted if event.type == "charge.failed"]
    assert await _all(bench, limit, types, delivered=False) == undelivered
    delivered = [event.id for event in wanted if event.type != "charge.failed"]
    assert await _all(bench, limit, types, delivered=True) == delivered


async def test_an_event_changes_lists_when_it_is_delivered_and_is_nobody_elses(bench: Bench) -> None:
    find = bench.endpoints.events_by_delivery
    (failed,) = (await find(TEST, Page(limit=1), (), delivered=False)).items
    await bench.database.execute(
        "UPDATE webhook_deliveries SET state = 'delivered', settled_at_ms = 1 WHERE account_id = $1 AND event_id = $2",
        TEST.account_id,
        failed.id,
    )
    assert failed.id not in {event.id for event in (await find(TEST, Page(), (), delivered=False)).items}
    assert failed.id in {event.id for event in (await find(TEST, Page(limit=100), (), delivered=True)).items}
    assert [event.livemode for event in (await find(LIVE, Page(), (), delivered=False)).items] == [True]
    for delivered in (True, False):
        assert not (await find(Scope("acct_other", livemode=False), Page(), (), delivered=delivered)).items
        assert not (await find(TEST, Page(created_lt=1), (), delivered=delivered)).items
        assert (await find(TEST, Page(created_gte=1), (), delivered=delivered)).items
        unknown = await find(TEST, Page(starting_after="evt_none"), (), delivered=delivered)
        assert not unknown.cursor_found


async def test_what_was_not_delivered_is_found_without_reading_what_was(bench: Bench) -> None:
    await bench.database.execute(
        "INSERT INTO webhook_deliveries SELECT $1, 'evt_' || n, 'we_1', false, 1, 'delivered', 1, 1, 1, 1, 1, 200 "
        "FROM generate_series(1, 20000) n",
        TEST.account_id,
    )
    await bench.database.execute("ANALYZE webhook_deliveries")
    plan = await bench.database.fetch(
        "EXPLAIN SELECT event_id FROM webhook_deliveries WHERE account_id = 'acct_1' AND state <> 'delivered' "
        "AND event_id > '' AND event_id < '~' ORDER BY event_id DESC LIMIT 11"
    )
    assert "webhook_deliveries_undelivered" in str(plan)
