"""A capture, increment or cancel that a crash interrupted is answered to the retry as it would have been answered."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.support.gateway_news import clear, fault
from tests.support.payment_house import House
from tests.support.recording import Recorder
from tests.support.sandboxes import Gateway

from interlock.base.context import RequestContext
from interlock.base.problems import Problem
from interlock.payments.charges.types import CaptureCharge, Charge
from interlock.payments.idempotency.service import KEY_TAKEN
from interlock.payments.intents.types import (
    CancelIntent,
    CaptureIntent,
    IncrementIntent,
    Intent,
    IntentStatus,
    IntentView,
)
from interlock.payments.work import Answer

INCREMENTAL = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}
COMMANDS: dict[str, Any] = {
    "capture": CaptureIntent(),
    "increment": IncrementIntent(amount=2000),
    "cancel": CancelIntent(),
}
Call = Callable[[RequestContext], Awaitable[Answer | Problem]]


class Killed(BaseException):
    """Stands for a process that ends here."""


async def held(house: House) -> Intent:
    return await house.paid(capture_method="manual", details=INCREMENTAL)


async def interrupted(house: House, monkeypatch: pytest.MonkeyPatch, call: Call) -> RequestContext:
    """Run ``call`` until its attempt is durable, and no further; return its context."""

    async def dies(_: Any) -> Any:
        raise Killed

    ctx = house.ctx("a-key", path="/v1/somewhere")
    with monkeypatch.context() as patched:
        patched.setattr(house.payments.follow_ons._operator, "send", dies)
        with pytest.raises(Killed):
            await call(ctx)
    return ctx


async def retried(house: House, ctx: RequestContext, *, as_charge: bool = False) -> tuple[Answer | Problem, Any]:
    """Return what a retry under the same key is answered, and what was shown."""
    recorder, payments = Recorder(), house.payments
    resume = payments.charges.resume_capture if as_charge else payments.follow_ons.resume
    answer = await payments.idempotency.settle(ctx, KEY_TAKEN, lambda c, i: resume(c, i, recorder))
    return answer, recorder.view


@pytest.mark.parametrize("verb", ["capture", "increment"])
async def test_what_the_gateway_refused_after_the_crash_is_not_answered_as_done(
    house: House, stripe_gateway: Gateway, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    intent, rooms = await held(house), house.payments.follow_ons
    ctx = await interrupted(
        house, monkeypatch, lambda c: getattr(rooms, verb)(c, intent.id, COMMANDS[verb], Recorder())
    )
    assert (await retried(house, ctx))[0] == KEY_TAKEN, "nobody knows yet"
    await fault(stripe_gateway, "refuse", status=400, match={"operation": verb})
    for _ in range(3):
        await house.recover(400_000)
    assert (await house.attempts(intent))[-1].state == "refused"
    first, shown = await retried(house, ctx)
    assert isinstance(first, Answer)
    assert (first.status, isinstance(shown, Problem)) == (402, True)
    assert (await retried(house, ctx))[0] == first, "kept, and shown again as it was"
    assert (await house.intent(intent.id)).status is IntentStatus.REQUIRES_CAPTURE


@pytest.mark.parametrize("verb", ["capture", "increment", "cancel"])
async def test_what_recovery_carried_out_after_the_crash_is_answered_as_done(
    house: House, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    intent, rooms = await held(house), house.payments.follow_ons
    ctx = await interrupted(
        house, monkeypatch, lambda c: getattr(rooms, verb)(c, intent.id, COMMANDS[verb], Recorder())
    )
    await house.recover(400_000)
    answer, shown = await retried(house, ctx)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["idempotent-replayed"]) == (200, "true")
    assert isinstance(shown, IntentView)
    statuses = {"capture": "succeeded", "increment": "requires_capture", "cancel": "canceled"}
    assert shown.intent.status == statuses[verb]


async def test_a_cancellation_whose_void_is_refused_is_a_cancellation_all_the_same(
    house: House, stripe_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent, rooms = await held(house), house.payments.follow_ons
    ctx = await interrupted(house, monkeypatch, lambda c: rooms.cancel(c, intent.id, CancelIntent(), Recorder()))
    await fault(stripe_gateway, "refuse", status=400, match={"operation": "void"})
    for _ in range(3):
        await house.recover(400_000)
    answer, shown = await retried(house, ctx)
    assert isinstance(answer, Answer)
    assert (answer.status, shown.intent.status) == (200, IntentStatus.CANCELED)


@pytest.mark.parametrize("refused", [True, False])
async def test_the_capture_of_a_charge_is_answered_alike(
    house: House, stripe_gateway: Gateway, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    intent, charges = await held(house), house.payments.charges
    charge = await house.charge(intent)
    ctx = await interrupted(house, monkeypatch, lambda c: charges.capture(c, charge.id, CaptureCharge(), Recorder()))
    if refused:
        await fault(stripe_gateway, "refuse", status=400, match={"operation": "capture"})
    for _ in range(3):
        await house.recover(400_000)
    await clear(stripe_gateway)
    answer, shown = await retried(house, ctx, as_charge=True)
    assert isinstance(answer, Answer)
    assert (answer.status, isinstance(shown, Charge)) == ((402, False) if refused else (200, True))
