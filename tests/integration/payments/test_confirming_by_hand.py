"""``confirmation_method=manual``: only the shop's server takes the money, also after the shopper's challenge."""

from typing import Any

import msgspec
import pytest
from tests.integration.payments.test_changes_meanwhile import card_of_customer, update
from tests.support.payment_house import RETURN_URL, House
from tests.support.sandboxes import Gateway

from interlock.base.context import RequestContext
from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.payments.intents.types import CancelIntent, ConfirmIntent, Intent, IntentStatus, UpdateIntent

CARD = "pm_card_authenticationRequired"


async def challenged(house: House, method: str = CARD, **more: Any) -> Intent:
    intent = await house.paid(method, confirmation_method="manual", **more)
    assert intent.status is IntentStatus.REQUIRES_ACTION
    return intent


async def back(house: House, intent: Intent, outcome: str = "succeed") -> str:
    redirect = await house.pass_challenge((await house.attempts(intent))[-1], outcome)
    return redirect.url


async def confirmed(
    house: House, intent: Intent, options: ConfirmIntent | None = None, ctx: RequestContext | None = None
) -> Any:
    asked = options or ConfirmIntent()
    return await house.follow(
        lambda respond: house.payments.intents.confirm(ctx or house.ctx(), intent.id, asked, respond)
    )


def taken(gateway: Gateway, reference: str) -> list[int]:
    """Return the amounts that the gateway's books hold as captured for an attempt."""
    return [entry["amount_minor"] for entry in gateway.books(reference=reference) if entry["kind"] == "capture"]


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_the_money_is_taken_when_the_shop_confirms_again_and_not_before(
    house: House, stripe_gateway: Gateway, adyen_gateway: Gateway, gateway: str
) -> None:
    if gateway == "adyen":
        stripe_gateway.fault("refuse", status=400)
    intent = await challenged(house)
    url = await back(house, intent)
    waiting = await house.intent(intent.id)
    attempt = (await house.attempts(intent))[-1]
    books = {"stripe": stripe_gateway, "adyen": adyen_gateway}[attempt.connector]

    assert "redirect_status=pending" in url
    assert (waiting.status, waiting.next_action) == (IntentStatus.REQUIRES_CONFIRMATION, None)
    assert attempt.connector == gateway
    assert taken(books, attempt.id) == []

    view = await confirmed(house, intent)

    assert (view.intent.status, view.intent.amount_received_minor) == (IntentStatus.SUCCEEDED, 1099)
    assert len(taken(books, attempt.id)) == 1
    assert len(await house.attempts(intent)) == len([attempt]) + (gateway == "adyen")


async def test_a_hold_is_made_the_same_way(house: House) -> None:
    intent = await challenged(house, capture_method="manual")
    await back(house, intent)
    assert (await confirmed(house, intent)).intent.status is IntentStatus.REQUIRES_CAPTURE


async def test_a_shopper_who_fails_the_challenge_is_told_on_confirming(house: House, stripe_gateway: Gateway) -> None:
    intent = await challenged(house)
    await back(house, intent, "fail")
    problem = await confirmed(house, intent)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (402, "payment_intent_authentication_failure")
    assert (await house.intent(intent.id)).status is IntentStatus.REQUIRES_PAYMENT_METHOD


async def test_coming_back_twice_changes_nothing(house: House) -> None:
    intent = await challenged(house)
    await back(house, intent)
    attempt = (await house.attempts(intent))[-1]
    token = attempt.detail["return_token"]
    await house.payments.challenges.returned(attempt.account_id, attempt.id, token, {"payment_intent": "another"})
    assert (await house.attempts(intent))[-1] == attempt
    assert (await confirmed(house, intent)).intent.status is IntentStatus.SUCCEEDED


async def test_a_browser_may_not_confirm(house: House) -> None:
    intent = await challenged(house)
    await back(house, intent)
    browser = msgspec.structs.replace(house.ctx(), publishable=True)
    problem = await confirmed(house, intent, ctx=browser)
    assert isinstance(problem, Problem)
    assert problem.status == 400
    assert "publishable key" in problem.message
    assert (await house.intent(intent.id)).status is IntentStatus.REQUIRES_CONFIRMATION


