"""The HTTP server around the application: sockets, timeouts for slow clients, a clean end. Called by ``__main__``."""

import asyncio
import socket
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from interlock.api import answers
from interlock.api.application import ASGIApp
from interlock.base.errors import ConfigurationError
from interlock.base.problems import invalid
from interlock.base.settings import Settings

_BACKLOG = 2_048
_NOT_HTTP = answers.of_problem(
    invalid("Invalid HTTP request: its request line, address or headers cannot be read.")
).body
_NOT_HTTP_HEAD = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
)
_STOP_WITHIN_S = 2


def listen(settings: Settings) -> socket.socket:
    """Return the socket the API listens on; several API processes share the port.

    Raises:
        ConfigurationError: the port is taken, or the address is not this machine's.

    """
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings.api_processes > 1:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((settings.api_host, settings.api_port))
    except OSError as error:
        sock.close()
        place = f"{settings.api_host}:{settings.api_port} cannot be listened on ({error.strerror})"
        raise ConfigurationError("api_port", place, "choose another with INTERLOCK_API_PORT") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class WholeAnswers:
    """A connection's transport that sends an answer's head together with what follows it.

    Uvicorn writes the two apart, which is a system call more for us and a second wake-up for the client.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        """Write to ``transport``."""
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        """Leave everything but writing and closing to the transport; looked up once a name."""
        found = getattr(self._transport, name)
        setattr(self, name, found)
        return found

    def write(self, data: bytes) -> None:
        """Send ``data``, or keep it when it is the head of a final answer."""
        if self._head:
            data = self._head + data
            self._head = b""
        elif data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n") and not data.startswith(b"HTTP/1.1 1"):
            self._head = data
            return
        self._transport.write(data)

    def send_head(self) -> None:
        """Send a head that nothing follows."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Send what is kept and close."""
        self.send_head()
        self._transport.close()


class PoliteProtocol(HttpToolsProtocol):
    """A connection that answers in one piece, also clients which stop writing early, and refuses no-HTTP in JSON."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Put answers together."""
        super().connection_made(cast("asyncio.Transport", WholeAnswers(transport)))

    def on_response_complete(self) -> None:
        """Send the head of an answer without a body."""
        cast("WholeAnswers", self.transport).send_head()
        super().on_response_complete()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio lets it answer, uvicorn does not
        """Keep the connection until the answer is out when the client is only done with writing."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.more_body or cycle.response_complete:
            return False
        cycle.keep_alive = False
        return True

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parser's words, which say nothing
        """Refuse in the shape of every other refusal."""
        self.transport.write(_NOT_HTTP_HEAD % len(_NOT_HTTP) + _NOT_HTTP)
        self.transport.close()


def patient_protocol(head_within_s: float) -> type[HttpToolsProtocol]:
    """Return the protocol that closes a connection whose request head does not arrive within ``head_within_s``."""

    class PatientProtocol(PoliteProtocol):
        """A connection with a deadline for each request head; bodies have their own in the application."""

        head_timer: asyncio.TimerHandle | None = None
        in_head = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            """Begin the wait for the first request."""
            super().connection_made(transport)
            self._await_head()

        def data_received(self, data: bytes) -> None:
            """Begin the wait for the rest of a head; most heads arrive whole and need no timer."""
            super().data_received(data)
            if self.in_head and self.head_timer is None:
                self._await_head()

        def on_message_begin(self) -> None:
            """Note that a head has begun."""
            self.in_head = True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            """End the wait."""
            self.in_head = False
            self._forget_head()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            """End the wait."""
            self._forget_head()
            super().connection_lost(exc)

        def _await_head(self) -> None:
            self.head_timer = self.loop.call_later(head_within_s, self.transport.close)

        def _forget_head(self) -> None:
            if self.head_timer is not None:
                self.head_timer.cancel()
                self.head_timer = None

    return PatientProtocol


class Server(uvicorn.Server):
    """Uvicorn without its own start-up talk."""

    def __init__(self, application: ASGIApp, settings: Settings) -> None:
        """Serve ``application`` as ``settings`` say."""
        options: dict[str, Any] = {
            "http": patient_protocol(settings.request_read_timeout_ms / 1000),
            "ws": "none",
            "lifespan": "off",
            "access_log": False,
            "log_config": None,
            "server_header": False,
            "date_header": False,
            "proxy_headers": False,
            "timeout_keep_alive": settings.keep_alive_ms / 1000,
            "timeout_graceful_shutdown": _STOP_WITHIN_S,
            "backlog": _BACKLOG,
        }
        super().__init__(uvicorn.Config(application, **options))
