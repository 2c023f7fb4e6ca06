"""Outbound webhooks against a real Postgres and real HTTP receivers."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import stripe
from aiohttp import web
from tests.support.announced import announced
from tests.support.outbound import KEYS, LIVE, TEST, Bench, request, respond
from tests.support.webhook_receiver import WebhookReceiver

from interlock.base.clock import ManualClock
from interlock.base.context import Scope
from interlock.base.errors import VaultError
from interlock.base.problems import Problem
from interlock.gateways.contract import Notification
from interlock.payments.events.types import API_VERSION
from interlock.payments.recovery.notifications import Verdict
from interlock.payments.work import Answer
from interlock.routing.table import RoutingTable
from interlock.storage.database import Database
from interlock.storage.pages import Page
from interlock.vault.envelope import Envelope
from interlock.vault.keys import generate_key, parse_keys
from interlock.webhooks.inbound.service import InboundNotifications
from interlock.webhooks.outbound.delivery import Limits
from interlock.webhooks.outbound.schedule import GIVE_UP_AFTER_MS
from interlock.webhooks.outbound.secrets import SecretSeal, rewrap_secrets
from interlock.webhooks.outbound.service import CreateEndpoint, UpdateEndpoint
from interlock.webhooks.outbound.types import WEBHOOK_ENDPOINTS
from interlock.webhooks.retention import WebhookRetention


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    made = Bench(database)
    yield made
    await made.close()


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as started:
        yield started


async def test_the_official_sdk_accepts_a_delivery(bench: Bench, receiver: WebhookReceiver) -> None:
    _, secret = await bench.endpoint(receiver.url())
    await bench.event("payment_intent.succeeded")
    await bench.cycle()
    (got,) = receiver.received
    event = stripe.Webhook.construct_event(got.body, got.headers["Stripe-Signature"], secret)
    assert event.type == "payment_intent.succeeded"
    assert event.data.object["name"] == "Zoë ✓"
    assert event.object == "event"
    assert event.pending_webhooks == 1
    assert got.headers["Content-Type"] == "application/json; charset=utf-8"
    assert await bench.states() == {"delivered": 1}


async def test_only_subscribed_types_of_the_same_mode_arrive(bench: Bench, receiver: WebhookReceiver) -> None:
    await bench.endpoint(receiver.url("/some"), "charge.succeeded", "refund.created")
    await bench.endpoint(receiver.url("/all"), "*")
    await bench.event("charge.succeeded")
    await bench.event("payment_intent.created")
    await bench.event("charge.succeeded", scope=LIVE)
    await bench.cycle()
    arrived = sorted((one.path, one.event["type"], one.event["livemode"]) for one in receiver.received)
    assert arrived == [
        ("/all", "charge.succeeded", False),
        ("/all", "payment_intent.created", False),
        ("/some", "charge.succeeded", False),
    ]
    assert await bench.database.fetchval("SELECT count(*) FROM outbox") == 0


async def test_where_nobody_listens_nothing_is_queued(bench: Bench) -> None:
    await bench.endpoint("https://shop.example/hooks", scope=LIVE)
    await bench.event(count=3)
    assert await bench.database.fetchval("SELECT count(*) FROM outbox") == 0
    assert len(await announced(bench.database)) == 3
    await bench.event(count=2, scope=LIVE)
    assert await bench.database.fetchval("SELECT count(*) FROM outbox WHERE livemode") == 1


async def test_a_disabled_endpoint_is_nobody_who_listens(bench: Bench, receiver: WebhookReceiver) -> None:
    endpoint_id, _ = await bench.endpoint(receiver.url())
    await bench.event()
    update = UpdateEndpoint(disabled=True)
    assert isinstance(await bench.endpoints.update(request(), endpoint_id, update, respond), Answer)
    await bench.event()
    assert await bench.database.fetchval("SELECT count(*) FROM outbox") == 1
    await bench.cycle()
    assert await bench.database.fetchval("SELECT count(*) FROM outbox") == 0
    assert receiver.received == []


async def test_an_account_that_gets_its_first_endpoint_is_heard_from_then_on(
    bench: Bench, receiver: WebhookReceiver
) -> None:
    await bench.event("charge.failed")
    await bench.cycle()
    await bench.endpoint(receiver.url())
    await bench.event("charge.succeeded")
    await bench.cycle()
    assert [one.event["type"] for one in receiver.received] == ["charge.succeeded"]


async def test_thousands_of_events_arrive_once_each(bench: Bench, receiver: WebhookReceiver) -> None:
    await bench.endpoint(receiver.url())
    for _ in range(100):
        await bench.event(count=20)
    async with bench.holding():
        await bench.cycle()
    # A connection that breaks under load is tried again, and on record; nothing is sent that is not.
    assert len(receiver.received) <= 2_000 + len(await bench.failed_tries())
    assert len(set(receiver.event_ids())) == 2_000, await bench.failed_tries()
    assert receiver.most_in_flight <= 16
    assert await bench.states() == {"delivered": 2_000}
    assert await bench.database.fetchval("SELECT count(*) FROM webhook_tries WHERE status = 200") == 2_000


async def test_pending_webhooks_counts_down(bench: Bench, receiver: WebhookReceiver) -> None:
    await bench.endpoint(receiver.url("/good"))
    await bench.endpoint(receiver.url("/bad"))

    async def half(request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=500 if request.path == "/bad" else 204)

    receiver.behaviour = half
    await bench.event()
    event_id = (await announced(bench.database))[0].id
    await bench.delivery.fan_out.run_once()
    await bench.delivery.settled()
    assert await bench.endpoints.pending_webhooks(TEST, [event_id]) == {event_id: 1}
    assert {one.event["pending_webhooks"] for one in receiver.received} == {2}


async def test_both_secrets_sign_while_one_is_rolled_and_then_only_the_new_one(
    database: Database, receiver: WebhookReceiver
) -> None:
    clock = ManualClock(1_800_000_000_000)
    bench = Bench(database, clock)
    endpoint_id, old = await bench.endpoint(receiver.url())
    answer = await bench.endpoints.roll_secret(request(), endpoint_id, 3_600_000, respond)
    assert isinstance(answer, Answer)
    new = msgspec.json.decode(answer.body)["secret"]
    assert new != old
    await bench.event()
    await bench.cycle()
    clock.advance(3_600_001)
    await bench.event()
    await bench.cycle()
    first, second = receiver.received
    verify = stripe.WebhookSignature.verify_header
    assert verify(first.body, first.headers["Stripe-Signature"], old)
    assert verify(first.body, first.headers["Stripe-Signature"], new)
    assert verify(second.body, second.headers["Stripe-Signature"], new)
    with pytest.raises(stripe.SignatureVerificationError):
        verify(second.body, second.headers["Stripe-Signature"], old)
    await bench.close()


async def test_three_days_of_failures_are_tried_on_schedule_and_then_given_up(
    database: Database, receiver: WebhookReceiver
) -> None:
    async def broken(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=503, text="card 4242 4242 4242 4242 is on fire")

    receiver.behaviour = broken
    began_ms = 1_800_000_000_000
    clock = ManualClock(began_ms)
    bench = Bench(database, clock)
    await bench.endpoint(receiver.url())
    await bench.event()
    await bench.cycle()
    times = [clock.now_ms()]
    while (await bench.states()) == {"pending": 1}:
        due_ms = await database.fetchval("SELECT next_attempt_at_ms FROM webhook_deliveries")
        clock.advance(due_ms - 1 - clock.now_ms())
        before = len(receiver.received)
        await bench.cycle()
        assert len(receiver.received) == before, "tried before its time"
        clock.advance(1)
        await bench.cycle()
        times.append(clock.now_ms())
    assert await bench.states() == {"failed": 1}
    assert times[-1] == began_ms + GIVE_UP_AFTER_MS
    assert 13 <= len(receiver.received) <= 20
    log = await bench.endpoints.log_of_event(TEST, receiver.event_ids()[0])
    assert [one["attempt"] for one in log] == list(range(1, len(receiver.received) + 1))
    assert [one["created_at_ms"] for one in log] == times
    assert {one["status"] for one in log} == {503}
    assert "4242 4242" not in str(log)
    await bench.close()


async def test_a_dead_endpoint_delays_no_other(database: Database, receiver: WebhookReceiver) -> None:
    async def hang(_request: web.Request, _body: bytes) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    bench = Bench(database, limits=Limits(answering_slots=32, failing_slots=2, timeout_s=0.5))
    async with WebhookReceiver(hang) as dead:
        for number in range(8):
            await bench.endpoint(dead.url(f"/{number}"))
        for _ in range(5):
            await bench.event(count=6)
        # Let every dead endpoint be found out first.
        await bench.delivery.fan_out.run_once()
        await bench.delivery.run_once()
        await asyncio.sleep(3)
        await bench.endpoint(receiver.url())
        await bench.event(count=400)
        await bench.delivery.fan_out.run_once()
        # With the dead ones in their way they would take a minute.
        await receiver.wait_for(400, within_s=25)
    await bench.close()


async def test_a_backlog_that_cannot_be_tried_in_time_is_given_up(
    database: Database, receiver: WebhookReceiver
) -> None:
    async def broken(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=500)

    receiver.behaviour = broken
    clock = ManualClock(1_800_000_000_000)
    bench = Bench(database, clock)
    await bench.endpoint(receiver.url())
    await bench.event(count=10)
    await bench.cycle()
    await bench.event(count=300)
    await bench.delivery.fan_out.run_once()
    await bench.delivery.settled()
    clock.advance(GIVE_UP_AFTER_MS + 2 * 3_600_000)
    await bench.leases.renew()
    receiver.received.clear()
    await bench.cycle()
    assert await bench.states() == {"failed": 310}
    assert receiver.received == []
    await bench.close()


async def test_redirects_are_not_followed(bench: Bench, receiver: WebhookReceiver) -> None:
    async def elsewhere(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/other"})

    receiver.behaviour = elsewhere
    await bench.endpoint(receiver.url())
    await bench.event()
    await bench.cycle()
    assert [one.path for one in receiver.received] == ["/hooks"]
    assert await bench.states() == {"pending": 1}


async def test_live_mode_never_reaches_into_a_private_network(bench: Bench, receiver: WebhookReceiver) -> None:
    endpoint_id, _ = await bench.endpoint("https://shop.example/hooks", scope=LIVE)
    for url in (f"https://127.0.0.1:{receiver.port}/", f"https://localhost:{receiver.port}/"):
        await bench.database.execute("UPDATE webhook_endpoints SET url = $1 WHERE id = $2", url, endpoint_id)
        await bench.event(scope=LIVE)
        await bench.cycle()
    assert receiver.received == []
    errors = await bench.database.fetch("SELECT DISTINCT error FROM webhook_tries")
    assert [row["error"] for row in errors] == ["address not allowed: the URL leads to a private network"]


async def test_a_disabled_or_deleted_endpoint_gets_nothing_more(bench: Bench, receiver: WebhookReceiver) -> None:
    first, _ = await bench.endpoint(receiver.url())
    second, _ = await bench.endpoint(receiver.url())
    await bench.event(count=3)
    await bench.delivery.fan_out.run_once()
    await bench.delivery.settled()
    receiver.received.clear()
    await bench.database.execute("UPDATE webhook_deliveries SET state = 'pending', settled_at_ms = NULL")
    await bench.endpoints.update(request(), first, UpdateEndpoint(disabled=True), respond)
    await bench.endpoints.delete(request(), second, respond)
    await bench.delivery.run_once()
    await bench.delivery.settled()
    assert receiver.received == []
    assert await bench.states() == {"abandoned": 6}


async def test_a_failed_event_can_be_sent_again(bench: Bench, receiver: WebhookReceiver) -> None:
    endpoint_id, _ = await bench.endpoint(receiver.url())
    await bench.event()
    await bench.cycle()
    event_id = receiver.event_ids()[0]
    assert await bench.endpoints.resend(TEST, event_id, endpoint_id) is None
    await bench.cycle()
    assert receiver.event_ids() == [event_id, event_id]
    assert isinstance(await bench.endpoints.resend(TEST, "evt_none", endpoint_id), Problem)
    assert isinstance(await bench.endpoints.resend(LIVE, event_id, endpoint_id), Problem)


async def test_an_endpoint_is_told_the_version_it_was_made_for_and_others_ours(
    bench: Bench, receiver: WebhookReceiver
) -> None:
    endpoint_id, secret = await bench.endpoint(receiver.url("/older"), api_version="2024-06-20")
    await bench.endpoint(receiver.url("/ours"))
    await bench.event()
    await bench.cycle()
    (event,) = await announced(bench.database)
    assert await bench.endpoints.resend(TEST, event.id, endpoint_id) is None
    await bench.cycle()
    told = [(one.path, one.event["api_version"]) for one in receiver.received]
    assert sorted(told) == [("/older", "2024-06-20"), ("/older", "2024-06-20"), ("/ours", API_VERSION)]
    for one in receiver.received:
        if one.path == "/older":
            stripe.WebhookSignature.verify_header(one.body.decode(), one.headers["Stripe-Signature"], secret)
    shown = await bench.endpoints.get(TEST, endpoint_id)
    assert not isinstance(shown, Problem)
    assert (shown.api_version, event.api_version) == ("2024-06-20", API_VERSION)


async def test_two_workers_share_accounts_and_send_each_event_once(
    database: Database, receiver: WebhookReceiver
) -> None:
    one, two = Bench(database), Bench(database)
    await one.endpoint(receiver.url())
    for _ in range(40):
        await one.event(count=5)
    await asyncio.gather(*(bench.delivery.fan_out.run_once() for bench in (one, two, one, two)))
    await asyncio.gather(one.cycle(), two.cycle())
    assert sorted(receiver.event_ids()) == sorted(set(receiver.event_ids()))
    assert len(receiver.received) == 200
    await one.close()
    await two.close()


async def test_a_worker_that_lost_its_lease_sends_nothing_more(database: Database, receiver: WebhookReceiver) -> None:
    clock = ManualClock(1_800_000_000_000)
    stopped, successor = Bench(database, clock), Bench(database, clock)
    await stopped.endpoint(receiver.url())
    assert await stopped.leases.take(TEST.account_id)
    clock.advance(60_000)
    assert await successor.leases.take(TEST.account_id)
    await stopped.leases.renew()
    assert not stopped.leases.holds(TEST.account_id)
    await stopped.event()
    await stopped.cycle()
    assert receiver.received == []
    await successor.cycle()
    assert len(receiver.received) == 1
    await stopped.close()
    await successor.close()


async def test_the_secret_is_shown_once_stored_sealed_and_kept_out_of_the_idempotency_row(bench: Bench) -> None:
    command = CreateEndpoint(url="http://127.0.0.1:9/", enabled_events=("*",), metadata={"a": "b"})
    answer = await bench.endpoints.create(request(key="k1"), command, respond)
    assert isinstance(answer, Answer)
    made = msgspec.json.decode(answer.body)
    assert made["secret"].startswith("whsec_")
    kept = await bench.database.fetchrow("SELECT * FROM idempotency_keys")
    assert kept is not None
    assert b"whsec_" not in kept["body"]
    rows = await bench.database.fetch("SELECT * FROM webhook_endpoints")
    assert made["secret"] not in str(rows)
    again = await bench.endpoints.replayed(TEST, Answer(200, kept["body"]))
    assert again.body == answer.body
    second = await bench.endpoints.create(request(key="k1"), command, respond)
    assert isinstance(second, Problem)
    assert second.status == 409


async def test_endpoints_are_listed_changed_and_hidden_by_mode(bench: Bench) -> None:
    first, _ = await bench.endpoint("http://127.0.0.1:9/1")
    second, _ = await bench.endpoint("http://127.0.0.1:9/2")
    listed = await bench.endpoints.list(TEST, Page())
    assert [one.id for one in listed.items] == [second, first]
    assert (await bench.endpoints.list(LIVE, Page())).items == []
    assert isinstance(await bench.endpoints.get(LIVE, first), Problem)
    change = UpdateEndpoint(url="http://127.0.0.1:9/3", description="till", metadata={"x": "1"}, disabled=True)
    assert isinstance(await bench.endpoints.update(request(), first, change, respond), Answer)
    changed = await bench.database.get(WEBHOOK_ENDPOINTS, TEST, first)
    assert changed is not None
    assert (changed.url, changed.description, changed.metadata, changed.status) == (
        "http://127.0.0.1:9/3",
        "till",
        {"x": "1"},
        "disabled",
    )
    assert isinstance(await bench.endpoints.delete(request(), first, respond), Answer)
    gone = await bench.endpoints.get(TEST, first)
    assert isinstance(gone, Problem)
    assert gone.status == 404
    assert [one.id for one in (await bench.endpoints.list(TEST, Page())).items] == [second]


async def test_bad_endpoints_are_refused_by_name_of_the_field(bench: Bench) -> None:
    cases = [
        (TEST, "ftp://x.example/", ("*",), "url"),
        (TEST, "shop.example/hooks", ("*",), "url"),
        (LIVE, "http://shop.example/hooks", ("*",), "url"),
        (LIVE, "https://10.0.0.5/hooks", ("*",), "url"),
        (TEST, "http://169.254.169.254/latest", ("*",), "url"),
        (TEST, "https://shop.example/", (), "enabled_events"),
        (TEST, "https://shop.example/", ("Nonsense!",), "enabled_events[0]"),
    ]
    for scope, url, events, param in cases:
        command = CreateEndpoint(url=url, enabled_events=events)
        problem = await bench.endpoints.create(request(scope), command, respond)
        assert isinstance(problem, Problem), url
        assert problem.param == param


async def test_no_more_than_sixteen_endpoints(bench: Bench) -> None:
    for number in range(16):
        await bench.endpoint(f"http://127.0.0.1:9/{number}")
    command = CreateEndpoint(url="http://127.0.0.1:9/17", enabled_events=("*",))
    assert isinstance(await bench.endpoints.create(request(), command, respond), Problem)
    await bench.endpoint("https://shop.example/", scope=LIVE)


async def test_old_rows_go_and_young_or_pending_ones_stay(bench: Bench, receiver: WebhookReceiver) -> None:
    first, _ = await bench.endpoint(receiver.url())
    gone, _ = await bench.endpoint(receiver.url())
    await bench.event(count=5)
    await bench.cycle()
    await bench.endpoints.delete(request(), gone, respond)
    await bench.database.execute(
        "UPDATE webhook_deliveries SET state = 'pending', settled_at_ms = NULL "
        "WHERE event_id = $1 AND endpoint_id = $2",
        receiver.event_ids()[0],
        first,
    )
    inbound = InboundNotifications(
        bench.database, bench.clock, RoutingTable(bench.database, Envelope(parse_keys(KEYS)), bench.clock), _never
    )
    retention = WebhookRetention(bench.database, inbound)
    day_ms = 24 * 3_600_000
    now_ms = bench.clock.now_ms()

    async def counts() -> tuple[int, int]:
        count = bench.database.fetchval
        return await count("SELECT count(*) FROM webhook_deliveries"), await count("SELECT count(*) FROM webhook_tries")

    await retention.sweep(now_ms + 13 * day_ms)
    assert await counts() == (10, 10)
    await retention.sweep(now_ms + 15 * day_ms)
    assert await counts() == (10, 0)
    await retention.sweep(now_ms + 31 * day_ms)
    assert await counts() == (1, 0)
    left = await bench.database.fetch("SELECT id FROM webhook_endpoints")
    assert [row["id"] for row in left] == [first]


async def _never(_scope: Scope, _gateway_id: str, _said: Notification) -> Verdict:
    return Verdict.IGNORED


async def test_secrets_follow_a_change_of_the_master_key(bench: Bench, receiver: WebhookReceiver) -> None:
    endpoint_id, secret = await bench.endpoint(receiver.url())
    both = SecretSeal(Envelope(parse_keys(f"{generate_key('k2')}\n{KEYS}")))
    assert await rewrap_secrets(bench.database, both) == 1
    assert await rewrap_secrets(bench.database, both) == 0
    stored = await bench.database.get(WEBHOOK_ENDPOINTS, TEST, endpoint_id)
    assert stored is not None
    assert both.open(TEST, endpoint_id, stored.secrets[0].sealed) == secret
    with pytest.raises(VaultError):
        both.open(LIVE, endpoint_id, stored.secrets[0].sealed)


async def test_what_is_fanned_out_while_lanes_are_busy_is_not_left_for_the_next_look(
    bench: Bench, receiver: WebhookReceiver
) -> None:
    for number in range(3):
        await bench.endpoint(receiver.url(f"/{number}"))
    for _ in range(200):
        await bench.event(count=6)
    async with bench.holding():
        while await bench.delivery.fan_out.run_once():  # noqa: ASYNC110 - lanes work meanwhile
            await asyncio.sleep(0.01)
        await bench.delivery.settled()
    assert await bench.states() == {"delivered": 3_600}, await bench.failed_tries()
    assert len(receiver.received) == 3_600


@pytest.mark.parametrize("broken", ["no JSON", "[]"])
async def test_an_event_that_cannot_be_drawn_fails_and_keeps_up_no_other(
    bench: Bench, receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    await bench.endpoint(receiver.url())
    await bench.event("charge.failed")
    await bench.database.execute("UPDATE announcements SET facts = $1", broken)
    await bench.event("charge.succeeded")
    await bench.cycle()
    assert [one.event["type"] for one in receiver.received] == ["charge.succeeded"]
    assert await bench.states() == {"delivered": 1, "failed": 1}
    assert [record for record in caplog.records if "cannot be drawn" in record.message]
