"""What a key that is in every shop page may decide, see and occupy: as little as a browser needs."""

from typing import Any

import pytest
from tests.integration.api.conftest import Shop

BACK = {"return_url": "https://shop.example/back"}
INTENTS = "/v1/payment_intents"
SETUPS = "/v1/setup_intents"


async def confirmed_in_browser(shop: Shop, intent: Any, **asked: str) -> tuple[int, Any]:
    """Confirm an intent (of payment or of setup) as a page of the shop does."""
    kind = SETUPS if intent["object"] == "setup_intent" else INTENTS
    sent = {"client_secret": intent["client_secret"], **BACK, **asked}
    status, body, _ = await shop.api.ask("POST", f"{kind}/{intent['id']}/confirm", sent, key="publishable")
    return status, body


async def asked_for(shop: Shop, **more: str) -> Any:
    return await shop.api.post(INTENTS, {"amount": 500, "currency": "usd", **more})


@pytest.mark.parametrize("why", ["declined", "wrong state", "no such method"])
async def test_errors_show_a_publishable_key_no_more_than_answers(shop: Shop, why: str) -> None:
    customer = await shop.api.post("/v1/customers", {"email": "a@b.example"})
    intent = await asked_for(shop, **{"metadata[margin]": "40%", "customer": customer["id"]})
    if why == "wrong state":
        await shop.api.post(f"{INTENTS}/{intent['id']}/cancel")
    card = "pm_none" if why == "no such method" else "pm_card_chargeDeclined"
    status, body = await confirmed_in_browser(shop, intent, payment_method=card)
    error = body["error"]
    assert status == (402 if why == "declined" else 400)
    for name in ("metadata", "customer", "latest_charge", "amount_received"):
        assert name not in error.get("payment_intent", {})
    for method in (error.get("payment_method"), error.get("payment_intent", {}).get("last_payment_error")):
        assert "margin" not in str(method)
        assert customer["id"] not in str(method)
    if why == "declined":  # the shop's server sees all of it
        assert (await shop.api.get(f"{INTENTS}/{intent['id']}"))["metadata"] == {"margin": "40%"}
        public = {"client_secret": intent["client_secret"]}
        shown = await shop.api.get(f"{INTENTS}/{intent['id']}", public, key="publishable")
        assert error["payment_intent"] == shown


async def test_errors_of_setup_intents_show_no_more_than_answers(shop: Shop) -> None:
    customer = await shop.api.post("/v1/customers", {})
    setup = await shop.api.post(SETUPS, {"metadata[margin]": "40%", "customer": customer["id"]})
    status, body = await confirmed_in_browser(shop, setup, payment_method="pm_card_chargeDeclined")
    assert (status, body["error"]["setup_intent"]["status"]) == (402, "requires_payment_method")
    assert not {"metadata", "customer"} & set(body["error"]["setup_intent"])


async def test_errors_of_a_hosted_page_show_no_more_than_a_publishable_key_may_see(shop: Shop) -> None:
    product = {"price_data[currency]": "usd", "price_data[unit_amount]": "500", "price_data[product_data][name]": "Tea"}
    session = await shop.api.post(
        "/v1/checkout/sessions",
        {
            "mode": "payment",
            "success_url": "https://shop.example/done",
            "payment_intent_data[metadata][margin]": "40%",
            "line_items[0][quantity]": "1",
            **{f"line_items[0][{name.replace('[', '][', 1)}": value for name, value in product.items()},
        },
    )
    path = f"/v1/payment_pages/{session['id']}/confirm"
    status, body, _ = await shop.api.ask("POST", path, {"payment_method": "pm_card_chargeDeclined"}, key="publishable")
    assert status == 402
    assert "margin" not in str(body)
    assert "latest_charge" not in body["error"].get("payment_intent", {})


async def test_a_method_expanded_for_a_publishable_key_does_not_show_what_the_shop_noted(shop: Shop) -> None:
    customer = await shop.api.post("/v1/customers", {})
    made = await shop.api.post("/v1/payment_methods", {"type": "card", "card[token]": "tok_visa", "metadata[a]": "b"})
    await shop.api.post(f"/v1/payment_methods/{made['id']}/attach", {"customer": customer["id"]})
    intent = await asked_for(shop, customer=customer["id"], payment_method=made["id"])
    asked = {"client_secret": intent["client_secret"], "expand[]": "payment_method"}
    shown = await shop.api.get(f"{INTENTS}/{intent['id']}", asked, key="publishable")
    assert shown["payment_method"]["card"]["last4"] == "4242"
    assert not {"metadata", "customer"} & set(shown["payment_method"])


async def test_a_publishable_key_is_not_given_the_kept_answer_of_a_secret_one(shop: Shop) -> None:
    intent = await asked_for(shop, **{"metadata[margin]": "40%"})
    path, headers = f"{INTENTS}/{intent['id']}/confirm", {"Idempotency-Key": "order-17"}
    asked = {"payment_method": "pm_card_visa", **BACK}
    assert (await shop.api.ask("POST", path, asked, headers=headers))[0] == 200
    status, body, _ = await shop.api.ask("POST", path, asked, headers=headers, key="publishable")
    assert (status, body["error"]["param"]) == (400, "client_secret")
    again, _, sent = await shop.api.ask("POST", path, asked, headers=headers)
    assert (again, sent["Idempotent-Replayed"]) == (200, "true")


