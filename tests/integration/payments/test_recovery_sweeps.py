"""Recovery as a whole: one silent gateway, or one attempt that cannot be recovered, keeps up nobody else."""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.support.payment_house import House, open_house
from tests.support.sandboxes import Gateway

from interlock.gateways.contract import Notification, NotificationKind
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.walking import Limits
from interlock.payments.intents.types import CaptureIntent, IncrementIntent, Intent, IntentStatus
from interlock.payments.recovery import service
from interlock.payments.recovery.notifications import Verdict
from interlock.payments.refunds.types import CreateRefund, RefundStatus
from interlock.storage.database import Database, Page

replace = msgspec.structs.replace

SHORT = Limits(budget_ms=700, next_route_min_ms=100, lease_ms=1_000)


@pytest.fixture
async def hasty(database: Database, stripe_gateway: Gateway, adyen_gateway: Gateway) -> AsyncIterator[House]:
    async with open_house(database, stripe_gateway, adyen_gateway, limits=SHORT) as opened:
        yield opened


@pytest.fixture
async def brief(database: Database, stripe_gateway: Gateway, adyen_gateway: Gateway) -> AsyncIterator[House]:
    """Return a house whose requests inquire twice before recovery takes over."""
    async with open_house(database, stripe_gateway, adyen_gateway, limits=Limits(budget_ms=3_000)) as opened:
        yield opened


async def unknown_at_both(house: House, stripe: Gateway, adyen: Gateway) -> tuple[Intent, Intent]:
    """Pay once at each gateway so that nobody knows the outcome."""
    await asyncio.to_thread(stripe.fault, "reset_after")
    at_stripe = await house.paid()
    await asyncio.to_thread(stripe.clear_faults)
    await asyncio.to_thread(stripe.fault, "refuse")
    await asyncio.to_thread(adyen.fault, "reset_after")
    at_adyen = await house.paid()
    await asyncio.to_thread(stripe.clear_faults)
    await asyncio.to_thread(adyen.clear_faults)
    for intent, gateway in ((at_stripe, "stripe"), (at_adyen, "adyen")):
        last = (await house.attempts(intent))[-1]
        assert (last.state, last.gateway_id) == ("unknown", house.gateways[gateway].id)
    return at_stripe, at_adyen


