"""How parent, keeper and worker talk: one letter, four bytes of length, so many bytes. Sizes are bounded by readers."""

import os
import struct

_HEADER = struct.Struct(">cI")
HEADER_BYTES = _HEADER.size

WARM = b"W"
READY = b"R"
ORDER = b"O"
PROGRESS = b"P"
FINISHED = b"F"
BROKEN = b"B"

NOTE_BYTES_MAX = 4096
"""The largest frame of any kind but an order's or answer's; a pipe takes so much at once or not at all."""


class FrameError(Exception):
    """What was read is no frame, or a larger one than allowed."""


def frame(kind: bytes, content: bytes) -> bytes:
    """Return ``content`` as one frame."""
    return _HEADER.pack(kind, len(content)) + content


def header(data: bytes | bytearray) -> tuple[bytes, int]:
    """Return kind and length of the frame that begins ``data``, which holds at least a header."""
    kind, length = _HEADER.unpack_from(data)
    return kind, length


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_exactly(descriptor: int, size: int) -> bytes:
    """Return ``size`` bytes; raises EOFError where the other side ends before."""
    parts: list[bytes] = []
    while size:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_frame(descriptor: int) -> tuple[bytes, bytes]:
    """Return the next frame of a trusted writer; raises EOFError at the end."""
    kind, length = header(read_exactly(descriptor, HEADER_BYTES))
    return kind, read_exactly(descriptor, length)


class FrameReader:
    """Takes the frames of an untrusted writer out of what arrives."""

    def __init__(self, limit_bytes: int) -> None:
        """Allow frames of up to ``limit_bytes``."""
        self._limit_bytes = max(limit_bytes, NOTE_BYTES_MAX)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Return the frames that ``data`` completes; raises FrameError for one beyond the limit."""
        self._buffer += data
        found: list[tuple[bytes, bytes]] = []
        while len(self._buffer) >= HEADER_BYTES:
            kind, length = header(self._buffer)
            if length > self._limit_bytes or kind not in {PROGRESS, FINISHED, BROKEN}:
                raise FrameError
            end = HEADER_BYTES + length
            if len(self._buffer) < end:
                break
            found.append((kind, bytes(self._buffer[HEADER_BYTES:end])))
            del self._buffer[:end]
        return found
