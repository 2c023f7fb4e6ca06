"""The transport against real sockets that fail in every way: what was provably not sent, what may have been executed.

The conditions are those of the triage table: each server is a loopback listener that does exactly one wrong thing.
"""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.support.gateways import CARD, REFERENCE, completion, follow_on
from tests.support.wire import PAID, config, http, read_request, sale, seen, served

from interlock.base.money import Money
from interlock.gateways.contract import (
    ConnectorConfig,
    HttpRequest,
    InquireRequest,
    Operation,
    PaymentRequest,
    Step,
)
from interlock.gateways.loader import LoadedConnector
from interlock.gateways.outcomes import Outcome, Phase, Result
from interlock.gateways.transport import Transport


async def test_a_good_answer_is_done_with_everything_recorded(transport: Transport, stripe: LoadedConnector) -> None:
    received: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            received.append(await read_request(reader))
            writer.write(http())

    async with served(handler) as port:
        where = config(port)
        first = await sale(transport, stripe, where)
        second = await sale(transport, stripe, where)
    assert seen(first) == ("approved", "done", None)
    assert (first.status, first.request_id, first.echo, first.echo_mismatch) == (
        200,
        "req_1",
        Money(1099, "usd"),
        False,
    )
    assert first.release_id == stripe.release_id
    assert second.connect_ms == 0
    head = received[0].partition(b"\r\n\r\n")[0].lower()
    assert b"accept-encoding: identity" in head
    assert b"cookie" not in head
    assert head.count(b"content-length") == 1


async def test_an_echo_of_other_money_is_a_mismatch(transport: Transport, stripe: LoadedConnector) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http(PAID.replace(b"1099", b"109900")))
        await reader.read()

    async with served(handler) as port:
        execution = await sale(transport, stripe, config(port))
    assert (execution.result.outcome, execution.echo_mismatch) == (Outcome.APPROVED, True)
    assert execution.echo == Money(109_900, "usd")


async def test_nothing_listens(transport: Transport, stripe: LoadedConnector) -> None:
    async with served(lambda _r, _w: asyncio.sleep(0)) as port:
        pass
    assert seen(await sale(transport, stripe, config(port))) == ("not_sent", "connect", "connect_refused")


async def test_the_name_does_not_exist(transport: Transport, stripe: LoadedConnector) -> None:
    execution = await sale(transport, stripe, config(80, host="gateway.invalid"))
    assert (execution.result.outcome, execution.phase) == (Outcome.NOT_SENT, Phase.RESOLVE)


async def test_the_listener_never_accepts(transport: Transport, stripe: LoadedConnector) -> None:
    import socket  # noqa: PLC0415 - only this test needs a listener whose backlog is full

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(3):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    execution = await sale(transport, stripe, config(listener.getsockname()[1]))
    for one in (*fillers, listener):
        one.close()
    assert seen(execution) == ("not_sent", "connect", "connect_timeout")


async def test_no_answer_in_time(transport: Transport, stripe: LoadedConnector) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(5)

    async with served(handler) as port:
        assert seen(await sale(transport, stripe, config(port))) == ("unknown", "read", "read_timeout")


async def test_an_answer_that_drips_does_not_outlive_the_timeout(transport: Transport, stripe: LoadedConnector) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for byte in http():
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    async with served(handler) as port:
        execution = await sale(transport, stripe, config(port))
    assert seen(execution) == ("unknown", "read", "read_timeout")
    assert execution.latency_ms < 1_000


async def test_the_callers_deadline_is_kept(transport: Transport, stripe: LoadedConnector) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(5)

    async with served(handler) as port:
        execution = await sale(transport, stripe, config(port), deadline_ms=100)
        late = await sale(transport, stripe, config(port), deadline_ms=0)
    assert execution.result.outcome is Outcome.UNKNOWN
    assert execution.latency_ms < 300
    assert (late.result.outcome, late.phase) == (Outcome.NOT_SENT, Phase.BUILD)


