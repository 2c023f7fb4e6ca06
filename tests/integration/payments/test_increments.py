"""How often an authorisation may be raised: ten times, whatever else was tried before."""

from typing import Any

from tests.support.payment_house import RETURN_URL, House

from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.payments.intents.follow_ons import INCREMENTS_MAX
from interlock.payments.intents.types import ConfirmIntent, CreateIntent, IncrementIntent

INCREMENTAL = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}


async def test_only_increments_count_towards_their_limit(house: House) -> None:
    intents, follow_ons = house.payments.intents, house.payments.follow_ons
    asked = CreateIntent(amount=Money(1000, "usd"), capture_method="manual", details=INCREMENTAL)
    intent = (await house.follow(lambda respond: intents.create(house.ctx(), asked, respond))).intent

    async def confirm(method: str) -> Any:
        options = ConfirmIntent(payment_method=method, return_url=RETURN_URL)
        return await house.follow(lambda respond: intents.confirm(house.ctx(), intent.id, options, respond))

    async def raise_to(amount: int) -> Any:
        command = IncrementIntent(amount=amount)
        return await house.follow(lambda respond: follow_ons.increment(house.ctx(), intent.id, command, respond))

    for _ in range(INCREMENTS_MAX + 1):
        assert isinstance(await confirm("pm_card_chargeDeclined"), Problem)
    assert not isinstance(await confirm("pm_card_visa"), Problem)
    for number in range(1, INCREMENTS_MAX + 1):
        raised = await raise_to(1000 + number)
        assert raised.intent.amount_capturable_minor == 1000 + number
    refused = await raise_to(2000)
    assert isinstance(refused, Problem)
    assert "at most 10 times" in refused.message
