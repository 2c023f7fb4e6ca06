"""Bank transfers end to end: an account at the gateway, money in parts, and books when all of it is there."""

from typing import Any

import pytest
from tests.support.payment_house import House
from tests.support.sandboxes import Gateway
from tests.support.transfers import ask, awaited, customer, fund

from interlock.base.context import RequestContext, Scope
from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.ledger.service import Ledger
from interlock.payments.intents.types import CancelIntent, FundBalance, Funded, Intent, IntentStatus, IntentView
from interlock.payments.refunds.types import CreateRefund
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.representation.refund import refund as show_refund

TOLD = "display_bank_transfer_instructions"


def told(intent: Intent) -> dict[str, Any]:
    assert intent.next_action is not None
    instructions: dict[str, Any] = intent.next_action[TOLD]
    return instructions


async def booked(house: House) -> list[tuple[str, int]]:
    balance = await Ledger(house.database, house.clock).balance(house.scope)
    return [(each.currency, each.pending_minor + each.available_minor) for each in balance]


async def test_money_that_comes_in_parts_is_told_and_booked_when_all_of_it_is_there(
    house: House, stripe_gateway: Gateway
) -> None:
    payer = await customer(house)
    intent = await awaited(house, payer)
    (attempt,) = await house.attempts(intent)
    assert (told(intent)["amount_remaining"], told(intent)["type"]) == (20_000, "jp_bank_transfer")
    assert told(intent)["financial_addresses"][0]["zengin"]["account_number"]
    assert (attempt.state, attempt.network, attempt.country) == ("pending", None, None)
    assert await house.events() == ["customer.created", "payment_intent.created", "payment_intent.requires_action"]

    part = await fund(house, payer, 12_000)
    assert isinstance(part, Funded)
    await house.recover()
    waiting = await house.intent(intent.id)
    assert (waiting.status, told(waiting)["amount_remaining"]) == (IntentStatus.REQUIRES_ACTION, 8_000)
    assert (waiting.amount_received_minor, waiting.latest_charge_id) == (0, None)
    await house.recover(7_200_000)
    assert (await house.events())[3:] == ["payment_intent.partially_funded"]
    assert await booked(house) == []
    assert stripe_gateway.books(reference=attempt.id) == []

    assert isinstance(await fund(house, payer, 8_000), Funded)
    await house.recover(7_200_000)
    paid = await house.intent(intent.id)
    charge = await house.charge(paid)
    assert (paid.status, paid.amount_received_minor, paid.next_action) == (IntentStatus.SUCCEEDED, 20_000, None)
    assert show_charge(charge)["payment_method_details"] == {"customer_balance": {}, "type": "customer_balance"}
    assert (await house.events())[4:] == ["charge.succeeded", "payment_intent.succeeded"]
    assert await booked(house) == [("jpy", 20_000)]
    taken = [entry for entry in stripe_gateway.books(reference=attempt.id) if entry["kind"] == "capture"]
    assert [entry["amount_minor"] for entry in taken] == [20_000]
    asked = CreateRefund(payment_intent=paid.id, amount=5_000)
    refund = await house.follow(lambda respond: house.payments.refunds.create(house.ctx(), asked, respond))
    assert show_refund(refund)["destination_details"]["type"] == "jp_bank_transfer"
    assert await booked(house) == [("jpy", 15_000)]


async def test_what_is_wrong_is_told_in_order_and_nothing_is_sent(house: House) -> None:
    payer = await customer(house)
    wrong: dict[str, Any] = {
        "customer_id": None,
        "options": {},
        "amount": Money(1_000, "eur"),
        "capture_method": "manual",
        "how": {"off_session": True},
    }
    europe = {"funding_type": "bank_transfer", "bank_transfer": {"type": "eu_bank_transfer"}}
    expected = (
        ("parameter_missing", "customer"),
        ("parameter_missing", "payment_method_options[customer_balance][funding_type]"),
        ("payment_method_currency_mismatch", "currency"),
        ("payment_intent_invalid_parameter", "capture_method"),
        ("payment_intent_invalid_parameter", "off_session"),
    )
    for name, (code, param) in zip(tuple(wrong), expected, strict=True):
        problem = await ask(house, **{"customer_id": payer, **wrong})
        assert isinstance(problem, Problem)
        assert (problem.code, problem.param) == (code, param)
        del wrong[name]
    problem = await ask(house, payer, options=europe, amount=Money(1_000, "eur"))
    assert problem.param.endswith("[eu_bank_transfer][country]")
    kind = {"funding_type": "bank_transfer", "bank_transfer": {"type": "xx"}}
    assert (await ask(house, payer, options=kind)).param.endswith("[bank_transfer][type]")
    assert await house.events() == ["customer.created"]
    assert isinstance(await ask(house, payer), IntentView)


