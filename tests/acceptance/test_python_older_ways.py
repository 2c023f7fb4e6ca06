"""Older ways to pay that integrations still use: cards in clear as a source, charges refunded by their own address."""

import json
from typing import Any

import pytest
import stripe
from tests.support.official_clients import Pay

SOURCE: dict[str, Any] = {
    "object": "card",
    "number": "4242424242424242",
    "exp_month": 12,
    "exp_year": 2034,
    "cvc": "123",
    "name": "Ann",
    "address_zip": "10115",
}


def ask(client: Any, method: str, path: str, **more: Any) -> Any:
    return json.loads(client.raw_request(method, path, **more).body)


def test_a_card_in_clear_is_charged_as_a_token_made_on_the_spot(client: Any) -> None:
    for name in ("source", "card"):
        charge = client.v1.charges.create({"amount": 900, "currency": "usd", name: SOURCE})
        assert (charge.paid, charge.captured, charge.amount) == (True, True, 900)
        source = charge.to_dict()["source"]
        assert (source["object"], source["brand"], source["last4"], source["name"]) == ("card", "Visa", "4242", "Ann")
        assert source["id"] == charge.payment_method
        assert charge.billing_details.address.postal_code == "10115"


def test_a_test_token_by_name_is_charged_as_a_token_of_the_account_is(client: Any) -> None:
    made = client.v1.tokens.create({"card": {"number": "4242424242424242", "exp_month": "12", "exp_year": "2034"}})
    for token in ("tok_visa", made.id):
        charge = client.v1.charges.create({"amount": 900, "currency": "usd", "source": token})
        source = charge.to_dict()["source"]
        assert (source["object"], source["brand"], source["last4"]) == ("card", "Visa", "4242")
        assert source["id"] == charge.payment_method
        assert source["id"].startswith("card_")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.charges.create({"amount": 900, "currency": "usd", "source": "tok_none"})
    assert (caught.value.code, caught.value.param) == ("resource_missing", "source")


def test_an_intent_takes_a_test_token_by_name_as_a_payment_method(client: Any, pay: Pay) -> None:
    intent: Any = pay("tok_visa", expand=["payment_method"])
    assert (intent.status, intent.payment_method.object) == ("succeeded", "payment_method")
    assert client.v1.payment_methods.retrieve(intent.payment_method.id).card.last4 == "4242"


@pytest.mark.parametrize(
    ("number", "code"), [("4000000000000002", "card_declined"), ("4242424242424241", "incorrect_number")]
)
def test_a_card_in_clear_is_declined_or_refused_as_any_other(client: Any, number: str, code: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.charges.create({"amount": 900, "currency": "usd", "source": {**SOURCE, "number": number}})
    assert (caught.value.http_status, caught.value.code) == (402, code)
    assert number not in str(caught.value.json_body)


def test_a_card_in_clear_becomes_a_source_of_a_customer_and_its_default(client: Any) -> None:
    customer = client.v1.customers.create({"source": SOURCE})
    first = customer.default_source
    assert first.startswith("card_")
    charge = client.v1.charges.create({"amount": 900, "currency": "usd", "customer": customer.id})
    assert (charge.paid, charge.payment_method) == (True, first)
    second = client.v1.customers.payment_sources.create(customer.id, {"source": SOURCE})
    assert (second.last4, second.name, second.customer) == ("4242", "Ann", customer.id)
    customer = client.v1.customers.update(customer.id, {"source": {**SOURCE, "number": "5555555555554444"}})
    assert customer.default_source not in {first, second.id}
    assert len(client.v1.customers.payment_sources.list(customer.id).data) == 3


def test_a_source_that_is_no_card_is_refused_by_name(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.charges.create({"amount": 900, "currency": "usd", "source": {**SOURCE, "object": "bank_account"}})
    assert caught.value.param == "source[object]"


def test_a_charge_is_refunded_by_its_own_address(client: Any) -> None:
    charge = client.v1.charges.create({"amount": 900, "currency": "usd", "source": "tok_visa"})
    options = {"idempotency_key": f"refund-{charge.id}"}
    for _ in range(2):
        shown = ask(client, "post", f"/v1/charges/{charge.id}/refund", amount=300, **options)
        assert shown["amount_refunded"] == 300
    refund = ask(client, "post", f"/v1/charges/{charge.id}/refunds", reason="duplicate")
    assert (refund["object"], refund["amount"], refund["charge"]) == ("refund", 600, charge.id)
    path = f"/v1/charges/{charge.id}/refunds/{refund['id']}"
    assert ask(client, "post", path, metadata={"k": "v"})["metadata"] == {"k": "v"}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.raw_request("post", f"/v1/charges/{charge.id}/refund")
    assert caught.value.code == "charge_already_refunded"
    history = ask(client, "get", "/v1/balance/history", limit=1)
    assert history["data"][0]["object"] == "balance_transaction"


def test_a_hold_is_let_go_by_refunding_its_charge(client: Any) -> None:
    charge = client.v1.charges.create({"amount": 900, "currency": "usd", "source": "tok_visa", "capture": False})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": charge.id, "amount": 300})
    assert caught.value.param == "amount"
    options = {"idempotency_key": f"release-{charge.id}"}
    refund, again = (client.v1.refunds.create({"charge": charge.id}, options) for _ in range(2))
    assert (refund.status, refund.amount, refund.charge, again.id) == ("succeeded", 900, charge.id, refund.id)
    shown = client.v1.charges.retrieve(charge.id)
    assert (shown.refunded, shown.amount_refunded, shown.captured) == (True, 900, False)
    assert client.v1.payment_intents.retrieve(charge.payment_intent).status == "canceled"
    assert [one.id for one in client.v1.refunds.list({"charge": charge.id}).data] == [refund.id]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.charges.capture(charge.id)
    assert caught.value.code == "charge_expired_for_capture"


def test_groups_of_events_are_listed_by_a_star(client: Any) -> None:
    client.v1.charges.create({"amount": 900, "currency": "usd", "source": "tok_visa"})
    found = client.v1.events.list({"type": "charge.*", "limit": 20}).data
    assert found
    assert all(event.type.startswith("charge.") for event in found)
    assert client.v1.events.list({"type": "*", "limit": 1}).data


@pytest.mark.parametrize("version", ["2020-08-27", "2022-11-15", "2023-08-15"])
def test_an_older_version_confirms_a_card_without_an_address_to_come_back_to(client: Any, version: str) -> None:
    options = {"stripe_version": version}
    sale = {"amount": 900, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    intent = client.v1.payment_intents.create(sale, options)
    assert (intent.status, intent.payment_method_types, intent.automatic_payment_methods) == (
        "succeeded",
        ["card"],
        None,
    )
    setup = client.v1.setup_intents.create({"payment_method": "pm_card_visa", "confirm": True}, options)
    assert (setup.status, setup.payment_method_types, setup.automatic_payment_methods) == ("succeeded", ["card"], None)
    later = client.v1.payment_intents.create({"amount": 900, "currency": "usd"}, options)
    assert client.v1.payment_intents.confirm(later.id, {"payment_method": "pm_card_visa"}).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.create({**sale, "automatic_payment_methods": {"enabled": True}}, options)


@pytest.mark.parametrize("version", ["2023-08-16", "latest", "1999"])
def test_a_newer_version_or_none_at_all_needs_the_address(client: Any, version: str) -> None:
    sale = {"amount": 900, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.create(sale, {"stripe_version": version})
    sale["payment_method_types"] = ["card"]
    assert client.v1.payment_intents.create(sale, {"stripe_version": version}).status == "succeeded"
