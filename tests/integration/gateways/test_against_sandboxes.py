"""Both connectors through the real transport against the simulated gateways, whose own books are the judge."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from tests.support.gateways import CARD, payment
from tests.support.sandboxes import Gateway, fetch, wait_until
from tests.support.webhook_receiver import WebhookReceiver

from interlock.base.ids import new_id
from interlock.base.money import Money
from interlock.gateways.contract import (
    CompleteRequest,
    ConnectorConfig,
    FollowOnRequest,
    Initiator,
    InquireRequest,
    Notification,
    Operation,
    PaymentRequest,
    Shopper,
    StoredCredential,
)
from interlock.gateways.loader import load
from interlock.gateways.outcomes import Outcome
from interlock.gateways.transport import Execution, OperationRequest, Transport

NAMES = ("stripe", "adyen")
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
PRICE = Money(1099, "usd")
SECRETS = {"stripe": "whsec_0123456789abcdef", "adyen": HMAC_KEY}


class House:
    """One gateway account: connector, transport and the sandbox behind it."""

    def __init__(self, name: str, gateway: Gateway, transport: Transport) -> None:
        self.name = name
        self.gateway = gateway
        self._transport = transport
        self.loaded = load(name)
        path = "" if name == "stripe" else "/v72"
        self.config = ConnectorConfig(
            livemode=False,
            settings={"base_url": gateway.url + path, "merchant_account": "InterlockSandbox"},
            credentials={
                "secret_key": "sk_test_sandbox0123456789",
                "webhook_secret": SECRETS["stripe"],
                "api_key": "sandbox-tests",
                "hmac_key": HMAC_KEY,
            },
        )

    async def run(self, operation: Operation, request: OperationRequest) -> Execution:
        return await self._transport.execute(self.loaded, self.config, operation, request, deadline_ms=10_000)

    def kinds(self, reference: str, kind: str | None = None) -> list[tuple[str, str, int]]:
        entries = self.gateway.books(reference=reference)
        return [(e["kind"], e["status"], e["amount_minor"]) for e in entries if kind in {None, e["kind"]}]

    def settled(self, reference: str, kind: str) -> list[tuple[str, str, int]]:
        wait_until(lambda: self.kinds(reference, kind))
        return self.kinds(reference, kind)


@pytest.fixture(params=NAMES)
def house(request: pytest.FixtureRequest, sandboxes: dict[str, Gateway], transport: Transport) -> Iterator[House]:
    gateway = sandboxes[request.param]
    yield House(request.param, gateway, transport)
    gateway.clear_faults()


def pay(**changes: Any) -> PaymentRequest:
    reference = new_id("at")
    return payment(reference=reference, idempotency_key=reference, **changes)


def after(paid: Execution, amount: Money = PRICE, **changes: Any) -> FollowOnRequest:
    assert paid.result.gateway_reference is not None
    reference = new_id("at")
    return FollowOnRequest(
        reference=reference,
        idempotency_key=reference,
        amount=amount,
        gateway_reference=paid.result.gateway_reference,
        **changes,
    )


def accepted(house: House, execution: Execution) -> None:
    """A modification is approved by Stripe, received by Adyen; either way its money is the money asked for."""
    expected = Outcome.APPROVED if house.name == "stripe" else Outcome.PENDING
    assert execution.result.outcome is expected, execution
    assert not execution.echo_mismatch


async def test_a_sale_is_booked_once_for_what_was_asked(house: House) -> None:
    request = pay()
    execution = await house.run(Operation.SALE, request)
    assert (execution.result.outcome, execution.result.captured) == (Outcome.APPROVED, True), execution
    assert (execution.echo, execution.echo_mismatch) == (request.amount, False)
    assert execution.result.cvc_check == "pass"
    assert ("capture", "approved", 1099) in house.settled(request.reference, "capture")


@pytest.mark.parametrize(
    "amount", [Money(500, "jpy"), Money(5, "isk"), Money(5000, "ugx"), Money(1230, "kwd"), Money(1099, "eur")]
)
async def test_minor_units_reach_the_books_as_the_same_money(house: House, amount: Money) -> None:
    request = pay(amount=amount)
    execution = await house.run(Operation.SALE, request)
    assert (execution.result.outcome, execution.echo_mismatch) == (Outcome.APPROVED, False)
    majors = {"jpy": "500", "isk": "5", "ugx": "5000", "kwd": "1.23", "eur": "10.99"}
    (entry,) = house.gateway.books(reference=request.reference, kind="authorisation")
    assert float(entry["amount_major"]) == float(majors[amount.currency])


async def test_authorise_capture_a_part_and_refund_a_part(house: House) -> None:
    held = await house.run(Operation.AUTHORISE, pay())
    assert (held.result.outcome, held.result.captured) == (Outcome.APPROVED, False)
    capture = after(held, Money(800, "usd"))
    accepted(house, await house.run(Operation.CAPTURE, capture))
    wait_until(lambda: house.gateway.books(payment_id=capture.gateway_reference, kind="capture"))
    refund = after(held, Money(300, "usd"), reason="requested_by_customer")
    accepted(house, await house.run(Operation.REFUND, refund))
    wait_until(lambda: house.gateway.books(payment_id=capture.gateway_reference, kind="refund"))
    books = house.gateway.books(payment_id=capture.gateway_reference)
    assert [(e["kind"], e["amount_minor"]) for e in books if e["kind"] in {"capture", "refund"}] == [
        ("capture", 800),
        ("refund", 300),
    ]


async def test_a_void_releases_the_authorisation(house: House) -> None:
    held = await house.run(Operation.AUTHORISE, pay())
    void = after(held)
    accepted(house, await house.run(Operation.VOID, void))
    wait_until(lambda: len(house.gateway.books(payment_id=void.gateway_reference)) > 1)
    kinds = [entry["kind"] for entry in house.gateway.books(payment_id=void.gateway_reference)]
    assert "capture" not in kinds


async def test_an_increment_raises_the_authorisation(house: House) -> None:
    held = await house.run(Operation.AUTHORISE, pay(incremental=True))
    raised = await house.run(Operation.INCREMENT, after(held, Money(2000, "usd")))
    accepted(house, raised)


@pytest.mark.parametrize(
    ("number", "decline_code"),
    [
        ("4000000000000002", "generic_decline"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000069", "expired_card"),
        ("4000000000000127", "incorrect_cvc"),
        ("4242424242424241", "incorrect_number"),
    ],
)
async def test_declines_speak_one_language(house: House, number: str, decline_code: str) -> None:
    request = pay(instrument=msgspec.structs.replace(CARD, number=number))
    execution = await house.run(Operation.SALE, request)
    assert (execution.result.outcome, execution.result.decline_code) == (Outcome.DECLINED, decline_code)
    assert number not in repr(execution)


@pytest.mark.parametrize("outcome", ["succeed", "fail"])
async def test_a_challenge_is_completed_after_the_redirect(house: House, outcome: str) -> None:
    request = pay(instrument=msgspec.structs.replace(CARD, number="4000002760003184"))
    waiting = await house.run(Operation.SALE, request)
    assert (waiting.result.outcome, waiting.echo_mismatch) == (Outcome.CHALLENGE, False)
    challenge = waiting.result.challenge
    assert challenge is not None
    back = fetch("GET", f"{challenge.url}?outcome={outcome}").headers["location"]
    completed = CompleteRequest(
        reference=request.reference,
        idempotency_key=request.idempotency_key,
        amount=request.amount,
        gateway_reference=waiting.result.gateway_reference,
        continuation=challenge.continuation,
        parameters=dict(parse_qsl(urlsplit(back).query)),
    )
    expected = Outcome.APPROVED if outcome == "succeed" else Outcome.DECLINED
    for _ in range(2):
        execution = await house.run(Operation.COMPLETE, completed)
        assert execution.result.outcome is expected, execution
        assert not execution.echo_mismatch
    approved = [entry for entry in house.kinds(request.reference, "capture") if entry[1] == "approved"]
    assert len(approved) == (1 if outcome == "succeed" else 0)


async def test_a_card_is_checked_and_stored_then_charged_by_the_merchant(house: House) -> None:
    shopper = Shopper(reference="cus_12345", email="jenny@example.com")
    check = pay(amount=Money(0, "usd"), stored_credential=StoredCredential(store=True), shopper=shopper)
    verified = await house.run(Operation.VERIFY, check)
    assert verified.result.outcome is Outcome.APPROVED, verified.result
    assert sum(amount for _, _, amount in house.kinds(check.reference, "capture")) == 0
    later = StoredCredential(
        initiator=Initiator.MERCHANT,
        reason="recurring",
        network_transaction_id=verified.result.network_transaction_id,
        reference=verified.result.stored_credential_reference,
    )
    card = msgspec.structs.replace(CARD, cvc=None)
    charged = await house.run(Operation.SALE, pay(instrument=card, stored_credential=later, shopper=shopper))
    assert charged.result.outcome is Outcome.APPROVED, charged


async def test_the_same_key_charges_once(house: House) -> None:
    request = pay()
    first = await house.run(Operation.SALE, request)
    second = await house.run(Operation.SALE, request)
    assert first.result.gateway_reference == second.result.gateway_reference
    assert len(house.settled(request.reference, "authorisation")) == 1


def asking(operation: Operation, about: PaymentRequest | FollowOnRequest, **changes: Any) -> InquireRequest:
    values: dict[str, Any] = {
        "operation": operation,
        "reference": about.reference,
        "idempotency_key": about.idempotency_key,
        "amount": about.amount,
        "original": about,
        "identical": True,
        "age_ms": 500,
    }
    return InquireRequest(**{**values, **changes})


@pytest.mark.parametrize("fault", ["timeout_after", "reset_after", "status_5xx", "html", "truncated", "empty"])
async def test_a_lost_answer_is_unknown_until_the_inquiry_finds_the_one_charge(house: House, fault: str) -> None:
    house.gateway.fault(fault, schedule={"first": 1}, ms=300, executes=True)
    request = pay()
    lost = await house._transport.execute(house.loaded, house.config, Operation.SALE, request, deadline_ms=1_500)
    assert lost.result.outcome is Outcome.UNKNOWN, lost
    house.gateway.clear_faults()
    found = await house.run(Operation.INQUIRE, asking(Operation.SALE, request))
    assert found.result.outcome in {Outcome.APPROVED, Outcome.UNKNOWN}, found
    assert len(house.settled(request.reference, "authorisation")) == 1
    if fault != "status_5xx":
        assert (found.result.outcome, found.echo, found.echo_mismatch) == (Outcome.APPROVED, request.amount, False)


async def test_stripe_finds_a_lost_payment_by_our_reference_alone(
    sandboxes: dict[str, Gateway], transport: Transport
) -> None:
    house = House("stripe", sandboxes["stripe"], transport)
    request = pay()
    await house.run(Operation.SALE, request)
    (entry,) = house.gateway.books(reference=request.reference, kind="authorisation")
    sent_at_ms = int(entry["at_ms"])
    question = asking(Operation.SALE, request, original=None, identical=False, sent_at_ms=sent_at_ms)
    found = await house.run(Operation.INQUIRE, question)
    assert found.result.outcome is Outcome.APPROVED, found


@pytest.mark.parametrize("operation", [Operation.CAPTURE, Operation.VOID, Operation.REFUND])
async def test_a_lost_follow_on_is_settled_without_doing_it_twice(house: House, operation: Operation) -> None:
    start = Operation.SALE if operation is Operation.REFUND else Operation.AUTHORISE
    paid = await house.run(start, pay())
    request = after(paid, Money(400, "usd"))
    if operation is Operation.REFUND:
        wait_until(lambda: house.gateway.books(payment_id=request.gateway_reference, kind="capture"))
    house.gateway.fault("reset_after", schedule={"first": 1})
    lost = await house.run(operation, request)
    assert lost.result.outcome is Outcome.UNKNOWN, lost
    house.gateway.clear_faults()
    accepted(house, await house.run(Operation.INQUIRE, asking(operation, request)))
    if operation is not Operation.VOID:
        wait_until(lambda: house.gateway.books(payment_id=request.gateway_reference, kind=operation.value))
        booked = house.gateway.books(payment_id=request.gateway_reference, kind=operation.value)
        assert [entry["amount_minor"] for entry in booked] == [400]


async def test_a_refusal_of_the_gateway_is_refused_and_books_nothing(house: House) -> None:
    house.gateway.fault("refuse", schedule={"first": 1})
    request = pay()
    execution = await house.run(Operation.SALE, request)
    assert execution.result.outcome is Outcome.REFUSED, execution
    assert house.kinds(request.reference) == []


@pytest.mark.parametrize("fault", ["wrong_amount", "wrong_currency"])
async def test_an_answer_that_speaks_of_other_money_is_a_mismatch(house: House, fault: str) -> None:
    house.gateway.fault(fault, schedule={"first": 1}, factor=100, currency="eur")
    execution = await house.run(Operation.SALE, pay())
    assert execution.echo_mismatch, execution


async def test_the_gateways_webhooks_verify_and_name_the_payment(house: House) -> None:
    async with WebhookReceiver() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/in"
        house.gateway.control("POST", "webhooks", {"url": url, "secret": SECRETS[house.name]})
        try:
            request = pay()
            paid = await house.run(Operation.SALE, request)
            found = await notifications(house, receiver, request.reference)
        finally:
            house.gateway.control("POST", "webhooks", {"url": "", "secret": SECRETS[house.name]})
    assert found.kind == "payment"
    assert found.result is not None
    assert (found.result.outcome, found.amount) == (Outcome.APPROVED, request.amount)
    assert found.gateway_reference == paid.result.gateway_reference


async def notifications(house: House, receiver: WebhookReceiver, reference: str) -> Notification:
    """Wait for the payment's notification among what came, each of which must verify."""
    import asyncio  # noqa: PLC0415 - only here
    import time  # noqa: PLC0415 - only here

    for _ in range(200):
        for received in list(receiver.received):
            headers = {name.lower(): value for name, value in received.headers.items()}
            now_ms = time.time_ns() // 1_000_000
            parsed = house.loaded.connector.parse_notification(house.config, headers, received.body, now_ms)
            assert isinstance(parsed, list), parsed
            for notification in parsed:
                if notification.reference == reference and notification.kind == "payment":
                    return notification
        await asyncio.sleep(0.02)
    raise AssertionError("no notification came")
