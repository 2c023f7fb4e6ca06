"""Events delivered to a shop and verified by the official Python SDK; webhook endpoints managed with it."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from tests.support.official_clients import Pay, eventually
from tests.support.shop_receiver import Delivery, ShopReceiver


@pytest.fixture
def receiver() -> Iterator[ShopReceiver]:
    with ShopReceiver() as running:
        yield running


@pytest.fixture
def endpoint(client: Any, receiver: ShopReceiver) -> Iterator[Any]:
    """Return an endpoint that hears everything; it is deleted in the end."""
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"], "metadata": {"k": "v"}})
    yield made
    client.v1.webhook_endpoints.delete(made.id)


def of_type(kind: str, object_id: str | None = None) -> Any:
    def wanted(delivery: Delivery) -> bool:
        return f'"type":"{kind}"'.encode() in delivery.body.replace(b": ", b":") and (
            object_id is None or object_id.encode() in delivery.body
        )

    return wanted


def test_a_payment_is_told_and_the_sdk_believes_it(
    receiver: ShopReceiver, endpoint: Any, pay: Pay, client: Any
) -> None:
    assert endpoint.secret.startswith("whsec_")
    intent = pay()
    delivery = receiver.wait(of_type("payment_intent.succeeded", intent.id))
    signature = delivery.headers["stripe-signature"]
    event: Any = stripe.Webhook.construct_event(delivery.body, signature, endpoint.secret)
    assert (event.type, event.data.object.id) == ("payment_intent.succeeded", intent.id)
    assert event.data.object.status == "succeeded"
    assert client.construct_event(delivery.body, signature, endpoint.secret).id == event.id
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(delivery.body, signature, "whsec_wrong")
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(delivery.body + b" ", signature, endpoint.secret)
    told = {one.type for one in client.v1.events.list({"limit": 20}).data if intent.id in str(one)}
    for kind in told:
        receiver.wait(of_type(kind, intent.id))
    shown = client.v1.events.retrieve(event.id)
    assert eventually(lambda: client.v1.events.retrieve(event.id).pending_webhooks == 0)
    assert shown.data.object.to_dict() == event.data.object.to_dict()


def test_only_what_was_asked_for_is_told(client: Any, receiver: ShopReceiver, pay: Pay) -> None:
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["charge.refunded"]})
    try:
        refund = client.v1.refunds.create({"payment_intent": pay().id})
        receiver.wait(of_type("charge.refunded", refund.charge))
        assert len(receiver.deliveries) == 1
    finally:
        client.v1.webhook_endpoints.delete(made.id)


def test_what_the_shop_did_not_take_is_delivered_again(receiver: ShopReceiver, endpoint: Any, client: Any) -> None:
    receiver.status = 500
    customer = client.v1.customers.create({"name": "again"})
    first = receiver.wait(of_type("customer.created", customer.id))
    receiver.status = 200
    eventually(lambda: sum(1 for one in receiver.deliveries if one.body == first.body) > 1, within_s=30)
    event = client.construct_event(first.body, first.headers["stripe-signature"], endpoint.secret)
    assert eventually(lambda: client.v1.events.retrieve(event.id).pending_webhooks == 0)


def test_an_endpoints_life(client: Any, receiver: ShopReceiver) -> None:
    made = client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["charge.failed"], "description": "first"}
    )
    assert (made.status, made.enabled_events, made.description) == ("enabled", ["charge.failed"], "first")
    changed = client.v1.webhook_endpoints.update(made.id, {"enabled_events": ["*"], "disabled": True})
    assert (changed.status, changed.enabled_events) == ("disabled", ["*"])
    shown = client.v1.webhook_endpoints.retrieve(made.id)
    assert getattr(shown, "secret", None) is None
    assert made.id in [one.id for one in client.v1.webhook_endpoints.list({"limit": 100}).data]
    client.v1.customers.create({"name": "unheard"})
    gone = client.v1.webhook_endpoints.delete(made.id)
    assert (gone.id, gone.deleted) == (made.id, True)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.webhook_endpoints.retrieve(made.id)
    assert caught.value.code == "resource_missing"
    assert receiver.deliveries == []


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"url": "no url", "enabled_events": ["*"]}, "url"),
        ({"url": "https://shop.test/hook"}, "enabled_events"),
    ],
)
def test_endpoints_that_are_refused(client: Any, form: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.webhook_endpoints.create(form)
    assert str(caught.value.param).startswith(param)


def test_events_are_listed_by_whether_they_were_delivered(receiver: ShopReceiver, endpoint: Any, client: Any) -> None:
    receiver.status = 500
    customer = client.v1.customers.create({"name": "missed"})
    receiver.wait(of_type("customer.created", customer.id))

    def listed(*, delivered: bool) -> bool:
        found = client.v1.events.list({"delivery_success": delivered, "type": "customer.created", "limit": 100})
        return any(one.data.object.id == customer.id for one in found.auto_paging_iter())

    assert listed(delivered=False)
    assert not listed(delivered=True)
    receiver.status = 200
    assert eventually(lambda: listed(delivered=True), within_s=30)
    assert not listed(delivered=False)
