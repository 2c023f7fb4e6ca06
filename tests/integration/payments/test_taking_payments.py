"""Money paths of a payment intent on a real database and over real HTTP to the simulated gateways."""

import asyncio

import msgspec
import pytest
from tests.support.payment_house import RETURN_URL, House, open_house
from tests.support.rings import left_in_rings
from tests.support.sandboxes import Gateway

from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.ledger.service import Ledger
from interlock.payments.attempts.walking import Limits
from interlock.payments.customers.types import CreateCustomer
from interlock.payments.idempotency.service import KEY_TAKEN
from interlock.payments.instruments.types import PAYMENT_METHODS, CardData, PaymentMethod, PaymentMethodData
from interlock.payments.intents.types import (
    CancelIntent,
    CaptureIntent,
    ConfirmIntent,
    CreateIntent,
    IncrementIntent,
    IntentStatus,
    IntentView,
    UpdateIntent,
)
from interlock.payments.representation.payment_intent import payment_intent as show_intent
from interlock.payments.work import Answer
from interlock.storage.database import Database

CARD_REFUSAL = {"error": {"type": "invalid_request_error", "message": "no such field", "param": "foo"}}
MULTICAPTURE = {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}
INCREMENTAL = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}


async def test_a_sale_is_taken_once_booked_once_and_announced_in_order(house: House, stripe_gateway: Gateway) -> None:
    intent = await house.paid(amount_minor=2345)
    charge = await house.charge(intent)
    (attempt,) = await house.attempts(intent)
    assert intent.status is IntentStatus.SUCCEEDED
    assert (intent.amount_received_minor, charge.amount_captured_minor) == (2345, 2345)
    assert (attempt.state, attempt.operation, attempt.next_inquiry_at_ms) == ("approved", "sale", None)
    assert await house.events() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    booked = stripe_gateway.books(reference=attempt.id)
    assert sum(entry["amount_minor"] for entry in booked if entry["kind"] == "capture") == 2345
    balance = await Ledger(house.database, house.clock).balance(house.scope)
    assert [(each.currency, each.pending_minor) for each in balance] == [("usd", 2345)]


async def test_a_decline_is_told_in_the_issuers_words_and_leaves_the_intent_payable(house: House) -> None:
    problem = await house.pay("pm_card_visa_chargeDeclinedInsufficientFunds")
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code, problem.decline_code) == (402, "card_declined", "insufficient_funds")
    intent = await house.intent(problem.attached["payment_intent"]["id"])
    assert intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert intent.last_payment_error is not None
    charge = await house.charge(intent)
    assert (charge.status, charge.amount_captured_minor) == ("failed", 0)
    view = await house.follow(
        lambda respond: house.payments.intents.confirm(
            house.ctx(), intent.id, ConfirmIntent(payment_method="pm_card_visa", return_url=RETURN_URL), respond
        )
    )
    assert view.intent.status is IntentStatus.SUCCEEDED
    assert view.intent.attempt_count == 2


async def test_a_gateway_that_refuses_everything_costs_the_shopper_nothing_but_time(
    house: House, stripe_gateway: Gateway
) -> None:
    stripe_gateway.fault("refuse", status=400)
    intent = await house.paid()
    assert intent.status is IntentStatus.SUCCEEDED
    first, second = await house.attempts(intent)
    assert (first.connector, first.state, first.http_status) == ("stripe", "refused", 400)
    assert (second.connector, second.state) == ("adyen", "approved")
    assert first.settled_at_ms is not None


async def test_when_every_gateway_refuses_the_shopper_is_told_to_try_again_and_nothing_was_taken(
    house: House, stripe_gateway: Gateway, adyen_gateway: Gateway
) -> None:
    stripe_gateway.fault("refuse", status=401)
    adyen_gateway.fault("refuse", status=403)
    problem = await house.pay()
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code, problem.advice_code) == (402, "processing_error", "try_again_later")


async def test_an_issuers_decline_is_not_tried_elsewhere_without_a_rule(house: House) -> None:
    problem = await house.pay("pm_card_chargeDeclined")
    assert isinstance(problem, Problem)
    intent = await house.intent(problem.attached["payment_intent"]["id"])
    assert [attempt.connector for attempt in await house.attempts(intent)] == ["stripe"]


