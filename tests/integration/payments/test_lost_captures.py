"""Captures that Adyen confirms and that fail after all: their money is taken out of the books, as a dispute."""

from tests.support.announced import announced
from tests.support.gateway_news import balance, fault, notify
from tests.support.payment_house import House
from tests.support.sandboxes import Gateway

from interlock.gateways.contract import NotificationKind
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.types import Attempt
from interlock.payments.disputes.types import Dispute, DisputeStatus
from interlock.payments.intents.types import CaptureIntent, Intent, IntentStatus
from interlock.payments.recovery.notifications import Verdict
from interlock.storage.database import Page


async def told(house: House, attempt: Attempt, outcome: Outcome) -> Verdict:
    result = Result(outcome=outcome, gateway_reference="C")
    return await notify(house, "adyen", NotificationKind.CAPTURE, reference=attempt.id, result=result)


async def captured_at_adyen(house: House, stripe: Gateway) -> tuple[Intent, Attempt]:
    """Return an intent that was captured at Adyen, and its capture."""
    await fault(stripe, "refuse")
    intent = await house.paid(capture_method="manual")
    asked = CaptureIntent()
    await house.follow(lambda r: house.payments.follow_ons.capture(house.ctx(), intent.id, asked, r))
    capture = (await house.attempts(intent))[-1]
    assert await told(house, capture, Outcome.APPROVED) is Verdict.APPLIED
    assert await balance(house) == 1099
    return await house.intent(intent.id), capture


async def disputes(house: House) -> list[Dispute]:
    return [shown.dispute for shown in (await house.payments.disputes.list(house.scope, Page())).items]


async def test_a_capture_that_fails_after_all_is_withdrawn_once(house: House, stripe_gateway: Gateway) -> None:
    intent, capture = await captured_at_adyen(house, stripe_gateway)
    for _ in range(2):
        assert await told(house, capture, Outcome.DECLINED) is Verdict.APPLIED
    assert await balance(house) == 0
    (dispute,) = await disputes(house)
    assert (dispute.reason, dispute.amount_minor, dispute.funds_withdrawn) == ("bank_cannot_process", 1099, True)
    assert (await house.charge(intent)).disputed
    assert (await house.intent(intent.id)).status is IntentStatus.SUCCEEDED
    events = await house.events()
    assert events[-3:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.updated"]


async def test_a_capture_that_adyen_gets_through_after_all_comes_back_and_may_fail_again(
    house: House, stripe_gateway: Gateway
) -> None:
    _, capture = await captured_at_adyen(house, stripe_gateway)
    for outcome, money in ((Outcome.DECLINED, 0), (Outcome.APPROVED, 1099), (Outcome.DECLINED, 0)):
        assert await told(house, capture, outcome) is Verdict.APPLIED
        assert await balance(house) == money
    newest, first = await disputes(house)
    assert (first.status, newest.status) == (DisputeStatus.WON, DisputeStatus.NEEDS_RESPONSE)


async def test_a_sale_whose_capture_fails_is_withdrawn_as_well(house: House, stripe_gateway: Gateway) -> None:
    await fault(stripe_gateway, "refuse")
    intent = await house.paid()
    sale = (await house.attempts(intent))[-1]
    assert await told(house, sale, Outcome.APPROVED) is Verdict.IGNORED
    assert await told(house, sale, Outcome.DECLINED) is Verdict.APPLIED
    assert await balance(house) == 0
    assert "charge.dispute.funds_withdrawn" in [e.type for e in await announced(house.database, house.scope.account_id)]


async def test_a_capture_that_fails_before_it_was_confirmed_can_be_repeated(
    house: House, stripe_gateway: Gateway
) -> None:
    await fault(stripe_gateway, "refuse")
    intent = await house.paid(capture_method="manual")
    asked = CaptureIntent()
    await house.follow(lambda r: house.payments.follow_ons.capture(house.ctx(), intent.id, asked, r))
    capture = (await house.attempts(intent))[-1]
    assert await told(house, capture, Outcome.DECLINED) is Verdict.APPLIED
    assert await told(house, capture, Outcome.APPROVED) is Verdict.IGNORED, "the older news came later"
    assert (await house.intent(intent.id)).status is IntentStatus.REQUIRES_CAPTURE
    assert (await disputes(house), await balance(house)) == ([], 0)
