"""Checkout sessions by the official Python SDK, completed the way the official CLI completes them."""

import json
from typing import Any

import pytest
import stripe
from tests.support.official_clients import BACK

ITEM = {
    "quantity": 2,
    "price_data": {"currency": "usd", "unit_amount": 1500, "product_data": {"name": "T-shirt", "description": "Blue"}},
}
SESSION: dict[str, Any] = {
    "mode": "payment",
    "line_items": [ITEM],
    "success_url": f"{BACK}?session={{CHECKOUT_SESSION_ID}}",
    "cancel_url": BACK,
}


def complete(client: Any, session: Any, card: str = "pm_card_visa", amount: int = 3000) -> Any:
    """Do what the hosted page does."""
    form = {"payment_method": card, "expected_amount": amount}
    answer = client.raw_request("post", f"/v1/payment_pages/{session.id}/confirm", **form)
    return answer.data


def test_a_session_is_paid(client: Any) -> None:
    session = client.v1.checkout.sessions.create({**SESSION, "client_reference_id": "order-7", "metadata": {"k": "v"}})
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 3000)
    assert session.url
    items = client.v1.checkout.sessions.line_items.list(session.id)
    assert [(one.description, one.quantity, one.amount_total) for one in items.data] == [("T-shirt", 2, 3000)]
    page = client.raw_request("get", f"/v1/payment_pages/{session.id}").data
    assert json.loads(json.dumps(page))
    complete(client, session)
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "line_items"]})
    assert (done.status, done.payment_status, done.client_reference_id) == ("complete", "paid", "order-7")
    assert (done.payment_intent.status, done.payment_intent.amount_received) == ("succeeded", 3000)
    assert done.line_items.data[0].price.unit_amount == 1500
    found = client.v1.checkout.sessions.list({"payment_intent": done.payment_intent.id})
    assert [one.id for one in found.data] == [session.id]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)


def test_a_session_of_products_and_prices(client: Any) -> None:
    product = client.v1.products.create({"name": "Mug"})
    price = client.v1.prices.create({"product": product.id, "unit_amount": 900, "currency": "eur"})
    session = client.v1.checkout.sessions.create({**SESSION, "line_items": [{"price": price.id, "quantity": 3}]})
    assert (session.amount_total, session.currency) == (2700, "eur")


def test_a_session_that_saves_a_card(client: Any) -> None:
    customer = client.v1.customers.create({})
    form = {"mode": "setup", "currency": "usd", "customer": customer.id, "success_url": BACK}
    session = client.v1.checkout.sessions.create(form)
    assert session.payment_status == "no_payment_required"
    assert session.setup_intent is None or isinstance(session.setup_intent, str)


def test_a_session_that_saves_a_card_makes_a_customer_for_it(client: Any) -> None:
    form = {"mode": "setup", "currency": "usd", "customer_creation": "always", "success_url": BACK}
    session = client.v1.checkout.sessions.create({**form, "customer_email": "a@shop.example"})
    assert (session.customer, session.customer_creation) == (None, "always")
    client.raw_request("post", f"/v1/payment_pages/{session.id}/confirm", payment_method="pm_card_visa")
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent", "customer"]})
    assert (done.status, done.customer_creation, done.customer.email) == ("complete", "always", "a@shop.example")
    kept = client.v1.customers.payment_methods.list(done.customer.id).data
    assert [method.id for method in kept] == [done.setup_intent.payment_method]


def test_a_customer_is_not_made_where_one_is_named(client: Any) -> None:
    form = {"mode": "setup", "currency": "usd", "customer_creation": "always", "success_url": BACK}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create({**form, "customer": client.v1.customers.create({}).id})
    assert caught.value.param == "customer_creation"


def test_an_expired_session_takes_nothing_and_its_intent_cannot_be_cancelled_before(client: Any) -> None:
    session = client.v1.checkout.sessions.create(SESSION)
    gone = client.v1.checkout.sessions.expire(session.id)
    assert (gone.status, gone.url) == ("expired", None)
    with pytest.raises(stripe.InvalidRequestError):
        complete(client, session)


def test_a_declined_card_leaves_the_session_open(client: Any) -> None:
    session = client.v1.checkout.sessions.create(SESSION)
    with pytest.raises(stripe.CardError):
        complete(client, session, "pm_card_chargeDeclined")
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    complete(client, session)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "complete"
