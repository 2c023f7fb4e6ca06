"""The endpoints that work on an authorisation are resumed from their attempt, not as a confirmation would be."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from interlock.api.parameters import charges as charge_parameters
from interlock.api.parameters import payment_intents as p
from interlock.api.routes import charges, payment_intents


@pytest.mark.parametrize(
    ("handler", "asked"),
    [
        (payment_intents.capture, p.CapturePaymentIntent()),
        (payment_intents.cancel, p.CancelPaymentIntent()),
        (payment_intents.increment, p.IncrementPaymentIntent(amount=2000)),
    ],
)
async def test_capture_cancel_and_increment_are_resumed_from_their_attempt(handler: Any, asked: Any) -> None:
    rooms = SimpleNamespace(follow_ons=AsyncMock(), intents=AsyncMock())
    call = _call(asked, rooms)
    await handler(call)
    await call.resume("context", "at_1")
    assert rooms.follow_ons.resume.await_args.args[:2] == ("context", "at_1")
    rooms.intents.resume.assert_not_awaited()


async def test_the_capture_of_a_charge_is_resumed_from_its_attempt() -> None:
    rooms = SimpleNamespace(charges=AsyncMock())
    call = _call(charge_parameters.CaptureCharge(), rooms)
    await charges.capture(call)
    await call.resume("context", "at_1")
    assert rooms.charges.resume_capture.await_args.args[:2] == ("context", "at_1")


def _call(parameters: Any, rooms: Any) -> Any:
    context = SimpleNamespace(publishable=False)
    return SimpleNamespace(
        parameters=parameters,
        context=context,
        ids=("id_1",),
        services=SimpleNamespace(rooms=rooms),
        responder=Mock(return_value=AsyncMock()),
        resume=None,
    )
