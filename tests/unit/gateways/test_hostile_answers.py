"""An answer that cannot be classified is unknown: never approved, never declined, never a licence to try elsewhere."""

import random
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.gateways import CONFIGS, REFERENCE, answer, completion, drive, follow_on, payment

from interlock.base.money import Money
from interlock.gateways.contract import BankTransfer, HttpResponse, InquireRequest, Operation, Step
from interlock.gateways.loader import load
from interlock.gateways.outcomes import Challenge, Outcome, Result, storable

HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
WHOLE = msgspec.json.encode(
    {
        "id": "pi_1PgafyB7WZ01zgkW",
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 1099,
        "currency": "usd",
        "pspReference": "QFQTPCQ8HXSKGK82",
        "resultCode": "Authorised",
    }
)
BODIES = {
    "empty": b"",
    "html": HTML,
    "truncated": WHOLE[:-20],
    "null": b"null",
    "list": b"[]",
    "number": b"1",
    "text": b'"approved"',
    "bare object": b"{}",
    "utf-16": WHOLE.decode().encode("utf-16"),
    "latin-1": b'{"id":"pi_1","status":"succeeded","currency":"\xff\xfe","amount":1}',
    "wrong types": b'{"id":1,"status":["succeeded"],"amount":"1099","currency":null,"resultCode":7,"pspReference":{}}',
    "deep": b"[" * 5000 + b"]" * 5000,
    "error as text": b'{"error":"card_error","errorCode":null}',
    "huge number": b'{"id":"pi_1","object":"payment_intent","status":"succeeded","amount":1e999,"currency":"usd"}',
}
STATUSES = (200, 201, 202, 204, 301, 302, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504, 999)
OPERATIONS = [operation for operation in Operation if operation not in {Operation.INQUIRE, Operation.FUND}]


def step(name: str, operation: Operation) -> Step:
    connector, config = load(name).connector, CONFIGS[name]
    request: object = follow_on(name)
    if operation in {Operation.SALE, Operation.AUTHORISE, Operation.VERIFY}:
        request = payment(amount=Money(0, "usd")) if operation is Operation.VERIFY else payment()
    elif operation is Operation.COMPLETE:
        request = completion(name)
    started: Step = getattr(connector, operation.value)(config, request)
    return started


def inquiries(name: str) -> Iterator[Step]:
    for operation in OPERATIONS:
        paying = operation in {Operation.SALE, Operation.AUTHORISE, Operation.VERIFY}
        original = payment() if paying else completion(name) if operation is Operation.COMPLETE else follow_on(name)
        for identical, reference in ((True, None), (False, None), (False, "pi_1PgafyB7WZ01zgkW")):
            request = InquireRequest(
                operation=operation,
                reference=REFERENCE,
                idempotency_key="k",
                amount=Money(1099, "usd"),
                gateway_reference=reference,
                original=original,
                identical=identical,
                age_ms=10_000_000,
                sent_at_ms=1_790_000_000_000,
            )
            yield load(name).connector.inquire(CONFIGS[name], request)


@pytest.mark.parametrize("name", ["stripe", "adyen"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_operation_calls_it_unknown(name: str, body: bytes) -> None:
    for operation in OPERATIONS:
        for status in STATUSES:
            response = HttpResponse(status=status, headers={"content-type": "text/html"}, body=body)
            _, result = drive(step(name, operation), response)
            assert result.outcome is Outcome.UNKNOWN, (operation, status)


@pytest.mark.parametrize("name", ["stripe", "adyen"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_inquiry_calls_it_unknown(name: str, body: bytes) -> None:
    for status in STATUSES:
        for asking in inquiries(name):
            _, result = drive(asking, HttpResponse(status=status, body=body))
            assert result.outcome is Outcome.UNKNOWN, status


@pytest.mark.parametrize("name", ["stripe", "adyen"])
@settings(deadline=None, max_examples=200)
@given(status=st.integers(100, 599), body=st.binary(max_size=200))
def test_noise_is_unknown(name: str, status: int, body: bytes) -> None:
    for operation in OPERATIONS:
        _, result = drive(step(name, operation), HttpResponse(status=status, body=body))
        assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("name", ["stripe", "adyen"])
def test_no_prefix_of_a_good_answer_is_believed(name: str) -> None:
    for end in random.Random(7).sample(range(len(WHOLE)), 60):
        _, result = drive(step(name, Operation.SALE), HttpResponse(status=200, body=WHOLE[:end]))
        assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_transfer_is_unknown_once_it_was_asked_for_and_never_begun_without_an_account(body: bytes) -> None:
    account = answer({"id": "cus_1", "object": "customer"})
    connector = load("stripe").connector
    for status in STATUSES:
        response = HttpResponse(status=status, body=body)
        request = payment(instrument=BankTransfer(kind="us_bank_transfer"))
        _, result = drive(connector.sale(CONFIGS["stripe"], request), account, response)
        assert result.outcome is Outcome.UNKNOWN, status
        sent, result = drive(connector.sale(CONFIGS["stripe"], request), response)
        assert (result.outcome, len(sent)) == (Outcome.NOT_SENT, 1), status
        _, result = drive(connector.fund(CONFIGS["stripe"], follow_on("stripe")), response)
        assert result.outcome is Outcome.UNKNOWN, status


@given(st.text(alphabet=st.sampled_from("\0ab\ufffd€"), max_size=20))
def test_no_text_of_a_gateway_keeps_an_outcome_from_being_written(said: str) -> None:
    challenge = Challenge(url="https://bank.example", continuation={said: said})
    result = Result(outcome=Outcome.CHALLENGE, code=said, message=said, challenge=challenge, echo=Money(5, "usd"))
    kept = storable(result)
    assert b"\\u0000" not in msgspec.json.encode(kept)
    assert kept.outcome is Outcome.CHALLENGE
    if "\0" not in said:
        assert kept == result
