"""A lean HTTP/1.1 server on httptools for the simulated gateways.

An ordinary server cannot misbehave on purpose: reset a connection after the payment was booked, cut a body short
of its announced length, refuse connections. This one can, and it costs a third of a general server's CPU on a
machine that the gateway shares with the system under test. Loopback only; no TLS.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import cast

import httptools

from interlock.sandbox.http import MAX_BODY_BYTES, Reply, Request, Wire

Answer = Callable[[Reply], None]
Dispatch = Callable[[Request, Answer], None]

MAX_HEADERS = 100
MAX_PIPELINED = 16
HANG_LIMIT_S = 300.0
_LINGER_RESET = struct.pack("ii", 1, 0)
_REASONS = {status.value: status.phrase for status in HTTPStatus}


def render_head(reply: Reply, length: int | None, *, keep_alive: bool) -> bytes:
    """Return status line and headers; ``length`` None announces a chunked body."""
    lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Unknown')}"]
    if reply.content_type:
        lines.append(f"content-type: {reply.content_type}")
    lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
    if not keep_alive:
        lines.append("connection: close")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Connection(asyncio.Protocol):
    """One client connection; requests are answered in the order they came."""

    def __init__(self, dispatch: Dispatch, open_connections: set["Connection"]) -> None:
        """Give each request to ``dispatch``; be listed in ``open_connections`` while open."""
        self._dispatch = dispatch
        self._open = open_connections
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._busy = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports do not inherit from asyncio's
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport; a request under way is executed all the same, as a real gateway would."""
        del exc
        self._transport = None
        self._open.discard(self)
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what is no HTTP gets a 400."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._bad_request(b"upgrade is not supported")
        except httptools.HttpParserError:
            self._bad_request(b"malformed HTTP")

    def on_message_begin(self) -> None:
        """Start a request."""
        self._url = b""
        self._headers = {}
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header, names in lower case."""
        if len(self._headers) < MAX_HEADERS:
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Collect the body up to the limit."""
        self._body_bytes += len(body)
        if self._body_bytes <= MAX_BODY_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the request over, or queue it behind the one being answered."""
        path, _, query = self._url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("latin-1")
        keep_alive = bool(self._parser.should_keep_alive())
        request = Request(method, path, query, self._headers, b"".join(self._body))
        if self._body_bytes > MAX_BODY_BYTES or len(self._waiting) >= MAX_PIPELINED:
            self._bad_request(b"request too large")
        elif self._busy:
            self._waiting.append((request, keep_alive))
        else:
            self._start(request, keep_alive=keep_alive)

    def pause_writing(self) -> None:
        """Hold streams back: the client reads slowly."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let streams go on."""
        self._writable.set()

    def reset(self) -> None:
        """Close with a TCP reset instead of a farewell."""
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self._transport.abort()

    def _start(self, request: Request, *, keep_alive: bool) -> None:
        self._busy = True
        self._dispatch(request, lambda reply: self._answer(reply, keep_alive=keep_alive))

    def _answer(self, reply: Reply, *, keep_alive: bool) -> None:
        transport = self._transport
        if transport is None:
            return
        if reply.wire is Wire.RESET:
            self.reset()
        elif reply.wire is Wire.HANG:
            asyncio.get_running_loop().call_later(HANG_LIMIT_S, self.reset)
        elif reply.wire is Wire.TRUNCATED:
            head = render_head(reply, len(reply.body), keep_alive=False)
            transport.write(head + reply.body[: len(reply.body) // 2])
            transport.close()
        elif reply.stream is not None:
            transport.write(render_head(reply, None, keep_alive=keep_alive))
            self._task = asyncio.create_task(self._stream(reply.stream, keep_alive=keep_alive))
        else:
            transport.write(render_head(reply, len(reply.body), keep_alive=keep_alive) + reply.body)
            self._finish(keep_alive=keep_alive)

    def _finish(self, *, keep_alive: bool) -> None:
        self._busy = False
        if not keep_alive:
            if self._transport is not None:
                self._transport.close()
        elif self._waiting:
            request, keep_alive = self._waiting.popleft()
            self._start(request, keep_alive=keep_alive)

    async def _stream(self, chunks: Iterator[bytes], *, keep_alive: bool) -> None:
        for chunk in chunks:
            await self._writable.wait()
            if self._transport is None:
                return
            self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await asyncio.sleep(0)  # a long export must not hold up payments
        if self._transport is not None:
            self._transport.write(b"0\r\n\r\n")
            self._finish(keep_alive=keep_alive)

    def _bad_request(self, why: bytes) -> None:
        if self._transport is not None:
            reply = Reply(400, why, "text/plain")
            self._transport.write(render_head(reply, len(why), keep_alive=False) + why)
            self._transport.close()


class Server:
    """The gateway's door on one port; it can be shut (connection refused) and opened again."""

    def __init__(self, dispatch: Dispatch, host: str) -> None:
        """Answer requests by ``dispatch`` on ``host``."""
        self._dispatch = dispatch
        self._host = host
        self._listener: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self.port = 0

    async def open(self, port: int) -> None:
        """Listen on ``port``, or on a free one when it is 0."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self._dispatch, self._connections), self._host, port, backlog=2048
        )
        self.port = int(self._listener.sockets[0].getsockname()[1])

    @property
    def is_open(self) -> bool:
        """True while connections are accepted."""
        return self._listener is not None

    def shut(self) -> None:
        """Stop listening and reset every connection: clients see "connection refused"."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in tuple(self._connections):
            connection.reset()
