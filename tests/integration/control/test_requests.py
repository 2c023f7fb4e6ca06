"""What the control API refuses, and in which order: the first thing that is wrong is told, and nothing was done."""

import asyncio
import io
import json
from typing import Any

import pytest
from tests.integration.control.conftest import Control, Said
from tests.support.release_verbs import counts

from interlock.api.control.application import LIMITS
from interlock.api.control.endpoints import ENDPOINTS
from interlock.api.openapi import document as payments_document
from interlock.base.errors import CommitUnknownError, StorageError
from interlock.releases.operators import Operators

_BODY = {"content_type": "application/json"}


async def test_every_path_asks_for_a_token_first(control: Control) -> None:
    rows = await counts(control.rooms.foundation.database)
    for endpoint in ENDPOINTS:
        path = endpoint.path.removeprefix("/control/v1").replace("{id}", "rel_none").replace("{gate}", "lint")
        said = await control.send(endpoint.method, path, who=None, data=b"{" * 10)
        assert (said.status, said.error["code"]) == (401, "operator_required"), path
        assert said.headers["www-authenticate"] == "Bearer"
    assert await counts(control.rooms.foundation.database) == rows


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic aW9wX3g6",
        "Bearer iop_" + "x" * 39,
        "Bearer iop_" + "x" * 41,
        "Bearer iop_" + "é" * 40,
        "Bearer sk_test_123",
        "Bearer iop_" + "x" * 40,
    ],
)
async def test_what_is_no_token_is_told_without_repeating_it(control: Control, shown: str) -> None:
    said = await control.send("GET", "/operator", who=None, authorization=shown)
    assert said.status == 401
    assert "xxx" not in said.error["message"]


async def test_an_api_key_does_nothing_here_and_a_token_nothing_there(control: Control) -> None:
    key = control.api.keys["secret"]
    said = await control.send("GET", "/operator", who=None, authorization=f"Bearer {key}")
    assert (said.status, "API keys" in said.error["message"]) == (401, True)
    headers = {"authorization": f"Bearer {control.tokens['ann']}"}
    async with control.api.http.get(f"{control.api.url}/v1/balance", headers=headers) as answer:
        assert answer.status == 401


async def test_guessing_tokens_runs_out_and_a_right_one_gives_back_what_it_took(control: Control) -> None:
    for _ in range(30):
        await control.get("/operator")
    statuses = []
    for _ in range(int(LIMITS.failed_keys_burst) + 5):
        said = await control.send("GET", "/operator", who=None, authorization="Bearer iop_" + "x" * 40)
        statuses.append(said.status)
    assert statuses[:10] == [401] * 10
    assert statuses[-1] == 429


async def test_an_operator_who_asks_too_often_waits_and_another_does_not(control: Control) -> None:
    statuses = []
    for _ in range(int(LIMITS.burst) + 20):
        statuses.append((await control.send("GET", "/operator")).status)
        if statuses[-1] == 429:
            break
    assert statuses[-1] == 429
    assert statuses.count(200) >= LIMITS.burst
    assert (await control.send("GET", "/operator", who="bob")).status == 200


# In order


async def _said(control: Control, method: str, path: str, data: Any, **headers: str) -> tuple[int, str | None]:
    said = await control.send(method, path, data=data, **headers)
    return said.status, said.error.get("param")


async def test_the_first_thing_that_is_wrong_is_told(control: Control) -> None:
    """Each request has every fault of those below it."""
    rows = await counts(control.rooms.foundation.database)
    wrong = json.dumps({"note": 7}).encode()
    assert await _said(control, "POST", "/nothing?x", wrong) == (404, None)
    assert await _said(control, "PUT", "/releases?x", wrong) == (405, None)
    long = {"x-long": "x" * 7_000}
    heads = {f"x_{number}": long["x-long"] for number in range(5)}
    assert await _said(control, "POST", "/releases?x", wrong, **heads) == (431, None)
    said = await control.send("POST", "/releases?x", who=None, data=wrong)
    assert said.status == 401
    assert await _said(control, "POST", "/releases?x", wrong) == (400, None)
    assert await _said(control, "POST", "/releases", wrong, content_encoding="gzip") == (415, None)
    assert await _said(control, "POST", "/releases", wrong, content_type="text/plain") == (415, None)
    assert await _said(control, "POST", "/releases", io.BytesIO(b"x" * (LIMITS.body_bytes + 1)), **_BODY) == (413, None)
    assert await _said(control, "POST", "/releases", b'{"note": "\\u0000"', **_BODY) == (400, None)
    assert await _said(control, "POST", "/releases", b'{"note": ', **_BODY) == (400, None)
    assert await _said(control, "POST", "/releases", wrong, **_BODY) == (400, "note")
    assert await _said(control, "POST", "/releases", b'{"note": "a"}', **_BODY) == (400, "gateway")
    card = b'{"note": "4242424242424242", "gateway": "paypal", "files": {"a.sh": ""}}'
    assert await _said(control, "POST", "/releases", card, **_BODY) == (400, "note")
    gateway = b'{"note": "a", "gateway": "paypal", "files": {"a.sh": ""}}'
    assert await _said(control, "POST", "/releases", gateway, **_BODY) == (404, "gateway")
    files = b'{"note": "a", "gateway": "stripe", "files": {"a.sh": ""}}'
    assert await _said(control, "POST", "/releases", files, **_BODY) == (400, "files.a.sh")
    assert await counts(control.rooms.foundation.database) == rows


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        ('{"why": "x", "brake_glass": true}', "brake_glass", "is unknown here"),
        ("{}", "why", "is missing"),
        ('{"why": null}', "why", "expected `str`, got `null`"),
        ('{"why": ""}', "why", "length >= 1"),
        (json.dumps({"why": "x" * 2001}), "why", "length <= 2000"),
        ('{"why": "x", "break_glass": "yes"}', "break_glass", "expected `bool`"),
        ("[]", None, "expected `object`"),
        ("nonsense", None, "is no JSON"),
        ("[" * 100_000, None, "expected `object`"),
        (b'{"why": "\xff"}', None, "is no JSON"),
        ('{"why": "\\ud800"}', None, "is no JSON"),
        ('{"why": "call 4242 4242 4242 4242"}', "why", "card number"),
    ],
)
async def test_a_wrong_body_is_told_by_its_field(control: Control, body: Any, param: str | None, message: str) -> None:
    said = await control.send("POST", "/releases/rel_none/approve", data=body, **_BODY)
    assert (said.status, said.error.get("param")) == (400, param), said.json
    assert message in said.error["message"]
    assert "4242" not in said.error["message"]


