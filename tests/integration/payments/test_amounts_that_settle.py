"""Currencies of three decimals settle to two: every amount that can be named must end in 0."""

from typing import Any

import pytest
from tests.support.payment_house import House

from interlock.base.problems import Problem
from interlock.payments.intents.types import CaptureIntent, IncrementIntent
from interlock.payments.refunds.types import CreateRefund, Refund

THREE_DECIMALS = ("bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd")
INCREMENTAL = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}


def refused(answer: Any, param: str) -> bool:
    return isinstance(answer, Problem) and (answer.code, answer.param) == ("parameter_invalid_integer", param)


@pytest.mark.parametrize("currency", THREE_DECIMALS)
async def test_payments_captures_increments_and_refunds_end_in_0(house: House, currency: str) -> None:
    assert refused(await house.pay(amount_minor=10_005, currency=currency), "amount")
    intent = await house.paid(amount_minor=10_000, currency=currency, capture_method="manual", details=INCREMENTAL)
    follow_ons, refunds = house.payments.follow_ons, house.payments.refunds
    raised = await house.follow(
        lambda respond: follow_ons.increment(house.ctx(), intent.id, IncrementIntent(amount=12_005), respond)
    )
    assert refused(raised, "amount")
    captured = await house.follow(
        lambda respond: follow_ons.capture(house.ctx(), intent.id, CaptureIntent(amount=9_999), respond)
    )
    assert refused(captured, "amount_to_capture")
    await house.follow(lambda respond: follow_ons.capture(house.ctx(), intent.id, CaptureIntent(), respond))
    asked = CreateRefund(payment_intent=intent.id, amount=15)
    assert refused(await house.follow(lambda respond: refunds.create(house.ctx(), asked, respond)), "amount")
    whole = CreateRefund(payment_intent=intent.id, amount=20)
    assert isinstance(await house.follow(lambda respond: refunds.create(house.ctx(), whole, respond)), Refund)