ANSWERS: dict[str, tuple[bytes, str]] = {
    "closed without a byte": (b"", "read_disconnected"),
    "cut inside the head": (b"HTTP/1.1 200 OK\r\nContent-Ty", "read_disconnected"),
    "cut inside the body": (http()[:-30], "read_truncated"),
    "cut inside a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{", "read_truncated"),
    "no HTTP at all": (b"\x00\x01\x02 hello\r\n\r\n", "read_unreadable"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", "read_unreadable"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}", "read_unreadable"),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 40_000 + b"\r\n\r\n", "read_unreadable"),
    "too large": (http(b"x" * 70_000), "read_answer_too_large"),
}


@pytest.mark.parametrize(("raw", "code"), ANSWERS.values(), ids=ANSWERS)
async def test_answers_that_break_on_the_way_are_unknown(
    transport: Transport, stripe: LoadedConnector, raw: bytes, code: str
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        await writer.drain()
        writer.close()
        await asyncio.sleep(0.2)

    async with served(handler) as port:
        assert seen(await sale(transport, stripe, config(port))) == ("unknown", "read", code)


@pytest.mark.parametrize(
    "raw",
    [
        http(b"<html>502</html>", status="502 Bad Gateway", headers="Content-Type: text/html\r\n"),
        http(b"<html>hello</html>", headers="Content-Type: text/html\r\n"),
        http(b""),
        http(PAID[:-1]),
        http(b"", status="204 No Content"),
        http(b"", status="302 Found", headers="Location: http://127.0.0.1:1/elsewhere\r\n"),
        http(b"", status="307 Temporary Redirect", headers="Location: /v1/payment_intents\r\n"),
        http(PAID, headers="Content-Encoding: gzip\r\n").replace(
            PAID, b"\x1f\x8b\x08 not really gzip" + b"x" * len(PAID)
        )[:-31],
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + PAID[:-4],
    ],
)
async def test_complete_answers_that_say_nothing_are_unknown(
    transport: Transport, stripe: LoadedConnector, raw: bytes
) -> None:
    requests = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with served(handler) as port:
        execution = await sale(transport, stripe, config(port))
    assert execution.result.outcome is Outcome.UNKNOWN
    assert requests == 1


async def test_a_reset_after_the_request_is_unknown_and_never_repeated(
    transport: Transport, stripe: LoadedConnector
) -> None:
    requests = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1
        if requests == 1:
            writer.write(http())
            await read_request(reader)
            requests += 1
        writer.transport.abort()

    async with served(handler) as port:
        where = config(port)
        assert (await sale(transport, stripe, where)).result.outcome is Outcome.APPROVED
        reused = await sale(transport, stripe, where)
        assert (reused.result.outcome, reused.phase, requests) == (Outcome.UNKNOWN, Phase.READ, 2)
        assert reused.result.code in {"read_reset", "read_disconnected"}
        fresh = await sale(transport, stripe, where)
        assert (fresh.result.outcome, requests) == (Outcome.UNKNOWN, 3)


async def test_a_connection_closed_while_idle_is_simply_replaced(transport: Transport, stripe: LoadedConnector) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http())
        await writer.drain()
        writer.close()

    async with served(handler) as port:
        where = config(port)
        for _ in range(3):
            assert (await sale(transport, stripe, where)).result.outcome is Outcome.APPROVED
            await asyncio.sleep(0.05)


async def test_a_stray_second_answer_is_never_read_as_the_next_ones(
    transport: Transport, stripe: LoadedConnector
) -> None:
    stray = http(PAID.replace(b"succeeded", b"requires_payment_method"))

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(http())
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(stray)

    async with served(handler) as port:
        where = config(port)
        for _ in range(3):
            assert (await sale(transport, stripe, where)).result.outcome is Outcome.APPROVED
            await asyncio.sleep(0.15)


