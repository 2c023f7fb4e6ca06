"""The API over real HTTP on a real database: what needs no gateway. Driven by raw requests and by the official SDK."""

import asyncio

import pytest
from tests.support import stripe_shapes
from tests.support.api_client import Api
from tests.support.rings import left_in_rings


async def test_a_customer_is_made_changed_found_and_deleted(api: Api) -> None:
    made = await api.post("/v1/customers", {"email": "a@shop.example", "metadata[tier]": "gold", "name": "Ann"})
    assert stripe_shapes.shape_errors("customer", made) == []
    path = f"/v1/customers/{made['id']}"
    changed = await api.post(path, {"name": "", "metadata[tier]": "", "metadata[n]": "1"})
    assert (changed["name"], changed["metadata"], changed["email"]) == (None, {"n": "1"}, "a@shop.example")
    assert (await api.post(path, {"metadata": ""}))["metadata"] == {}
    found = await api.get("/v1/customers/search", {"query": "email:'a@shop.example'"})
    assert [item["id"] for item in found["data"]] == [made["id"]]
    _, gone, _ = await api.ask("DELETE", path)
    assert gone == {"id": made["id"], "object": "customer", "deleted": True}
    assert (await api.get(path))["deleted"]


async def test_lists_are_newest_first_and_page_both_ways(api: Api) -> None:
    ids: list[str] = []
    for n in range(5):
        ids.insert(0, (await api.post("/v1/customers", {"name": f"n{n}"}))["id"])
        await asyncio.sleep(0.002)  # ids are ordered by millisecond
    first = await api.get("/v1/customers", {"limit": 2})
    assert ([item["id"] for item in first["data"]], first["has_more"], first["url"]) == (ids[:2], True, "/v1/customers")
    after = await api.get("/v1/customers", {"limit": 3, "starting_after": ids[1]})
    assert ([item["id"] for item in after["data"]], after["has_more"]) == (ids[2:], False)
    before = await api.get("/v1/customers", {"limit": 2, "ending_before": ids[3]})
    assert ([item["id"] for item in before["data"]], before["has_more"]) == (ids[1:3], True)
    assert (await api.get("/v1/customers", {"created[gt]": 4_000_000_000}))["data"] == []
    assert len((await api.get("/v1/customers", {"created[gte]": first["data"][0]["created"] - 60}))["data"]) == 5


async def test_search_pages_by_token(api: Api) -> None:
    ids: list[str] = []
    for _ in range(3):
        ids.insert(0, (await api.post("/v1/customers", {"name": "same name"}))["id"])
        await asyncio.sleep(0.002)  # ids are ordered by millisecond
    first = await api.get("/v1/customers/search", {"query": "name~'same'", "limit": 2})
    assert [item["id"] for item in first["data"]] == ids[:2]
    rest = await api.get("/v1/customers/search", {"query": "name~'same'", "page": first["next_page"]})
    assert ([item["id"] for item in rest["data"]], rest["has_more"], rest["next_page"]) == (ids[2:], False, None)
    status, body, _ = await api.ask("GET", "/v1/customers/search", {"query": "name~'same'", "page": "!"})
    assert (status, body["error"]["param"]) == (400, "page")


async def test_the_same_key_gets_the_same_answer_and_another_body_an_error(api: Api) -> None:
    headers = {"Idempotency-Key": "order-1"}
    intent = {"amount": 500, "currency": "usd"}
    status, first, first_headers = await api.ask("POST", "/v1/payment_intents", intent, headers=headers)
    assert status == 200
    _, again, again_headers = await api.ask("POST", "/v1/payment_intents", intent, headers=headers)
    assert again == first
    assert again_headers["Idempotent-Replayed"] == "true"
    assert again_headers["Original-Request"] == first_headers["Request-Id"]
    status, body, _ = await api.ask("POST", "/v1/payment_intents", {**intent, "amount": 501}, headers=headers)
    assert (status, body["error"]["type"]) == (400, "idempotency_error")
    status, body, _ = await api.ask("POST", "/v1/customers", headers=headers)
    assert (status, body["error"]["type"]) == (400, "idempotency_error")
    assert len((await api.get("/v1/payment_intents"))["data"]) == 1


async def test_a_refused_request_keeps_no_key(api: Api) -> None:
    headers = {"Idempotency-Key": "order-2"}
    status, _, _ = await api.ask("POST", "/v1/payment_intents", {"amount": "x", "currency": "usd"}, headers=headers)
    assert status == 400
    status, _, _ = await api.ask("POST", "/v1/payment_intents", {"amount": 500, "currency": "usd"}, headers=headers)
    assert status == 200


async def test_modes_and_accounts_are_strictly_apart(api: Api) -> None:
    made = await api.post("/v1/customers", {"name": "Ann"})
    for key in ("live", "other_secret"):
        status, body, _ = await api.ask("GET", f"/v1/customers/{made['id']}", key=key)
        assert (status, body["error"]["code"]) == (404, "resource_missing")
        assert (await api.get("/v1/customers", key=key))["data"] == []
    assert (await api.post("/v1/customers", {"name": "Ben"}, key="live"))["livemode"]


async def test_a_browser_sees_an_intent_only_with_its_client_secret_and_only_what_concerns_it(api: Api) -> None:
    intent = await api.post("/v1/payment_intents", {"amount": 500, "currency": "usd", "metadata[cost]": "3"})
    path = f"/v1/payment_intents/{intent['id']}"
    shown = await api.get(path, {"client_secret": intent["client_secret"]}, key="publishable")
    assert (shown["id"], shown["amount"]) == (intent["id"], 500)
    assert not {"metadata", "customer", "latest_charge"} & set(shown)
    for data, status in ((None, 400), ({"client_secret": intent["client_secret"] + "x"}, 404)):
        assert (await api.ask("GET", path, data, key="publishable"))[0] == status
    assert (await api.ask("GET", "/v1/payment_intents", key="publishable"))[0] == 401
    other = {"client_secret": intent["client_secret"]}
    assert (await api.ask("GET", path, other, key="other_publishable"))[0] == 404


