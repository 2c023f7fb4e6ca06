"""A second address of a simulated gateway that remembers which requests came through it.

A release whose ``base_url`` is this door is told from the release beside it by what the door has seen, without a change
to either's code. Any test may open one.
"""

import asyncio
import contextlib
import re
from types import TracebackType
from typing import Self

_REQUEST = re.compile(rb"(?m)^(GET|POST|DELETE) (\S+) HTTP/1\.1\r$")
_CHUNK = 65_536


class SecondDoor:
    """``async with SecondDoor(port) as door``."""

    def __init__(self, port: int) -> None:
        """Lead to ``port`` of this machine."""
        self._target = port
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self.requests: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        """Open on a free port."""
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, with whoever is still inside."""
        assert self._server is not None
        self._server.close()
        for task in list(self._passing):
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(
                self._pass(reader, inner_writer, seen=True), self._pass(inner_reader, writer, seen=False)
            )
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._passing.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, seen: bool) -> None:
        try:
            while data := await reader.read(_CHUNK):
                if seen:
                    self.requests += [f"{verb.decode()} {path.decode()}" for verb, path in _REQUEST.findall(data)]
                writer.write(data)
                await writer.drain()
        finally:
            # A reset on one side is a reset on the other.
            with contextlib.suppress(OSError):
                writer.close() if reader.at_eof() and reader.exception() is None else writer.transport.abort()
