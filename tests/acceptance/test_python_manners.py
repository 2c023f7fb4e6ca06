"""Idempotency, keys and modes, limits, wrong addresses, headers: how the API behaves towards the official SDK."""

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stripe
from tests.support.official_clients import BACK, Pay, connect, eventually, refused
from tests.support.running_product import Product, fetch
from tests.support.watching_proxy import WatchingProxy

SALE: dict[str, Any] = {
    "amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True, "return_url": BACK,
}  # fmt: skip


def test_the_same_key_charges_once(client: Any) -> None:
    options = {"idempotency_key": str(uuid.uuid4())}
    first = client.v1.payment_intents.create(SALE, options)
    again = client.v1.payment_intents.create(SALE, options)
    assert again.id == first.id
    assert again.to_dict() == first.to_dict()
    assert "idempotent-replayed" not in first.last_response.headers
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert again.last_response.headers["original-request"] == first.last_response.request_id
    assert again.last_response.headers["idempotency-key"] == options["idempotency_key"]


def test_a_decline_is_kept_too(client: Any) -> None:
    options = {"idempotency_key": str(uuid.uuid4())}
    sale = {**SALE, "payment_method": "pm_card_chargeDeclined"}
    seen = [refused(stripe.CardError, lambda: client.v1.payment_intents.create(sale, options)) for _ in range(2)]
    assert seen[0].error.payment_intent.id == seen[1].error.payment_intent.id
    assert seen[1].headers["idempotent-replayed"] == "true"


def test_the_same_key_for_something_else_is_refused(client: Any) -> None:
    options = {"idempotency_key": str(uuid.uuid4())}
    intent = client.v1.payment_intents.create(SALE, options)
    with pytest.raises(stripe.IdempotencyError) as caught:
        client.v1.payment_intents.create({**SALE, "amount": 2001}, options)
    assert caught.value.http_status == 400
    assert "Keys for idempotent requests can only be used with the same parameters" in str(caught.value.user_message)
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.payment_intents.update(intent.id, {"metadata": {"a": "b"}}, options)


def test_what_failed_before_anything_was_done_is_not_kept(client: Any) -> None:
    options = {"idempotency_key": str(uuid.uuid4())}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({**SALE, "amount": 1}, options)
    assert client.v1.payment_intents.create(SALE, options).status == "succeeded"


def test_the_same_key_at_the_same_time_charges_once(product: Product, proxy: WatchingProxy) -> None:
    clients: list[Any] = [connect(product.secret_key, proxy.url, max_network_retries=8) for _ in range(6)]
    options = {"idempotency_key": str(uuid.uuid4())}
    together = threading.Barrier(len(clients))

    def send(one: Any) -> str:
        together.wait()
        return str(one.v1.payment_intents.create(SALE, options).id)

    with ThreadPoolExecutor(len(clients)) as threads:
        assert len(set(threads.map(send, clients))) == 1


def test_without_retries_a_parallel_call_hears_that_the_key_is_in_use(product: Product, proxy: WatchingProxy) -> None:
    fault = {"kind": "latency", "ms": 1500, "match": {"currency": "nok"}}
    status, body = fetch("POST", f"{product.gateway_url('stripe')}/_sandbox/faults", fault)
    assert status == 201
    client: Any = connect(product.secret_key, proxy.url)
    options, sale = {"idempotency_key": str(uuid.uuid4())}, {**SALE, "currency": "nok"}
    try:
        with ThreadPoolExecutor(1) as thread:
            slow = thread.submit(client.v1.payment_intents.create, sale, options)
            eventually(lambda: client.v1.payment_intents.list({"limit": 1}).data[0].currency == "nok")
            error = refused(stripe.StripeError, lambda: client.v1.payment_intents.create(sale, dict(options)))
            assert (error.http_status, error.error.code) == (409, "idempotency_key_in_use")
            assert error.headers["stripe-should-retry"] == "true"
            assert slow.result().status == "succeeded"
    finally:
        fetch("DELETE", f"{product.gateway_url('stripe')}/_sandbox/faults/{json.loads(body)['id']}")


