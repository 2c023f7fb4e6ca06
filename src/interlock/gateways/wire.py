"""One HTTP request on one pooled connection, with the phase it reached; used by the transport only.

This stands on aiohttp's connection pool, resolver, TLS set-up and response parser, and leaves out its session layer:
that layer's redirects, cookies, silent retries, tracing objects and header maps cost more CPU per call than all the
rest together (33 against 70 microseconds, measured), and each is something a payment call must not have.

What a request *reached* is kept on the :class:`Call` while it runs, because exception texts do not tell it: everything
before ``WRITE`` is provably unsent.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import aiohappyeyeballs
import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import Connection
from aiohttp.streams import StreamReader
from aiohttp.tracing import Trace

from interlock.gateways.contract import HttpResponse
from interlock.gateways.manifest import Timeouts
from interlock.gateways.outcomes import Phase

_MAX_HEADER_BYTES = 16_384
_STALE_CONNECTIONS = 8
_FIXED_HEADERS = "user-agent: Interlock\r\naccept: application/json\r\naccept-encoding: identity\r\n"
_KEEP_ALIVE_SECONDS = 30
_DNS_SECONDS = 60
_HAPPY_EYEBALLS_SECONDS = 0.25


class BodyTooLargeError(Exception):
    """The answer is larger than the manifest allows."""


class StalledWriteError(Exception):
    """The gateway stopped taking our bytes."""


class Target:
    """A base URL made ready: pool key, host header and path prefix. One per gateway account; reused for every call."""

    __slots__ = ("connection_key", "fixed_headers", "host", "is_tls", "path_prefix", "port", "timeouts")

    def __init__(self, base_url: str, timeouts: Timeouts) -> None:
        """Take ``base_url`` (http or https, without final slash) apart once."""
        parts = urlsplit(base_url)
        self.is_tls = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.is_tls else 80)
        self.fixed_headers = f"host: {parts.netloc}\r\n{_FIXED_HEADERS}"
        self.path_prefix = parts.path.rstrip("/")
        self.timeouts = timeouts
        verified: bool = True
        self.connection_key = ConnectionKey(self.host, self.port, self.is_tls, verified, None, None, None, None)


MaySend = Callable[[], bool]
"""Asked when nothing stands between the question and the first byte; False means that nothing may be sent any more."""


class WithdrawnError(Exception):
    """Nothing was sent: who sends was told to stop after the request had been made."""


class Call:
    """One request under way. ``phase`` is how far it came.

    The pool sees this object where it expects aiohttp's request (``connection_key``, ``proxy``) and aiohttp's timeouts
    (``connect``, the longest wait for a free connection, and ``ceil_threshold``), which cost more to build than to use.
    """

    __slots__ = ("connect", "connect_ms", "connection_key", "may_send", "phase", "remaining_ms", "reused", "target")
    proxy = None
    ceil_threshold = 5.0

    def __init__(self, target: Target, remaining_ms: float, may_send: MaySend | None = None) -> None:
        """Begin a call to ``target`` that may take ``remaining_ms`` in all; ``may_send`` is asked last of all."""
        self.target = target
        self.may_send = may_send
        self.connection_key = target.connection_key
        self.phase = Phase.CONNECT
        self.remaining_ms = remaining_ms
        self.connect = remaining_ms / 1000
        self.reused = True
        self.connect_ms = 0

    def seconds(self, limit_ms: int) -> float:
        """Return the seconds a phase may take: its limit, or what is left of the whole."""
        left = self.remaining_ms - self.connect_ms
        return min(limit_ms, max(left, 1.0)) / 1000


class _Handler(ResponseHandler):
    """aiohttp's protocol with a read timeout that runs from the request to the end of its answer.

    aiohttp restarts the timer with each received byte, so an answer that drips would never time out.
    """

    def _reschedule_timeout(self) -> None:
        if self._read_timeout_handle is None:
            super()._reschedule_timeout()


class GatewayPool(aiohttp.TCPConnector):
    """aiohttp's pool; opening a connection goes phase by phase, each with its own timeout."""

    def __init__(self, *, limit: int, ssl_context: ssl.SSLContext) -> None:
        """Open nothing yet; must be called inside the event loop that will use it."""
        super().__init__(
            limit=limit, ssl=ssl_context, ttl_dns_cache=_DNS_SECONDS, keepalive_timeout=_KEEP_ALIVE_SECONDS
        )
        self._context = ssl_context
        self._handlers = partial(_Handler, loop=asyncio.get_running_loop())

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],  # noqa: ARG002 - aiohttp's signature
        timeout: aiohttp.ClientTimeout,  # noqa: ARG002, ASYNC109 - aiohttp's signature
    ) -> ResponseHandler:
        call = cast("Call", req)
        target, timeouts, loop = call.target, call.target.timeouts, asyncio.get_running_loop()
        call.reused = False
        started = loop.time()
        call.phase = Phase.RESOLVE
        async with asyncio.timeout(call.seconds(timeouts.resolve_ms)):
            hosts = await self._resolve_host(target.host, target.port)
        call.phase = Phase.CONNECT
        async with asyncio.timeout(call.seconds(timeouts.connect_ms)):
            sock = await aiohappyeyeballs.start_connection(
                self._convert_hosts_to_addr_infos(hosts), happy_eyeballs_delay=_HAPPY_EYEBALLS_SECONDS, loop=loop
            )
        secure: dict[str, Any] = {}
        if target.is_tls:
            call.phase = Phase.TLS
            secure = {"ssl": self._context, "server_hostname": target.host.rstrip(".")}
        try:
            async with asyncio.timeout(call.seconds(timeouts.tls_ms)):
                _, handler = await loop.create_connection(self._handlers, sock=sock, **secure)
        except BaseException:
            sock.close()
            raise
        call.connect_ms = round((loop.time() - started) * 1000)
        return handler