async def test_a_publishable_key_cannot_use_up_the_shops_idempotency_keys(shop: Shop) -> None:
    headers = {"Idempotency-Key": "k" * 255}
    card = {"type": "card", "card[token]": "tok_visa"}
    made = await shop.api.ask("POST", "/v1/payment_methods", card, headers=headers, key="publishable")
    assert made[0] == 200
    asked = {"amount": 500, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa", **BACK}
    status, body, _ = await shop.api.ask("POST", INTENTS, asked, headers=headers)
    assert (status, body.get("status")) == (200, "succeeded")


async def test_a_publishable_key_gets_its_own_answers_again_under_the_key_it_sent(shop: Shop) -> None:
    intent = await asked_for(shop)
    path, headers = f"{INTENTS}/{intent['id']}/confirm", {"Idempotency-Key": "k" * 255}
    asked = {"client_secret": intent["client_secret"], "payment_method": "pm_card_visa", **BACK}
    first = await shop.api.ask("POST", path, asked, headers=headers, key="publishable")
    again = await shop.api.ask("POST", path, asked, headers=headers, key="publishable")
    assert (again[0], again[1], again[2]["Idempotent-Replayed"]) == (200, first[1], "true")
    events = await shop.api.get("/v1/events", {"type": "payment_intent.succeeded"})
    assert events["data"][0]["request"]["idempotency_key"] == "k" * 255
    other = {**asked, "payment_method": "pm_card_mastercard"}
    status, body, _ = await shop.api.ask("POST", path, other, headers=headers, key="publishable")
    assert (status, body["error"]["type"]) == (400, "idempotency_error")
    assert f"'{'k' * 255}'" in body["error"]["message"]
    rows = await shop.rooms.foundation.database.fetch("SELECT key FROM idempotency_keys WHERE path = $1", path)
    assert [len(row["key"]) <= 255 for row in rows] == [True]


DECISIONS = {
    "amount_details[tip][amount]": "0",
    "capture_method": "manual",
    "error_on_requires_action": "true",
    "mandate": "mandate_1",
    "off_session": "true",
    "payment_method_types[]": "card",
    "payment_method_options[card][capture_method]": "manual",
    "payment_method_options[card][request_three_d_secure]": "automatic",
    "payment_method_options[card][request_multicapture]": "if_available",
}


@pytest.mark.parametrize("name", DECISIONS)
async def test_a_publishable_key_cannot_decide_for_the_shops_server(shop: Shop, name: str) -> None:
    intent = await asked_for(shop)
    status, body = await confirmed_in_browser(shop, intent, payment_method="pm_card_visa", **{name: DECISIONS[name]})
    assert (status, body["error"]["code"]) == (400, "secret_key_required")
    assert body["error"]["param"] == name.removesuffix("[]").removesuffix("[tip][amount]")
    assert (await shop.api.get(f"{INTENTS}/{intent['id']}"))["status"] == "requires_payment_method"


async def test_nor_how_a_card_is_stored(shop: Shop) -> None:
    setup = await shop.api.post(SETUPS, {"payment_method_options[card][request_three_d_secure]": "any"})
    weaker = {"payment_method_options[card][request_three_d_secure]": "automatic"}
    status, body = await confirmed_in_browser(shop, setup, payment_method="pm_card_visa", **weaker)
    assert (status, body["error"]["code"]) == (400, "secret_key_required")


async def test_a_page_confirms_with_all_that_its_library_sends(shop: Shop) -> None:
    wanted = {"payment_method_options[card][request_three_d_secure]": "any", "setup_future_usage": "on_session"}
    intent = await asked_for(shop, **wanted)
    sent = {
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": "4242424242424242",
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "34",
        "payment_method_data[card][cvc]": "123",
        "payment_method_data[billing_details][name]": "Jenny Rosen",
        "payment_method_options[card][network]": "visa",
        "expected_payment_method_type": "card",
        "mandate_data[customer_acceptance][type]": "online",
        "mandate_data[customer_acceptance][online][infer_from_client]": "true",
        "receipt_email": "jenny@shopper.example",
        "setup_future_usage": "off_session",
        "shipping[address][line1]": "510 Townsend St",
        "shipping[name]": "Jenny Rosen",
        "radar_options[hcaptcha_token]": "t",
        "use_stripe_sdk": "true",
    }
    status, body = await confirmed_in_browser(shop, intent, **sent)
    assert (status, body.get("status")) == (200, "succeeded"), body
    options = (await shop.api.get(f"{INTENTS}/{intent['id']}"))["payment_method_options"]["card"]
    assert (options["network"], options["request_three_d_secure"]) == ("visa", "any")


async def test_a_page_cannot_take_back_how_the_card_will_be_used(shop: Shop) -> None:
    intent = await asked_for(shop, setup_future_usage="off_session")
    for usage in ("", "on_session"):
        status, body = await confirmed_in_browser(shop, intent, payment_method="pm_card_visa", setup_future_usage=usage)
        assert (status, body["error"]["param"]) == (400, "setup_future_usage")