@pytest.mark.parametrize("kind", ["reset_after", "html", "truncated", "empty", "status_5xx"])
async def test_a_lost_answer_is_inquired_and_never_charged_twice(
    house: House, stripe_gateway: Gateway, kind: str
) -> None:
    stripe_gateway.fault(kind, schedule={"first": 1}, executes=True, match={"path": "/v1/payment_intents"})
    intent = await house.paid()
    while intent.status is IntentStatus.PROCESSING:
        await house.recover()
        intent = await house.intent(intent.id)
    (attempt,) = await house.attempts(intent)
    assert (intent.status, attempt.state) == (IntentStatus.SUCCEEDED, "approved")
    captures = [entry for entry in stripe_gateway.books(reference=attempt.id) if entry["kind"] == "capture"]
    assert len(captures) == 1


@pytest.mark.parametrize("kind", ["wrong_amount", "wrong_currency"])
async def test_an_answer_about_other_money_is_not_believed_until_an_inquiry_tells_the_truth(
    house: House, stripe_gateway: Gateway, kind: str
) -> None:
    stripe_gateway.fault(kind, schedule={"first": 1}, match={"path": "/v1/payment_intents"})
    intent = await house.paid(currency="eur")
    for _ in range(3):
        if intent.status is IntentStatus.SUCCEEDED:
            break
        await house.recover()
        intent = await house.intent(intent.id)
    (attempt,) = await house.attempts(intent)
    assert intent.status is IntentStatus.SUCCEEDED
    assert (intent.amount_received_minor, intent.currency) == (1099, "eur")
    assert attempt.state == "approved"


async def test_a_request_that_was_never_executed_settles_as_not_sent_and_can_be_paid_again(
    database: Database, stripe_gateway: Gateway, adyen_gateway: Gateway
) -> None:
    stripe_gateway.fault("reset_before", match={"path": "/v1/payment_intents"})
    async with open_house(database, stripe_gateway, adyen_gateway, Limits(budget_ms=2_500)) as house:
        # A card typed in, with its security code: once the request has ended it cannot be sent again as it was.
        card = CardData(number="4242424242424242", exp_month=12, exp_year=2040, cvc="987")
        intent = await house.paid("", payment_method_data=PaymentMethodData(card=card))
        assert intent.status is IntentStatus.PROCESSING
        assert [attempt.connector for attempt in await house.attempts(intent)] == ["stripe"]
        stripe_gateway.clear_faults()
        for _ in range(5):
            await house.recover(120_000)
            intent = await house.intent(intent.id)
            if intent.status is not IntentStatus.PROCESSING:
                break
        (attempt,) = await house.attempts(intent)
        assert (intent.status, attempt.state) == (IntentStatus.REQUIRES_PAYMENT_METHOD, "not_sent")
        assert stripe_gateway.books(reference=attempt.id) == []


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
@pytest.mark.parametrize(
    ("outcome", "status", "landing"),
    [
        ("succeed", IntentStatus.SUCCEEDED, "succeeded"),
        ("fail", IntentStatus.REQUIRES_PAYMENT_METHOD, "failed"),
    ],
)
async def test_a_challenge_sends_the_shopper_out_and_back(
    house: House, stripe_gateway: Gateway, gateway: str, outcome: str, status: IntentStatus, landing: str
) -> None:
    if gateway == "adyen":
        stripe_gateway.fault("refuse", status=400)
    intent = await house.paid("pm_card_authenticationRequired")
    assert intent.status is IntentStatus.REQUIRES_ACTION
    assert intent.next_action is not None
    assert intent.next_action["redirect_to_url"]["return_url"] == RETURN_URL
    attempt = (await house.attempts(intent))[-1]
    redirect = await house.pass_challenge(attempt, outcome)
    assert redirect.url.startswith(RETURN_URL)
    assert f"redirect_status={landing}" in redirect.url
    assert (await house.intent(intent.id)).status is status


