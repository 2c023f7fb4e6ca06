"""Requests of older and unusual clients, over real HTTP on a real database: what needs no gateway."""

import pytest
from tests.support.api_client import Api


async def test_sources_of_a_customer_that_does_not_exist_are_not_found(api: Api) -> None:
    for method in ("GET", "POST"):
        status, body, _ = await api.ask(
            method, "/v1/customers/cus_none/sources", {"source": "tok_visa"} if method == "POST" else None
        )
        assert (status, body["error"]["code"]) == (404, "resource_missing")


async def test_a_customer_has_no_sources_but_cards(api: Api) -> None:
    customer = await api.post("/v1/customers", {"source": "tok_visa"})
    path = f"/v1/customers/{customer['id']}/sources"
    for kind, ids in (("card", [customer["default_source"]]), ("bank_account", [])):
        assert [item["id"] for item in (await api.get(path, {"object": kind}))["data"]] == ids


async def test_there_are_no_connected_accounts_to_list(api: Api) -> None:
    assert await api.get("/v1/accounts") == {"object": "list", "data": [], "has_more": False, "url": "/v1/accounts"}


async def test_a_list_of_charges_is_not_narrowed_by_what_is_not_kept(api: Api) -> None:
    status, body, _ = await api.ask("GET", "/v1/charges", {"transfer_group": "g"})
    assert (status, body["error"]["param"]) == (400, "transfer_group")


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/charges", "customer"),
        ("/v1/charges", "payment_intent"),
        ("/v1/checkout/sessions", "customer"),
        ("/v1/checkout/sessions", "payment_intent"),
        ("/v1/disputes", "charge"),
        ("/v1/disputes", "payment_intent"),
        ("/v1/payment_intents", "customer"),
        ("/v1/payment_methods", "customer"),
        ("/v1/refunds", "charge"),
        ("/v1/refunds", "payment_intent"),
        ("/v1/setup_intents", "customer"),
    ],
)
async def test_a_list_of_what_belongs_to_nobody_is_refused(api: Api, path: str, param: str) -> None:
    status, body, _ = await api.ask("GET", path, {param: "xx_none"})
    assert (status, body["error"]["code"], body["error"]["param"]) == (400, "resource_missing", param)
    assert body["error"]["message"] == f"No such {param}: 'xx_none'"
    if param == "charge":
        return
    made = await api.post(f"/v1/{param}s", {"amount": 500, "currency": "usd"} if param == "payment_intent" else {})
    assert made["id"] in {item["id"] for item in (await api.get(f"/v1/{param}s"))["data"]}
    if path != f"/v1/{param}s":
        assert (await api.get(path, {param: made["id"]}))["data"] == []
    status, body, _ = await api.ask("GET", path, {param: made["id"]}, key="other_secret")
    assert (status, body["error"]["code"]) == (400, "resource_missing")


async def test_a_browser_pays_as_its_library_writes_requests(api: Api) -> None:
    added = {
        "guid": "g",
        "muid": "m",
        "sid": "s",
        "payment_user_agent": "stripe.js/1; stripe-js-v3/1; card-element",
        "referrer": "https://shop.example",
        "time_on_page": "123",
        "client_attribution_metadata[client_session_id]": "c",
        "key": api.keys["publishable"],
    }
    card = {"type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "34"}
    method = await api.post(
        "/v1/payment_methods",
        {**card, "card[cvc]": "123", "radar_options[hcaptcha_token]": "t", **added},
        key="publishable",
    )
    assert method["card"]["last4"] == "4242"
    intent = await api.post("/v1/payment_intents", {"amount": 500, "currency": "usd"})
    seen = {"client_secret": intent["client_secret"], "is_stripe_sdk": "false", "key": api.keys["publishable"]}
    path = f"/v1/payment_intents/{intent['id']}"
    assert (await api.get(path, seen, key="publishable"))["status"] == "requires_payment_method"
    nested = {f"payment_method_data[{name}]": value for name, value in added.items() if name in {"guid", "referrer"}}
    status, body, _ = await api.ask(
        "POST",
        f"{path}/confirm",
        {
            **nested,
            "payment_method_data[type]": "card",
            "client_secret": "wrong",
            "expected_payment_method_type": "card",
        },
        key="publishable",
    )
    assert (status, body["error"]["code"]) == (404, "resource_missing")
