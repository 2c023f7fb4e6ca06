"""The simulated Stripe's answers against Stripe's published specification and examples; its requests' checks too."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.sandboxes import Gateway, running, stripe_sale, wait_until
from tests.support.stripe_shapes import assert_list_shape, assert_response, assert_shape

INTENT = "/v1/payment_intents"


@pytest.fixture(scope="module", autouse=True)
def needs_specs(specs: Path) -> Path:
    return specs


def sale(gateway: Gateway, number: str = "4242424242424242", **more: str) -> Any:
    answer = gateway.stripe("POST", INTENT, stripe_sale(number, **more))
    assert answer.status == 200, answer.body
    return answer.json()


def test_the_sandbox_says_what_it_checks_against(stripe_gateway: Gateway) -> None:
    assert "published specification" in stripe_gateway.control("GET", "health")["checks"]


@pytest.mark.parametrize(
    "number",
    ["4242424242424242", "378282246310005", "4000002760003184", "4000000000000101", "4000000000009235"],
)
def test_intents_and_charges_have_every_published_key(stripe_gateway: Gateway, number: str) -> None:
    intent = sale(stripe_gateway, number)
    assert_shape("payment_intent", intent)
    assert_shape(
        "payment_method", stripe_gateway.stripe("GET", f"/v1/payment_methods/{intent['payment_method']}").json()
    )
    if intent["latest_charge"]:
        charge = stripe_gateway.stripe("GET", f"/v1/charges/{intent['latest_charge']}").json()
        assert_shape("charge", charge)
        transaction = stripe_gateway.stripe("GET", f"/v1/balance_transactions/{charge['balance_transaction']}").json()
        assert_shape("balance_transaction", transaction)


def test_a_decline_is_a_published_error(stripe_gateway: Gateway) -> None:
    answer = stripe_gateway.stripe("POST", INTENT, stripe_sale("4000000000009995"))
    assert_response("POST", INTENT, 402, answer.json())
    assert_shape("payment_intent", answer.json()["error"]["payment_intent"])
    assert_shape("charge", stripe_gateway.stripe("GET", f"/v1/charges/{answer.json()['error']['charge']}").json())


def test_follow_on_objects_have_every_published_key(stripe_gateway: Gateway) -> None:
    held = sale(stripe_gateway, capture_method="manual")
    assert_shape("payment_intent", held)
    for action in ("capture", "cancel"):
        intent = sale(stripe_gateway, capture_method="manual")
        done = stripe_gateway.stripe("POST", f"{INTENT}/{intent['id']}/{action}").json()
        assert_response("POST", f"{INTENT}/{{intent}}/{action}", 200, done)
        assert_shape("payment_intent", done)
    refund = stripe_gateway.stripe("POST", "/v1/refunds", {"payment_intent": sale(stripe_gateway)["id"]}).json()
    assert_shape("refund", refund)
    for kind, path in (("payment_intent", INTENT), ("charge", "/v1/charges"), ("refund", "/v1/refunds")):
        assert_list_shape(kind, stripe_gateway.stripe("GET", path).json())


def test_setup_intents_customers_and_the_account_have_every_published_key(stripe_gateway: Gateway) -> None:
    customer = stripe_gateway.stripe("POST", "/v1/customers", {"email": "a@shop.test"}).json()
    assert_shape("customer", customer)
    for method, status in (("pm_card_visa", "succeeded"), ("pm_card_authenticationRequired", "requires_action")):
        form = {"payment_method": method, "confirm": "true", "customer": customer["id"], "return_url": "http://a.test/"}
        setup = stripe_gateway.stripe("POST", "/v1/setup_intents", form).json()
        assert setup["status"] == status
        assert_shape("setup_intent", setup)
    assert_response("GET", "/v1/account", 200, stripe_gateway.stripe("GET", "/v1/account").json())


def test_disputes_have_every_published_key(stripe_gateway: Gateway) -> None:
    intent = sale(stripe_gateway, "4000000000000259")
    query = {"payment_intent": intent["id"]}
    wait_until(lambda: stripe_gateway.stripe("GET", "/v1/disputes", query).json()["data"])
    assert_list_shape("dispute", stripe_gateway.stripe("GET", "/v1/disputes", query).json())


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"amout": "1"}, "parameter_unknown", "amout"),
        ({"payment_method_data[card][numbr]": "1"}, "parameter_unknown", "payment_method_data[card][numbr]"),
        ({"shipping[adress][line1]": "x"}, "parameter_unknown", "shipping[adress]"),
        ({"amount": "10.99"}, "parameter_invalid_integer", "amount"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"payment_method_options[card][request_three_d_secure]": "please"}, None, "payment_method_options"),
        ({"shipping[name]": "A"}, "parameter_missing", "shipping[address]"),
        ({"currency": "dollars"}, None, "currency"),
        ({"metadata[a][b]": "1"}, None, "metadata[a]"),
    ],
)
def test_requests_that_break_the_specification_are_refused(
    stripe_gateway: Gateway, change: dict[str, str], code: str | None, param: str
) -> None:
    answer = stripe_gateway.stripe("POST", INTENT, {**stripe_sale(), **change})
    error = answer.json()["error"]
    assert (answer.status, error["type"], error.get("code")) == (400, "invalid_request_error", code)
    assert str(error["param"]).startswith(param)


@pytest.mark.parametrize(("drop", "param"), [("amount", "amount"), ("currency", "currency")])
def test_missing_parameters_are_named(stripe_gateway: Gateway, drop: str, param: str) -> None:
    form = {name: value for name, value in stripe_sale().items() if name != drop}
    error = stripe_gateway.stripe("POST", INTENT, form).json()["error"]
    assert (error["code"], error["param"]) == ("parameter_missing", param)


def test_unknown_query_parameters_and_urls_are_refused(stripe_gateway: Gateway) -> None:
    assert stripe_gateway.stripe("GET", INTENT, {"limt": "3"}).json()["error"]["code"] == "parameter_unknown"
    assert stripe_gateway.stripe("GET", "/v1/payment_intent").status == 404
    missing = stripe_gateway.stripe("GET", f"{INTENT}/pi_none")
    assert (missing.status, missing.json()["error"]["code"]) == (404, "resource_missing")


def test_without_validation_the_built_in_checks_remain(tmp_path: Path) -> None:
    with running("stripe", tmp_path, "--no-validate") as gateway:
        assert gateway.control("GET", "health")["checks"] == "built-in minimal checks"
        assert gateway.stripe("POST", INTENT, {**stripe_sale(), "amout": "1"}).status == 200
        refused = gateway.stripe("POST", INTENT, {**stripe_sale(), "amount": "x"})
        assert refused.json()["error"]["code"] == "parameter_invalid_integer"
