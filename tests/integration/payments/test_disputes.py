"""What gateways say of disputes: inquiries that become chargebacks, other currencies, and money that came back."""

import logging

import pytest
from tests.support.payment_house import House

from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.gateways.contract import Notification, NotificationKind
from interlock.ledger.service import Ledger
from interlock.payments.disputes.types import DisputeStatus
from interlock.payments.intents.types import Intent
from interlock.payments.recovery.notifications import Verdict
from interlock.payments.refunds.types import CreateRefund, Refund
from interlock.storage.database import Page

OPENED = NotificationKind.DISPUTE_OPENED
UPDATED = NotificationKind.DISPUTE_UPDATED
WON = NotificationKind.DISPUTE_WON
LOST = NotificationKind.DISPUTE_LOST


async def told(
    house: House,
    intent: Intent,
    kind: NotificationKind,
    *,
    inquiry: bool | None = None,
    amount: Money | None = None,
    reference: str = "dp_1",
) -> None:
    """Let Stripe say something of a dispute of ``intent``."""
    notification = Notification(
        kind=kind,
        notification_id="n_1",
        occurred_at_ms=house.clock.now_ms(),
        gateway_reference=(await house.charge(intent)).gateway_reference,
        dispute_reference=reference,
        inquiry=inquiry,
        amount=amount,
    )
    verdict = await house.payments.notifications.apply(house.scope, house.gateways["stripe"].id, notification)
    assert verdict is Verdict.APPLIED


async def state(house: House) -> tuple[DisputeStatus, int]:
    """Return the dispute's status and the account's balance."""
    (shown,) = (await house.payments.disputes.list(house.scope, Page())).items
    balances = await Ledger(house.database, house.clock).balance(house.scope)
    return shown.dispute.status, sum(each.available_minor + each.pending_minor for each in balances)


async def refund(house: House, intent: Intent, amount: int | None = None) -> Refund | Problem:
    asked = CreateRefund(payment_intent=intent.id, amount=amount)
    shown = await house.follow(lambda respond: house.payments.refunds.create(house.ctx(), asked, respond))
    assert isinstance(shown, Refund | Problem)
    return shown


@pytest.mark.parametrize("kind", [OPENED, UPDATED])
async def test_an_inquiry_that_becomes_a_chargeback_takes_the_money_whatever_tells_of_it(
    house: House, kind: NotificationKind
) -> None:
    intent = await house.paid()
    await told(house, intent, OPENED, inquiry=True)
    assert await state(house) == (DisputeStatus.WARNING_NEEDS_RESPONSE, 1099)
    for _ in range(2):  # Stripe says both that it was updated and that funds were withdrawn
        await told(house, intent, kind, inquiry=False)
        assert await state(house) == (DisputeStatus.NEEDS_RESPONSE, 0)
    assert (await house.charge(intent)).disputed
    await told(house, intent, LOST, inquiry=False)
    assert await state(house) == (DisputeStatus.LOST, 0)
    assert (await house.events()).count("charge.dispute.funds_withdrawn") == 1


async def test_a_chargeback_whose_only_news_is_its_loss_is_booked(house: House) -> None:
    intent = await house.paid()
    await told(house, intent, OPENED, inquiry=True)
    await told(house, intent, LOST, inquiry=False)
    assert await state(house) == (DisputeStatus.LOST, 0)


async def test_a_chargeback_whose_only_news_is_its_end_won_is_no_longer_open_to_late_news(house: House) -> None:
    intent = await house.paid()
    await told(house, intent, OPENED, inquiry=True)
    await told(house, intent, WON, inquiry=False)
    await told(house, intent, UPDATED, inquiry=False)
    assert await state(house) == (DisputeStatus.WON, 1099)


async def test_an_inquiry_the_shop_closed_may_still_become_a_chargeback(house: House) -> None:
    intent = await house.paid()
    await told(house, intent, OPENED, inquiry=True)
    (shown,) = (await house.payments.disputes.list(house.scope, Page())).items
    await house.follow(lambda respond: house.payments.disputes.close(house.ctx(), shown.dispute.id, respond))
    await told(house, intent, UPDATED, inquiry=False)
    assert await state(house) == (DisputeStatus.NEEDS_RESPONSE, 0)


async def test_news_that_does_not_tell_whether_money_was_taken_takes_none(house: House) -> None:
    intent = await house.paid()
    await told(house, intent, OPENED, inquiry=True)
    await told(house, intent, UPDATED, inquiry=None)  # Adyen's INFORMATION_SUPPLIED: of an inquiry or of a chargeback
    await told(house, intent, WON, inquiry=True)
    assert await state(house) == (DisputeStatus.WARNING_CLOSED, 1099)


async def test_a_dispute_in_another_currency_books_what_is_left_of_the_charge_and_is_reported(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    intent = await house.paid(amount_minor=1000)
    assert isinstance(await refund(house, intent, 300), Refund)
    with caplog.at_level(logging.ERROR):
        await told(house, intent, OPENED, amount=Money(1500, "jpy"))
    assert await state(house) == (DisputeStatus.NEEDS_RESPONSE, 0)
    (shown,) = (await house.payments.disputes.list(house.scope, Page())).items
    assert (shown.dispute.amount_minor, shown.dispute.currency) == (700, "usd")
    assert str(intent.latest_charge_id) in caplog.text


async def test_refunds_are_refused_only_while_a_dispute_holds_the_money(house: House) -> None:
    intent = await house.paid(amount_minor=1000)
    for reference in ("dp_1", "dp_2"):
        await told(house, intent, OPENED, amount=Money(500, "usd"), reference=reference)
    for reference in ("dp_1", "dp_2"):
        refused = await refund(house, intent)
        assert isinstance(refused, Problem)
        assert refused.code == "charge_disputed"
        await told(house, intent, WON, reference=reference)
    assert isinstance(await refund(house, intent), Refund)
    assert (await house.charge(intent)).disputed  # as Stripe shows it: it was disputed
