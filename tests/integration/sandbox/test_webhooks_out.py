"""Webhooks of the simulated gateways: signed as by the providers, retried, kept through kill -9, spoiled by faults."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import stripe
from aiohttp import web
from tests.support.adyen_shapes import assert_notification
from tests.support.sandboxes import Gateway, adyen_sale, running, stripe_sale
from tests.support.stripe_shapes import assert_shape, fixtures
from tests.support.webhook_receiver import Received, WebhookReceiver

from interlock.sandbox.adyen.notifications import signature

INTENT = "/v1/payment_intents"
SECRET = "whsec_sandbox"
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as receiver:
        yield receiver


async def arrives(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not arrive"
        await asyncio.sleep(0.01)


async def listen(gateway: Gateway, receiver: WebhookReceiver, secret: str, **more: object) -> None:
    url = f"http://127.0.0.1:{receiver.port}/hook"
    await asyncio.to_thread(gateway.control, "POST", "webhooks", {"url": url, "secret": secret, "delay_ms": 5, **more})


async def sell(gateway: Gateway, **form: str) -> Any:
    return (await asyncio.to_thread(gateway.stripe, "POST", INTENT, stripe_sale(**form))).json()


def types(receiver: WebhookReceiver) -> list[str]:
    return [str(received.event["type"]) for received in receiver.received]


def items(receiver: WebhookReceiver) -> list[dict[str, Any]]:
    return [
        msgspec.json.decode(one.body)["notificationItems"][0]["NotificationRequestItem"] for one in receiver.received
    ]


def constructed(received: Received) -> stripe.Event:
    event: stripe.Event = stripe.Webhook.construct_event(received.body, received.headers["Stripe-Signature"], SECRET)
    return event


async def test_stripe_events_are_accepted_by_the_official_sdk(
    stripe_gateway: Gateway, receiver: WebhookReceiver
) -> None:
    await listen(stripe_gateway, receiver, SECRET)
    intent = await sell(stripe_gateway)
    await arrives(lambda: len(receiver.received) == 3)
    events = {event.type: event for event in map(constructed, receiver.received)}
    assert set(events) == {"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}
    shown: Any = events["payment_intent.succeeded"].data.object
    assert shown["id"] == intent["id"]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(
            receiver.received[0].body, receiver.received[0].headers["Stripe-Signature"], "whsec_other"
        )


async def test_stripe_events_carry_published_objects(
    stripe_gateway: Gateway, receiver: WebhookReceiver, specs: Path
) -> None:
    await listen(stripe_gateway, receiver, SECRET)
    intent = await sell(stripe_gateway, capture_method="manual")
    await asyncio.to_thread(stripe_gateway.stripe, "POST", f"{INTENT}/{intent['id']}/capture")
    await asyncio.to_thread(stripe_gateway.stripe, "POST", "/v1/refunds", {"payment_intent": intent["id"]})
    await arrives(lambda: len(receiver.received) == 7)
    for received in receiver.received:
        event: Any = received.event
        assert set(fixtures()["event"]) <= set(event)
        assert_shape(event["data"]["object"]["object"], event["data"]["object"])
    assert {"charge.captured", "refund.created", "charge.refunded"} < set(types(receiver))


async def test_an_endpoint_may_ask_for_some_events_only(stripe_gateway: Gateway, receiver: WebhookReceiver) -> None:
    await listen(stripe_gateway, receiver, SECRET, events=["payment_intent.succeeded"])
    await sell(stripe_gateway)
    await arrives(lambda: bool(receiver.received))
    await asyncio.sleep(0.2)
    assert types(receiver) == ["payment_intent.succeeded"]


async def test_adyen_notifications_are_signed_and_published(
    adyen_gateway: Gateway, receiver: WebhookReceiver, specs: Path
) -> None:
    await listen(adyen_gateway, receiver, HMAC_KEY)
    paid = await asyncio.to_thread(adyen_gateway.adyen, "/payments", adyen_sale(captureDelayHours=24, reference="n-1"))
    psp = paid.json()["pspReference"]
    await asyncio.to_thread(adyen_gateway.adyen, "/payments", adyen_sale("4000000000000002", reference="n-2"))
    account = {"merchantAccount": "InterlockSandbox", "amount": {"value": 1099, "currency": "USD"}}
    for kind in ("captures", "refunds", "refunds"):
        await asyncio.to_thread(adyen_gateway.adyen, f"/payments/{psp}/{kind}", {**account, "reference": f"{kind}-1"})
    await arrives(lambda: len(receiver.received) == 5)
    for received, item in zip(receiver.received, items(receiver), strict=True):
        sent = item["additionalData"].pop("hmacSignature")
        assert sent == signature(item, HMAC_KEY)
        assert_notification(received.body)
    told = sorted((item["eventCode"], item["success"], item["merchantReference"]) for item in items(receiver))
    assert told == [
        ("AUTHORISATION", "false", "n-2"),
        ("AUTHORISATION", "true", "n-1"),
        ("CAPTURE", "true", "captures-1"),
        ("REFUND", "false", "refunds-1"),
        ("REFUND", "true", "refunds-1"),
    ]


async def test_adyen_disputes_and_late_failures_are_told(
    adyen_gateway: Gateway, receiver: WebhookReceiver, specs: Path
) -> None:
    await listen(adyen_gateway, receiver, HMAC_KEY)
    await asyncio.to_thread(adyen_gateway.adyen, "/payments", adyen_sale("4000000000000259"))
    paid = await asyncio.to_thread(adyen_gateway.adyen, "/payments", adyen_sale("4000000000005126"))
    body = {"merchantAccount": "InterlockSandbox", "amount": {"value": 1099, "currency": "USD"}}
    await asyncio.to_thread(adyen_gateway.adyen, f"/payments/{paid.json()['pspReference']}/refunds", body)
    wanted = {"AUTHORISATION", "NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK", "REFUND", "REFUND_FAILED"}
    await arrives(lambda: {item["eventCode"] for item in items(receiver)} == wanted)
    for received in receiver.received:
        assert_notification(received.body)
    kinds = [
        entry["kind"] for entry in await asyncio.to_thread(adyen_gateway.books, payment_id=paid.json()["pspReference"])
    ]
    assert kinds == ["authorisation", "capture", "refund", "refund_reversal"]


async def test_undelivered_webhooks_are_retried_and_survive_a_kill(tmp_path: Path, receiver: WebhookReceiver) -> None:
    async def refuse(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=500)

    healthy = receiver.behaviour
    receiver.behaviour = refuse
    with running("stripe", tmp_path) as gateway:
        await listen(gateway, receiver, SECRET, events=["payment_intent.succeeded"])
        intent = await sell(gateway)
        await arrives(lambda: len(receiver.received) >= 2)
        await asyncio.to_thread(gateway.kill)
        receiver.behaviour = healthy
        before = len(receiver.received)
        await asyncio.to_thread(gateway.start)
        await arrives(lambda: len(receiver.received) > before)
        event: Any = constructed(receiver.received[-1]).data.object
        assert event["id"] == intent["id"]
        await asyncio.sleep(0.3)
        health = await asyncio.to_thread(gateway.control, "GET", "health")
        assert (health["webhooks"]["owed"], len(receiver.received)) == (0, before + 1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("webhook_lost", 0),
        ("webhook_duplicate", 2),
        ("webhook_late", 1),
        ("webhook_bad_signature", 1),
        ("webhook_respaced", 1),
    ],
)
async def test_webhook_faults(stripe_gateway: Gateway, receiver: WebhookReceiver, kind: str, expected: int) -> None:
    await listen(stripe_gateway, receiver, SECRET, events=["payment_intent.succeeded"])
    match = {"event": "payment_intent.succeeded", "currency": "usd"}
    await asyncio.to_thread(stripe_gateway.fault, kind, match=match, ms=300, schedule={"first": 1})
    started = time.monotonic()
    await sell(stripe_gateway)
    if kind == "webhook_late":
        await arrives(lambda: bool(receiver.received))
        assert time.monotonic() - started >= 0.3
    await asyncio.sleep(0.6)
    assert len(receiver.received) == expected
    if kind == "webhook_bad_signature":
        with pytest.raises(stripe.SignatureVerificationError):
            constructed(receiver.received[0])
    if kind == "webhook_respaced":
        assert b'",\n   "' in receiver.received[0].body
        assert constructed(receiver.received[0]).type == "payment_intent.succeeded"
    await asyncio.to_thread(stripe_gateway.clear_faults)


async def test_adyen_reviews_a_payment_and_tells_what_became_of_it(
    adyen_gateway: Gateway, receiver: WebhookReceiver
) -> None:
    await listen(adyen_gateway, receiver, HMAC_KEY)
    for name in ("review rejected", "review accepted"):
        sale = adyen_sale(card_holderName=name, reference=name)
        answer = (await asyncio.to_thread(adyen_gateway.adyen, "/payments", sale)).json()
        assert answer["resultCode"] == "Pending"
        assert not await asyncio.to_thread(adyen_gateway.books, payment_id=answer["pspReference"])
    await arrives(lambda: len(receiver.received) == 2)
    told = sorted((item["merchantReference"], item["success"], item["eventCode"]) for item in items(receiver))
    assert told == [("review accepted", "true", "AUTHORISATION"), ("review rejected", "false", "AUTHORISATION")]
    booked = await asyncio.to_thread(adyen_gateway.books, reference="review rejected")
    assert [(entry["kind"], entry["status"]) for entry in booked] == [("authorisation", "declined")]


async def test_reordered_webhooks_overtake_each_other(stripe_gateway: Gateway, receiver: WebhookReceiver) -> None:
    await listen(stripe_gateway, receiver, SECRET)
    await asyncio.to_thread(stripe_gateway.fault, "webhook_reordered", ms=500)
    for _ in range(6):
        await sell(stripe_gateway)
    await arrives(lambda: len(receiver.received) == 18)
    await asyncio.to_thread(stripe_gateway.clear_faults)
    ids = [str(received.event["id"]) for received in receiver.received]
    assert ids != sorted(ids)


async def test_any_payment_can_be_made_to_expire_or_be_disputed(
    stripe_gateway: Gateway, adyen_gateway: Gateway, receiver: WebhookReceiver, specs: Path
) -> None:
    await listen(stripe_gateway, receiver, SECRET, events=["charge.expired", "charge.dispute.created"])
    held = await sell(stripe_gateway, capture_method="manual")
    sold = await sell(stripe_gateway)
    for what, payment in (("expire", held["id"]), ("dispute", sold["id"])):
        await asyncio.to_thread(stripe_gateway.control, "POST", "happen", {"what": what, "payment": payment})
    await arrives(lambda: sorted(types(receiver)) == ["charge.dispute.created", "charge.expired"])
    refused = await asyncio.to_thread(
        stripe_gateway.control, "POST", "happen", {"what": "expire", "payment": sold["id"]}
    )
    assert "nothing can expire" in refused["error"]
    receiver.received.clear()
    await listen(adyen_gateway, receiver, HMAC_KEY, events=["EXPIRE", "CHARGEBACK"])
    held = (await asyncio.to_thread(adyen_gateway.adyen, "/payments", adyen_sale(captureDelayHours=24))).json()
    sold = (await asyncio.to_thread(adyen_gateway.adyen, "/payments", adyen_sale())).json()
    for what, payment in (("expire", held["pspReference"]), ("dispute", sold["pspReference"])):
        await asyncio.to_thread(adyen_gateway.control, "POST", "happen", {"what": what, "payment": payment})
    await arrives(lambda: sorted(item["eventCode"] for item in items(receiver)) == ["CHARGEBACK", "EXPIRE"])
    for received in receiver.received:
        assert_notification(received.body)
