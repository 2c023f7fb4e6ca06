"""Postgres writeback: has the kernel write a server's tables steadily; called by ``embedded`` only.

The server hands its table pages to the kernel and asks for none of them to be on disk before the next checkpoint. The
kernel lets them lie for half a minute and then writes them all at once, and every commit waits behind that for a
quarter of a second. Asked every second, it has little to write. Only when the pages reach the disk changes: what is
durable is decided by the server's log, as before.
"""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_BUSY_WAIT_S = 1.0
_IDLE_WAIT_S = 3.0
_FILES_MAX = 10_000
_START_WRITING = 2

Start = Callable[[int], object]


class Writeback(threading.Thread):
    """The thread that asks, until :meth:`stop`; it may fail without harm to anything but evenness."""

    def __init__(self, cluster: Path, start_writing: Start) -> None:
        """Prepare to ask, by ``start_writing``, for the files of the data directory ``cluster``."""
        super().__init__(name="interlock-postgres-writeback", daemon=True)
        self._tables = cluster / "base"
        self._start_writing = start_writing
        self._seen_ns: dict[str, int] = {}
        self._stopping = threading.Event()

    def run(self) -> None:
        """Ask at intervals."""
        wait_s = _BUSY_WAIT_S
        while not self._stopping.wait(wait_s):
            wait_s = _BUSY_WAIT_S if self.ask() else _IDLE_WAIT_S

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        if self.is_alive():
            self.join()

    def ask(self) -> int:
        """Have every file that changed since the last time written from now on; return how many there were."""
        asked = 0
        seen_ns: dict[str, int] = {}
        for path, changed_ns in _files(self._tables):
            seen_ns[path] = changed_ns
            if self._seen_ns.get(path) != changed_ns:
                with contextlib.suppress(OSError):  # a table that was dropped meanwhile
                    self._write(path)
                    asked += 1
        self._seen_ns = seen_ns
        return asked

    def _write(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            self._start_writing(descriptor)
        finally:
            os.close(descriptor)


def _files(tables: Path) -> Iterator[tuple[str, int]]:
    """Yield the files of every database with the time of their last change."""
    count = 0
    with contextlib.suppress(OSError), os.scandir(tables) as databases:
        for database in databases:
            with contextlib.suppress(OSError), os.scandir(database.path) as files:
                for file in files:
                    count += 1
                    if count > _FILES_MAX:
                        return
                    yield file.path, file.stat().st_mtime_ns


def kernel_start_writing() -> Start | None:
    """Return what asks the kernel to start writing a file's changed pages, None on a system that has no such call."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "sync_file_range", None)
    if function is None or not sys.platform.startswith("linux"):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)

    def start_writing(descriptor: int) -> None:
        function(descriptor, 0, 0, _START_WRITING)

    return start_writing
