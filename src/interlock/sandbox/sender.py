"""A small HTTP client for webhooks: one kept-alive connection per sender, and nothing but POST.

Webhooks are several per payment and the gateway shares its cores with the system under test; a general client costs
five times as much as this.
"""

import asyncio
import contextlib
from urllib.parse import urlsplit

import msgspec

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 65_536
_PORTS = {"http": 80, "https": 443}


class Target(msgspec.Struct, frozen=True):
    """A URL taken apart."""

    scheme: str
    host: str
    port: int
    path: str


def target_of(url: str) -> Target | None:
    """Return the parts of an ``http`` or ``https`` URL, or None when it is neither."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


class Sender:
    """One connection, opened when needed, used for one POST after the other."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._connected_to: tuple[str, int] | None = None

    async def post(self, target: Target, headers: dict[str, str], body: bytes) -> bool:
        """Return True when ``target`` answered 2xx; False for any other answer, none, or no connection."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status = await self._exchange(target, headers, body)
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError):
            self.close()
            return False
        return 200 <= status < 300

    async def _exchange(self, target: Target, headers: dict[str, str], body: bytes) -> int:
        if self._writer is None or self._writer.is_closing() or self._connected_to != (target.host, target.port):
            self.close()
            secure = True if target.scheme == "https" else None
            self._reader, self._writer = await asyncio.open_connection(
                target.host, target.port, ssl=secure, limit=MAX_ANSWER_BYTES
            )
            self._connected_to = (target.host, target.port)
        assert self._reader is not None
        lines = [f"POST {target.path} HTTP/1.1", f"Host: {target.host}:{target.port}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        await self._read_body(head.lower())
        return int(head[9:12])

    async def _read_body(self, head: bytes) -> None:
        """Read what follows ``head`` (lower case), so that the connection can be used again, or close it."""
        assert self._reader is not None
        _, found, rest = head.partition(b"content-length:")
        if not found or b"connection: close" in head:
            self.close()
            return
        length = int(rest.partition(b"\r\n")[0])
        if length > MAX_ANSWER_BYTES:
            self.close()
        elif length:
            await self._reader.readexactly(length)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
        self._reader = self._writer = None
