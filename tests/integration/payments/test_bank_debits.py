"""SEPA debits end to end: the shopper is answered at once, the bank answers later, and only then is money booked."""

import asyncio
from typing import Any

import pytest
from tests.support.debits import BILLING, NO_FUNDS, PAYS, SENT_BACK, account, debit, debited, options
from tests.support.payment_house import RETURN_URL, House
from tests.support.sandboxes import Gateway

from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.ledger.service import Ledger
from interlock.payments.customers.types import CreateCustomer
from interlock.payments.instruments.types import (
    MANDATES,
    Mandate,
    PaymentMethodData,
    SepaDebitData,
    SepaDebitFacts,
    UpdatePaymentMethod,
)
from interlock.payments.intents.types import ConfirmIntent, Intent, IntentStatus, IntentView
from interlock.payments.refunds.types import CreateRefund, Refund, RefundStatus
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.representation.mandate import mandate as show_mandate
from interlock.payments.representation.payment_method import payment_method as show_method
from interlock.payments.representation.refund import refund as show_refund

SETTLES_WITHIN_S = 8


async def heard(house: House, intent: Intent) -> Intent:
    """Return the intent once the bank has answered and recovery has asked."""
    for _ in range(SETTLES_WITHIN_S * 2):
        await asyncio.sleep(0.5)
        await house.recover()
        intent = await house.intent(intent.id)
        if intent.status is not IntentStatus.PROCESSING:
            return intent
    raise AssertionError("the bank never answered")


async def booked(house: House) -> list[tuple[str, int]]:
    balance = await Ledger(house.database, house.clock).balance(house.scope)
    return [(each.currency, each.pending_minor + each.available_minor) for each in balance]