async def test_another_card_is_another_payment_and_the_first_is_given_up(house: House, stripe_gateway: Gateway) -> None:
    intent = await challenged(house)
    await back(house, intent)
    view = await confirmed(house, intent, ConfirmIntent(payment_method="pm_card_visa", return_url=RETURN_URL))
    assert view.intent.status is IntentStatus.SUCCEEDED
    await house.recover()
    kinds = [(one.operation, one.state) for one in await house.attempts(intent)]
    assert sorted(kinds) == [("sale", "approved"), ("sale", "declined"), ("void", "approved")]
    given_up = (await house.attempts(intent))[0]
    assert taken(stripe_gateway, given_up.id) == []


async def test_cancelled_before_it_is_confirmed_nothing_is_taken(house: House, stripe_gateway: Gateway) -> None:
    intent = await challenged(house)
    await back(house, intent)
    await house.follow(
        lambda respond: house.payments.follow_ons.cancel(house.ctx(), intent.id, CancelIntent(), respond)
    )
    await house.recover()
    assert (await house.intent(intent.id)).status is IntentStatus.CANCELED
    first, undoing = await house.attempts(intent)
    assert (undoing.operation, undoing.state) == (Operation.VOID, "approved"), undoing.message
    assert taken(stripe_gateway, first.id) == []


async def test_a_new_amount_asks_the_shopper_anew(house: House) -> None:
    intent = await challenged(house)
    await back(house, intent)
    await house.follow(
        lambda respond: house.payments.intents.update(house.ctx(), intent.id, UpdateIntent(amount=500), respond)
    )
    assert (await confirmed(house, intent, ConfirmIntent(return_url=RETURN_URL))).intent.status is (
        IntentStatus.REQUIRES_ACTION
    )


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
async def test_a_lost_answer_to_the_second_confirm_is_found_out(
    house: House, stripe_gateway: Gateway, kind: str
) -> None:
    intent = await challenged(house)
    await back(house, intent)
    stripe_gateway.fault(kind, match={"path": "*/confirm"}, schedule={"first": 1})
    await confirmed(house, intent)
    await house.recover()
    done = await house.intent(intent.id)
    assert (done.status, done.amount_received_minor) == (IntentStatus.SUCCEEDED, 1099)
    assert len(taken(stripe_gateway, (await house.attempts(intent))[-1].id)) == 1


async def test_a_hold_asked_for_on_the_second_confirm_takes_no_money(house: House, stripe_gateway: Gateway) -> None:
    intent = await challenged(house)
    await back(house, intent)
    await confirmed(house, intent, ConfirmIntent(capture_method="manual", return_url=RETURN_URL))
    assert taken(stripe_gateway, (await house.attempts(intent))[0].id) == []


async def test_what_the_second_confirm_says_is_kept(house: House) -> None:
    intent = await challenged(house)
    await back(house, intent)
    options = ConfirmIntent(details={"receipt_email": "a@b.example"}, setup_future_usage="off_session")
    await confirmed(house, intent, options)
    after = await house.intent(intent.id)
    assert (after.status, after.details["receipt_email"], after.setup_future_usage) == (
        IntentStatus.SUCCEEDED,
        "a@b.example",
        "off_session",
    )


async def test_the_second_confirm_needs_no_return_url(house: House) -> None:
    automatic = {"automatic_payment_methods": {"enabled": True}}
    intent = await challenged(house, details=automatic)
    await back(house, intent)
    assert (await confirmed(house, intent)).intent.status is IntentStatus.SUCCEEDED


@pytest.mark.parametrize("named_again", [True, False])
async def test_a_card_of_one_customer_does_not_pay_for_another(house: House, named_again: bool) -> None:
    first, method = await card_of_customer(house, CARD)
    second, _ = await card_of_customer(house, "pm_card_visa")
    intent = await house.paid(method, customer=first, confirmation_method="manual")
    more = {"payment_method": method} if named_again else {}
    refused = await update(house, intent, customer=second, **more)
    assert isinstance(refused, Problem)
    assert (await house.intent(intent.id)).customer_id == first


async def test_the_same_key_confirms_once(house: House) -> None:
    intent = await challenged(house)
    await back(house, intent)
    ctx = house.ctx("twice", path=f"/v1/payment_intents/{intent.id}/confirm")
    first = await confirmed(house, intent, ctx=ctx)
    again = await confirmed(house, intent, ctx=ctx)
    assert first.intent.status is IntentStatus.SUCCEEDED
    assert isinstance(again, Problem)  # the pipeline replays the kept answer in its place