# Keys and modes


def test_a_wrong_key_is_refused_and_shown_masked(product: Product, proxy: WatchingProxy) -> None:
    wrong = product.secret_key[:-6] + "abcdef"
    with pytest.raises(stripe.AuthenticationError) as caught:
        connect(wrong, proxy.url).v1.balance.retrieve()
    assert caught.value.http_status == 401
    assert wrong not in str(caught.value)
    assert "sk_test_***" in str(caught.value.user_message)


def test_basic_authentication_works_as_in_curl(product: Product) -> None:
    token = base64.b64encode(f"{product.secret_key}:".encode()).decode()
    status, body = fetch("GET", f"{product.api_url}/v1/balance", headers={"Authorization": f"Basic {token}"})
    assert (status, json.loads(body)["object"]) == (200, "balance")
    assert fetch("GET", f"{product.api_url}/v1/balance")[0] == 401


def test_a_publishable_key_may_only_do_what_a_browser_does(browser: Any, client: Any, pay: Pay) -> None:
    card: Any = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2034", "cvc": "123"}
    token = browser.v1.tokens.create({"card": card})
    method = browser.v1.payment_methods.create({"type": "card", "card": {"token": token.id}})
    intent = client.v1.payment_intents.create({"amount": 800, "currency": "usd", "description": "d"})
    secret = {"client_secret": intent.client_secret}
    assert browser.v1.payment_intents.retrieve(intent.id, secret).status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError):
        browser.v1.payment_intents.retrieve(intent.id)
    with pytest.raises(stripe.InvalidRequestError):
        browser.v1.payment_intents.retrieve(intent.id, {"client_secret": f"{intent.id}_secret_wrong"})
    done = browser.v1.payment_intents.confirm(intent.id, {**secret, "payment_method": method.id, "return_url": BACK})
    assert done.status == "succeeded"
    setup = client.v1.setup_intents.create({"payment_method_types": ["card"]})
    ready = browser.v1.setup_intents.confirm(
        setup.id, {"client_secret": setup.client_secret, "payment_method": "pm_card_visa"}
    )
    assert ready.status == "succeeded"
    forbidden: tuple[Any, ...] = (
        lambda: browser.v1.payment_intents.create(SALE),
        browser.v1.payment_intents.list,
        lambda: browser.v1.payment_intents.capture(intent.id),
        lambda: browser.v1.refunds.create({"payment_intent": intent.id}),
        lambda: browser.v1.customers.create({}),
        browser.v1.balance.retrieve,
        browser.v1.events.list,
    )
    for call in forbidden:
        error = refused(stripe.StripeError, call)
        assert (error.http_status, error.error.code) == (401, "secret_key_required")


@pytest.fixture(scope="module")
def live_key(product: Product) -> str:
    """Return a secret key of live mode of the same account, made as an operator makes it."""
    product.environment["INTERLOCK_DATABASE_URL"] = database_url(product)
    try:
        return str(json.loads(product.command("keys", "create", "--live", "--json"))["key"])
    finally:
        del product.environment["INTERLOCK_DATABASE_URL"]


def database_url(product: Product) -> str:
    """Return the address of the running product's embedded database, from the environment its API was given."""
    environment: dict[str, str] = product.child("interlock.api").environ()
    return environment["INTERLOCK_DATABASE_URL"]