async def test_a_debit_is_announced_as_processing_and_booked_when_the_bank_has_paid(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await debited(house)
    pending = await house.charge(intent)
    (attempt,) = await house.attempts(intent)
    assert (pending.status, pending.amount_captured_minor, pending.balance_transaction_id) == ("pending", 0, None)
    assert show_charge(pending)["paid"] is False
    assert (attempt.state, attempt.network, attempt.country, attempt.bin) == ("pending", None, "DE", None)
    assert await house.events() == ["payment_intent.created", "charge.pending", "payment_intent.processing"]
    assert await booked(house) == []
    assert stripe_gateway.books(reference=attempt.id) == []

    paid = await heard(house, intent)
    charge = await house.charge(paid)
    assert (paid.status, paid.amount_received_minor, paid.active_attempt_id) == (IntentStatus.SUCCEEDED, 1099, None)
    assert (charge.id, charge.status, charge.amount_captured_minor) == (pending.id, "succeeded", 1099)
    assert (await house.events())[3:] == ["charge.succeeded", "payment_intent.succeeded"]
    assert await booked(house) == [("eur", 1099)]
    taken = [entry for entry in stripe_gateway.books(reference=attempt.id) if entry["kind"] == "capture"]
    assert [entry["amount_minor"] for entry in taken] == [1099]


@pytest.mark.parametrize(
    ("iban", "code"), [(SENT_BACK, "payment_method_provider_decline"), (NO_FUNDS, "insufficient_funds")]
)
async def test_a_debit_the_bank_sends_back_books_nothing_and_leaves_the_intent_payable(
    house: House, iban: str, code: str
) -> None:
    intent = await heard(house, await debited(house, iban))
    charge = await house.charge(intent)
    assert intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert intent.last_payment_error is not None
    assert (intent.last_payment_error["code"], charge.failure_code, charge.status) == (code, code, "failed")
    assert (await house.events())[3:] == ["charge.failed", "payment_intent.payment_failed"]
    assert await booked(house) == []
    card = ConfirmIntent(payment_method="pm_card_visa", return_url=RETURN_URL)
    view = await house.follow(lambda respond: house.payments.intents.confirm(house.ctx(), intent.id, card, respond))
    assert (view.intent.status, view.intent.latest_charge_id == charge.id) == (IntentStatus.SUCCEEDED, False)


async def test_only_the_vault_knows_the_account(house: House, stripe_gateway: Gateway) -> None:
    method = await account(house, "de89 3704 0044 0532 0130 00")
    stripe_gateway.fault("html", schedule={"first": 1}, executes=True, match={"path": "/v1/payment_intents"})
    await debit(house, method.id)  # an answer nobody can read is kept with its request, scrubbed
    assert await house.database.fetchval("SELECT count(*) FROM exchanges WHERE exchange::text LIKE '%[iban]%'")
    facts = method.card
    assert isinstance(facts, SepaDebitFacts)
    assert (facts.country, facts.bank_code, facts.branch_code, facts.last4) == ("DE", "37040044", None, "3000")
    again = (await account(house)).card
    assert isinstance(again, SepaDebitFacts)
    assert again.fingerprint == facts.fingerprint
    assert again.vault_account_id != facts.vault_account_id
    tables = await house.database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    assert len(tables) > 20
    for row in tables:
        rows = await house.database.fetch(f'SELECT t::text AS text FROM "{row["tablename"]}" t')  # noqa: S608 - names from the catalogue
        assert not [found for found in rows if PAYS in found["text"] or "0532013000" in found["text"]]
    assert show_method(method)["sepa_debit"]["last4"] == "3000"


def _data(iban: str | None = PAYS, **billing: str) -> PaymentMethodData:
    debit_data = None if iban is None else SepaDebitData(iban=iban)
    return PaymentMethodData(type="sepa_debit", sepa_debit=debit_data, billing_details=billing)


@pytest.mark.parametrize(
    ("data", "code", "param"),
    [
        (_data(None), "parameter_missing", "sepa_debit[iban]"),
        (_data("DE00370400440532013000"), "account_number_invalid", "sepa_debit[iban]"),
        (_data("US89370400440532013000", **BILLING), "account_number_invalid", "sepa_debit[iban]"),
        (_data(), "parameter_missing", "billing_details[email]"),
        (_data(email="a@example.com"), "parameter_missing", "billing_details[name]"),
    ],
)
async def test_what_is_wrong_with_an_account_is_told_in_order(
    house: House, data: PaymentMethodData, code: str, param: str
) -> None:
    problem = await house.follow(lambda respond: house.payments.payment_methods.create(house.ctx(), data, respond))
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code, problem.param) == (400, code, param)
    assert data.sepa_debit is None or data.sepa_debit.iban not in problem.message


async def test_what_is_wrong_with_a_debit_is_told_in_order_and_nothing_is_sent(house: House) -> None:
    method = (await account(house)).id
    wrong: dict[str, Any] = {
        "details": {"payment_method_types": ["card"]},
        "amount": Money(1099, "usd"),
        "capture_method": "manual",
        "confirm": options(mandate_data=None),
    }
    expected = (
        "payment_intent_incompatible_payment_method",
        "payment_method_currency_mismatch",
        "payment_intent_invalid_parameter",
        "parameter_missing",
    )
    for name, code in zip(tuple(wrong), expected, strict=True):
        problem = await debit(house, method, **wrong)
        assert isinstance(problem, Problem)
        assert problem.code == code
        del wrong[name]
    problem = await debit(house, method, confirm=options(mandate_data=None, mandate="mandate_none"))
    assert (problem.code, problem.param) == ("payment_intent_mandate_invalid", "mandate")
    assert await house.events() == []
    assert isinstance(await debit(house, method), IntentView)


async def test_a_debit_goes_only_to_gateways_that_take_debits(house: House, stripe_gateway: Gateway) -> None:
    stripe_gateway.fault("refuse", status=400)
    problem = await debit(house, (await account(house)).id)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (402, "processing_error")
    intent = await house.intent(problem.attached["payment_intent"]["id"])
    assert [attempt.connector for attempt in await house.attempts(intent)] == ["stripe"]


