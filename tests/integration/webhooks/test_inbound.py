"""Notifications of gateways: over real HTTP into a real Postgres, verified by the real Stripe connector."""

import asyncio
import hashlib
import hmac
import io
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
import msgspec
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.api.routes.gateway_webhooks import MAX_BODY, with_gateway_webhooks
from interlock.base.clock import ManualClock
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.gateways.contract import ConnectorConfig, Notification
from interlock.gateways.loader import load
from interlock.payments.recovery.notifications import Verdict
from interlock.routing.releases import Release
from interlock.routing.types import Gateway, ReadyGateway, Route
from interlock.storage.database import Database
from interlock.webhooks.inbound.service import InboundNotifications
from interlock.webhooks.inbound.types import Received

SECRET = "whsec_gateway_secret"
ACCOUNT = "acct_1"
GATEWAY = "gw_1"


class Payments:
    """Stands for the payments core: remembers what it was told and answers as it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Scope, str, Notification]] = []
        self.verdicts: list[Verdict | Exception] = []

    async def apply(self, scope: Scope, gateway_id: str, notification: Notification) -> Verdict:
        self.told.append((scope, gateway_id, notification))
        verdict = self.verdicts.pop(0) if self.verdicts else Verdict.APPLIED
        if isinstance(verdict, Exception):
            raise verdict
        return verdict


def find(account_id: str, gateway_id: str) -> ReadyGateway | None:
    """Return the one gateway there is."""
    if (account_id, gateway_id) != (ACCOUNT, GATEWAY):
        return None
    gateway = Gateway(
        account_id=ACCOUNT,
        id=GATEWAY,
        livemode=False,
        version=1,
        created_at_ms=0,
        name="Stripe",
        connector="stripe",
        enabled=True,
        position=1,
    )
    return ReadyGateway(
        gateway=gateway,
        release=cast("Release", cast("Any", None)),
        loaded=load("stripe"),
        config=ConnectorConfig(livemode=False, credentials={"webhook_secret": SECRET}),
        route=cast("Route", cast("Any", None)),
    )


class OneGateway:
    """Stands for the routing table: one gateway that has only ever run one release."""

    def find(self, account_id: str, gateway_id: str) -> list[ReadyGateway]:
        found = find(account_id, gateway_id)
        return [] if found is None else [found]

    def has_others(self, scope: Scope, gateway_id: str) -> bool:
        return False

    def takes_over(self, scope: Scope, gateway_id: str, release_id: str) -> bool:
        return True

    async def exactly(self, scope: Scope, gateway_id: str, release_id: str) -> ReadyGateway | None:
        return None


def event(number: int = 1, kind: str = "payment_intent.succeeded", created_s: int | None = None) -> bytes:
    """Return a Stripe event."""
    intent = {
        "id": "pi_gateway",
        "object": "payment_intent",
        "amount": 1099,
        "amount_capturable": 0,
        "amount_received": 1099,
        "currency": "usd",
        "status": "succeeded",
        "metadata": {},
    }
    body = {
        "id": f"evt_{number}",
        "object": "event",
        "created": int(time.time()) if created_s is None else created_s,
        "livemode": False,
        "type": kind,
        "data": {"object": intent},
    }
    return msgspec.json.encode(body)


def signed(body: bytes, secret: str = SECRET, at_s: int | None = None) -> dict[str, str]:
    """Return the headers Stripe would send."""
    stamp = int(time.time()) if at_s is None else at_s
    signature = hmac.new(secret.encode(), b"%d.%b" % (stamp, body), hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={stamp},v1={signature}"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(int(time.time()) * 1000)


@pytest.fixture
def payments() -> Payments:
    return Payments()


@pytest.fixture
async def inbound(database: Database, clock: ManualClock, payments: Payments) -> AsyncIterator[InboundNotifications]:
    made = InboundNotifications(database, clock, OneGateway(), payments.apply)
    yield made
    await made.close()


async def receive(
    inbound: InboundNotifications, body: bytes, headers: dict[str, str] | None = None
) -> Received | Problem:
    return await inbound.receive(ACCOUNT, GATEWAY, headers if headers is not None else signed(body), body)


async def states(database: Database) -> list[tuple[str, str]]:
    rows = await database.fetch("SELECT notification_id, state FROM gateway_notifications ORDER BY notification_id")
    return [(row["notification_id"], row["state"]) for row in rows]


async def test_a_notification_is_stored_answered_and_applied_at_once(
    inbound: InboundNotifications, database: Database, payments: Payments
) -> None:
    assert await receive(inbound, event()) == Received(body="", stored=1, repeated=0)
    await inbound.close()
    ((scope, gateway_id, said),) = payments.told
    assert (scope, gateway_id, said.notification_id) == (Scope(ACCOUNT, livemode=False), GATEWAY, "evt_1")
    assert await states(database) == [("evt_1", "applied")]
    assert await inbound.run_once() == 0


async def test_a_notification_with_a_nul_in_its_words_is_stored_and_applied(
    inbound: InboundNotifications, database: Database, payments: Payments
) -> None:
    failed = msgspec.json.decode(event(kind="payment_intent.payment_failed"))
    error = {"type": "card_error", "code": "card_declined", "message": "\x1f\x8b\0 a page", "decline_code": "x\0y"}
    failed["data"]["object"] |= {"status": "requires_payment_method", "last_payment_error": error}
    body = msgspec.json.encode(failed)
    assert await receive(inbound, body) == Received(body="", stored=1, repeated=0)
    assert await receive(inbound, body) == Received(body="", stored=0, repeated=1)
    await inbound.close()
    ((_, _, said),) = payments.told
    assert said.result is not None
    assert said.result.message == "\x1f\x8b\ufffd a page"
    assert await states(database) == [("evt_1", "applied")]


async def test_a_repeated_notification_changes_nothing(
    inbound: InboundNotifications, database: Database, payments: Payments
) -> None:
    body = event()
    results = await asyncio.gather(*(receive(inbound, body) for _ in range(20)))
    await inbound.close()
    assert sum(result.stored for result in results if isinstance(result, Received)) == 1
    assert sum(result.repeated for result in results if isinstance(result, Received)) == 19
    assert len(payments.told) == 1
    assert await states(database) == [("evt_1", "applied")]


async def test_nothing_unsigned_wrongly_signed_or_old_is_believed(
    inbound: InboundNotifications, database: Database, payments: Payments
) -> None:
    body = event()
    now_s = int(time.time())
    for headers in (
        {},
        {"stripe-signature": ""},
        {"stripe-signature": "t=1,v1=00"},
        signed(body, "whsec_other"),
        signed(body, at_s=now_s - 3_600),
        signed(body, at_s=now_s + 3_600),
        signed(body + b" "),
    ):
        problem = await receive(inbound, body, headers)
        assert isinstance(problem, Problem)
        assert problem.status == 401
    unknown = await inbound.receive(ACCOUNT, "gw_2", signed(body), body)
    assert isinstance(unknown, Problem)
    assert unknown.status == 404
    assert payments.told == []
    assert await states(database) == []


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), header=st.text(max_size=80))
async def test_no_bytes_break_the_door(inbound: InboundNotifications, body: bytes, header: str) -> None:
    assert isinstance(await receive(inbound, body, {"stripe-signature": header}), Problem)
    result = await receive(inbound, body)
    assert isinstance(result, Problem | Received)


async def test_not_yet_is_tried_again_until_applied(
    inbound: InboundNotifications, database: Database, payments: Payments, clock: ManualClock
) -> None:
    payments.verdicts = [Verdict.NOT_YET, RuntimeError("the database hiccuped"), Verdict.NOT_YET, Verdict.APPLIED]
    await receive(inbound, event())
    await inbound.close()
    assert await states(database) == [("evt_1", "waiting")]
    for tries in range(2, 5):
        assert await inbound.run_once() == 0, "not before its time"
        clock.advance(20_000)
        assert await inbound.run_once() == 1
        assert len(payments.told) == tries
    assert await states(database) == [("evt_1", "applied")]
    row = await database.fetchrow("SELECT attempts, note, next_attempt_at_ms FROM gateway_notifications")
    assert row is not None
    assert tuple(row) == (4, None, None)


async def test_what_a_killed_process_left_is_found_by_the_worker(
    database: Database, payments: Payments, clock: ManualClock
) -> None:
    started = asyncio.Event()

    async def never(_scope: Scope, _gateway_id: str, _said: Notification) -> Verdict:
        started.set()
        await asyncio.sleep(3_600)
        return Verdict.APPLIED

    dying = InboundNotifications(database, clock, OneGateway(), never)
    await receive(dying, event())
    await started.wait()
    for task in asyncio.all_tasks():
        if task.get_name() == "apply-gateway-notifications":
            task.cancel()
    successor = InboundNotifications(database, clock, OneGateway(), payments.apply)
    assert await successor.run_once() == 0, "the first process has its few seconds"
    clock.advance(5_001)
    assert await successor.run_once() == 1
    assert await states(database) == [("evt_1", "applied")]


async def test_two_workers_apply_each_notification_once(
    database: Database, payments: Payments, clock: ManualClock
) -> None:
    payments.verdicts = [Verdict.NOT_YET] * 30
    one = InboundNotifications(database, clock, OneGateway(), payments.apply)
    two = InboundNotifications(database, clock, OneGateway(), payments.apply)
    for number in range(30):
        await receive(one, event(number))
    await one.close()
    payments.told.clear()
    clock.advance(10_000)
    done = await asyncio.gather(one.run_once(), two.run_once())
    assert sum(done) == 30
    assert len(payments.told) == 30


async def test_facts_of_one_payment_are_retried_oldest_first(
    inbound: InboundNotifications, payments: Payments, clock: ManualClock
) -> None:
    payments.verdicts = [Verdict.NOT_YET] * 3
    now_s = int(time.time())
    for number, age_s in ((1, 10), (2, 30), (3, 20)):
        await receive(inbound, event(number, created_s=now_s - age_s))
    await inbound.close()
    payments.told.clear()
    clock.advance(10_000)
    await inbound.run_once()
    assert [said.notification_id for _, _, said in payments.told] == ["evt_2", "evt_3", "evt_1"]


async def test_uninteresting_types_are_answered_and_not_kept(inbound: InboundNotifications, database: Database) -> None:
    assert await receive(inbound, event(kind="payment_intent.created")) == Received(body="", stored=0, repeated=0)
    assert await states(database) == []


async def test_settled_notifications_are_trimmed_by_age(
    inbound: InboundNotifications, database: Database, payments: Payments, clock: ManualClock
) -> None:
    payments.verdicts = [Verdict.APPLIED, Verdict.NOT_YET]
    await receive(inbound, event(1))
    await inbound.close()
    await receive(inbound, event(2))
    await inbound.close()
    assert await inbound.trim(clock.now_ms(), 100) == 0
    assert await inbound.trim(clock.now_ms() + 1, 100) == 1
    assert await states(database) == [("evt_2", "waiting")]


async def test_over_http(inbound: InboundNotifications, database: Database) -> None:
    async def other(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(
        cast("Any", with_gateway_webhooks(other, inbound)), port=0, lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    url = f"{base}/gateways/{ACCOUNT}/{GATEWAY}/webhooks"
    body = event()
    async with aiohttp.ClientSession() as session:

        async def status(method: str, target: str, **more: Any) -> int:
            async with session.request(method, target, **more) as response:
                return response.status

        assert await status("POST", url, data=body, headers=signed(body)) == 200
        assert await states(database) in ([("evt_1", "applied")], [("evt_1", "waiting")])
        assert await status("POST", url, data=body, headers={"stripe-signature": "t=1,v1=0"}) == 401
        assert await status("POST", url.replace(GATEWAY, "gw_9"), data=body, headers=signed(body)) == 404
        assert await status("GET", url) == 405
        assert await status("POST", f"{base}/gateways/x", data=body) == 404
        assert await status("POST", url, data=io.BytesIO(b"x" * (MAX_BODY + 1))) == 413
        assert await status("GET", f"{base}/v1/charges") == 299
    server.should_exit = True
    await serving
