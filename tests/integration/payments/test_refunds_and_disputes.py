"""Money going back: refunds, disputes, and news that arrives late or out of order."""

import asyncio
from typing import Any

import pytest
from tests.support.payment_house import House
from tests.support.sandboxes import Gateway

from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.gateways.contract import Notification, NotificationKind
from interlock.gateways.outcomes import Outcome, Result
from interlock.ledger.service import Ledger
from interlock.payments.disputes.types import DisputeStatus, UpdateDispute
from interlock.payments.intents.types import CancelIntent, Intent, IntentStatus
from interlock.payments.recovery.notifications import Verdict
from interlock.payments.refunds.types import CreateRefund, Refund, RefundStatus
from interlock.storage.database import Page


async def refund(house: House, intent: Intent, amount: int | None = None, key: str | None = None) -> Refund | Problem:
    asked = CreateRefund(payment_intent=intent.id, amount=amount)
    shown = await house.follow(lambda respond: house.payments.refunds.create(house.ctx(key), asked, respond))
    assert isinstance(shown, Refund | Problem)
    return shown


async def balance_minor(house: House) -> int:
    balances = await Ledger(house.database, house.clock).balance(house.scope)
    return sum(each.available_minor + each.pending_minor for each in balances)


async def test_partial_refunds_add_up_and_never_exceed_what_was_taken(house: House) -> None:
    intent = await house.paid(amount_minor=1000)
    for amount in (300, 200, 500):
        done = await refund(house, intent, amount)
        assert isinstance(done, Refund)
        assert done.status is RefundStatus.SUCCEEDED
    charge = await house.charge(intent)
    assert (charge.amount_refunded_minor, charge.amount_refund_pending_minor) == (1000, 0)
    assert await balance_minor(house) == 0
    too_much = await refund(house, intent, 1)
    assert isinstance(too_much, Problem)
    assert too_much.code == "charge_already_refunded"


async def test_errors_of_a_refund_come_in_order_of_precedence(house: House) -> None:
    unpaid = await house.paid(capture_method="manual")
    nothing_named = await house.follow(
        lambda respond: house.payments.refunds.create(house.ctx(), CreateRefund(), respond)
    )
    assert nothing_named.code == "parameter_missing"
    unknown = await house.follow(
        lambda respond: house.payments.refunds.create(house.ctx(), CreateRefund(charge="ch_none"), respond)
    )
    assert (unknown.status, unknown.code) == (404, "resource_missing")
    uncaptured = await refund(house, unpaid)
    assert isinstance(uncaptured, Problem)
    assert uncaptured.param == "charge"
    paid = await house.paid(amount_minor=500)
    more = await refund(house, paid, 501)
    assert isinstance(more, Problem)
    assert "greater than unrefunded amount" in more.message


async def test_parallel_refunds_cannot_give_back_more_than_was_taken(house: House, stripe_gateway: Gateway) -> None:
    intent = await house.paid(amount_minor=1000)
    results = await asyncio.gather(*(refund(house, intent, 400) for _ in range(5)))
    done = [result for result in results if isinstance(result, Refund)]
    assert len(done) <= 2
    charge = await house.charge(intent)
    assert charge.amount_refunded_minor == 400 * len(done) <= 1000
    given_back = sum(
        entry["amount_minor"]
        for entry in stripe_gateway.books(kind="refund")
        if entry["reference"] in {result.attempt_id for result in done}
    )
    assert given_back == charge.amount_refunded_minor