async def test_a_gateway_that_stops_reading_is_unknown(transport: Transport, stripe: LoadedConnector) -> None:
    class Flood:
        def sale(self, _config: ConnectorConfig, _request: PaymentRequest) -> Step:
            yield HttpRequest(method="POST", path="/v1/x", body=b"x" * 8_000_000)
            return Result(outcome=Outcome.APPROVED)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # a peer that stops reading, on purpose
        await asyncio.sleep(5)

    limits = msgspec.structs.replace(stripe.manifest.limits, request_bytes=9_000_000)
    manifest = msgspec.structs.replace(stripe.manifest, limits=limits)
    flooding = msgspec.structs.replace(stripe, connector=Flood(), manifest=manifest)
    async with served(handler) as port:
        execution = await sale(transport, flooding, config(port))
    assert seen(execution) == ("unknown", "write", "write_timeout")


async def test_a_full_pool_is_not_sent(stripe: LoadedConnector) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(0.35)
        writer.write(http())
        await reader.read()

    transport = Transport(connections=1)
    try:
        async with served(handler) as port:
            where = config(port)
            first, second = await asyncio.gather(
                sale(transport, stripe, where), sale(transport, stripe, where, deadline_ms=150)
            )
    finally:
        await transport.close()
    assert first.result.outcome is Outcome.APPROVED
    assert seen(second) == ("not_sent", "connect", "connect_timeout")


@pytest.mark.parametrize("operation", [Operation.INQUIRE, Operation.COMPLETE])
async def test_an_inquiry_that_does_not_get_through_proves_nothing(
    transport: Transport, stripe: LoadedConnector, operation: Operation
) -> None:
    async with served(lambda _r, _w: asyncio.sleep(0)) as port:
        pass
    request: Any = completion("stripe")
    if operation is Operation.INQUIRE:
        request = InquireRequest(
            operation=Operation.SALE, reference=REFERENCE, idempotency_key="k", amount=Money(1099, "usd")
        )
    execution = await transport.execute(stripe, config(port), operation, request, deadline_ms=1_000)
    assert (execution.result.outcome, execution.phase) == (Outcome.UNKNOWN, Phase.CONNECT)


async def test_a_live_account_is_never_sent_elsewhere(transport: Transport, stripe: LoadedConnector) -> None:
    live = ConnectorConfig(
        livemode=True, settings={"base_url": "http://127.0.0.1:1"}, credentials={"secret_key": "sk_live_1234567890"}
    )
    execution = await sale(transport, stripe, live)
    assert (execution.result.outcome, execution.phase) == (Outcome.NOT_SENT, Phase.BUILD)


async def test_exchanges_may_be_kept_once_redacted(transport: Transport, stripe: LoadedConnector) -> None:
    message = f"Your card number {CARD.number} is odd."
    refusal = msgspec.json.encode({"error": {"type": "invalid_request_error", "code": "odd", "message": message}})

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http(refusal, status="400 Bad Request"))
        await reader.read()

    async with served(handler) as port:
        execution = await sale(transport, stripe, config(port))
    assert execution.result.outcome is Outcome.REFUSED
    assert CARD.number not in (execution.result.message or "")
    kept = repr([exchange.redacted() for exchange in execution.exchanges]) + repr(execution)
    assert CARD.number not in kept
    assert "sk_test_0123456789abcdef" not in kept
    assert "%5D=123" not in kept
    assert execution.exchanges[0].redacted().status == 400
    assert "1099" in execution.exchanges[0].redacted().request_body


async def test_many_calls_at_once_share_the_pool_and_stay_apart(stripe: LoadedConnector) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            body = (await read_request(reader)).partition(b"\r\n\r\n")[2]
            number = body.partition(b"payment_intent=pi_")[2].partition(b"&")[0]
            await asyncio.sleep(0.01)
            refund = {"id": f"re_{number.decode()}", "object": "refund", "amount": 1099, "currency": "usd"}
            writer.write(http(msgspec.json.encode({**refund, "status": "succeeded"})))

    transport = Transport(connections=20)
    try:
        async with served(handler) as port:
            where = config(port)
            executions = await asyncio.gather(
                *[
                    transport.execute(
                        stripe,
                        where,
                        Operation.REFUND,
                        follow_on("stripe", gateway_reference=f"pi_{number}"),
                        deadline_ms=5_000,
                    )
                    for number in range(300)
                ]
            )
    finally:
        await transport.close()
    assert [execution.result.gateway_reference for execution in executions] == [f"re_{n}" for n in range(300)]