async def saved(house: House) -> PaymentMethod:
    """Return a method whose bank asked its owner once, while it was saved."""
    customer = await house.follow(
        lambda respond: house.payments.customers.create(house.ctx(path="/v1/customers"), CreateCustomer(), respond)
    )
    first = await house.paid(
        "pm_card_authenticationRequiredOnSetup", setup_future_usage="off_session", customer=customer.id
    )
    await house.pass_challenge((await house.attempts(first))[-1], "succeed")
    paid = await house.intent(first.id)
    method = await house.database.get(PAYMENT_METHODS, house.scope, paid.payment_method_id or "")
    assert method is not None
    return method


async def test_a_saved_card_is_charged_off_session_as_the_one_its_gateway_keeps(
    house: House, stripe_gateway: Gateway
) -> None:
    method = await saved(house)
    customer, _, kept = method.credentials[house.gateways["stripe"].id].partition("/")
    later = await house.paid(method.id, customer=method.customer_id, options=ConfirmIntent(off_session=True))
    assert later.status is IntentStatus.SUCCEEDED
    (attempt,) = await house.attempts(later)
    remote = stripe_gateway.stripe("GET", f"/v1/payment_intents/{attempt.gateway_reference}").json()
    assert (remote["customer"], remote["payment_method"]) == (customer, kept)


async def test_off_session_payments_that_need_the_shopper_fail_with_authentication_required(house: House) -> None:
    options = ConfirmIntent(off_session=True)
    problem = await house.pay("pm_card_authenticationRequired", options=options)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (402, "authentication_required")


@pytest.mark.parametrize("gateway", ["stripe", "adyen"])
async def test_an_authorisation_is_captured_in_part_and_the_rest_released(
    house: House, stripe_gateway: Gateway, gateway: str
) -> None:
    if gateway == "adyen":
        stripe_gateway.fault("refuse", status=400, match={"path": "/v1/payment_intents"})
    intent = await house.paid(capture_method="manual", amount_minor=5000)
    assert (intent.status, intent.amount_capturable_minor) == (IntentStatus.REQUIRES_CAPTURE, 5000)
    view = await house.follow(
        lambda respond: house.payments.follow_ons.capture(house.ctx(), intent.id, CaptureIntent(amount=3000), respond)
    )
    captured = view.intent
    if gateway == "adyen":
        assert captured.status is IntentStatus.PROCESSING  # accepted; Adyen's webhook confirms it
        return
    assert (captured.status, captured.amount_received_minor) == (IntentStatus.SUCCEEDED, 3000)
    assert (await house.charge(captured)).amount_captured_minor == 3000
    problem = await house.follow(
        lambda respond: house.payments.follow_ons.capture(house.ctx(), intent.id, CaptureIntent(), respond)
    )
    assert problem.code == "payment_intent_unexpected_state"


async def test_several_captures_take_an_authorisation_bit_by_bit(house: House) -> None:
    intent = await house.paid(
        capture_method="manual",
        amount_minor=5000,
        details={"payment_method_options": {"card": {"request_multicapture": "if_available"}}},
    )
    for amount, final, received in ((1000, False, 1000), (1500, False, 2500), (2500, True, 5000)):
        part = CaptureIntent(amount=amount, final=final)
        view = await house.follow(
            lambda respond, part=part: house.payments.follow_ons.capture(house.ctx(), intent.id, part, respond)
        )
        assert view.intent.amount_received_minor == received
        done = received == 5000
        assert view.intent.status is (IntentStatus.SUCCEEDED if done else IntentStatus.REQUIRES_CAPTURE)


async def test_an_authorisation_grows_and_is_captured_at_its_new_amount(house: House) -> None:
    intent = await house.paid(capture_method="manual", amount_minor=1000, details=INCREMENTAL)
    view = await house.follow(
        lambda respond: house.payments.follow_ons.increment(
            house.ctx(), intent.id, IncrementIntent(amount=1700), respond
        )
    )
    assert (view.intent.amount_minor, view.intent.amount_capturable_minor) == (1700, 1700)
    view = await house.follow(
        lambda respond: house.payments.follow_ons.capture(house.ctx(), intent.id, CaptureIntent(), respond)
    )
    assert view.intent.amount_received_minor == 1700


