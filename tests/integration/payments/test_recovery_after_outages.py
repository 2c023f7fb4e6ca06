"""A gateway that was away: what waited for it is settled within seconds of its return; it is not hammered before."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.payment_house import House, open_house
from tests.support.sandboxes import Gateway

from interlock.payments.attempts import runner
from interlock.payments.attempts.walking import Limits
from interlock.payments.intents.types import Intent, IntentStatus
from interlock.payments.refunds.types import CreateRefund, RefundStatus
from interlock.storage.database import Database, Page

SHORT = Limits(budget_ms=700, next_route_min_ms=100, lease_ms=1_000)
PAYMENTS = {"path": "/v1/payment_intents"}
A_FEW_SECONDS_MS = 20_000


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Gateway]:
    """Return a simulated Stripe of this test's own, which may be killed and started again."""
    gateway = Gateway("stripe", tmp_path)
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture
async def hasty(database: Database, mortal: Gateway, adyen_gateway: Gateway) -> AsyncIterator[House]:
    async with open_house(database, mortal, adyen_gateway, limits=SHORT) as opened:
        yield opened


async def pay_in_vain(house: House, gateway: Gateway, count: int) -> list[Intent]:
    """Return payments whose request was lost at the gateway, which executed none of them."""
    await asyncio.to_thread(gateway.fault, "reset_before", match=PAYMENTS)
    intents = await asyncio.gather(*(house.paid() for _ in range(count)))
    assert {intent.status for intent in intents} == {IntentStatus.PROCESSING}
    await asyncio.to_thread(gateway.clear_faults)
    return list(intents)


async def asked(house: House, intents: list[Intent]) -> list[int]:
    """Return how often each payment's attempt has been written: twice for each question."""
    return [(await house.attempts(intent))[-1].version for intent in intents]


async def test_after_a_long_outage_payments_in_doubt_are_settled_within_seconds(hasty: House, mortal: Gateway) -> None:
    intents = await pay_in_vain(hasty, mortal, 4)
    mortal.kill()
    for _ in range(40):
        await hasty.recover(180_000)
    assert {(await hasty.attempts(intent))[-1].inquiries for intent in intents} == {0}
    await asyncio.to_thread(mortal.start)

    await hasty.recover(A_FEW_SECONDS_MS)
    await hasty.recover(500)

    assert {(await hasty.intent(intent.id)).status for intent in intents} == {IntentStatus.SUCCEEDED}
    for intent in intents:
        (attempt,) = await hasty.attempts(intent)
        assert [entry["kind"] for entry in mortal.books(reference=attempt.id)] == ["authorisation", "capture"]


async def test_while_a_gateway_is_silent_one_question_at_a_time_tries_it(hasty: House, mortal: Gateway) -> None:
    intents = await pay_in_vain(hasty, mortal, 5)
    mortal.kill()
    await hasty.recover(3_000)
    for _ in range(4):
        before = await asked(hasty, intents)
        await hasty.recover(A_FEW_SECONDS_MS)
        after = await asked(hasty, intents)
        assert sum(now != then for now, then in zip(after, before, strict=True)) == 1
    before = await asked(hasty, intents)
    await hasty.recover(0)
    assert await asked(hasty, intents) == before, "the pause between two tries is kept"
    await asyncio.to_thread(mortal.start)


async def test_a_silent_gateway_keeps_up_nobody_elses_attempts(
    hasty: House, mortal: Gateway, adyen_gateway: Gateway
) -> None:
    (at_stripe,) = await pay_in_vain(hasty, mortal, 1)
    mortal.kill()
    await hasty.recover(3_000)
    await asyncio.to_thread(adyen_gateway.fault, "reset_after")
    at_adyen = await hasty.paid()
    await asyncio.to_thread(adyen_gateway.clear_faults)

    await hasty.recover(3_000)

    assert (await hasty.intent(at_stripe.id)).status is IntentStatus.PROCESSING
    assert (await hasty.intent(at_adyen.id)).status is IntentStatus.SUCCEEDED
    await asyncio.to_thread(mortal.start)


async def test_a_refund_waits_for_a_dead_gateway_without_using_up_its_tries(hasty: House, mortal: Gateway) -> None:
    intent = await hasty.paid(amount_minor=1000)
    mortal.kill()
    command = CreateRefund(payment_intent=intent.id, amount=300)
    await hasty.follow(lambda respond: hasty.payments.refunds.create(hasty.ctx(), command, respond))
    for _ in range(50):
        await hasty.recover(A_FEW_SECONDS_MS)
    await asyncio.to_thread(mortal.start)

    await hasty.recover(A_FEW_SECONDS_MS)

    (refund,) = (await hasty.payments.refunds.list(hasty.scope, Page())).items
    assert refund.status is RefundStatus.SUCCEEDED
    booked = [entry for entry in mortal.books(kind="refund") if entry["reference"] == refund.attempt_id]
    assert [entry["amount_minor"] for entry in booked] == [300]


async def test_what_nobody_answers_for_a_day_goes_back_to_long_pauses(hasty: House, mortal: Gateway) -> None:
    (intent,) = await pay_in_vain(hasty, mortal, 1)
    mortal.kill()
    await hasty.recover(90_000_000)
    for _ in range(8):
        await hasty.recover(4_000_000)
    (attempt,) = await hasty.attempts(intent)
    assert attempt.inquiries == 9
    assert (attempt.next_inquiry_at_ms or 0) - hasty.clock.now_ms() > 3_000_000
    await asyncio.to_thread(mortal.start)


async def test_a_request_asks_until_its_budget_ends_and_is_answered_in_full(
    database: Database, mortal: Gateway, adyen_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_INQUIRY_PAUSES_MS", (50,))
    monkeypatch.setattr(runner, "_INQUIRY_EVERY_MS", 100)
    async with open_house(database, mortal, adyen_gateway, Limits(budget_ms=6_000)) as house:
        await asyncio.to_thread(mortal.fault, "reset_before", match=PAYMENTS)
        paying = asyncio.create_task(house.paid())
        await asyncio.sleep(2)
        assert not paying.done()
        await asyncio.to_thread(mortal.clear_faults)
        intent = await paying
    assert intent.status is IntentStatus.SUCCEEDED
    (attempt,) = await house.attempts(intent)
    assert [entry["kind"] for entry in mortal.books(reference=attempt.id)] == ["authorisation", "capture"]
