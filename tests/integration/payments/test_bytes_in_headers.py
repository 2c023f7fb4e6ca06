"""A byte that is no UTF-8 in a header of a gateway's answer (one proxy on the way is enough) hides no outcome."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from tests.support.payment_house import House, open_house

from interlock.base.problems import Problem
from interlock.payments.intents.types import IntentStatus
from interlock.storage.database import Database

_DECLINED = b'{"error":{"type":"card_error","code":"card_declined","decline_code":"generic_decline","message":"no"}}'
_REFUSED = b'{"error":{"type":"invalid_request_error","code":"x","message":"no"}}'

Answering = Callable[[bytes, bytes, bytes], AbstractAsyncContextManager[House]]


class Raw:
    """A Stripe that answers everything with one status, header and body."""

    def __init__(self, status: bytes, header: bytes, body: bytes) -> None:
        self.url = ""
        self._answer = b"HTTP/1.1 %b\r\n%b\r\ncontent-length: %d\r\n\r\n%b" % (status, header, len(body), body)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length"):
                        await reader.readexactly(int(line.split(b":")[1]))
                writer.write(self._answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
def answering(database: Database, adyen_gateway: Any) -> Answering:
    """Return a function that opens a house whose Stripe answers so."""

    @asynccontextmanager
    async def opened(status: bytes, header: bytes, body: bytes) -> AsyncIterator[House]:
        raw: Any = Raw(status, header, body)
        server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
        raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            async with open_house(database, raw, adyen_gateway) as house:
                yield house
        finally:
            server.close()

    return opened


async def test_a_decline_is_written_down(answering: Answering) -> None:
    async with answering(b"402 Payment Required", b"server: caf\xe9", _DECLINED) as house:
        problem = await house.pay()
        assert isinstance(problem, Problem)
        assert (problem.status, problem.code) == (402, "card_declined")


async def test_a_refusal_goes_on_to_the_next_gateway(answering: Answering) -> None:
    async with answering(b"400 Bad Request", b"server: caf\xe9", _REFUSED) as house:
        intent = await house.paid()
        assert intent.status is IntentStatus.SUCCEEDED
        assert [attempt.connector for attempt in await house.attempts(intent)] == ["stripe", "adyen"]


async def test_an_unreadable_answer_is_unknown(answering: Answering) -> None:
    async with answering(b"404 Not Found", b"content-type: text/html; x=\xe9", b"<html>") as house:
        intent = await house.paid()
        assert (await house.attempts(intent))[0].state == "unknown"