async def test_cancelling_releases_the_authorisation_at_the_gateway(house: House, stripe_gateway: Gateway) -> None:
    intent = await house.paid(capture_method="manual")
    view = await house.follow(
        lambda respond: house.payments.follow_ons.cancel(
            house.ctx(), intent.id, CancelIntent(reason="requested_by_customer"), respond
        )
    )
    assert (view.intent.status, view.intent.amount_capturable_minor) == (IntentStatus.CANCELED, 0)
    reference = (await house.attempts(intent))[0].id
    assert "void" in {entry["kind"] for entry in stripe_gateway.books(reference=reference)}


async def test_a_cancel_the_gateway_refuses_holds_for_the_shop_and_is_sent_again(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid(capture_method="manual")
    stripe_gateway.fault("refuse", status=400, schedule={"first": 1})
    view = await house.follow(
        lambda respond: house.payments.follow_ons.cancel(house.ctx(), intent.id, CancelIntent(), respond)
    )
    assert view.intent.status is IntentStatus.CANCELED
    void = (await house.attempts(intent))[-1]
    assert (void.operation, void.state) == (Operation.VOID, "refused")
    await house.recover()
    assert (await house.attempts(intent))[-1].state == "approved"


async def test_an_authorisation_nobody_captures_expires_and_is_released(house: House) -> None:
    intent = await house.paid(capture_method="manual")
    house.clock.ahead_ms += 8 * 86_400_000
    assert await house.payments.expiry.sweep(house.clock.now_ms()) == 1
    expired = await house.intent(intent.id)
    assert (expired.status, expired.cancellation_reason) == (IntentStatus.CANCELED, "automatic")
    await house.recover(1_000)
    assert (await house.attempts(intent))[-1].state == "approved"
    assert "charge.expired" in await house.events()


async def test_the_same_key_in_parallel_charges_once(house: House, stripe_gateway: Gateway) -> None:
    results = await asyncio.gather(*(house.pay(key="same") for _ in range(8)))
    charged = [result for result in results if not isinstance(result, Problem)]
    assert len(charged) == 1
    assert all(result == KEY_TAKEN for result in results if isinstance(result, Problem))
    attempt = (await house.attempts(charged[0].intent))[0]
    assert len([entry for entry in stripe_gateway.books(reference=attempt.id) if entry["kind"] == "capture"]) == 1


async def test_the_same_key_with_another_body_is_an_error_and_charges_nothing(house: House) -> None:
    await house.paid(key="first")
    ctx = house.ctx("first")
    outcome = await house.payments.idempotency.settle(
        type(ctx)(
            scope=ctx.scope, request_id="req_2", path=ctx.path, idempotency_key="first", fingerprint="another body"
        ),
        KEY_TAKEN,
    )
    assert isinstance(outcome, Problem)
    assert (outcome.status, outcome.type) == (400, "idempotency_error")
    assert "same parameters" in outcome.message


def test_recovery_takes_over_only_after_the_request_must_have_ended() -> None:
    limits = Limits()
    assert limits.lease_ms > limits.budget_ms


async def test_a_repeated_request_gets_the_very_bytes_of_the_first_answer(house: House) -> None:
    async def respond(view: object) -> Answer:
        assert isinstance(view, IntentView)
        return Answer(200, msgspec.json.encode(show_intent(view.intent)))

    command = CreateIntent(
        amount=Money(1099, "usd"),
        payment_method="pm_card_visa",
        confirm=ConfirmIntent(return_url=RETURN_URL),
    )
    first = await house.payments.intents.create(house.ctx("again"), command, respond)
    assert isinstance(first, Answer)
    second = await house.payments.intents.create(house.ctx("again"), command, respond)
    assert second == KEY_TAKEN
    replay = await house.payments.idempotency.settle(house.ctx("again"), KEY_TAKEN)
    assert isinstance(replay, Answer)
    assert (replay.status, replay.body) == (200, first.body)
    assert replay.headers["idempotent-replayed"] == "true"
    kept = await house.payments.idempotency.find(house.ctx("again"))
    assert kept is not None
    assert (kept.body, kept.event_id is not None) == (None, True)


async def test_a_charge_does_not_promise_what_the_gateway_it_went_to_cannot_do(
    house: House, stripe_gateway: Gateway
) -> None:
    able = await house.charge(await house.paid(capture_method="manual", details=MULTICAPTURE))
    await asyncio.to_thread(stripe_gateway.fault, "refuse")
    unable = await house.charge(await house.paid(capture_method="manual", details=MULTICAPTURE))
    await asyncio.to_thread(stripe_gateway.clear_faults)

    assert (able.gateway_id, unable.gateway_id) == (house.gateways["stripe"].id, house.gateways["adyen"].id)
    assert able.details["card"]["multicapture"] == "available"
    assert "multicapture" not in unable.details["card"]


async def test_a_challenge_left_behind_at_adyen_leaves_nothing_to_release_and_nothing_to_repeat(
    house: House, stripe_gateway: Gateway
) -> None:
    await asyncio.to_thread(stripe_gateway.fault, "refuse")
    intent = await house.paid("pm_card_threeDSecure2Required")
    assert intent.status is IntentStatus.REQUIRES_ACTION
    await house.follow(
        lambda respond: house.payments.follow_ons.cancel(house.ctx(), intent.id, CancelIntent(), respond)
    )
    await house.recover()
    undoing = (await house.attempts(intent))[-1]
    assert (undoing.operation, undoing.connector) == (Operation.VOID, "adyen")
    assert (undoing.state, undoing.next_inquiry_at_ms) == ("declined", None)


async def test_an_update_of_the_amount_leaves_a_challenge_behind_and_its_money_goes_back(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid("pm_card_authenticationRequired", 2_000)
    (challenged,) = await house.attempts(intent)
    view = await house.follow(
        lambda respond: house.payments.intents.update(house.ctx(), intent.id, UpdateIntent(amount=500), respond)
    )
    assert (view.intent.status, view.intent.amount_minor) == (IntentStatus.REQUIRES_CONFIRMATION, 500)
    assert (view.intent.next_action, view.intent.active_attempt_id) == (None, None)
    token = challenged.detail["return_token"]
    await house.payments.challenges.returned(challenged.account_id, challenged.id, token, {})
    await house.recover()
    assert (await house.intent(intent.id)).status is IntentStatus.REQUIRES_CONFIRMATION
    states = [(one.operation, one.state) for one in await house.attempts(intent)]
    assert states == [("sale", "declined"), ("void", "approved")]
    assert [entry for entry in stripe_gateway.books(reference=challenged.id) if entry["kind"] == "capture"] == []
    card = ConfirmIntent(payment_method="pm_card_visa", return_url=RETURN_URL)
    paid = await house.follow(lambda respond: house.payments.intents.confirm(house.ctx(), intent.id, card, respond))
    assert (paid.intent.status, paid.intent.amount_received_minor) == (IntentStatus.SUCCEEDED, 500)


async def test_an_update_that_changes_nothing_of_the_payment_keeps_the_challenge(house: House) -> None:
    intent = await house.paid("pm_card_authenticationRequired", 2_000)
    (challenged,) = await house.attempts(intent)
    command = UpdateIntent(amount=2_000, metadata={"order": "7"})
    view = await house.follow(lambda respond: house.payments.intents.update(house.ctx(), intent.id, command, respond))
    assert view.intent.active_attempt_id == challenged.id
    await house.pass_challenge(challenged, "succeed")
    assert (await house.intent(intent.id)).status is IntentStatus.SUCCEEDED


@pytest.mark.usefixtures("stripe_gateway")
async def test_taking_and_declining_payments_leaves_no_ring_for_the_collector(house: House) -> None:
    with left_in_rings() as rings:
        for _ in range(3):
            await house.paid()
            assert (await house.paid(currency="eur")).status is IntentStatus.SUCCEEDED
            assert isinstance(await house.pay("pm_card_chargeDeclined"), Problem)

    assert not rings
