"""Loopback servers that do exactly one thing to a connection, and the transport's way there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from tests.support.gateways import REFERENCE, payment

from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.gateways.loader import LoadedConnector
from interlock.gateways.transport import Execution, Transport

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SHORT = {"resolve_ms": 400, "connect_ms": 400, "tls_ms": 400, "write_ms": 400, "read_ms": 400, "total_ms": 900}
PAID = msgspec.json.encode(
    {
        "id": "pi_1PgafyB7WZ01zgkW",
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 1099,
        "amount_received": 1099,
        "currency": "usd",
        "livemode": False,
        "metadata": {"interlock_attempt": REFERENCE},
    }
)


def http(body: bytes = PAID, *, status: str = "200 OK", headers: str = "Request-Id: req_1\r\n") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head


@asynccontextmanager
async def served(handler: Handler, **options: Any) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def config(port: int, scheme: str = "http", host: str = "127.0.0.1") -> ConnectorConfig:
    return ConnectorConfig(
        livemode=False,
        settings={"base_url": f"{scheme}://{host}:{port}"},
        credentials={"secret_key": "sk_test_0123456789abcdef"},
    )


def seen(execution: Execution) -> tuple[str, str, str | None]:
    return execution.result.outcome.value, execution.phase.value, execution.result.code


async def sale(
    transport: Transport, loaded: LoadedConnector, where: ConnectorConfig, *, deadline_ms: int = 5_000
) -> Execution:
    return await transport.execute(loaded, where, Operation.SALE, payment(), deadline_ms=deadline_ms)