async def test_a_refund_the_gateway_refuses_stays_pending_and_is_sent_until_it_is_done(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid()
    stripe_gateway.fault("refuse", status=400, schedule={"first": 2})
    waiting = await refund(house, intent)
    assert isinstance(waiting, Refund)
    assert waiting.status is RefundStatus.PENDING
    for _ in range(3):
        await house.recover(120_000)
    (stored,) = (await house.payments.refunds.list(house.scope, Page())).items
    assert stored.status is RefundStatus.SUCCEEDED
    booked = [entry for entry in stripe_gateway.books(kind="refund") if entry["reference"] == stored.attempt_id]
    assert len(booked) == 1


async def test_a_refund_of_a_charge_the_bank_disputes_fails_at_once_and_is_not_sent_again(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid()
    await asyncio.to_thread(stripe_gateway.fault, "refuse", status=400, code="charge_disputed")
    failed = await refund(house, intent)
    assert isinstance(failed, Refund)
    assert (failed.status, failed.failure_reason) == (RefundStatus.FAILED, "charge_for_pending_refund_disputed")
    assert (await house.attempts(intent))[-1].next_inquiry_at_ms is None
    assert (await house.charge(intent)).amount_refund_pending_minor == 0


@pytest.mark.parametrize("kind", ["reset_after", "html", "timeout_after"])
async def test_a_refund_whose_answer_was_lost_is_given_back_once(
    house: House, stripe_gateway: Gateway, kind: str
) -> None:
    intent = await house.paid()
    stripe_gateway.fault(kind, schedule={"first": 1}, executes=True, match={"path": "/v1/refunds"}, for_s=1)
    await refund(house, intent)
    for _ in range(3):
        await house.recover(120_000)
    (stored,) = (await house.payments.refunds.list(house.scope, Page())).items
    assert stored.status is RefundStatus.SUCCEEDED
    booked = [entry for entry in stripe_gateway.books(kind="refund") if entry["reference"] == stored.attempt_id]
    assert [entry["amount_minor"] for entry in booked] == [1099]
    assert await balance_minor(house) == 0


async def notify(house: House, gateway: str, **facts: object) -> Verdict:
    defaults: dict[str, object] = {"notification_id": "n_1", "occurred_at_ms": house.clock.now_ms()}
    notification = Notification(**{**defaults, **facts})  # type: ignore[arg-type]  # a test's shorthand
    return await house.payments.notifications.apply(house.scope, house.gateways[gateway].id, notification)


async def test_a_refund_sent_back_by_the_bank_is_booked_back(house: House) -> None:
    intent = await house.paid()
    done = await refund(house, intent)
    assert isinstance(done, Refund)
    verdict = await notify(
        house,
        "stripe",
        kind=NotificationKind.REFUND,
        reference=done.attempt_id,
        result=Result(outcome=Outcome.DECLINED, decline_code="expired_or_canceled_card"),
    )
    assert verdict is Verdict.APPLIED
    stored = await house.payments.refunds.get(house.scope, done.id)
    assert isinstance(stored, Refund)
    assert (stored.status, stored.failure_reason) == (RefundStatus.FAILED, "expired_or_canceled_card")
    assert (await house.charge(intent)).amount_refunded_minor == 0
    assert await balance_minor(house) == 1099


async def test_late_news_never_moves_a_payment_backwards(house: House) -> None:
    intent = await house.paid()
    (attempt,) = await house.attempts(intent)
    for outcome in (Outcome.DECLINED, Outcome.PENDING, Outcome.REFUSED, Outcome.CHALLENGE, Outcome.APPROVED):
        verdict = await notify(
            house, "stripe", kind=NotificationKind.PAYMENT, reference=attempt.id, result=Result(outcome=outcome)
        )
        assert verdict is Verdict.IGNORED
    after = await house.intent(intent.id)
    assert (after.status, after.version) == (IntentStatus.SUCCEEDED, intent.version)


async def test_news_of_a_payment_in_flight_waits_for_its_request(house: House) -> None:
    intent = await house.paid("pm_card_authenticationRequired")
    (attempt,) = await house.attempts(intent)
    wrong_money = await notify(
        house,
        "stripe",
        kind=NotificationKind.PAYMENT,
        reference=attempt.id,
        amount=Money(999_999, "usd"),
        result=Result(outcome=Outcome.APPROVED),
    )
    assert wrong_money is Verdict.IGNORED
    other_gateway = await notify(
        house,
        "adyen",
        kind=NotificationKind.PAYMENT,
        reference=attempt.id,
        result=Result(outcome=Outcome.APPROVED),
    )
    assert other_gateway is Verdict.IGNORED
    applied = await notify(
        house,
        "stripe",
        kind=NotificationKind.PAYMENT,
        reference=attempt.id,
        result=Result(outcome=Outcome.APPROVED, gateway_reference=attempt.gateway_reference),
    )
    assert applied is Verdict.APPLIED
    assert (await house.intent(intent.id)).status is IntentStatus.SUCCEEDED


async def test_a_challenge_left_behind_and_passed_after_all_is_given_back(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await house.paid("pm_card_authenticationRequired")
    (attempt,) = await house.attempts(intent)
    await house.follow(
        lambda respond: house.payments.follow_ons.cancel(house.ctx(), intent.id, CancelIntent(), respond)
    )
    assert (await house.intent(intent.id)).status is IntentStatus.CANCELED
    await house.recover(1_000)
    undone = (await house.attempts(intent))[-1]
    assert undone.detail["stray"] == attempt.id
    assert undone.state == "approved"
    assert [entry for entry in stripe_gateway.books(reference=attempt.id) if entry["kind"] == "capture"] == []


async def test_a_dispute_withdraws_the_money_and_winning_brings_it_back(house: House) -> None:
    intent = await house.paid()
    charge = await house.charge(intent)
    opened = await notify(
        house,
        "stripe",
        kind=NotificationKind.DISPUTE_OPENED,
        gateway_reference=charge.gateway_reference,
        dispute_reference="dp_remote",
        dispute_reason="fraudulent",
    )
    assert opened is Verdict.APPLIED
    assert await balance_minor(house) == 0
    assert (await house.charge(intent)).disputed is True
    (dispute,) = (await house.payments.disputes.list(house.scope, Page())).items
    assert dispute.dispute.status is DisputeStatus.NEEDS_RESPONSE
    assert [each.net_minor for each in dispute.transactions] == [-1099]
    blocked = await refund(house, intent)
    assert isinstance(blocked, Problem)
    assert blocked.code == "charge_disputed"
    evidence = UpdateDispute(evidence={"uncategorized_text": "winning_evidence"})
    won = await house.follow(
        lambda respond: house.payments.disputes.update(house.ctx(), dispute.dispute.id, evidence, respond)
    )
    assert won.dispute.status is DisputeStatus.WON
    assert [each.net_minor for each in won.transactions] == [-1099, 1099]
    assert await balance_minor(house) == 1099
    again = await notify(
        house,
        "stripe",
        kind=NotificationKind.DISPUTE_LOST,
        gateway_reference=charge.gateway_reference,
        dispute_reference="dp_remote",
    )
    assert again is Verdict.APPLIED
    (after,) = (await house.payments.disputes.list(house.scope, Page())).items
    assert after == won


async def test_a_list_of_disputes_reads_its_balance_transactions_together(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        charge = await house.charge(await house.paid())
        await notify(
            house,
            "stripe",
            kind=NotificationKind.DISPUTE_OPENED,
            gateway_reference=charge.gateway_reference,
            dispute_reference=f"dp_list_{number}",
        )
    queries: list[str] = []
    fetch = house.database.fetch

    async def counted(sql: str, *arguments: object) -> Any:
        queries.append(sql)
        return await fetch(sql, *arguments)

    monkeypatch.setattr(house.database, "fetch", counted)

    listed = await house.payments.disputes.list(house.scope, Page())

    assert [len(each.transactions) for each in listed.items] == [1, 1, 1]
    assert len(queries) == 2


async def test_accepting_a_dispute_loses_it_for_good(house: House) -> None:
    intent = await house.paid()
    charge = await house.charge(intent)
    await notify(
        house,
        "stripe",
        kind=NotificationKind.DISPUTE_OPENED,
        gateway_reference=charge.gateway_reference,
        dispute_reference="dp_2",
    )
    (dispute,) = (await house.payments.disputes.list(house.scope, Page())).items
    lost = await house.follow(lambda respond: house.payments.disputes.close(house.ctx(), dispute.dispute.id, respond))
    assert lost.dispute.status is DisputeStatus.LOST
    twice = await house.follow(lambda respond: house.payments.disputes.close(house.ctx(), dispute.dispute.id, respond))
    assert isinstance(twice, Problem)
    assert "charge.dispute.closed" in await house.events()
