"""Whoever refuses a question, for however long, says nothing of the operation that was asked about."""

from collections.abc import AsyncIterator

import pytest
from tests.support.gateway_news import HOUR_MS, clear, fault, moved, notify
from tests.support.payment_house import RETURN_URL, House, open_house
from tests.support.sandboxes import Gateway

from interlock.base.money import Money
from interlock.gateways.contract import NotificationKind
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.walking import Limits
from interlock.payments.intents.types import CancelIntent, ConfirmIntent, Intent, IntentStatus
from interlock.payments.recovery.notifications import Verdict
from interlock.payments.refunds.types import CreateRefund, Refund, RefundStatus
from interlock.storage.database import Database, Page

CARD = ConfirmIntent(payment_method="pm_card_visa", return_url=RETURN_URL)
HASTY = Limits(budget_ms=2_000, next_route_min_ms=100)
MINUTES_MS = 400_000


@pytest.fixture
async def brief(database: Database, stripe_gateway: Gateway, adyen_gateway: Gateway) -> AsyncIterator[House]:
    async with open_house(database, stripe_gateway, adyen_gateway, limits=HASTY) as opened:
        yield opened


async def lose_the_answer_then_refuse(gateway: Gateway, status: int = 400) -> None:
    await fault(gateway, "reset_after", schedule={"first": 1})
    await fault(gateway, "refuse", status=status)


async def refund(house: House, intent: Intent, amount: int) -> Refund:
    asked = CreateRefund(payment_intent=intent.id, amount=amount)
    made: Refund = await house.follow(lambda r: house.payments.refunds.create(house.ctx(), asked, r))
    return made


async def the_refund(house: House) -> Refund:
    (found,) = (await house.payments.refunds.list(house.scope, Page())).items
    return found


async def test_an_hour_of_refused_questions_refunds_nothing_twice(brief: House, stripe_gateway: Gateway) -> None:
    intent = await brief.paid(amount_minor=1000)
    await lose_the_answer_then_refuse(stripe_gateway)
    await refund(brief, intent, 300)
    for _ in range(10):
        await brief.recover(MINUTES_MS)
    await clear(stripe_gateway)
    for _ in range(3):
        await brief.recover(HOUR_MS)
    attempt = (await brief.attempts(intent))[-1]
    assert moved(stripe_gateway, attempt.id) == ["refund"]
    assert (await the_refund(brief)).status is RefundStatus.SUCCEEDED


async def test_an_hour_of_refused_questions_charges_nobody_twice(brief: House, stripe_gateway: Gateway) -> None:
    await lose_the_answer_then_refuse(stripe_gateway)
    intent = await brief.paid()
    for _ in range(10):
        await brief.recover(MINUTES_MS)
    assert (await brief.intent(intent.id)).status is IntentStatus.PROCESSING
    await clear(stripe_gateway)
    await brief.follow(lambda r: brief.payments.intents.confirm(brief.ctx(), intent.id, CARD, r))
    for _ in range(5):
        await brief.recover(HOUR_MS)
    assert moved(stripe_gateway, *(one.id for one in await brief.attempts(intent))) == ["capture"]
    assert (await brief.intent(intent.id)).status is IntentStatus.SUCCEEDED


async def test_hours_of_refused_questions_at_adyen_charge_nobody_twice(
    brief: House, stripe_gateway: Gateway, adyen_gateway: Gateway
) -> None:
    await fault(stripe_gateway, "refuse")
    await lose_the_answer_then_refuse(adyen_gateway, status=422)
    intent = await brief.paid()
    for _ in range(10):
        await brief.recover(HOUR_MS)
    assert (await brief.intent(intent.id)).status is IntentStatus.PROCESSING
    await clear(adyen_gateway)
    await brief.recover(HOUR_MS)
    assert (await brief.intent(intent.id)).status is IntentStatus.SUCCEEDED


async def test_what_was_refused_and_cannot_be_found_ends(brief: House, stripe_gateway: Gateway) -> None:
    await fault(stripe_gateway, "reset_before", schedule={"first": 1})
    await fault(stripe_gateway, "refuse", status=400, match={"operation": "sale"})
    intent = await brief.paid()
    for _ in range(3):
        await brief.recover(MINUTES_MS)
    assert (await brief.intent(intent.id)).status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert (await brief.attempts(intent))[-1].state == "refused"


async def test_a_refund_thought_refused_that_the_gateway_confirms_is_not_sent_again(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid(amount_minor=1000)
    await fault(stripe_gateway, "refuse", status=400)
    await refund(house, intent, 300)
    attempt = (await house.attempts(intent))[-1]
    assert attempt.state == "refused"
    told = Result(outcome=Outcome.APPROVED, gateway_reference="re_1")
    facts = {"reference": attempt.id, "result": told, "amount": Money(300, "usd")}
    other = {**facts, "amount": Money(200, "usd")}
    assert await notify(house, "stripe", NotificationKind.REFUND, **other) is Verdict.IGNORED
    assert await notify(house, "stripe", NotificationKind.REFUND, **facts) is Verdict.APPLIED
    await clear(stripe_gateway)
    await house.recover(HOUR_MS)
    assert (await the_refund(house)).status is RefundStatus.SUCCEEDED
    assert (await house.charge(intent)).amount_refunded_minor == 300
    assert moved(stripe_gateway, attempt.id) == []


async def test_a_void_thought_refused_that_the_gateway_confirms_is_not_sent_again(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid(capture_method="manual")
    await fault(stripe_gateway, "refuse", status=400)
    await house.follow(lambda r: house.payments.follow_ons.cancel(house.ctx(), intent.id, CancelIntent(), r))
    void = (await house.attempts(intent))[-1]
    assert (void.state, void.next_inquiry_at_ms is not None) == ("refused", True)
    told = Result(outcome=Outcome.APPROVED, gateway_reference=(await house.charge(intent)).gateway_reference)
    assert await notify(house, "stripe", NotificationKind.VOID, reference=void.id, result=told) is Verdict.APPLIED
    void = (await house.attempts(intent))[-1]
    assert (void.state, void.next_inquiry_at_ms) == ("approved", None)
