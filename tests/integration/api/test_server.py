import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from interlock.api.server import Server, WholeAnswers, listen
from interlock.base.errors import ConfigurationError
from interlock.base.settings import Settings


async def _application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["path"] == "/slow":
        await asyncio.sleep(0.2)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Serve with a deadline of 0.3 s for a request's head and return the port."""
    settings = Settings(api_port=18_700, request_read_timeout_ms=300, keep_alive_ms=5_000)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = Server(_application, settings)
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield sock.getsockname()[1]
        server.should_exit = True
        await serving


async def _closed_after_s(reader: asyncio.StreamReader) -> float:
    started_at = asyncio.get_running_loop().time()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    return asyncio.get_running_loop().time() - started_at


async def test_a_client_that_says_nothing_is_sent_away(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    assert 0.2 < await _closed_after_s(reader) < 2
    writer.close()


async def test_a_head_that_never_ends_is_sent_away_on_a_kept_connection_too(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")

    writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
    for _ in range(10):
        writer.write(b"a")
        await asyncio.sleep(0.02)

    assert await _closed_after_s(reader) < 2
    writer.close()


async def test_an_idle_kept_connection_is_not_sent_away_by_the_deadline_of_heads(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.5)
    writer.close()


async def test_a_client_that_is_done_writing_still_gets_its_answer(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b")
    writer.write_eof()
    async with asyncio.timeout(5):
        assert (await reader.read()).endswith(b"connection: close\r\n\r\nok")
    writer.close()


async def test_a_client_that_leaves_in_the_middle_is_not_waited_for(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 300\r\n\r\na=b")
    writer.write_eof()
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()


@pytest.mark.parametrize(
    "sent", [b"HELLO\r\n\r\n", b"FOO / HTTP/1.1\r\n\r\n", b"GET /?a=" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"]
)
async def test_what_is_no_http_is_refused_in_json(port: int, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(5):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 400")
    assert b"content-type: application/json" in head
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"])
async def test_an_answer_without_a_body_is_sent_too_and_the_next_one_is_whole(port: int, closing: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(5):
        writer.write(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + closing + b"Content-Length: 3\r\n\r\na=b")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.close()


class _Written:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def test_head_and_body_go_out_as_one_piece_and_an_interim_answer_at_once() -> None:
    written = _Written()
    transport: Any = WholeAnswers(written)  # type: ignore[arg-type]  # a transport that remembers
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"

    transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    transport.write(head)
    transport.write(b"ok")
    transport.write(b"0\r\n\r\n")
    assert written.pieces == [b"HTTP/1.1 100 Continue\r\n\r\n", head + b"ok", b"0\r\n\r\n"]

    transport.write(head)
    transport.close()
    assert written.pieces[3:] == [head]
    assert transport.is_closing()


def test_a_taken_port_is_told_with_its_remedy() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with pytest.raises(ConfigurationError, match="cannot be listened on"):
            listen(Settings(api_port=holder.getsockname()[1]))
