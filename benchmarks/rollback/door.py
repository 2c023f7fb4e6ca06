"""A door in the way to the database that can be held shut: what a process sees of a cut cable.

A unix socket of the name a client of Postgres looks for, in a folder of its own; every byte goes through until the door
is shut, and waits there until it is opened again. Nothing is refused and nothing closed: whoever speaks through a shut
door hears nothing at all, as over a network that lost its packets.
"""

import asyncio
import contextlib
import struct
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

_CHUNK_BYTES = 65_536
_LENGTH_BYTES = 4
_STARTUP_MAX_BYTES = 10_000
_WRITER = "interlock-writer"
_BACKLOG = 64

Holds = Callable[[str], bool]
"""Says by its application name whether a connection is held."""


def everybody(_name: str) -> bool:
    """Hold every connection: the process is cut off."""
    return True


def all_but_writing(name: str) -> bool:
    """Hold whatever is not the connection of commits: the process can take payments and does not hear the pointer."""
    return name != _WRITER


def only_writing(name: str) -> bool:
    """Hold the connection of commits: payments of the process wait to become durable."""
    return name == _WRITER


def nobody(_name: str) -> bool:
    """Hold nothing: the door is open."""
    return False


class Door:
    """One door, before one process's database."""

    def __init__(self, database_url: str, folder: Path) -> None:
        """Lead to the server of ``database_url``, which listens on a unix socket; stand in ``folder``."""
        parts = urlsplit(database_url)
        options = parse_qs(parts.query)
        name = f".s.PGSQL.{options['port'][0]}"
        self._upstream = Path(options["host"][0]) / name
        self._path = folder / name
        query = f"host={quote(str(folder))}&port={options['port'][0]}"
        self.url = parts._replace(query=query).geturl()
        self._holds: Holds = nobody
        self._opened = asyncio.Event()
        self._opened.set()
        self._server: asyncio.Server | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def build(self) -> None:
        """Begin to listen."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._server = await asyncio.start_unix_server(self._came, str(self._path), backlog=_BACKLOG)

    async def tear_down(self) -> None:
        """End every connection and listen no more."""
        if self._server is not None:
            self._server.close()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def shut(self, holds: Holds) -> None:
        """Let nothing through of the connections that ``holds`` names, in either direction."""
        self._holds = holds
        self._opened.clear()

    def open(self) -> None:
        """Let everything through again, what waited first."""
        self._holds = nobody
        self._opened.set()

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one side went away, and with it the connection
        finally:
            self._calls.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(_LENGTH_BYTES)
        (length,) = struct.unpack("!i", head)
        if not _LENGTH_BYTES < length < _STARTUP_MAX_BYTES:
            return
        startup = head + await reader.readexactly(length - _LENGTH_BYTES)
        name = application_of(startup)
        await self._pass(name)
        server_reader, server_writer = await asyncio.open_unix_connection(str(self._upstream))
        server_writer.write(startup)
        pumps = [
            asyncio.create_task(self._pump(name, reader, server_writer)),
            asyncio.create_task(self._pump(name, server_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            server_writer.close()

    async def _pump(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._pass(name)
                writer.write(chunk)
                await writer.drain()

    async def _pass(self, name: str) -> None:
        while self._holds(name):
            await self._opened.wait()


def application_of(startup: bytes) -> str:
    """Return the application name in a startup message; empty for one without (a request to cancel)."""
    words = startup[2 * _LENGTH_BYTES :].split(b"\0")
    named = dict(zip(words[::2], words[1::2], strict=False))
    return named.get(b"application_name", b"").decode()