async def test_a_plan_is_told_by_its_field(control: Control) -> None:
    for plan, param in (({"share": 1}, "plan.share"), ({"alpha": "x"}, "plan.alpha")):
        said = await control.send("POST", "/releases/rel_none/promote", json={"plan": plan})
        assert (said.status, said.error["param"]) == (400, param)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=1&limit=2", "limit"),
        ("nonsense=1", "nonsense"),
        ("mode=both", "mode"),
        ("state=none", "state"),
        ("gateway=", "gateway"),
        ("gateway=%00", None),
        ("gateway=%FF", None),
        ("gateway", None),
        ("&".join(f"a{number}=1" for number in range(60)), None),
    ],
)
async def test_a_wrong_query_is_told_by_its_name(control: Control, query: str, param: str | None) -> None:
    said = await control.send("GET", f"/releases?{query}")
    assert (said.status, said.error.get("param")) == (400, param)


# Never in the way of payments


async def test_no_more_than_a_few_are_worked_on_at_a_time(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = asyncio.Event()
    find = Operators.find

    async def slowly(self: Operators, token: str) -> Any:
        await waits.wait()
        return await find(self, token)

    monkeypatch.setattr(Operators, "find", slowly)
    asked = [asyncio.create_task(control.send("GET", "/operator")) for _ in range(LIMITS.in_flight + 4)]
    done, pending = await asyncio.wait(asked, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 4:
        more, pending = await asyncio.wait(pending, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    assert {task.result().status for task in done} == {503}
    headers = {"authorization": f"Bearer {control.api.keys['secret']}"}
    async with control.api.http.get(f"{control.api.url}/v1/balance", headers=headers) as answer:
        assert answer.status == 200, "payments do not wait for the control API"
    waits.set()
    assert {task.result().status for task in (await asyncio.wait(pending))[0]} == {200}


async def test_payments_keep_their_connections_when_the_control_api_uses_all_of_its_own(control: Control) -> None:
    await control.get("/operator")
    rooms = await control.rooms.control.rooms()
    assert rooms.database is not control.rooms.foundation.database
    holds, told = asyncio.Event(), []

    async def hold(connection: Any) -> None:
        told.append(connection)
        await holds.wait()

    holding = [asyncio.create_task(rooms.database.transaction(hold)) for _ in range(2)]
    while len(told) < 2:  # noqa: ASYNC110 - two tasks tell, one after the other
        await asyncio.sleep(0.01)
    waiting = asyncio.create_task(control.send("GET", "/operator"))
    headers = {"authorization": f"Bearer {control.api.keys['secret']}"}
    async with control.api.http.get(f"{control.api.url}/v1/customers", headers=headers) as answer:
        assert answer.status == 200
    assert not waiting.done()
    holds.set()
    await asyncio.gather(*holding)
    assert (await waiting).status == 200


@pytest.mark.parametrize(
    ("error", "message", "retry"),
    [
        (StorageError("gone"), "nothing was changed", "true"),
        (CommitUnknownError("lost"), "look whether the change was made", "false"),
        (RuntimeError("secret sk_live_1"), "unexpected error", None),
    ],
)
async def test_infrastructure_that_fails_is_an_answer(
    control: Control, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str, retry: str | None
) -> None:
    async def fail(self: Operators, token: str) -> Any:
        raise error

    monkeypatch.setattr(Operators, "find", fail)
    said = await control.send("GET", "/operator")
    assert said.status == (500 if retry is None else 503)
    assert message in said.error["message"]
    assert "sk_live_1" not in said.error["message"]
    assert said.headers.get("stripe-should-retry") == retry


# The document


async def test_the_document_tells_every_endpoint_and_needs_no_token(control: Control) -> None:
    said: Said = await control.send("GET", "/openapi.json", who=None)
    assert said.status == 200
    told = {(method.upper(), path) for path, methods in said.json["paths"].items() for method in methods}
    assert told == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    names = [each["operationId"] for methods in said.json["paths"].values() for each in methods.values()]
    assert len(names) == len(set(names))
    text = json.dumps(said.json)
    referred = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred <= set(said.json["components"]["schemas"])
    assert b"/control/" not in payments_document([]), "shops' clients are told nothing of it"


async def test_a_head_is_answered_without_a_body(control: Control) -> None:
    said = await control.send("HEAD", "/operator")
    assert (said.status, said.body) == (200, b"")
