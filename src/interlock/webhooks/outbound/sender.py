"""The sender: one signed POST to a shop, and what came of it. Called by lanes.

No redirects are followed, no cookies kept, no proxy taken from the environment, and every address is checked when it is
connected to (``destinations``), so that a name that resolves into a private network is refused too.
"""

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from interlock.base.clock import Clock
from interlock.base.redaction import scrub
from interlock.webhooks.outbound.destinations import Policy, address_allowed, literal_address
from interlock.webhooks.outbound.signing import HEADER, signature_header
from interlock.webhooks.outbound.types import Due, Reply, Target

TIMEOUT_S = 10.0
_KEPT_ANSWER = 500
_READ_ANSWER = 2_048
_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Interlock/1.0 (webhooks)",
    "Accept": "*/*",
}
_NOT_ALLOWED = "address not allowed: the URL leads to a private network"


class _NotAllowedError(OSError):
    """Every address of the host is refused by the guard."""


class GuardedResolver(AbstractResolver):
    """Resolves names in threads of its own and drops addresses that must not be reached."""

    def __init__(self, executor: ThreadPoolExecutor, policy: Policy, *, livemode: bool) -> None:
        """Resolve in ``executor``; keep what ``policy`` allows in this mode."""
        self._executor = executor
        self._livemode = livemode
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the allowed addresses of ``host``."""
        found = await asyncio.get_running_loop().run_in_executor(self._executor, _look_up, host, port, family)
        kept: list[ResolveResult] = []
        for info_family, _, proto, _, address in found:
            text = str(address[0])
            if not address_allowed(ip_address(text.split("%", 1)[0]), self._policy, livemode=self._livemode):
                continue
            kept.append(
                ResolveResult(
                    hostname=host, host=text, port=port, family=info_family, proto=proto, flags=socket.AI_NUMERICHOST
                )
            )
        if not kept:
            raise _NotAllowedError(_NOT_ALLOWED)
        return kept

    async def close(self) -> None:
        """Keep the executor: it belongs to the sender."""


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[Any]:
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)


class Sender:
    """HTTP sessions for both modes. One sender for endpoints that answer and one for those that do not, so that the
    connections and resolver threads of dead endpoints are never in the way of living ones."""

    def __init__(self, clock: Clock, policy: Policy, *, threads: int = 16, timeout_s: float = TIMEOUT_S) -> None:
        """Send where ``policy`` allows; resolve names in ``threads`` threads."""
        self._clock = clock
        self._policy = policy
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="webhook-names")
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def _session(self, *, livemode: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(livemode)
        if session is None:
            resolver = GuardedResolver(self._executor, self._policy, livemode=livemode)
            connector = aiohttp.TCPConnector(resolver=resolver, limit=0, ttl_dns_cache=60)
            session = self._sessions[livemode] = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers=_HEADERS,
                skip_auto_headers=("Accept-Encoding",),
            )
        return session

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def send(self, target: Target, due: Due) -> Reply:
        """Send ``due`` to ``target`` and return what came of it; never raises for what the other side does."""
        address = literal_address(urlsplit(target.url).hostname or "")
        if address is not None and not address_allowed(address, self._policy, livemode=target.livemode):
            return Reply(status=None, error=_NOT_ALLOWED, latency_ms=0)
        now_ms = self._clock.now_ms()
        headers = {HEADER: signature_header(due.body, target.secrets_at(now_ms), now_ms // 1000)}
        began = time.monotonic()
        try:
            session = self._session(livemode=target.livemode)
            async with session.post(target.url, data=due.body, headers=headers, allow_redirects=False) as response:
                answer = await _first_bytes(response)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Reply(status=None, error=_error_text(error), latency_ms=_since(began))
        error_text = None if 200 <= status < 300 else f"HTTP {status}"
        return Reply(status=status, error=error_text, latency_ms=_since(began), answer=answer)


async def _first_bytes(response: aiohttp.ClientResponse) -> str:
    """Return the scrubbed beginning of the answer; a longer one is not read, which costs its connection."""
    data = await response.content.read(_READ_ANSWER)
    if not data:
        return ""
    text = data.decode("utf-8", "replace").replace("\x00", "\ufffd")
    # Scrubbed before it is cut: half a card number would not be recognised.
    return scrub(text)[:_KEPT_ANSWER]


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


def _error_text(error: BaseException) -> str:
    """Return a short phrase for a failed try; texts of libraries may quote URLs and are left out."""
    if isinstance(error, TimeoutError):
        return "timeout: no answer in time"
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return "TLS failed: the certificate or handshake was not accepted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _connect_error(error.os_error)
    if isinstance(error, ValueError):
        return "the URL cannot be used"
    return f"connection failed: {type(error).__name__}"


def _connect_error(error: OSError) -> str:
    if isinstance(error, _NotAllowedError):
        return _NOT_ALLOWED
    if isinstance(error, socket.gaierror):
        return "the host name does not resolve"
    return f"cannot connect: {error.strerror or type(error).__name__}"[:200]
