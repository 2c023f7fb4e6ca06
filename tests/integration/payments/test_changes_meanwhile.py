"""What a shop or a shopper changes while a gateway is being asked: the outcome is written all the same, once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.support.payment_house import RETURN_URL, House
from tests.support.sandboxes import Gateway, fetch

from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.charges.types import UpdateCharge
from interlock.payments.customers.types import CreateCustomer
from interlock.payments.instruments.types import PAYMENT_METHODS
from interlock.payments.intents.challenges import Redirect
from interlock.payments.intents.types import CaptureIntent, ConfirmIntent, CreateIntent, Intent, IntentStatus
from interlock.payments.intents.types import UpdateIntent as Update
from interlock.payments.refunds.types import CreateRefund
from interlock.payments.setup.types import ConfirmSetup, CreateSetup, SetupStatus, UpdateSetup
from interlock.storage.database import Page

CHALLENGED = "pm_card_threeDSecure2Required"
VISA = ConfirmIntent(payment_method="pm_card_visa", return_url=RETURN_URL)


async def card_of_customer(house: House, name: str) -> tuple[str, str]:
    customers = house.payments.customers
    made = await house.follow(lambda r: customers.create(house.ctx(), CreateCustomer(payment_method=name), r))
    found = await house.database.find(PAYMENT_METHODS, house.scope, Page(), where={"customer_id": made.id})
    (method,) = found.items
    return made.id, method.id


async def update(house: House, intent: Intent, **changes: Any) -> Any:
    return await house.follow(lambda r: house.payments.intents.update(house.ctx(), intent.id, Update(**changes), r))


async def unconfirmed(house: House) -> Intent:
    command = CreateIntent(amount=Money(1099, "usd"))
    view = await house.follow(lambda r: house.payments.intents.create(house.ctx(), command, r))
    intent: Intent = view.intent
    return intent


def confirming(house: House, intent: Intent, options: ConfirmIntent = VISA) -> Coroutine[Any, Any, Any]:
    return house.follow(lambda r: house.payments.intents.confirm(house.ctx(), intent.id, options, r))


async def during(gateway: Gateway, request: Coroutine[Any, Any, Any], change: Callable[[], Awaitable[Any]]) -> Any:
    """Make ``change`` while ``request`` waits for the gateway."""
    await asyncio.to_thread(gateway.fault, "latency", ms=900)
    running = asyncio.create_task(request)
    await asyncio.sleep(0.35)
    await change()
    return await running


def moved(gateway: Gateway, attempts: list[Attempt]) -> list[str]:
    """Return which kinds of money movement the gateway's books hold for the attempts."""
    references = {attempt.id for attempt in attempts}
    wanted = {"capture", "refund"}
    return [one["kind"] for one in gateway.books() if one["reference"] in references and one["kind"] in wanted]


async def remove(house: House, removal: str, customer: str, method: str) -> None:
    if removal == "detach":
        await house.follow(lambda r: house.payments.payment_methods.detach(house.ctx(), method, r))
    else:
        await house.follow(lambda r: house.payments.customers.delete(house.ctx(), customer, r))


async def setting_up(house: House, customer: str, method: str) -> tuple[str, Attempt]:
    """Return a set-up whose shopper is at the bank, and its attempt."""
    asked = CreateSetup(customer=customer, payment_method=method, confirm=ConfirmSetup(return_url=RETURN_URL))
    view = await house.follow(lambda r: house.payments.setup_intents.create(house.ctx(), asked, r))
    attempt = await house.database.get(ATTEMPTS, house.scope, view.setup_intent.active_attempt_id)
    assert attempt is not None
    return view.setup_intent.id, attempt


async def set_up(house: House, setup_id: str) -> SetupStatus:
    found = await house.payments.setup_intents.get(house.scope, setup_id)
    assert not isinstance(found, Problem)
    return found.status


# -- the card is taken away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("removal", ["detach", "delete the customer"])
async def test_a_card_removed_while_its_owner_is_at_the_bank_has_paid_and_stays_removed(
    house: House, removal: str
) -> None:
    customer, method = await card_of_customer(house, CHALLENGED)
    intent = await house.paid(method, customer=customer, setup_future_usage="off_session")
    await remove(house, removal, customer, method)
    await house.pass_challenge((await house.attempts(intent))[-1], "succeed")

    assert (await house.intent(intent.id)).status is IntentStatus.SUCCEEDED
    kept = await house.database.get(PAYMENT_METHODS, house.scope, method)
    assert kept is not None
    assert (kept.detached, kept.customer_id) == (True, None)


