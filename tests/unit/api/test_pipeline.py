"""The request pipeline over a handler of its own: keys, limits, headers, errors, idempotency; no database."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from interlock.api.application import Application
from interlock.api.authentication import Access, masked
from interlock.api.call import Call
from interlock.api.expansion import Expander
from interlock.api.limits import Guess, Limits, RateLimiter
from interlock.api.parameters.base import Amount, Expandable
from interlock.api.router import Endpoint
from interlock.api.services import Services
from interlock.base.context import RequestContext
from interlock.base.problems import Problem, invalid
from interlock.payments.access.permissions import Permissions
from interlock.payments.work import Answer

SECRET = "sk_test_abcdefghijklmnopqrstuvwx"
PUBLISHABLE = "pk_test_abcdefghijklmnopqrstuvwx"


class Things(Expandable, frozen=True, kw_only=True):
    amount: Amount
    note: str = ""


@dataclass
class Key:
    account_id: str
    livemode: bool
    publishable: bool
    permissions: Permissions | None = None
    hint: str = "sk_test_…uvwx"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: Any


class Settler:
    def __init__(self) -> None:
        self.asked: list[RequestContext] = []

    async def settle(self, ctx: RequestContext, outcome: Answer | Problem, resume: object = None) -> Answer | Problem:
        self.asked.append(ctx)
        if isinstance(outcome, Problem) and ctx.idempotency_key == "used":
            return Answer(200, b'{"first":true}', {"idempotent-replayed": "true", "original-request": "req_first"})
        return outcome


class House:
    """The application with one endpoint of each access."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.settler = Settler()
        self.contexts: list[RequestContext] = []
        self.ready = True
        services = Services(
            authenticate=self.authenticate,
            idempotency=self.settler,
            fingerprint_secret=b"k" * 32,
            ready=self.is_ready,
            rooms=None,  # type: ignore[arg-type]  # no handler here reaches a room
        )
        endpoints = (
            Endpoint("POST", "/v1/things", self.handle, "customer", Things),
            Endpoint("GET", "/v1/things/{id}", self.show, "customer"),
            Endpoint("POST", "/v1/open", self.handle, "customer", Things, access=Access.PUBLISHABLE),
        )
        self.application = Application(services, endpoints, limits or Limits(), Expander({}, {}), lambda: b"{}")

    async def authenticate(self, key: str, may_ask: Callable[[], bool]) -> Key | None:
        known = {SECRET: Key("acct_1", livemode=False, publishable=False)}
        known[PUBLISHABLE] = Key("acct_1", livemode=False, publishable=True)
        return known.get(key)

    async def is_ready(self) -> bool:
        return self.ready

    async def handle(self, call: Call[Things]) -> Answer | Problem:
        self.contexts.append(call.context)
        if call.parameters.amount == 13:
            raise RuntimeError("card 4242424242424242 broke it")
        if call.parameters.amount == 12:
            return invalid("No twelve.", param="amount")
        if call.parameters.amount == 11:
            await asyncio.sleep(30)
        return await call.show({"id": "x", "object": "customer", "amount": call.parameters.amount})

    async def show(self, call: Call[Any]) -> Answer | Problem:
        return await call.show({"id": call.ids[0], "object": "customer"})

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        key: str | None = SECRET,
        headers: dict[str, str] | None = None,
        chunks: list[Any] | None = None,
    ) -> Reply:
        path, _, query = path.partition("?")
        sent = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        if body:
            sent.setdefault("content-length", str(len(body)))
        if key is not None:
            sent.setdefault("authorization", f"Bearer {key}")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("10.0.0.1", 1),
        }
        incoming = iter(chunks or [{"type": "http.request", "body": body, "more_body": False}])
        sent_back: list[Any] = []

        async def receive() -> Any:
            message = next(incoming, None)
            if message is None:
                await asyncio.sleep(30)
            return message

        async def send(message: Any) -> None:
            sent_back.append(message)

        await self.application(scope, receive, send)
        if not sent_back:
            return Reply(0, {}, None)
        answered = {name.decode(): value.decode() for name, value in sent_back[0]["headers"]}
        raw = sent_back[1]["body"]
        return Reply(sent_back[0]["status"], answered, msgspec.json.decode(raw) if raw else None)


