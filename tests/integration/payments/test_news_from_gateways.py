"""What gateways tell by webhook about operations on a payment that exists."""

from typing import Any

from tests.support.gateway_news import HOUR_MS, fault, notify
from tests.support.payment_house import House
from tests.support.sandboxes import Gateway

from interlock.base.money import Money
from interlock.gateways.contract import NotificationKind, Operation
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.types import Attempt
from interlock.payments.intents.types import CaptureIntent, IncrementIntent, Intent
from interlock.payments.recovery.notifications import Verdict

INCREMENTAL = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}


async def follow(house: House, verb: str, intent: Intent, command: Any) -> Any:
    call = getattr(house.payments.follow_ons, verb)
    return await house.follow(lambda r: call(house.ctx(), intent.id, command, r))


async def held_at_adyen(house: House, stripe: Gateway, **more: Any) -> Intent:
    await fault(stripe, "refuse")
    return await house.paid(capture_method="manual", amount_minor=1000, **more)


async def last(house: House, intent: Intent) -> Attempt:
    return (await house.attempts(intent))[-1]


async def test_an_increment_that_adyen_confirms_later_raises_the_authorisation(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await held_at_adyen(house, stripe_gateway, details=INCREMENTAL)
    await follow(house, "increment", intent, IncrementIntent(amount=1700))
    attempt = await last(house, intent)
    assert (attempt.operation, attempt.state) == (Operation.INCREMENT, "pending")
    facts = {"reference": attempt.id, "result": Result(outcome=Outcome.APPROVED, gateway_reference="X")}
    told = await notify(house, "adyen", NotificationKind.INCREMENT, **facts, amount=Money(1700, "usd"))
    assert told is Verdict.APPLIED
    assert (await house.intent(intent.id)).amount_capturable_minor == 1700
    assert (await house.charge(intent)).amount_minor == 1700
    captured = await follow(house, "capture", intent, CaptureIntent())
    assert captured.intent.active_attempt_id != attempt.id, "the payment was locked by the increment for ever"


async def test_an_increment_that_adyen_declines_later_leaves_the_authorisation(
    house: House, stripe_gateway: Gateway
) -> None:
    intent = await held_at_adyen(house, stripe_gateway, details=INCREMENTAL)
    await follow(house, "increment", intent, IncrementIntent(amount=1700))
    declined = Result(outcome=Outcome.DECLINED, gateway_reference="X")
    attempt = await last(house, intent)
    told = await notify(house, "adyen", NotificationKind.INCREMENT, reference=attempt.id, result=declined)
    held = await house.intent(intent.id)
    assert (told, held.amount_capturable_minor, held.active_attempt_id) == (Verdict.APPLIED, 1000, None)
    await house.recover(HOUR_MS)
    assert (await last(house, intent)).state == "declined"
