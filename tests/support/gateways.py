"""Builders and a driver for connector tests: no socket, no clock."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from interlock.base.money import Money
from interlock.gateways.contract import (
    Card,
    CompleteRequest,
    ConnectorConfig,
    FollowOnRequest,
    HttpRequest,
    HttpResponse,
    PaymentRequest,
    Step,
)
from interlock.gateways.outcomes import Result

REFERENCE = "at_0000000000000000000001"
CARD = Card(number="4242424242424242", exp_month=12, exp_year=2031, cvc="123", holder_name="Jenny Rosen")
PAYMENT_ID = {"stripe": "pi_1PgafyB7WZ01zgkW", "adyen": "QFQTPCQ8HXSKGK82"}

CONFIGS = {
    "stripe": ConnectorConfig(
        livemode=False,
        settings={},
        credentials={"secret_key": "sk_test_0123456789abcdef", "webhook_secret": "whsec_0123456789abcdef"},
    ),
    "adyen": ConnectorConfig(
        livemode=False,
        settings={"merchant_account": "InterlockTest"},
        credentials={
            "api_key": "AQEtest",
            "hmac_key": "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
        },
    ),
}

Respond = HttpResponse | Callable[[HttpRequest], HttpResponse]


def payment(**changes: Any) -> PaymentRequest:
    """Return an ordinary payment of 10.99 USD, changed by ``changes``."""
    values: dict[str, Any] = {
        "reference": REFERENCE,
        "idempotency_key": f"{REFERENCE}-1",
        "amount": Money(1099, "usd"),
        "instrument": CARD,
        "return_url": "https://shop.example/return?order=12",
    }
    return PaymentRequest(**{**values, **changes})


def follow_on(name: str, **changes: Any) -> FollowOnRequest:
    """Return a follow-on of 10.99 USD on the gateway's example payment."""
    values: dict[str, Any] = {
        "reference": REFERENCE,
        "idempotency_key": f"{REFERENCE}-1",
        "amount": Money(1099, "usd"),
        "gateway_reference": PAYMENT_ID[name],
    }
    return FollowOnRequest(**{**values, **changes})


def completion(name: str, **changes: Any) -> CompleteRequest:
    """Return a completion after a redirect."""
    values: dict[str, Any] = {
        "reference": REFERENCE,
        "idempotency_key": f"{REFERENCE}-2",
        "amount": Money(1099, "usd"),
        "gateway_reference": PAYMENT_ID[name],
        "continuation": {"kind": "payment_intent", "id": PAYMENT_ID[name]},
        "parameters": {"redirectResult": "X6XtfGC3!Y"},
    }
    return CompleteRequest(**{**values, **changes})


def drive(step: Step, *responses: Respond) -> tuple[list[HttpRequest], Result]:
    """Run ``step`` against ``responses`` in order (the last one repeats) and return its requests and result."""
    sent: list[HttpRequest] = []
    try:
        request = next(step)
        while True:
            sent.append(request)
            respond = responses[min(len(sent), len(responses)) - 1]
            request = step.send(respond(request) if callable(respond) else respond)
    except StopIteration as stop:
        result = stop.value
        assert isinstance(result, Result)
        return sent, result


def answer(body: object, status: int = 200, **headers: str) -> HttpResponse:
    """Return a JSON answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(
        status=status, headers={"content-type": "application/json", **named}, body=msgspec.json.encode(body)
    )


def first_requests(steps: Sequence[Step]) -> list[HttpRequest]:
    """Return the first request of each step."""
    return [next(step) for step in steps]