async def test_a_card_removed_while_it_is_set_up_ends_the_set_up(house: House) -> None:
    customer, method = await card_of_customer(house, CHALLENGED)
    setup_id, attempt = await setting_up(house, customer, method)
    await remove(house, "detach", customer, method)
    await house.pass_challenge(attempt, "succeed")
    assert await set_up(house, setup_id) is SetupStatus.SUCCEEDED


# -- the same wish again, or another ----------------------------------------------------------------------------------


async def test_naming_the_same_card_again_keeps_the_challenge_and_takes_the_money_once(
    house: House, stripe_gateway: Gateway
) -> None:
    customer, method = await card_of_customer(house, CHALLENGED)
    intent = await house.paid(method, customer=customer)
    view = await update(house, intent, payment_method=method, metadata={"order": "7"})
    assert view.intent.status is IntentStatus.REQUIRES_ACTION
    await house.pass_challenge((await house.attempts(intent))[-1], "succeed")

    assert (await house.intent(intent.id)).status is IntentStatus.SUCCEEDED
    assert isinstance(await confirming(house, intent), Problem)
    assert moved(stripe_gateway, await house.attempts(intent)) == ["capture"]


async def test_naming_the_same_card_again_keeps_the_challenge_of_a_set_up(house: House) -> None:
    customer, method = await card_of_customer(house, CHALLENGED)
    setup_id, attempt = await setting_up(house, customer, method)
    change = UpdateSetup(payment_method=method)
    await house.follow(lambda r: house.payments.setup_intents.update(house.ctx(), setup_id, change, r))
    assert await set_up(house, setup_id) is SetupStatus.REQUIRES_ACTION
    await house.pass_challenge(attempt, "succeed")
    assert await set_up(house, setup_id) is SetupStatus.SUCCEEDED


async def test_another_card_for_a_set_up_leaves_its_challenge_behind(house: House) -> None:
    customer, method = await card_of_customer(house, CHALLENGED)
    setup_id, attempt = await setting_up(house, customer, method)
    change = UpdateSetup(payment_method="pm_card_visa")
    view = await house.follow(lambda r: house.payments.setup_intents.update(house.ctx(), setup_id, change, r))
    assert (view.setup_intent.status, view.setup_intent.next_action) == (SetupStatus.REQUIRES_CONFIRMATION, None)
    left = await house.database.get(ATTEMPTS, house.scope, attempt.id)
    assert left is not None
    assert (left.state, left.code) == ("declined", "abandoned")