async def test_only_what_is_awaited_can_arrive_and_only_in_test_mode(house: House) -> None:
    payer = await customer(house)
    for problem in (await fund(house, "cus_none", 1), await fund(house, payer, 1)):
        assert isinstance(problem, Problem)
        assert problem.param == "customer"
    intent = await awaited(house, payer)
    for problem in (await fund(house, payer, 20_001), await fund(house, payer, 0)):
        assert (problem.code, problem.param) == ("parameter_invalid_integer", "amount")
    assert isinstance(await fund(house, payer, 1_000, "usd"), Problem)
    live = Scope(house.scope.account_id, livemode=True)
    ctx = RequestContext(scope=live, request_id="", path="")
    command = FundBalance(amount=1, currency="jpy")
    refused = await house.follow(lambda respond: house.payments.fundings.fund(ctx, payer, command, respond))
    assert refused.code == "testmode_charges_only"
    second = await awaited(house, payer)
    reference = told(second)["reference"]
    assert reference != told(intent)["reference"]
    assert isinstance(await fund(house, payer, 20_000, reference=reference), Funded)
    assert isinstance(await fund(house, payer, 5_000), Funded)
    await house.recover()
    assert (await house.intent(second.id)).status is IntentStatus.SUCCEEDED
    assert told(await house.intent(intent.id))["amount_remaining"] == 15_000


async def test_a_wait_that_is_given_up_is_given_up_at_the_gateway_and_books_nothing(
    house: House, stripe_gateway: Gateway
) -> None:
    payer = await customer(house)
    intent = await awaited(house, payer)
    (attempt,) = await house.attempts(intent)
    await fund(house, payer, 5_000)
    await house.recover()
    view = await house.follow(
        lambda respond: house.payments.follow_ons.cancel(house.ctx(), intent.id, CancelIntent(), respond)
    )
    assert view.intent.status is IntentStatus.CANCELED
    await house.recover()
    states = [(one.operation, one.state) for one in await house.attempts(intent)]
    assert states == [("sale", "declined"), ("void", "approved")]
    assert stripe_gateway.books(reference=attempt.id) == []
    assert await booked(house) == []
    assert isinstance(await fund(house, payer, 1_000), Problem)


@pytest.mark.parametrize("kind", ["reset_after", "status_5xx"])
async def test_a_lost_answer_is_looked_for_and_no_second_account_is_opened(
    house: House, stripe_gateway: Gateway, kind: str
) -> None:
    stripe_gateway.fault(kind, schedule={"first": 1}, executes=True, match={"path": "/v1/payment_intents"})
    payer = await customer(house)
    view = await ask(house, payer)
    for _ in range(3):
        await house.recover(180_000)
    intent = await house.intent(view.intent.id)
    assert told(intent)["amount_remaining"] == 20_000
    assert isinstance(await fund(house, payer, 20_000), Funded)
    await house.recover(7_200_000)
    assert (await house.intent(intent.id)).status is IntentStatus.SUCCEEDED
    assert len(await house.attempts(intent)) == 1
    assert await booked(house) == [("jpy", 20_000)]


async def test_a_gateway_that_opens_no_account_is_a_payment_that_was_never_begun(
    house: House, stripe_gateway: Gateway
) -> None:
    stripe_gateway.fault("status_5xx", schedule={"first": 1}, match={"path": "/v1/customers"})
    problem = await ask(house, await customer(house))
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (402, "processing_error")
    intent = await house.intent(problem.attached["payment_intent"]["id"])
    assert [(one.connector, one.state) for one in await house.attempts(intent)] == [("stripe", "not_sent")]
