"""The official Stripe CLI triggers every payment, checkout, charge, refund, setup, customer and dispute event it knows.

Each must succeed, and the event must be found among the account's events afterwards.
"""

import json
from typing import Any

import pytest
from tests.support.node_packages import StripeCli
from tests.support.official_clients import eventually
from tests.support.shop_receiver import ShopReceiver

EVENTS = (
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.failed",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.created",
    "customer.deleted",
    "customer.source.created",
    "customer.source.updated",
    "customer.updated",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.created",
    "payment_intent.partially_funded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.attached",
    "payment_method.detached",
    "payment_method.updated",
    "setup_intent.canceled",
    "setup_intent.created",
    "setup_intent.requires_action",
    "setup_intent.setup_failed",
    "setup_intent.succeeded",
)


_WITHIN_S = 30.0
"""A bank pays or sends back after a second; checkout sessions are told of it within ten more."""


@pytest.mark.parametrize("event", EVENTS)
def test_trigger(cli: StripeCli, client: Any, event: str) -> None:
    before = newest(client, event)
    done = cli.trigger(event)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Trigger succeeded" in done.stdout + done.stderr
    assert eventually(lambda: newest(client, event) != before, within_s=_WITHIN_S)


def newest(client: Any, event: str) -> list[str]:
    return [one.id for one in client.v1.events.list({"type": event, "limit": 1}).data]


def test_an_event_is_sent_again(cli: StripeCli, client: Any) -> None:
    with ShopReceiver() as receiver:
        made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.created"]})
        try:
            customer = client.v1.customers.create({"name": "Twice"}).id
            told = receiver.wait(lambda delivery: customer.encode() in delivery.body)
            event = json.loads(told.body)["id"]
            for more in (["--webhook-endpoint", made.id], []):
                receiver.deliveries.clear()
                done = cli.call("events", "resend", event, *more)
                assert json.loads(done.stdout)["id"] == event, done.stdout + done.stderr
                assert event.encode() in receiver.wait(lambda _: True).body
            missing = cli.call("events", "resend", "evt_none")
            assert "No such event: 'evt_none'" in missing.stdout + missing.stderr
        finally:
            client.v1.webhook_endpoints.delete(made.id)