async def test_a_hold_wished_for_while_the_shopper_is_at_the_bank_takes_no_money(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid(CHALLENGED)
    view = await update(house, intent, capture_method="manual")
    assert view.intent.status is IntentStatus.REQUIRES_CONFIRMATION
    await house.recover()
    held = await confirming(house, intent)
    assert held.intent.status is IntentStatus.REQUIRES_CAPTURE
    assert moved(stripe_gateway, await house.attempts(intent)) == []


# -- harmless writes to the same rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_chargeDeclined"])
async def test_metadata_written_during_a_confirm_hides_no_outcome(
    house: House, stripe_gateway: Gateway, card: str
) -> None:
    intent = await unconfirmed(house)
    options = ConfirmIntent(payment_method=card, return_url=RETURN_URL)
    answer = await during(
        stripe_gateway, confirming(house, intent, options), lambda: update(house, intent, metadata={"order": "7"})
    )
    present = await house.intent(intent.id)
    declined = card == "pm_card_chargeDeclined"
    assert isinstance(answer, Problem) == declined
    assert present.status is (IntentStatus.REQUIRES_PAYMENT_METHOD if declined else IntentStatus.SUCCEEDED)
    assert present.metadata == {"order": "7"}


async def test_metadata_written_during_a_confirm_does_not_stop_the_failover(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await unconfirmed(house)
    await asyncio.to_thread(stripe_gateway.fault, "refuse")
    answer = await during(
        stripe_gateway, confirming(house, intent), lambda: update(house, intent, metadata={"order": "7"})
    )
    assert (answer.intent.status, answer.intent.metadata) == (IntentStatus.SUCCEEDED, {"order": "7"})
    assert [attempt.connector for attempt in await house.attempts(intent)] == ["stripe", "adyen"]


async def test_two_payments_that_store_one_card_both_succeed(house: House, stripe_gateway: Gateway) -> None:
    customer, method = await card_of_customer(house, "pm_card_visa")
    await asyncio.to_thread(stripe_gateway.fault, "latency", ms=400)
    both = await asyncio.gather(
        *(house.pay(method, customer=customer, setup_future_usage="off_session") for _ in range(2))
    )
    assert [view.intent.status for view in both] == [IntentStatus.SUCCEEDED] * 2


async def test_a_charge_described_during_its_capture_is_captured(house: House, stripe_gateway: Gateway) -> None:
    intent = await house.paid(capture_method="manual")
    charge = await house.charge(intent)
    described = UpdateCharge(metadata={"a": "b"})
    answer = await during(
        stripe_gateway,
        house.follow(lambda r: house.payments.follow_ons.capture(house.ctx(), intent.id, CaptureIntent(), r)),
        lambda: house.follow(lambda r: house.payments.charges.update(house.ctx(), charge.id, described, r)),
    )
    assert answer.intent.status is IntentStatus.SUCCEEDED
    assert (await house.charge(intent)).metadata == {"a": "b"}


async def test_a_charge_described_again_and_again_during_its_refund_is_refunded(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid()
    charge = await house.charge(intent)

    async def describe() -> None:
        for number in range(3):
            described = UpdateCharge(metadata={"a": str(number)})
            await house.follow(lambda r, d=described: house.payments.charges.update(house.ctx(), charge.id, d, r))

    asked = CreateRefund(payment_intent=intent.id)
    refund = await during(
        stripe_gateway, house.follow(lambda r: house.payments.refunds.create(house.ctx(), asked, r)), describe
    )
    assert refund.status == "succeeded"


async def test_a_set_up_changed_during_its_confirm_succeeds(house: House, stripe_gateway: Gateway) -> None:
    setups = house.payments.setup_intents
    view = await house.follow(lambda r: setups.create(house.ctx(), CreateSetup(), r))
    setup_id = view.setup_intent.id
    options = ConfirmSetup(payment_method="pm_card_visa", return_url=RETURN_URL)
    change = UpdateSetup(metadata={"a": "b"})
    answer = await during(
        stripe_gateway,
        house.follow(lambda r: setups.confirm(house.ctx(), setup_id, options, r)),
        lambda: house.follow(lambda r: setups.update(house.ctx(), setup_id, change, r)),
    )
    assert (answer.setup_intent.status, answer.setup_intent.metadata) == ("succeeded", {"a": "b"})


async def test_a_set_up_changed_before_its_failover_succeeds_elsewhere(house: House, stripe_gateway: Gateway) -> None:
    setups = house.payments.setup_intents
    view = await house.follow(lambda r: setups.create(house.ctx(), CreateSetup(), r))
    setup_id = view.setup_intent.id
    await asyncio.to_thread(stripe_gateway.fault, "refuse")
    options = ConfirmSetup(payment_method="pm_card_visa", return_url=RETURN_URL)
    answer = await during(
        stripe_gateway,
        house.follow(lambda r: setups.confirm(house.ctx(), setup_id, options, r)),
        lambda: house.follow(lambda r: setups.update(house.ctx(), setup_id, UpdateSetup(metadata={"a": "b"}), r)),
    )
    assert answer.setup_intent.status == "succeeded"


async def test_the_creation_is_announced_whoever_writes_second(house: House, stripe_gateway: Gateway) -> None:
    async def change() -> None:
        (intent,) = (await house.payments.intents.list(house.scope, Page())).items
        await update(house, intent, metadata={"order": "7"})

    await during(stripe_gateway, house.pay(), change)
    assert (await house.events()).count("payment_intent.created") == 1


async def test_an_update_of_an_unconfirmed_intent_does_not_announce_its_creation_again(house: House) -> None:
    await update(house, await unconfirmed(house), metadata={"a": "b"})
    assert (await house.events()).count("payment_intent.created") == 1


async def test_a_refund_written_over_another_change_keeps_its_answer_under_its_key(
    house: House, stripe_gateway: Gateway
) -> None:
    charge = await house.charge(await house.paid())
    described, asked = UpdateCharge(metadata={"a": "b"}), CreateRefund(charge=charge.id)
    ctx = house.ctx("refund-1", path="/v1/refunds")
    refund = await during(
        stripe_gateway,
        house.follow(lambda r: house.payments.refunds.create(ctx, asked, r)),
        lambda: house.follow(lambda r: house.payments.charges.update(house.ctx(), charge.id, described, r)),
    )
    assert refund.status == "succeeded"
    key = await house.payments.idempotency.find(ctx)
    assert key is not None
    assert key.status == 200


@pytest.mark.parametrize("method", ["automatic", "manual"])
async def test_a_return_from_the_bank_that_meets_an_update_is_not_lost(house: House, method: str) -> None:
    intent = await house.paid(CHALLENGED, confirmation_method=method)
    outcomes: Any = house.payments.challenges._subjects["pi"]
    real = outcomes.resume
    met: list[Any] = []

    async def resume(attempt: Any, change: Any) -> Any:
        found = await real(attempt, change)
        if not met:
            met.append(await update(house, intent, metadata={"a": "b"}))
        return found

    outcomes.resume = resume
    await house.pass_challenge((await house.attempts(intent))[-1], "succeed")
    wanted = IntentStatus.REQUIRES_CONFIRMATION if method == "manual" else IntentStatus.SUCCEEDED
    assert (await house.intent(intent.id)).status is wanted


# -- the return page --------------------------------------------------------------------------------------------------


async def test_a_visit_of_the_return_page_that_brings_nothing_does_not_end_an_adyen_challenge(
    house: House, stripe_gateway: Gateway
) -> None:
    await asyncio.to_thread(stripe_gateway.fault, "refuse")
    intent = await house.paid(CHALLENGED)
    attempt = (await house.attempts(intent))[-1]
    way = (attempt.account_id, attempt.id, attempt.detail["return_token"])
    bank = await house.payments.challenges.redirect(*way)
    assert isinstance(bank, Redirect)
    visit = await house.payments.challenges.returned(*way, {"utm_source": "preview"})
    assert isinstance(visit, Redirect)
    assert "redirect_status=pending" in visit.url
    assert (await house.intent(intent.id)).status is IntentStatus.REQUIRES_ACTION

    answer = await asyncio.to_thread(fetch, "GET", f"{bank.url}{'&' if '?' in bank.url else '?'}outcome=succeed")
    brought = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    await house.payments.challenges.returned(*way, brought)
    assert (await house.intent(intent.id)).status is IntentStatus.SUCCEEDED


# -- what no row can hold ---------------------------------------------------------------------------------------------

_REFUSED = '{"error":{"type":"invalid_request_error","code":"x\\u0000y","message":"no"}}'
_DECLINED = (
    '{"error":{"type":"card_error","code":"card_declined","decline_code":"generic_decline","message":"no\\u0000"}}'
)


async def test_an_answer_that_is_no_text_is_unknown_and_asked_about(house: House, stripe_gateway: Gateway) -> None:
    body = "\x1f\x8b\x08\x00\x00 a compressed error page"
    await asyncio.to_thread(stripe_gateway.fault, "status_5xx", body=body, status=502, schedule={"first": 1})
    intent = await house.paid()
    assert (await house.attempts(intent))[0].state == "approved"
    assert intent.status is IntentStatus.SUCCEEDED


async def test_a_refusal_with_a_nul_goes_on_to_the_next_gateway(house: House, stripe_gateway: Gateway) -> None:
    await asyncio.to_thread(stripe_gateway.fault, "status_5xx", body=_REFUSED, status=400)
    intent = await house.paid()
    refused, approved = await house.attempts(intent)
    assert (refused.state, refused.code, approved.connector) == ("refused", "x\ufffdy", "adyen")


async def test_a_decline_with_a_nul_ends_the_payment(house: House, stripe_gateway: Gateway) -> None:
    await asyncio.to_thread(stripe_gateway.fault, "status_5xx", body=_DECLINED, status=402)
    problem = await house.pay()
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (402, "card_declined")
