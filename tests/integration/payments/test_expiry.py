"""Authorisations that run out are ended, whatever else happens to them or to others; news of what was left end too."""

from typing import Any

import msgspec
import pytest
from tests.support.gateway_news import clear, fault, moved, notify, told_approved
from tests.support.payment_house import RETURN_URL, House
from tests.support.sandboxes import Gateway

from interlock.base.problems import Problem
from interlock.gateways.contract import NotificationKind, Operation
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.types import ATTEMPTS
from interlock.payments.intents.types import (
    CancelIntent,
    CaptureIntent,
    ConfirmIntent,
    Intent,
    IntentStatus,
    UpdateIntent,
)
from interlock.payments.recovery.notifications import Verdict
from interlock.payments.setup.types import SETUP_INTENTS, CancelSetup, ConfirmSetup, CreateSetup
from interlock.payments.work import Change

EIGHT_DAYS_MS = 8 * 86_400_000


async def told_expired(house: House, intent: Intent, gateway: str = "stripe") -> Verdict:
    reference = (await house.charge(intent)).gateway_reference
    result = Result(outcome=Outcome.APPROVED)
    return await notify(house, gateway, NotificationKind.EXPIRED, gateway_reference=reference, result=result)


async def capture(house: House, intent: Intent) -> Any:
    rooms, ctx = house.payments.follow_ons, house.ctx()
    return await house.follow(lambda r: rooms.capture(ctx, intent.id, CaptureIntent(), r))


async def sweep(house: House, times: int = 1) -> int:
    return sum([await house.payments.expiry.sweep(house.clock.now_ms()) for _ in range(times)])


async def test_an_expiry_told_while_the_intent_changes_comes_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = await house.paid(capture_method="manual")
    held = house.payments.follow_ons._held

    async def raced(*arguments: Any) -> Any:
        found = await held(*arguments)
        change, ctx = UpdateIntent(metadata={"a": "b"}), house.ctx()
        await house.follow(lambda r: house.payments.intents.update(ctx, intent.id, change, r))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(house.payments.follow_ons, "_held", raced)
        assert await told_expired(house, intent) is Verdict.NOT_YET
    assert await told_expired(house, intent) is Verdict.APPLIED
    assert (await house.intent(intent.id)).status is IntentStatus.CANCELED
    assert await told_expired(house, intent) is Verdict.IGNORED
    assert len(await house.attempts(intent)) == 1, "what the gateway has told it need not be told"


async def test_an_expiry_told_while_a_capture_is_under_way_waits_for_it(house: House, stripe_gateway: Gateway) -> None:
    await fault(stripe_gateway, "refuse")
    intent = await house.paid(capture_method="manual")
    await capture(house, intent)  # pending at Adyen
    assert await told_expired(house, intent, "adyen") is Verdict.NOT_YET
    (_, attempt) = [one for one in await house.attempts(intent) if one.connector == "adyen"]
    failed = Result(outcome=Outcome.DECLINED, gateway_reference="C")
    await notify(house, "adyen", NotificationKind.CAPTURE, reference=attempt.id, result=failed)
    assert await told_expired(house, intent, "adyen") is Verdict.APPLIED


async def test_captures_under_way_do_not_keep_others_from_expiring(house: House, stripe_gateway: Gateway) -> None:
    house.payments.expiry._rotation.limit = 2  # 200 in production
    await fault(stripe_gateway, "refuse")
    for _ in range(3):
        await capture(house, await house.paid(capture_method="manual"))
    await clear(stripe_gateway)
    forgotten = await house.paid(capture_method="manual")
    house.clock.ahead_ms += EIGHT_DAYS_MS
    assert await sweep(house) == 1
    assert (await house.intent(forgotten.id)).status is IntentStatus.CANCELED


