"""Recovery as a whole: one silent gateway, or one attempt that cannot be recovered, keeps up nobody else."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from tests.support.payment_house import House, open_house
from tests.support.sandboxes import Gateway

from interlock.payments.attempts.walking import Limits
from interlock.payments.intents.types import Intent, IntentStatus
from interlock.payments.recovery import service
from interlock.storage.database import Database

SHORT = Limits(budget_ms=700, next_route_min_ms=100, lease_ms=1_000)


@pytest.fixture
async def hasty(database: Database, stripe_gateway: Gateway, adyen_gateway: Gateway) -> AsyncIterator[House]:
    async with open_house(database, stripe_gateway, adyen_gateway, limits=SHORT) as opened:
        yield opened


async def unknown_at_both(house: House, stripe: Gateway, adyen: Gateway) -> tuple[Intent, Intent]:
    """Pay once at each gateway so that nobody knows the outcome."""
    await asyncio.to_thread(stripe.fault, "reset_after")
    at_stripe = await house.paid()
    await asyncio.to_thread(stripe.clear_faults)
    await asyncio.to_thread(stripe.fault, "refuse")
    await asyncio.to_thread(adyen.fault, "reset_after")
    at_adyen = await house.paid()
    await asyncio.to_thread(stripe.clear_faults)
    await asyncio.to_thread(adyen.clear_faults)
    for intent, gateway in ((at_stripe, "stripe"), (at_adyen, "adyen")):
        last = (await house.attempts(intent))[-1]
        assert (last.state, last.gateway_id) == ("unknown", house.gateways[gateway].id)
    return at_stripe, at_adyen


async def test_a_gateway_that_keeps_silent_holds_up_nobody_elses_recovery(
    hasty: House, stripe_gateway: Gateway, adyen_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_PASS_S", 1.0)
    at_stripe, at_adyen = await unknown_at_both(hasty, stripe_gateway, adyen_gateway)
    await asyncio.to_thread(stripe_gateway.fault, "timeout_before")
    began = time.monotonic()

    settled = await hasty.recover()

    took_s = time.monotonic() - began
    assert settled == 1
    assert (await hasty.intent(at_adyen.id)).status is IntentStatus.SUCCEEDED
    assert (await hasty.intent(at_stripe.id)).status is IntentStatus.PROCESSING
    assert took_s < 10, "the pass waited for the gateway that hangs"


async def test_an_attempt_whose_recovery_breaks_keeps_up_no_other(
    hasty: House,
    stripe_gateway: Gateway,
    adyen_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    at_stripe, at_adyen = await unknown_at_both(hasty, stripe_gateway, adyen_gateway)
    poison = (await hasty.attempts(at_stripe))[-1].id
    recover = hasty.payments.recovery.recover

    async def broken(scope: object, attempt_id: str) -> bool:
        if attempt_id == poison:
            raise RuntimeError("a bug")
        return await recover(scope, attempt_id)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(hasty.payments.recovery, "recover", broken)

    assert await hasty.recover() == 1
    assert (await hasty.intent(at_adyen.id)).status is IntentStatus.SUCCEEDED
    assert f"recovery of {poison} failed" in caplog.text
