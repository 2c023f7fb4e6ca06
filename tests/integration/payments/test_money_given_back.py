"""Money that a gateway took although nobody wants it any more goes back, without a webhook and without being asked."""

import asyncio
import logging

import pytest
from tests.support.gateway_news import HOUR_MS, balance, fault, moved, told_approved
from tests.support.payment_house import RETURN_URL, House
from tests.support.sandboxes import STRIPE_KEY, Gateway, fetch

from interlock.gateways.contract import Operation
from interlock.payments.attempts.types import Attempt
from interlock.payments.intents.challenges import Redirect
from interlock.payments.intents.types import CancelIntent, ConfirmIntent, Intent, IntentStatus, UpdateIntent
from interlock.payments.recovery.notifications import Verdict

CARD = ConfirmIntent(payment_method="pm_card_visa", return_url=RETURN_URL)


async def pass_at_the_bank(house: House, attempt: Attempt) -> None:
    """Pass a challenge, and never come back to the shop."""
    challenges, token = house.payments.challenges, attempt.detail["return_token"]
    bank = await challenges.redirect(attempt.account_id, attempt.id, token)
    assert isinstance(bank, Redirect)
    separator = "&" if "?" in bank.url else "?"
    await asyncio.to_thread(fetch, "GET", f"{bank.url}{separator}outcome=succeed")


async def leave(house: House, intent: Intent, how: str) -> None:
    """Leave the intent's challenge behind."""
    payments, ctx = house.payments, house.ctx()
    if how == "cancel":
        await house.follow(lambda r: payments.follow_ons.cancel(ctx, intent.id, CancelIntent(), r))
    elif how == "confirm":
        await house.follow(lambda r: payments.intents.confirm(ctx, intent.id, CARD, r))
    else:
        await house.follow(lambda r: payments.intents.update(ctx, intent.id, UpdateIntent(amount=500), r))


@pytest.mark.parametrize("how", ["cancel", "confirm", "update"])
async def test_a_challenge_passed_before_it_was_left_behind_is_refunded_at_once(
    house: House, stripe_gateway: Gateway, how: str
) -> None:
    intent = await house.paid("pm_card_threeDSecure2Required")
    (challenged,) = await house.attempts(intent)
    await pass_at_the_bank(house, challenged)
    await leave(house, intent, how)
    for _ in range(2):
        await house.recover(1_000)
    undone = [one for one in await house.attempts(intent) if one.detail.get("stray") == challenged.id]
    assert [(one.operation, one.state) for one in undone] == [("void", "declined"), ("refund", "approved")]
    refunds = [e for e in stripe_gateway.books(kind="refund") if e["payment_id"] == challenged.gateway_reference]
    assert [entry["amount_minor"] for entry in refunds] == [1099]


async def test_an_authorisation_captured_by_hand_at_the_gateway_and_cancelled_here_is_refunded(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid(capture_method="manual")
    reference = (await house.charge(intent)).gateway_reference
    headers = {"authorization": f"Bearer {STRIPE_KEY}", "content-type": "application/x-www-form-urlencoded"}
    url = f"{stripe_gateway.url}/v1/payment_intents/{reference}/capture"
    assert (await asyncio.to_thread(fetch, "POST", url, b"", headers)).status == 200
    await leave(house, intent, "cancel")
    assert (await house.intent(intent.id)).status is IntentStatus.CANCELED
    await house.recover(1_000)
    last = (await house.attempts(intent))[-1]
    assert (last.operation, last.state, last.amount_minor) == (Operation.REFUND, "approved", 1099)
    assert await balance(house) == 0


async def test_money_that_cannot_be_given_back_is_told_in_the_log_when_the_tries_run_out(
    house: House, stripe_gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    intent = await house.paid("pm_card_threeDSecure2Required")
    await leave(house, intent, "cancel")
    await fault(stripe_gateway, "refuse", status=400)
    with caplog.at_level(logging.ERROR):
        for _ in range(41):
            await house.recover(HOUR_MS)
    undoing = (await house.attempts(intent))[-1]
    assert (undoing.state, undoing.next_inquiry_at_ms) == ("refused", None)
    assert [record.message for record in caplog.records if undoing.id in record.message]


async def test_a_refund_of_other_money_than_was_taken_is_not_believed(house: House, stripe_gateway: Gateway) -> None:
    intent = await house.paid("pm_card_threeDSecure2Required")
    (challenged,) = await house.attempts(intent)
    await pass_at_the_bank(house, challenged)
    await leave(house, intent, "cancel")
    await house.recover(1_000)
    await fault(stripe_gateway, "wrong_amount", factor=0.01)
    await house.recover(1_000)
    undoing = (await house.attempts(intent))[-1]
    assert (undoing.operation, undoing.state, undoing.code) == (Operation.REFUND, "unknown", "echo_mismatch")


async def test_what_a_webhook_and_a_late_void_both_give_back_goes_back_once(
    house: House, stripe_gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    intent = await house.paid("pm_card_threeDSecure2Required")
    (challenged,) = await house.attempts(intent)
    await pass_at_the_bank(house, challenged)
    await leave(house, intent, "cancel")
    assert await told_approved(house, challenged) is Verdict.APPLIED
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await house.recover(HOUR_MS)
    attempts = await house.attempts(intent)
    assert [(one.operation, one.state) for one in attempts[1:]] == [
        ("void", "declined"),
        ("refund", "approved"),
        ("refund", "declined"),
    ]
    assert moved(stripe_gateway, *(one.id for one in attempts)) == ["capture", "refund"]
    assert not caplog.records