async def test_intents_that_cannot_be_expired_do_not_keep_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.payments.expiry._rotation.limit = 2
    bad = {(await house.paid(capture_method="manual")).id for _ in range(3)}
    good = await house.paid(capture_method="manual")
    expire = house.payments.follow_ons.expire

    async def raising(scope: Any, intent_id: str) -> bool:
        if intent_id in bad:
            raise RuntimeError("a bug with this one")
        return await expire(scope, intent_id)

    house.clock.ahead_ms += EIGHT_DAYS_MS
    with monkeypatch.context() as patched:
        patched.setattr(house.payments.follow_ons, "expire", raising)
        assert await sweep(house, times=2) == 1
    assert (await house.intent(good.id)).status is IntentStatus.CANCELED
    assert await sweep(house, times=3) == 3, "the sweep comes round again"


async def test_money_of_an_attempt_that_was_left_goes_back(house: House, stripe_gateway: Gateway) -> None:
    options = ConfirmIntent(error_on_requires_action=True, return_url=RETURN_URL)
    answer = await house.pay("pm_card_threeDSecure2Required", options=options)
    assert isinstance(answer, Problem)
    intent = await house.intent(answer.attached["payment_intent"]["id"])
    (attempt,) = await house.attempts(intent)
    assert (attempt.state, intent.active_attempt_id) == ("challenge", None)
    declined = Result(outcome=Outcome.DECLINED, gateway_reference=attempt.gateway_reference)
    told = await notify(house, "stripe", NotificationKind.PAYMENT, reference=attempt.id, result=declined)
    assert told is Verdict.IGNORED
    assert await told_approved(house, attempt) is Verdict.APPLIED
    undoing = (await house.attempts(intent))[-1]
    assert (undoing.operation, undoing.detail["stray"]) == (Operation.REFUND, attempt.id)
    assert await told_approved(house, attempt) is Verdict.IGNORED, "it goes back once"
    assert moved(stripe_gateway, attempt.id) == []


@pytest.mark.parametrize("given_up", [True, False])
async def test_news_of_a_verification_that_was_left_end(house: House, given_up: bool) -> None:
    rooms = house.payments.setup_intents
    asked = CreateSetup(payment_method="pm_card_threeDSecure2Required", confirm=ConfirmSetup(return_url=RETURN_URL))
    view = await house.follow(lambda r: rooms.create(house.ctx(), asked, r))
    setup = view.setup_intent
    attempt = await house.database.get(ATTEMPTS, house.scope, setup.active_attempt_id)
    assert attempt is not None
    if given_up:
        await house.follow(lambda r: rooms.cancel(house.ctx(), setup.id, CancelSetup(), r))
    else:  # as a version before this one left it
        change = Change(house.scope)
        change.update(SETUP_INTENTS, msgspec.structs.replace(setup, version=setup.version + 1, active_attempt_id=None))
        assert await house.payments.recovery._work.record(change) is None
    assert await told_approved(house, attempt) is Verdict.IGNORED


@pytest.mark.parametrize("how", ["cancel", "expire"])
async def test_an_authorisation_captured_in_part_ends_succeeded_with_what_was_taken(
    house: House, stripe_gateway: Gateway, how: str
) -> None:
    multicapture = {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}
    intent = await house.paid(capture_method="manual", amount_minor=1000, details=multicapture)
    rooms, ctx = house.payments.follow_ons, house.ctx()
    part = CaptureIntent(amount=300, final=False)
    await house.follow(lambda r: rooms.capture(ctx, intent.id, part, r))
    if how == "cancel":
        await house.follow(lambda r: rooms.cancel(ctx, intent.id, CancelIntent(), r))
    else:
        house.clock.ahead_ms += EIGHT_DAYS_MS
        assert await sweep(house) == 1
    await house.recover()
    ended, charge = await house.intent(intent.id), await house.charge(intent)
    assert (ended.status, ended.canceled_at_ms, ended.cancellation_reason) == (IntentStatus.SUCCEEDED, None, None)
    assert (ended.amount_received_minor, ended.amount_capturable_minor) == (300, 0)
    assert (charge.released, charge.amount_captured_minor) == (True, 300)
    void = (await house.attempts(intent))[-1]
    assert (void.operation, void.state) == (Operation.VOID, "approved"), void.message
    assert (await house.events())[-2:] == ["charge.refunded", "payment_intent.succeeded"]
    assert [e["amount_minor"] for e in stripe_gateway.books(kind="void") if e["payment_id"] == charge.gateway_reference]