@pytest.fixture
def house() -> House:
    return House()


async def test_a_good_request_is_answered_with_the_headers_clients_rely_on(house: House) -> None:
    reply = await house.ask("POST", "/v1/things", b"amount=5", headers={"stripe-version": "2024-01-01"})
    assert reply.status == 200
    assert reply.body == {"id": "x", "object": "customer", "amount": 5}
    assert reply.headers["request-id"].startswith("req_")
    assert reply.headers["stripe-version"] == "2024-01-01"
    assert "access-control-allow-origin" not in reply.headers


async def test_basic_and_bearer_keys_are_taken_and_the_query_counts_as_parameters(house: House) -> None:
    basic = "Basic " + base64.b64encode(f"{SECRET}:".encode()).decode()
    assert (await house.ask("POST", "/v1/things?amount=6", headers={"authorization": basic})).body["amount"] == 6


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Digest x",
        "Basic !!!",
        "Bearer sk_test_nobody",
        "Bearer " + "x" * 5_000,
        "Bearer ü",
    ],
)
async def test_without_a_known_key_nothing_is_done(house: House, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    reply = await house.ask("POST", "/v1/things", b"amount=5", key=None, headers=headers)
    assert reply.status == 401
    assert reply.body["error"]["type"] == "invalid_request_error"
    assert house.contexts == []


def test_keys_are_shown_back_masked() -> None:
    assert masked("sk_test_abcdefghijklmnop") == "sk_test_************mnop"
    assert masked("short") == "****"
    assert "hunter2hunter2" not in masked("hunter2hunter2")


async def test_a_publishable_key_may_only_do_what_browsers_do(house: House) -> None:
    refused = await house.ask("POST", "/v1/things", b"amount=5", key=PUBLISHABLE)
    assert (refused.status, refused.body["error"]["code"]) == (401, "secret_key_required")
    assert (await house.ask("POST", "/v1/open", b"amount=5", key=PUBLISHABLE)).status == 200
    assert (await house.ask("POST", "/v1/open", b"amount=5&key=" + PUBLISHABLE.encode(), key=None)).status == 200
    assert (await house.ask("POST", "/v1/open", b"amount=5&key=" + SECRET.encode(), key=None)).status == 401


async def test_unknown_urls_and_methods_are_told_apart(house: House) -> None:
    unknown = await house.ask("GET", "/v1/nothing")
    assert unknown.status == 404
    assert unknown.body["error"]["message"].startswith("Unrecognized request URL (GET: /v1/nothing).")
    wrong = await house.ask("DELETE", "/v1/things")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert (await house.ask("GET", "/v1/things/a%00b".replace("%00", "\0"))).status == 404


async def test_json_bodies_are_refused_with_the_reason(house: House) -> None:
    reply = await house.ask("POST", "/v1/things", b'{"amount":5}', headers={"content-type": "application/json"})
    assert reply.status == 400
    assert "application/x-www-form-urlencoded" in reply.body["error"]["message"]


async def test_a_bug_answers_500_and_tells_the_log_without_card_data(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    reply = await house.ask("POST", "/v1/things", b"amount=13")
    assert (reply.status, reply.body["error"]["type"]) == (500, "api_error")
    assert reply.headers["request-id"] in caplog.text
    assert "4242424242424242" not in caplog.text


async def test_the_idempotency_key_reaches_the_use_case_and_problems_are_settled(house: House) -> None:
    reply = await house.ask("POST", "/v1/things", b"amount=5", headers={"idempotency-key": "k1"})
    assert (reply.headers["idempotency-key"], reply.headers["original-request"]) == ("k1", reply.headers["request-id"])
    assert house.contexts[0].idempotency_key == "k1"
    assert house.settler.asked == []
    replay = await house.ask("POST", "/v1/things", b"amount=12", headers={"idempotency-key": "used"})
    assert (replay.status, replay.body) == (200, {"first": True})
    assert (replay.headers["idempotent-replayed"], replay.headers["original-request"]) == ("true", "req_first")
    assert replay.headers["request-id"] != "req_first"


async def test_fingerprints_tell_parameters_and_paths_apart_but_not_their_order(house: House) -> None:
    for path, body in (
        ("/v1/things", b"amount=5&note=n"),
        ("/v1/things", b"note=n&amount=5"),
        ("/v1/things", b"amount=6&note=n"),
        ("/v1/open", b"amount=5&note=n"),
    ):
        await house.ask("POST", path, body, headers={"idempotency-key": "k"})
    first, second, third, fourth = (context.fingerprint for context in house.contexts)
    assert first == second
    assert len({first, third, fourth}) == 3


@pytest.mark.parametrize("key", ["", "k" * 256, "k\x7f"])
async def test_keys_that_cannot_be_kept_are_refused(house: House, key: str) -> None:
    reply = await house.ask("POST", "/v1/things", b"amount=5", headers={"idempotency-key": key})
    assert reply.status == 400
    assert house.contexts == []


async def test_expand_is_checked_before_anything_is_done(house: House) -> None:
    reply = await house.ask("POST", "/v1/things", b"amount=5&expand[]=nothing")
    assert (reply.status, reply.body["error"]["param"]) == (400, "expand[0]")
    assert house.contexts == []


async def test_too_many_requests_are_refused_and_may_be_retried() -> None:
    house = House(Limits(requests_per_s=0.001, burst=2))
    statuses = [(await house.ask("POST", "/v1/things", b"amount=5")).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    reply = await house.ask("POST", "/v1/things", b"amount=5")
    assert (reply.body["error"]["code"], reply.headers["stripe-should-retry"]) == ("rate_limit", "true")


async def test_guessing_keys_is_slowed_down() -> None:
    house = House(Limits(failed_keys_per_s=0.001, failed_keys_burst=3))
    statuses = [(await house.ask("GET", "/v1/things/1", key="sk_test_wrong")).status for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert (await house.ask("GET", "/v1/things/1")).status == 200


async def test_large_bodies_heads_and_queries_are_refused() -> None:
    house = House(Limits(body_bytes=100, header_bytes=1_000, query_bytes=200))
    assert (await house.ask("POST", "/v1/things", b"amount=5&x=" + b"y" * 100)).status == 413
    chunks = [{"type": "http.request", "body": b"y" * 60, "more_body": True}] * 3
    headers = {"transfer-encoding": "chunked"}
    assert (await house.ask("POST", "/v1/things", headers=headers, chunks=chunks)).status == 413
    assert (await house.ask("GET", "/v1/things/1", headers={"x-long": "y" * 1_000})).status == 431
    assert (await house.ask("GET", "/v1/things/1?expand[]=" + "y" * 300)).status == 431


async def test_a_slow_body_ends_in_408_and_a_lost_client_in_nothing() -> None:
    house = House(Limits(body_deadline_s=0.02))
    slow = [{"type": "http.request", "body": b"amount=", "more_body": True}]
    headers = {"content-length": "8"}
    assert (await house.ask("POST", "/v1/things", headers=headers, chunks=slow)).status == 408
    gone = [{"type": "http.request", "body": b"amount=", "more_body": True}, {"type": "http.disconnect"}]
    assert (await house.ask("POST", "/v1/things", headers=headers, chunks=gone)).status == 0
    assert house.contexts == []


async def test_only_so_many_requests_are_worked_on_at_once() -> None:
    house = House(Limits(in_flight=1))
    first = asyncio.create_task(house.ask("POST", "/v1/things", b"amount=11"))
    await asyncio.sleep(0)
    second = await house.ask("POST", "/v1/things", b"amount=5")
    assert (second.status, second.headers["stripe-should-retry"]) == (503, "true")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert (await house.ask("POST", "/v1/things", b"amount=5")).status == 200


async def test_browsers_may_ask_first_and_read_the_answer(house: House) -> None:
    preflight = await house.ask("OPTIONS", "/v1/things", key=None, headers={"origin": "https://shop.example"})
    assert preflight.status == 204
    assert "POST" in preflight.headers["access-control-allow-methods"]
    reply = await house.ask("POST", "/v1/things", b"amount=5", headers={"origin": "https://shop.example"})
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "Request-Id" in reply.headers["access-control-expose-headers"]


async def test_what_a_browsers_library_adds_is_taken_and_not_used(house: House) -> None:
    added = (
        b"amount=5&guid=g&muid=m&sid=s&time_on_page=1&payment_user_agent=stripe.js%2F1&referrer=https%3A%2F%2Fshop"
        b"&client_attribution_metadata[client_session_id]=c&pasted_fields=number&_stripe_version=2020-08-27"
        b"&key=" + PUBLISHABLE.encode()
    )
    reply = await house.ask("POST", "/v1/open", added, key=None)
    assert (reply.status, reply.headers["stripe-version"]) == (200, "2020-08-27")
    assert (await house.ask("POST", "/v1/open", added, key=PUBLISHABLE)).status == 200
    from_a_server = await house.ask("POST", "/v1/things", added)
    assert (from_a_server.status, from_a_server.body["error"]["code"]) == (400, "parameter_unknown")


@pytest.mark.parametrize("header", ["stripe-account", "stripe-context"])
async def test_nobody_acts_for_another_account(house: House, header: str) -> None:
    reply = await house.ask("POST", "/v1/things", b"amount=5", headers={header: "acct_2"})
    assert (reply.status, reply.body["error"]["code"]) == (403, "account_invalid")
    browser = await house.ask("POST", "/v1/open", b"amount=5&_stripe_account=acct_2", key=PUBLISHABLE)
    assert (browser.status, browser.body["error"]["code"]) == (403, "account_invalid")
    assert house.contexts == []
    assert (await house.ask("POST", "/v1/things", b"amount=5", headers={header: "acct_1"})).status == 200


async def test_a_base_address_that_ends_in_a_slash_does_no_harm(house: House) -> None:
    assert (await house.ask("POST", "//v1/things", b"amount=5")).status == 200
    assert house.contexts[0].path == "/v1/things"


async def test_a_compressed_body_is_refused_with_the_reason(house: House) -> None:
    reply = await house.ask("POST", "/v1/things", b"amount=5", headers={"content-encoding": "gzip"})
    assert reply.status == 415
    assert "Content-Encoding" in reply.body["error"]["message"]


async def test_health_needs_no_key_and_readiness_tells_the_truth(house: House) -> None:
    assert (await house.ask("GET", "/healthz", key=None)).status == 200
    assert (await house.ask("GET", "/readyz", key=None)).status == 200
    house.ready = False
    assert (await house.ask("GET", "/readyz", key=None)).status == 503


def test_a_bucket_refills_and_the_least_used_is_forgotten() -> None:
    limiter = RateLimiter(rate_per_s=10, burst=2, most=2)
    assert [limiter.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert limiter.take("a", 0.1)
    assert not limiter.take("a", 0.1)
    limiter.take("b", 0.1)
    limiter.take("c", 0.1)
    assert limiter.take("a", 0.1)


def test_a_key_that_was_right_costs_its_address_nothing() -> None:
    limiter = RateLimiter(rate_per_s=0.001, burst=2, most=2)
    for _ in range(5):
        guess = Guess(limiter, "a")
        assert guess.take()
        guess.was_right()
    wrong = [Guess(limiter, "a") for _ in range(3)]
    assert [guess.take() for guess in wrong] == [True, True, False]
    assert [guess.take() for guess in wrong] == [True, True, False]
