"""What gateways tell by webhook about operations on a payment that exists."""

import asyncio
import logging
from typing import Any

import pytest
from tests.support.gateway_news import HOUR_MS, balance, fault, notify
from tests.support.payment_house import House
from tests.support.sandboxes import Gateway

from interlock.base.money import Money
from interlock.gateways.contract import NotificationKind, Operation
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.types import Attempt
from interlock.payments.intents import cancellation
from interlock.payments.intents.types import CancelIntent, CaptureIntent, IncrementIntent, Intent, IntentStatus
from interlock.payments.recovery.notifications import Verdict
from interlock.storage.database import Page

INCREMENTAL = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}


async def follow(house: House, verb: str, intent: Intent, command: Any) -> Any:
    call = getattr(house.payments.follow_ons, verb)
    return await house.follow(lambda r: call(house.ctx(), intent.id, command, r))


async def held_at_adyen(house: House, stripe: Gateway, **more: Any) -> Intent:
    await fault(stripe, "refuse")
    return await house.paid(capture_method="manual", amount_minor=1000, **more)


async def last(house: House, intent: Intent) -> Attempt:
    return (await house.attempts(intent))[-1]


async def test_an_increment_that_adyen_confirms_later_raises_the_authorisation(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await held_at_adyen(house, stripe_gateway, details=INCREMENTAL)
    await follow(house, "increment", intent, IncrementIntent(amount=1700))
    attempt = await last(house, intent)
    assert (attempt.operation, attempt.state) == (Operation.INCREMENT, "pending")
    facts = {"reference": attempt.id, "result": Result(outcome=Outcome.APPROVED, gateway_reference="X")}
    told = await notify(house, "adyen", NotificationKind.INCREMENT, **facts, amount=Money(1700, "usd"))
    assert told is Verdict.APPLIED
    assert (await house.intent(intent.id)).amount_capturable_minor == 1700
    assert (await house.charge(intent)).amount_minor == 1700
    captured = await follow(house, "capture", intent, CaptureIntent())
    assert captured.intent.active_attempt_id != attempt.id, "the payment was locked by the increment for ever"


async def test_an_increment_that_adyen_declines_later_leaves_the_authorisation(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await held_at_adyen(house, stripe_gateway, details=INCREMENTAL)
    await follow(house, "increment", intent, IncrementIntent(amount=1700))
    declined = Result(outcome=Outcome.DECLINED, gateway_reference="X")
    attempt = await last(house, intent)
    told = await notify(house, "adyen", NotificationKind.INCREMENT, reference=attempt.id, result=declined)
    held = await house.intent(intent.id)
    assert (told, held.amount_capturable_minor, held.active_attempt_id) == (Verdict.APPLIED, 1000, None)
    await house.recover(HOUR_MS)
    assert (await last(house, intent)).state == "declined"


async def cancelled_at_adyen(house: House, stripe: Gateway) -> tuple[Intent, Attempt]:
    """Return an intent that is cancelled here while Adyen has not said what became of the void, and that void."""
    intent = await held_at_adyen(house, stripe)
    await follow(house, "cancel", intent, CancelIntent())
    void = await last(house, intent)
    assert (void.operation, void.state) == (Operation.VOID, "pending")
    return await house.intent(intent.id), void


async def declined(house: House, void: Attempt) -> Verdict:
    said = Result(outcome=Outcome.DECLINED, gateway_reference="V", code="CANCELLATION")
    return await notify(house, "adyen", NotificationKind.VOID, reference=void.id, result=said)


async def test_a_void_that_adyen_could_not_carry_out_is_sent_again(house: House, stripe_gateway: Gateway) -> None:
    intent, void = await cancelled_at_adyen(house, stripe_gateway)
    assert intent.status is IntentStatus.CANCELED
    assert await declined(house, void) is Verdict.APPLIED
    waiting = await last(house, intent)
    assert (waiting.state, waiting.settled_at_ms, waiting.detail["reverse"]) == ("declined", None, True)
    await house.recover(HOUR_MS)
    sent = await last(house, intent)
    assert (sent.state, sent.inquiries) == ("pending", 1)
    assert sent.outbound_key != void.outbound_key, "its answer would be the old one"


@pytest.mark.parametrize("kind", [NotificationKind.VOID, NotificationKind.REFUND])
async def test_a_reversal_is_done_whether_adyen_released_or_refunded(
    house: House, stripe_gateway: Gateway, kind: NotificationKind
) -> None:
    intent, void = await cancelled_at_adyen(house, stripe_gateway)
    await declined(house, void)
    await house.recover(HOUR_MS)
    said = Result(outcome=Outcome.APPROVED, gateway_reference="R")
    told = await notify(house, "adyen", kind, reference=void.id, result=said, amount=Money(1000, "usd"))
    done = await last(house, intent)
    assert (told, done.state, done.next_inquiry_at_ms) == (Verdict.APPLIED, "approved", None)
    assert await balance(house) == 0


async def test_what_was_captured_by_hand_at_adyen_and_cancelled_here_is_refunded(
    house: House, stripe_gateway: Gateway, adyen_gateway: Gateway
) -> None:
    intent = await held_at_adyen(house, stripe_gateway)
    reference = (await house.charge(intent)).gateway_reference
    amount = {"currency": "USD", "value": 1000}
    capture = {"merchantAccount": "InterlockSandbox", "amount": amount}
    await asyncio.to_thread(adyen_gateway.adyen, f"/payments/{reference}/captures", capture)
    await asyncio.sleep(0.5)  # carried out a moment later
    await follow(house, "cancel", intent, CancelIntent())
    await declined(house, await last(house, intent))
    await house.recover(HOUR_MS)
    await asyncio.sleep(0.5)
    kinds = [entry["kind"] for entry in adyen_gateway.books() if entry["payment_id"] == reference]
    assert kinds[-2:] == ["capture", "refund"]


async def test_a_void_that_is_declined_again_and_again_is_given_up_and_told(
    house: House, stripe_gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    intent, void = await cancelled_at_adyen(house, stripe_gateway)
    with caplog.at_level(logging.ERROR):
        for _ in range(cancellation.DECLINED_SENDS_MAX + 1):
            await declined(house, void)
            await house.recover(HOUR_MS)
    given_up = await last(house, intent)
    assert (given_up.state, given_up.next_inquiry_at_ms) == ("declined", None)
    assert [record for record in caplog.records if void.id in record.message]


async def test_a_dispute_that_names_no_money_is_of_the_whole_charge(house: House) -> None:
    intent, held = await house.paid(), await house.paid(capture_method="manual")
    for paid, verdict in ((intent, Verdict.APPLIED), (held, Verdict.NOT_YET)):
        reference = (await house.charge(paid)).gateway_reference
        facts = {"gateway_reference": reference, "dispute_reference": f"dp_{paid.id}", "amount": Money(0, "usd")}
        assert await notify(house, "stripe", NotificationKind.DISPUTE_OPENED, **facts) is verdict
    (shown,) = (await house.payments.disputes.list(house.scope, Page())).items
    assert (shown.dispute.payment_intent_id, shown.dispute.amount_minor) == (intent.id, 1099)
