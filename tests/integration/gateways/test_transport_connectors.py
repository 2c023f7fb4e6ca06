"""The transport with broken connectors: a bug in connector code becomes an outcome, and what it made never leaks."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.support.gateways import CARD
from tests.support.wire import config, http, read_request, sale, served

from interlock.gateways.contract import (
    ConnectorConfig,
    FollowOnRequest,
    HttpRequest,
    PaymentRequest,
    Step,
)
from interlock.gateways.loader import LoadedConnector
from interlock.gateways.outcomes import Outcome, Phase, Result
from interlock.gateways.transport import Execution, Transport


class Odd:
    """A connector whose step is given, to see what the transport makes of broken ones."""

    def __init__(self, step: Callable[[], Step]) -> None:
        self._step = step

    def sale(self, _config: ConnectorConfig, _request: PaymentRequest) -> Step:
        return self._step()

    def refund(self, _config: ConnectorConfig, _request: FollowOnRequest) -> Step:
        return self._step()


async def run_odd(transport: Transport, stripe: LoadedConnector, port: int, step: Callable[[], Step]) -> Execution:
    odd = msgspec.structs.replace(stripe, connector=Odd(step))
    return await sale(transport, odd, config(port))


def request(**changes: Any) -> HttpRequest:
    return HttpRequest(**{"method": "POST", "path": "/v1/x", **changes})


def failing_at_once() -> Step:
    if CARD.number:
        raise KeyError(f"card {CARD.number} is odd")
    yield request()
    return Result(outcome=Outcome.APPROVED)


def failing_afterwards() -> Step:
    yield request()
    raise ValueError(f"card {CARD.number} is odd")


def never_ending() -> Step:
    while True:
        yield request()


def returning_nothing() -> Step:
    yield request()
    return None  # type: ignore[return-value]  # what a broken connector may do


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (failing_at_once, "not_sent"),
        (failing_afterwards, "unknown"),
        (never_ending, "unknown"),
        (returning_nothing, "unknown"),
    ],
)
async def test_a_broken_connector_becomes_an_outcome_without_card_data(
    transport: Transport, stripe: LoadedConnector, step: Callable[[], Step], outcome: str
) -> None:
    requests = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            await read_request(reader)
            requests += 1
            writer.write(http())

    async with served(handler) as port:
        execution = await run_odd(transport, stripe, port, step)
    assert (execution.result.outcome, execution.result.code) == (outcome, "connector_error")
    assert CARD.number not in repr(execution)
    assert requests <= stripe.manifest.limits.requests


@pytest.mark.parametrize(
    "broken",
    [
        request(headers={"x": "a\r\nx-injected: 1"}),
        request(headers={"x\r\ny": "a"}),
        request(headers={"x": "\u540d"}),
        request(path="/v1/x HTTP/1.1\r\nx: y"),
        request(path="v1/x"),
        request(path="/v1/\xfc"),
        request(method="TRACE"),
        request(body=b"x" * 300_000),
    ],
)
async def test_a_request_that_could_break_out_of_its_line_is_never_sent(
    transport: Transport, stripe: LoadedConnector, broken: HttpRequest
) -> None:
    def step() -> Step:
        yield broken
        return Result(outcome=Outcome.APPROVED)

    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()

    async with served(handler) as port:
        execution = await run_odd(transport, stripe, port, step)
    assert (execution.result.outcome, execution.phase, connections) == (Outcome.NOT_SENT, Phase.BUILD, 0)