@pytest.mark.parametrize("kind", ["reset_after", "status_5xx"])
async def test_a_lost_answer_is_inquired_and_the_account_is_debited_once(
    house: House, stripe_gateway: Gateway, kind: str
) -> None:
    stripe_gateway.fault(kind, schedule={"first": 1}, executes=True, match={"path": "/v1/payment_intents"})
    view = await debit(house, (await account(house)).id)
    paid = await heard(house, view.intent)
    (attempt,) = await house.attempts(paid)
    assert (paid.status, (await house.charge(paid)).status) == (IntentStatus.SUCCEEDED, "succeeded")
    taken = [entry for entry in stripe_gateway.books(reference=attempt.id) if entry["kind"] == "capture"]
    assert len(taken) == 1
    assert await booked(house) == [("eur", 1099)]


async def test_a_refund_waits_for_the_money_and_goes_back_by_transfer(house: House, stripe_gateway: Gateway) -> None:
    intent = await debited(house)
    asked = CreateRefund(payment_intent=intent.id, amount=400)

    async def refund() -> Refund | Problem:
        done: Refund | Problem = await house.follow(
            lambda respond: house.payments.refunds.create(house.ctx(), asked, respond)
        )
        return done

    early = await refund()
    assert isinstance(early, Problem)
    assert early.code == "charge_not_refundable"
    await heard(house, intent)
    done = await refund()
    assert isinstance(done, Refund)
    assert done.status is RefundStatus.SUCCEEDED
    assert show_refund(done)["destination_details"]["type"] == "eu_bank_transfer"
    assert await booked(house) == [("eur", 699)]
    given = [entry for entry in stripe_gateway.books(reference=done.attempt_id) if entry["kind"] == "refund"]
    assert [entry["amount_minor"] for entry in given] == [400]


async def _mandate(house: House, intent: Intent) -> Mandate:
    (attempt, *_) = await house.attempts(intent)
    found = await house.database.get(MANDATES, house.scope, attempt.detail["terms"]["id"])
    assert found is not None
    return found


async def test_a_mandate_for_one_payment_is_used_up_and_one_that_lasts_permits_the_next(house: House) -> None:
    once = await debited(house)
    single = await _mandate(house, once)
    assert (single.type, single.amount_minor, single.currency) == ("single_use", 1099, "eur")
    assert show_charge(await house.charge(once))["payment_method_details"]["sepa_debit"]["mandate"] == single.id
    assert show_mandate(single)["payment_method_details"]["type"] == "sepa_debit"

    customer = await house.follow(
        lambda respond: house.payments.customers.create(house.ctx(), CreateCustomer(email="a@example.com"), respond)
    )
    kept = await account(house)
    first = await debit(house, kept.id, customer=customer.id, setup_future_usage="off_session")
    lasting = await _mandate(house, first.intent)
    assert lasting.type == "multi_use"
    await heard(house, first.intent)
    found = await house.payments.payment_methods.get(house.scope, kept.id)
    assert not isinstance(found, Problem)
    assert found.customer_id == customer.id
    later = ConfirmIntent(return_url=RETURN_URL, off_session=True)
    second = await debit(house, kept.id, customer=customer.id, confirm=later)
    assert isinstance(second, IntentView), second
    assert (await _mandate(house, second.intent)).id == lasting.id
    assert (await heard(house, second.intent)).status is IntentStatus.SUCCEEDED


async def test_an_update_of_an_account_keeps_it_and_takes_nothing_of_a_card(house: House) -> None:
    method = await account(house)
    service = house.payments.payment_methods

    async def update(command: UpdatePaymentMethod) -> object:
        return await house.follow(lambda respond: service.update(house.ctx(), method.id, command, respond))

    refused = await update(UpdatePaymentMethod(exp_month=1))
    assert isinstance(refused, Problem)
    assert refused.param == "card"
    await update(UpdatePaymentMethod(metadata={"k": "v"}))
    stored = await service.get(house.scope, method.id)
    assert not isinstance(stored, Problem)
    assert (stored.card, stored.metadata) == (method.card, {"k": "v"})
