"""POST /v1/charges whose outcome nobody knows yet: its idempotency key is told the truth once there is one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.payment_house import House, open_house
from tests.support.recording import Recorder
from tests.support.sandboxes import Gateway

from interlock.base.context import RequestContext
from interlock.base.money import Money
from interlock.payments.attempts.walking import Limits
from interlock.payments.charges.types import Charge, CreateCharge
from interlock.payments.work import Answer
from interlock.storage.database import Database, Page


@pytest.fixture
async def hasty(database: Database, stripe_gateway: Gateway, adyen_gateway: Gateway) -> AsyncIterator[House]:
    """Give a house whose requests ask for two seconds only."""
    async with open_house(database, stripe_gateway, adyen_gateway, limits=Limits(budget_ms=2_000)) as opened:
        yield opened


async def charged(house: House, ctx: RequestContext) -> tuple[Any, Recorder]:
    """Send the request, as often as it takes; return its answer and what was shown."""
    shown = Recorder()
    asked = CreateCharge(amount=Money(700, "usd"), source="tok_visa")
    outcome = await house.payments.charges.create(ctx, asked, shown)
    settled = await house.payments.idempotency.settle(
        ctx, outcome, lambda context, intent: house.payments.charges.resume(context, intent, shown)
    )
    return settled, shown


async def test_a_charge_of_unknown_outcome_tells_its_key_the_truth_once_it_is_known(
    hasty: House, stripe_gateway: Gateway
) -> None:
    await asyncio.to_thread(stripe_gateway.fault, "reset_after", schedule={"first": 1})
    await asyncio.to_thread(stripe_gateway.fault, "refuse", status=401)
    ctx = hasty.ctx("charge-1", path="/v1/charges")
    for _ in range(2):  # the second time while recovery has not found out either
        outcome, _ = await charged(hasty, ctx)
        assert outcome.status == 409
    await asyncio.to_thread(stripe_gateway.clear_faults)
    for _ in range(3):
        await hasty.recover(120_000)
    told = [await charged(hasty, ctx) for _ in range(2)]
    for outcome, _ in told:
        assert isinstance(outcome, Answer)
        assert (outcome.status, outcome.headers["idempotent-replayed"]) == (200, "true")
    assert told[1][1].view is None  # this answer was kept, and is not drawn again
    charges = (await hasty.payments.charges.list(hasty.scope, Page())).items
    assert [type(each) for each in charges] == [Charge]
    assert len(stripe_gateway.books(kind="capture", reference=charges[0].attempt_id)) == 1
