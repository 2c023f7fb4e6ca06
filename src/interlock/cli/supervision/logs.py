"""A child's output, scrubbed line by line into a file that is rotated by size."""

import asyncio
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from interlock.base.redaction import scrub

_CHUNK = 65_536
_LONGEST_LINE = 65_536
_TAIL_BYTES = 4_096


class ChildLog:
    """The log file of one child. Writing is synchronous and small; the child waits when the disk does."""

    def __init__(self, path: Path, *, max_bytes: int, kept: int) -> None:
        """Append to ``path``, starting a new file at ``max_bytes`` and keeping ``kept`` old ones."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._handler = RotatingFileHandler(path, maxBytes=max_bytes, backupCount=kept, encoding="utf-8")

    def write(self, line: str) -> None:
        """Write one line, scrubbed."""
        self._handler.handle(logging.makeLogRecord({"msg": scrub(line)}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()

    def tail(self, lines: int) -> list[str]:
        """Return the last ``lines`` lines, for telling why a child did not start."""
        with self.path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]

    async def copy(self, output: asyncio.StreamReader) -> None:
        """Copy ``output`` until the child closes it; a line longer than 64 KiB is cut there."""
        rest = b""
        while chunk := await output.read(_CHUNK):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                self.write(line[:_LONGEST_LINE].decode("utf-8", "replace"))
            rest = rest[:_LONGEST_LINE]
        if rest:
            self.write(rest.decode("utf-8", "replace"))