async def test_a_gateway_that_keeps_silent_holds_up_nobody_elses_recovery(
    hasty: House, stripe_gateway: Gateway, adyen_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_PASS_S", 1.0)
    at_stripe, at_adyen = await unknown_at_both(hasty, stripe_gateway, adyen_gateway)
    await asyncio.to_thread(stripe_gateway.fault, "timeout_before")
    began = time.monotonic()

    settled = await hasty.recover()

    took_s = time.monotonic() - began
    assert settled == 1
    assert (await hasty.intent(at_adyen.id)).status is IntentStatus.SUCCEEDED
    assert (await hasty.intent(at_stripe.id)).status is IntentStatus.PROCESSING
    assert took_s < 10, "the pass waited for the gateway that hangs"


async def test_an_attempt_whose_recovery_breaks_keeps_up_no_other(
    hasty: House,
    stripe_gateway: Gateway,
    adyen_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    at_stripe, at_adyen = await unknown_at_both(hasty, stripe_gateway, adyen_gateway)
    poison = (await hasty.attempts(at_stripe))[-1].id
    recover = hasty.payments.recovery.recover

    async def broken(scope: object, attempt_id: str) -> bool:
        if attempt_id == poison:
            raise RuntimeError("a bug")
        return await recover(scope, attempt_id)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(hasty.payments.recovery, "recover", broken)

    assert await hasty.recover() == 1
    assert (await hasty.intent(at_adyen.id)).status is IntentStatus.SUCCEEDED
    assert f"recovery of {poison} failed" in caplog.text


async def lose_the_answer_then_refuse(gateway: Gateway) -> None:
    """Let the next request be carried out without an answer, and everything after it be turned away."""
    await asyncio.to_thread(gateway.fault, "reset_after", schedule={"first": 1})
    await asyncio.to_thread(gateway.fault, "refuse", status=400)


async def test_a_refused_inquiry_is_no_proof_and_nobody_else_is_charged(
    brief: House, stripe_gateway: Gateway, adyen_gateway: Gateway
) -> None:
    await lose_the_answer_then_refuse(stripe_gateway)
    intent = await brief.paid()
    assert intent.status is IntentStatus.PROCESSING
    (attempt,) = await brief.attempts(intent)
    assert attempt.state == "unknown"
    await brief.recover()
    assert (await brief.intent(intent.id)).status is IntentStatus.PROCESSING
    await asyncio.to_thread(stripe_gateway.clear_faults)

    await brief.recover(600_000)

    assert (await brief.intent(intent.id)).status is IntentStatus.SUCCEEDED
    booked = [*stripe_gateway.books(reference=attempt.id), *adyen_gateway.books(reference=attempt.id)]
    assert [entry["kind"] for entry in booked] == ["authorisation", "capture"]


async def test_a_refund_whose_inquiry_is_refused_is_not_sent_a_second_time(
    brief: House, stripe_gateway: Gateway
) -> None:
    intent = await brief.paid(amount_minor=1000)
    await lose_the_answer_then_refuse(stripe_gateway)
    asked = CreateRefund(payment_intent=intent.id, amount=300)
    await brief.follow(lambda respond: brief.payments.refunds.create(brief.ctx(), asked, respond))
    await brief.recover()
    await asyncio.to_thread(stripe_gateway.clear_faults)

    for _ in range(3):
        await brief.recover(600_000)

    (refund,) = (await brief.payments.refunds.list(brief.scope, Page())).items
    assert refund.status is RefundStatus.SUCCEEDED
    booked = [entry for entry in stripe_gateway.books(kind="refund") if entry["reference"] == refund.attempt_id]
    assert [entry["amount_minor"] for entry in booked] == [300]


async def test_a_capture_thought_refused_that_the_gateway_confirms_is_written_down(
    house: House, stripe_gateway: Gateway, adyen_gateway: Gateway
) -> None:
    await asyncio.to_thread(stripe_gateway.fault, "refuse")
    intent = await house.paid(capture_method="manual", amount_minor=5000)
    await asyncio.to_thread(adyen_gateway.fault, "refuse")
    asked = CaptureIntent(amount=3000)
    await house.follow(lambda respond: house.payments.follow_ons.capture(house.ctx(), intent.id, asked, respond))
    capture = (await house.attempts(intent))[-1]
    assert capture.state == "refused"
    told = Notification(
        notification_id="CAPTURE:1",
        occurred_at_ms=house.clock.now_ms(),
        kind=NotificationKind.CAPTURE,
        reference=capture.id,
        result=Result(outcome=Outcome.APPROVED),
    )

    verdicts = [await house.payments.notifications.apply(house.scope, capture.gateway_id, told) for _ in range(2)]

    captured = await house.intent(intent.id)
    assert (captured.status, captured.amount_received_minor) == (IntentStatus.SUCCEEDED, 3000)
    assert verdicts == [Verdict.APPLIED, Verdict.IGNORED]


async def test_an_inquiry_that_ends_late_takes_back_nothing_of_a_settled_refund(house: House) -> None:
    intent = await house.paid(amount_minor=1000)
    command = CreateRefund(payment_intent=intent.id, amount=300)
    await house.follow(lambda respond: house.payments.refunds.create(house.ctx(), command, respond))
    settled = (await house.attempts(intent))[-1]
    assert settled.state == "approved"
    before = replace(settled, version=settled.version - 1, state="begun")

    assert not await house.payments.refunds.apply(before, Result(outcome=Outcome.UNKNOWN))

    assert (await house.attempts(intent))[-1] == settled


@pytest.mark.parametrize("verb", ["capture", "increment"])
async def test_a_recovered_answer_that_speaks_of_other_money_is_not_believed(
    brief: House, stripe_gateway: Gateway, verb: str
) -> None:
    incremental = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}
    intent = await brief.paid(capture_method="manual", amount_minor=5000, details=incremental)
    await asyncio.to_thread(stripe_gateway.fault, "reset_after", schedule={"first": 1})
    await asyncio.to_thread(stripe_gateway.fault, "refuse", status=401)
    rooms, ctx = brief.payments.follow_ons, brief.ctx()
    if verb == "capture":
        await brief.follow(lambda respond: rooms.capture(ctx, intent.id, CaptureIntent(amount=5000), respond))
    else:
        await brief.follow(lambda respond: rooms.increment(ctx, intent.id, IncrementIntent(amount=6000), respond))
    await asyncio.to_thread(stripe_gateway.clear_faults)
    await asyncio.to_thread(stripe_gateway.fault, "wrong_amount", factor=0.01)

    await brief.recover(600_000)

    attempt = (await brief.attempts(intent))[-1]
    assert (attempt.echo_mismatch, attempt.state, attempt.code) == (True, "unknown", "echo_mismatch")
    held = await brief.intent(intent.id)
    assert (held.amount_received_minor, held.amount_minor) == (0, 5000)
