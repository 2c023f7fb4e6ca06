"""The older way to let a hold go: its charge, which nobody captured, is refunded."""

import asyncio
from typing import Any

import pytest
from tests.support.payment_house import House
from tests.support.recording import Recorder
from tests.support.sandboxes import Gateway

from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.ledger.service import Ledger
from interlock.payments.intents.types import CaptureIntent, Intent, IntentStatus, UpdateIntent
from interlock.payments.refunds.types import CreateRefund, Refund, RefundStatus, UpdateRefund
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.work import CONFLICT
from interlock.storage.database import Page


async def hold(house: House) -> Intent:
    return await house.paid(capture_method="manual", amount_minor=1099)


async def refund(house: House, intent: Intent, key: str | None = None, **asked: Any) -> Any:
    command = CreateRefund(charge=intent.latest_charge_id, **asked)
    context = house.ctx(key, path="/v1/refunds")
    return await house.follow(lambda respond: house.payments.refunds.create(context, command, respond))


async def test_a_hold_is_released_at_the_gateway_and_the_refund_has_succeeded(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await hold(house)
    done = await refund(house, intent, reason="duplicate", metadata={"k": "v"})
    assert isinstance(done, Refund)
    assert (done.status, done.amount_minor, done.metadata) == (RefundStatus.SUCCEEDED, 1099, {"k": "v"})
    assert await house.payments.refunds.get(house.scope, done.id) == done
    canceled = await house.intent(intent.id)
    assert (canceled.status, canceled.cancellation_reason) == (IntentStatus.CANCELED, "duplicate")
    shown = show_charge(await house.charge(canceled))
    assert (shown["refunded"], shown["amount_refunded"], shown["captured"]) == (True, 1099, False)
    paying, void = await house.attempts(intent)
    assert (void.operation, void.state, void.id) == (Operation.VOID, "approved", done.attempt_id)
    assert [entry["kind"] for entry in stripe_gateway.books(reference=paying.id)].count("void") == 1
    assert await Ledger(house.database, house.clock).balance(house.scope) == []
    told = (await house.events())[-5:]
    assert told[0] == "refund.created"
    assert sorted(told[1:]) == [
        "charge.refund.updated",
        "charge.refunded",
        "payment_intent.canceled",
        "refund.updated",
    ]


async def test_a_hold_is_released_once_and_as_a_whole_only(house: House) -> None:
    intent = await hold(house)
    part = await refund(house, intent, amount=1098)
    assert (part.code, part.param) == ("charge_not_refundable", "amount")
    assert "as a whole" in part.message
    whole = await refund(house, intent, amount=1099)
    assert whole.status is RefundStatus.SUCCEEDED
    again = await refund(house, intent)
    assert again.code == "charge_already_refunded"


async def test_an_intent_that_is_named_itself_is_cancelled_instead(house: House) -> None:
    intent = await hold(house)
    asked = CreateRefund(payment_intent=intent.id)
    refused = await house.follow(lambda respond: house.payments.refunds.create(house.ctx(), asked, respond))
    assert refused.code == "charge_not_refundable"
    assert "cancel its PaymentIntent" in refused.message


async def test_a_retry_under_the_same_key_answers_the_same_refund(house: House) -> None:
    intent = await hold(house)
    first = await refund(house, intent, key="k1")
    context, recorder = house.ctx("k1", path="/v1/refunds"), Recorder()
    problem = await house.payments.refunds.create(context, CreateRefund(charge=intent.latest_charge_id), recorder)
    assert isinstance(problem, Problem)
    replay = await house.payments.idempotency.settle(context, problem)
    assert not isinstance(replay, Problem)
    assert replay.headers["idempotent-replayed"] == "true"
    assert (await house.payments.refunds.list(house.scope, Page())).items == [first]
    resumed = await house.payments.refunds.resume(context, first.id, recorder)
    assert resumed is not None
    assert recorder.view == first


@pytest.mark.parametrize("kind", ["reset_after", "html"])
async def test_a_release_whose_answer_was_lost_holds_for_the_shop_and_is_made_once(
    house: House, stripe_gateway: Gateway, kind: str
) -> None:
    intent = await hold(house)
    stripe_gateway.fault(kind, schedule={"first": 1}, executes=True, for_s=1)
    done = await refund(house, intent)
    assert done.status is RefundStatus.SUCCEEDED
    for _ in range(3):
        await house.recover(120_000)
    assert (await house.attempts(intent))[-1].state == "approved"
    assert await house.payments.refunds.get(house.scope, done.id) == done


async def test_a_release_the_gateway_declines_fails_and_the_hold_stays(house: House, stripe_gateway: Gateway) -> None:
    intent = await hold(house)
    await asyncio.to_thread(stripe_gateway.fault, "refuse", status=400, code="charge_disputed")
    failed = await refund(house, intent)
    assert (failed.status, failed.failure_reason) == (RefundStatus.FAILED, "charge_for_pending_refund_disputed")
    held = await house.intent(intent.id)
    assert (held.status, held.active_attempt_id) == (IntentStatus.REQUIRES_CAPTURE, None)
    assert "refund.failed" in await house.events()
    await asyncio.to_thread(stripe_gateway.clear_faults)
    view = await house.follow(
        lambda respond: house.payments.follow_ons.capture(house.ctx(), intent.id, CaptureIntent(), respond)
    )
    assert view.intent.status is IntentStatus.SUCCEEDED


async def test_a_release_during_which_intent_and_refund_are_described_ends_all_the_same(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await hold(house)
    await asyncio.to_thread(stripe_gateway.fault, "latency", ms=600)
    releasing = asyncio.create_task(refund(house, intent, key="k1"))
    while (await house.intent(intent.id)).active_attempt_id is None:  # noqa: ASYNC110 - what another task has stored
        await asyncio.sleep(0.01)
    update, named = UpdateIntent(metadata={"a": "b"}), UpdateRefund(metadata={"c": "d"})
    (begun,) = (await house.payments.refunds.list(house.scope, Page())).items
    await house.follow(lambda respond: house.payments.intents.update(house.ctx(), intent.id, update, respond))
    await house.follow(lambda respond: house.payments.refunds.update(house.ctx(), begun.id, named, respond))
    done = await releasing
    assert (done.status, done.metadata) == (RefundStatus.SUCCEEDED, {"c": "d"})
    key = await house.payments.idempotency.find(house.ctx("k1"))
    assert (key is not None and key.status, key and key.resource_id) == (200, done.id)
    canceled = await house.intent(intent.id)
    assert (canceled.status, canceled.metadata) == (IntentStatus.CANCELED, {"a": "b"})


async def test_two_releases_and_a_change_at_once_release_once(house: House, stripe_gateway: Gateway) -> None:
    intent = await hold(house)
    update = UpdateIntent(metadata={"a": "b"})
    first, second, _ = await asyncio.gather(
        refund(house, intent),
        refund(house, intent),
        house.follow(lambda respond: house.payments.intents.update(house.ctx(), intent.id, update, respond)),
    )
    done = [one for one in (first, second) if isinstance(one, Refund)]
    assert all(one == CONFLICT or one.code for one in (first, second) if isinstance(one, Problem))
    assert len(done) <= 1
    for one in done:
        assert one.status is RefundStatus.SUCCEEDED
        assert (await house.intent(intent.id)).status is IntentStatus.CANCELED
    assert len((await house.payments.refunds.list(house.scope, Page())).items) == len(done)


async def test_a_charge_let_go_by_a_refund_says_that_it_has_one(house: House) -> None:
    intent = await hold(house)
    done = await refund(house, intent)
    listed = await house.payments.refunds.list(house.scope, Page(), charge=intent.latest_charge_id)
    assert listed.items == [done]
    assert show_charge(await house.charge(intent))["refunds"]["has_more"] is True
