"""The transport against real sockets that fail in every way: what was provably not sent, what may have been executed.

The conditions are those of the triage table: each server is a loopback listener that does exactly one wrong thing.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support.gateways import CARD, REFERENCE, completion, follow_on, payment

from interlock.base.money import Money
from interlock.gateways.contract import (
    ConnectorConfig,
    FollowOnRequest,
    HttpRequest,
    InquireRequest,
    Operation,
    PaymentRequest,
    Step,
)
from interlock.gateways.loader import LoadedConnector, load
from interlock.gateways.outcomes import Outcome, Phase, Result
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


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.close()


@pytest.fixture
def stripe() -> LoadedConnector:
    loaded = load("stripe")
    timeouts = msgspec.structs.replace(loaded.manifest.timeouts, **SHORT)
    limits = msgspec.structs.replace(loaded.manifest.limits, response_bytes=65_536)
    return msgspec.structs.replace(
        loaded, manifest=msgspec.structs.replace(loaded.manifest, timeouts=timeouts, limits=limits)
    )


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


def certificate(
    folder: Path, *, host: str = "127.0.0.1", days: tuple[int, int] = (-1, 10), trusted: bool = True
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context and the context of a client that trusts it (or does not)."""
    import ipaddress  # noqa: PLC0415 - only certificates need it

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    alternative: x509.GeneralName = x509.DNSName(host)
    if host[0].isdigit():
        alternative = x509.IPAddress(ipaddress.ip_address(host))
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate_file, key_file)
    client = ssl.create_default_context(cafile=str(certificate_file) if trusted else None)
    return server, client


@pytest.fixture
def quiet_tls(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """asyncio logs each refused handshake on the server's side; that is the point of these tests."""
    with caplog.at_level("CRITICAL", logger="asyncio"):
        yield


async def over_tls(stripe: LoadedConnector, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Execution:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http())
        await reader.read()

    transport = Transport(ssl_context=contexts[1])
    try:
        async with served(handler, ssl=contexts[0]) as port:
            return await sale(transport, stripe, config(port, "https"))
    finally:
        await transport.close()


@pytest.mark.usefixtures("quiet_tls")
async def test_a_trusted_certificate_is_accepted(stripe: LoadedConnector, tmp_path: Path) -> None:
    assert seen(await over_tls(stripe, certificate(tmp_path))) == ("approved", "done", None)


@pytest.mark.usefixtures("quiet_tls")
@pytest.mark.parametrize(
    ("options", "verify_code"),
    [
        ({"trusted": False}, "18"),
        ({"days": (-10, -1)}, "10"),
        ({"days": (1, 10)}, "9"),
        ({"host": "other.example"}, "6"),
    ],
)
async def test_a_certificate_that_does_not_hold_is_not_sent_to(
    stripe: LoadedConnector, tmp_path: Path, options: dict[str, Any], verify_code: str
) -> None:
    execution = await over_tls(stripe, certificate(tmp_path, **options))
    assert seen(execution) == ("not_sent", "tls", "tls_certificate")
    assert f"verify_code {verify_code}" in (execution.result.message or "")


@pytest.mark.usefixtures("quiet_tls")
async def test_plain_http_behind_a_tls_port_is_not_sent_to(transport: Transport, stripe: LoadedConnector) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(http(b"", status="400 Bad Request"))
        await writer.drain()

    async with served(handler) as port:
        execution = await sale(transport, stripe, config(port, "https"))
    assert (execution.result.outcome, execution.phase) == (Outcome.NOT_SENT, Phase.TLS)


@pytest.mark.usefixtures("quiet_tls")
async def test_a_handshake_that_never_answers_is_not_sent(transport: Transport, stripe: LoadedConnector) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async with served(handler) as port:
        execution = await sale(transport, stripe, config(port, "https"))
    assert seen(execution) == ("not_sent", "tls", "tls_timeout")


@pytest.mark.usefixtures("quiet_tls")
async def test_a_missing_client_certificate_under_tls13_looks_like_a_failure_after_sending(
    stripe: LoadedConnector, tmp_path: Path
) -> None:
    server, client = certificate(tmp_path)
    server.verify_mode = ssl.CERT_REQUIRED
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    execution = await over_tls(stripe, (server, client))
    assert (execution.result.outcome, execution.phase) == (Outcome.UNKNOWN, Phase.READ)


async def test_verification_cannot_be_switched_off() -> None:
    lax = ssl.create_default_context()
    lax.check_hostname = False
    lax.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="verifies certificates"):
        Transport(ssl_context=lax)


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