async def test_expand_shows_whole_objects_also_in_lists_and_wrong_paths_do_nothing(api: Api) -> None:
    customer = await api.post("/v1/customers", {"name": "Ann"})
    intent = {"amount": 500, "currency": "usd", "customer": customer["id"]}
    made = await api.post("/v1/payment_intents", {**intent, "expand[]": "customer"})
    assert made["customer"]["name"] == "Ann"
    again = {"Idempotency-Key": "expanded"}
    sent = {**intent, "expand[]": "customer"}
    _, first, _ = await api.ask("POST", "/v1/payment_intents", sent, headers=again)
    _, replayed, _ = await api.ask("POST", "/v1/payment_intents", sent, headers=again)
    assert replayed == first
    assert replayed["customer"]["name"] == "Ann"
    listed = await api.get("/v1/payment_intents", {"expand[]": "data.customer"})
    assert listed["data"][0]["customer"]["id"] == customer["id"]
    assert (await api.ask("POST", "/v1/payment_intents", {**intent, "expand[]": "colour"}))[0] == 400
    assert len((await api.get("/v1/payment_intents"))["data"]) == 2


@pytest.mark.parametrize(
    ("currency", "amount"), [("usd", 500), ("jpy", 500), ("kwd", 5_000), ("isk", 500), ("ugx", 5_00000)]
)
async def test_amounts_come_back_in_the_units_they_went_in(api: Api, currency: str, amount: int) -> None:
    made = await api.post("/v1/payment_intents", {"amount": amount, "currency": currency.upper()})
    assert (made["amount"], made["currency"]) == (amount, currency)
    assert stripe_shapes.shape_errors("payment_intent", made) == []


async def test_account_balance_and_events_can_be_read(api: Api) -> None:
    await api.post("/v1/payment_intents", {"amount": 500, "currency": "usd"})
    account = await api.get("/v1/account")
    assert stripe_shapes.shape_errors("account", account) == []
    balance = await api.get("/v1/balance")
    assert stripe_shapes.shape_errors("balance", balance) == []
    events = await api.get("/v1/events", {"type": "payment_intent.created"})
    assert events["data"][0]["data"]["object"]["object"] == "payment_intent"
    assert events["data"][0]["request"]["id"].startswith("req_")


async def test_connect_is_refused_by_name_and_text_postgres_cannot_store_is_a_400(api: Api) -> None:
    intent = {"amount": 500, "currency": "usd"}
    status, body, _ = await api.ask("POST", "/v1/payment_intents", {**intent, "transfer_data[destination]": "acct_1"})
    assert (status, body["error"]["param"]) == (400, "transfer_data")
    assert (await api.ask("POST", "/v1/payment_intents", {**intent, "description": "a\0b"}))[0] == 400
    assert (await api.ask("POST", "/v1/payment_intents", {**intent, "amount": 10**17}))[0] == 400


async def test_every_get_of_a_missing_object_says_so(api: Api) -> None:
    document = await api.get("/openapi.json")
    for path, methods in document["paths"].items():
        if "get" in methods and "{" in path:
            concrete = "/".join("missing_1" if part.startswith("{") else part for part in path.split("/"))
            status, body, _ = await api.ask("GET", concrete)
            assert (body["error"]["code"], status in {400, 404}) == ("resource_missing", True), path


async def test_health_readiness_and_document_need_no_key(api: Api) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json"):
        async with api.http.get(api.url + path) as reply:
            assert reply.status == 200


async def test_a_request_leaves_no_ring_for_the_collector(api: Api) -> None:
    customer = (await api.post("/v1/customers", {"name": "Ada"}))["id"]
    with left_in_rings() as rings:
        for number in range(5):
            intent = {"amount": 1_000 + number, "currency": "usd", "customer": customer, "expand[]": "customer"}
            created = await api.ask("POST", "/v1/payment_intents", intent, headers={"Idempotency-Key": f"i{number}"})
            assert created[0] == 200
            changed = await api.ask(
                "POST",
                f"/v1/payment_intents/{created[1]['id']}",
                {"description": "a"},
                headers={"Idempotency-Key": f"u{number}"},
            )
            assert changed[0] == 200
            missing = {"payment_intent": created[1]["id"]}
            assert (await api.ask("POST", "/v1/refunds", missing, headers={"Idempotency-Key": f"r{number}"}))[0] == 400
            await api.get("/v1/payment_intents", {"expand[]": "data.customer"})

    assert not rings, "each keeps its whole request in memory until the collector stops everything to look for it"


async def test_a_card_number_in_free_text_becomes_neither_row_nor_event(api: Api) -> None:
    number = "4242 4242 4242 4242"
    for name in ("description", "metadata[card]", "statement_descriptor", "shipping[name]"):
        status, body, _ = await api.ask("POST", "/v1/payment_intents", {"amount": 500, "currency": "usd", name: number})
        assert (status, body["error"]["param"]) == (400, name)
        assert "4242" not in body["error"]["message"]
    status, body, _ = await api.ask("POST", "/v1/customers", {"name": f"Jenny {number}"})
    assert (status, body["error"]["param"]) == (400, "name")
    status, body, _ = await api.ask("POST", "/v1/disputes/dp_1", {"evidence[uncategorized_text]": number})
    assert (status, body["error"]["param"]) == (400, "evidence[uncategorized_text]")
    assert (await api.get("/v1/events"))["data"] == []