def test_test_and_live_mode_are_strictly_apart(live_key: str, proxy: WatchingProxy, client: Any, pay: Pay) -> None:
    live: Any = connect(live_key, proxy.url)
    assert live_key.startswith("sk_live_")
    customer = client.v1.customers.create({"name": "test"})
    intent = pay()
    calls: tuple[Any, ...] = (
        lambda: live.v1.customers.retrieve(customer.id),
        lambda: live.v1.payment_intents.retrieve(intent.id),
        lambda: live.v1.refunds.create({"payment_intent": intent.id}),
        lambda: live.v1.payment_intents.create({"amount": 500, "currency": "usd", "customer": customer.id}),
    )
    for call in calls:
        assert refused(stripe.InvalidRequestError, call).code == "resource_missing"
    mine = live.v1.customers.create({"name": "live"})
    assert mine.livemode
    assert [one.id for one in live.v1.customers.list().data] == [mine.id]
    assert mine.id not in [one.id for one in client.v1.customers.list({"limit": 100}).data]
    assert live.v1.payment_intents.list().data == []
    assert all(one.livemode for one in live.v1.events.list().data)
    assert refused(stripe.StripeError, lambda: live.v1.payment_intents.create(SALE)).http_status in {400, 402, 404}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.retrieve(mine.id)


# Limits and wrong addresses


@pytest.fixture
def slow_down(tmp_path: Path) -> Iterator[Product]:
    """Return a product that allows three requests at once and one a second."""
    limits = {"INTERLOCK_RATE_LIMIT_PER_S": "1", "INTERLOCK_RATE_LIMIT_BURST": "3"}
    running = Product(tmp_path, **limits).start()
    yield running
    running.stop()


def test_too_many_requests_are_told_so_and_the_sdk_waits(slow_down: Product) -> None:
    client: Any = connect(slow_down.secret_key, slow_down.api_url)
    error = refused(stripe.RateLimitError, lambda: [client.v1.balance.retrieve() for _ in range(9)])
    assert (error.http_status, error.error.code) == (429, "rate_limit")
    assert error.headers["stripe-should-retry"] == "true"
    patient: Any = connect(slow_down.secret_key, slow_down.api_url, max_network_retries=5)
    for _ in range(3):
        assert patient.v1.balance.retrieve().object == "balance"


@pytest.mark.parametrize(
    ("call", "param"),
    [
        (lambda v1: v1.payment_intents.retrieve("pi_none"), "intent"),
        (lambda v1: v1.payment_intents.confirm("pi_none"), "intent"),
        (lambda v1: v1.payment_methods.retrieve("pm_none"), "payment_method"),
        (lambda v1: v1.customers.retrieve("cus_none"), "id"),
        (lambda v1: v1.charges.retrieve("ch_none"), "id"),
        (lambda v1: v1.refunds.retrieve("re_none"), None),
        (lambda v1: v1.setup_intents.retrieve("seti_none"), "intent"),
        (lambda v1: v1.events.retrieve("evt_none"), "id"),
        (lambda v1: v1.disputes.retrieve("dp_none"), None),
        (lambda v1: v1.mandates.retrieve("mandate_none"), None),
        (lambda v1: v1.webhook_endpoints.retrieve("we_none"), None),
        (lambda v1: v1.checkout.sessions.retrieve("cs_test_none"), None),
        (lambda v1: v1.balance_transactions.retrieve("txn_none"), None),
        (lambda v1: v1.tokens.retrieve("tok_none"), None),
    ],
)
def test_what_does_not_exist_is_404(client: Any, call: Any, param: str | None) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(client.v1)
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert "_none" in str(caught.value.user_message)
    assert param is None or caught.value.param == param


def test_paths_and_methods_that_do_not_exist(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.raw_request("get", "/v1/nothing_here")
    assert caught.value.http_status == 404
    assert "Unrecognized request URL (GET: /v1/nothing_here)" in str(caught.value.user_message)


def test_every_answer_carries_its_request_id_and_version(client: Any) -> None:
    balance = client.v1.balance.retrieve()
    assert balance.last_response.request_id.startswith("req_")
    assert balance.last_response.headers["stripe-version"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.retrieve("cus_none")
    assert str(caught.value.request_id).startswith("req_")


def test_the_account(client: Any) -> None:
    account = client.v1.accounts.retrieve_current()
    assert account.id.startswith("acct_")
    assert account.charges_enabled
    assert account.settings.branding.icon is None
    assert client.v1.accounts.retrieve(account.id).id == account.id
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.accounts.retrieve("acct_none")
