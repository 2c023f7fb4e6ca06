"""The transport over TLS: a certificate that does not hold means nothing is sent."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support.wire import config, http, read_request, sale, seen, served

from interlock.gateways.loader import LoadedConnector
from interlock.gateways.outcomes import Outcome, Phase
from interlock.gateways.transport import Execution, Transport


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