async def _acquire(pool: GatewayPool, call: Call) -> Connection:
    """Return a connection whose answer queue is empty: a stray late answer must never be read as this call's."""
    for _ in range(_STALE_CONNECTIONS):
        call.reused = True
        connection = await pool.connect(cast("ClientRequest", call), [], cast("aiohttp.ClientTimeout", call))
        handler = connection.protocol
        if handler is not None and not handler.should_close and handler.is_connected():
            return connection
        connection.close()
    raise ConnectionError("the pool holds only broken connections")


async def _drain(handler: ResponseHandler, timeout_ms: int, call: Call) -> None:
    try:
        async with asyncio.timeout(call.seconds(timeout_ms)):
            await handler._drain_helper()  # noqa: SLF001 - aiohttp's own writer waits the same way
    except TimeoutError as error:
        raise StalledWriteError("the gateway stopped reading") from error


def _unwritten(connection: Connection) -> bool:
    """Return True when part of the request still sits in our own buffer."""
    transport = connection.transport
    return transport is not None and transport.get_write_buffer_size() > 0


async def _read_body(payload: StreamReader, limit_bytes: int) -> bytes:
    """Return the whole body; most answers are complete by now, so that the first branch reads them without waiting."""
    if payload.is_eof():
        body = payload.read_nowait()
    else:
        chunks: list[bytes] = []
        size = 0
        while size <= limit_bytes and (chunk := await payload.readany()):
            size += len(chunk)
            chunks.append(chunk)
        body = b"".join(chunks)
    if len(body) > limit_bytes:
        raise BodyTooLargeError
    return body


async def exchange(pool: GatewayPool, call: Call, message: bytes, *, limit_bytes: int) -> HttpResponse:
    """Send ``message`` (a complete HTTP/1.1 request) and return the complete answer.

    Args:
        pool: where connections come from and go back to.
        call: bookkeeping; ``call.phase`` tells how far it came when this raises.
        message: request line, headers and body.
        limit_bytes: the largest answer body that is read.

    """
    timeouts = call.target.timeouts
    connection = await _acquire(pool, call)
    if call.may_send is not None and not call.may_send():
        connection.release()
        raise WithdrawnError("the release was withdrawn before anything was sent")
    try:
        handler = cast("ResponseHandler", connection.protocol)
        handler.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=call.seconds(timeouts.read_ms),
            max_field_size=_MAX_HEADER_BYTES,
        )
        call.phase = Phase.WRITE
        transport = cast("asyncio.Transport", handler.transport)
        transport.write(message)
        if handler.writing_paused:
            await _drain(handler, timeouts.write_ms, call)
        call.phase = Phase.READ
        handler.start_timeout()
        head, payload = await handler.read()
        while head.code in {100, 102, 103}:
            head, payload = await handler.read()
        body = await _read_body(payload, limit_bytes)
    except BaseException:
        if call.phase is Phase.READ and _unwritten(connection):
            call.phase = Phase.WRITE
        connection.close()
        raise
    connection.release()
    return HttpResponse(status=head.code, headers=_storable(head.headers), body=body)


def _storable(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return ``headers`` as rows can hold them: aiohttp keeps a byte that is no UTF-8 as a lone surrogate."""
    if all(map(str.isascii, headers.values())):
        return headers
    return {name.lower(): value.encode("utf-8", "replace").decode() for name, value in headers.items()}
