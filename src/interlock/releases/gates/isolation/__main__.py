"""The keeper: a child process that holds what is costly to prepare, and forks a confined worker for each run.

Started by :class:`~interlock.releases.gates.isolation.nursery.Nursery` as ``python -I -m`` this package, with an empty
environment; reads orders from standard input and writes answers to standard output. It runs no code of a candidate.
"""

import contextlib
import ctypes
import gc
import os
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import msgspec

from interlock.releases.gates.isolation.confinement import (
    WATCHDOG_AFTER_MS,
    Worker,
    die_with,
    dumped_place,
)
from interlock.releases.gates.isolation.frames import (
    BROKEN,
    ORDER,
    PROGRESS,
    READY,
    WARM,
    FrameError,
    FrameReader,
    frame,
    read_frame,
    write_all,
)
from interlock.releases.gates.isolation.tasks import run_function, warm_function
from interlock.releases.gates.isolation.types import Broken, Order, Warm

_PR_SET_CHILD_SUBREAPER = 36
_KILL_AFTER_MS = WATCHDOG_AFTER_MS + 1000
_READ_BYTES = 1 << 16
_DUMP_BYTES_MAX = 65_536
_STRAGGLER_ROUNDS = 200


class _Keeper:
    def __init__(self, orders: int, answers: int) -> None:
        self._orders = orders
        self._answers = answers

    def serve(self) -> None:
        """Prepare, then run one order after the other until the parent ends."""
        kind, content = read_frame(self._orders)
        if kind != WARM:
            raise ValueError("the first message prepares")
        warm = msgspec.msgpack.decode(content, type=Warm)
        run_function(warm.task)
        if prepare := warm_function(warm.task):
            prepare(warm.argument)
        gc.collect()
        gc.freeze()  # what is shared with the workers stays shared: a collection would write to every page
        write_all(self._answers, frame(READY, b""))
        while True:
            kind, content = read_frame(self._orders)
            if kind != ORDER:
                raise ValueError("only orders follow")
            self._run(msgspec.msgpack.decode(content, type=Order))

    def _run(self, order: Order) -> None:
        reading, writing = os.pipe()
        words = _words()
        keeper = os.getpid()
        worker = os.fork()
        if worker == 0:
            _become_worker(order, keeper, writing, words)
        os.close(writing)
        try:
            kind, content = self._listen(order, worker, reading)
            _end(worker)
            if kind == b"":
                kind, content = BROKEN, msgspec.msgpack.encode(Broken(content.decode(), _dumped(words)))
        finally:
            os.close(reading)
            os.close(words)
        write_all(self._answers, frame(kind, content))

    def _listen(self, order: Order, worker: int, reading: int) -> tuple[bytes, bytes]:
        """Return the worker's last frame; without one, an empty kind and why."""
        deadline_s = time.monotonic() + (order.limits.wall_ms + _KILL_AFTER_MS) / 1000
        frames = FrameReader(order.limits.answer_bytes)
        poll = select.poll()
        poll.register(reading, select.POLLIN | select.POLLHUP)
        while (left_s := deadline_s - time.monotonic()) > 0:
            if not poll.poll(left_s * 1000):
                break
            data = os.read(reading, _READ_BYTES)
            if not data:
                return b"", _how_it_ended(worker, order).encode()
            try:
                arrived = frames.feed(data)
            except FrameError:
                return b"", b"said more than allowed, or something unreadable"
            for kind, content in arrived:
                if kind != PROGRESS:
                    return kind, content
                write_all(self._answers, frame(PROGRESS, content))
        return b"", f"ran longer than {order.limits.wall_ms / 1000:g} s and had to be killed".encode()


def _become_worker(order: Order, keeper: int, writing: int, words: int) -> NoReturn:
    try:
        os.setpgid(0, 0)
        die_with(keeper)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        first, second = sorted((writing, words))
        os.closerange(3, first)
        os.closerange(first + 1, second)
        os.closerange(second + 1, max(1024, second + 1))
        Worker(order, writing, words).run()
    finally:
        os._exit(2)


def _words() -> int:
    """Return a file that no name leads to, for the last words of code that is stuck."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("words")
    descriptor, name = tempfile.mkstemp()
    Path(name).unlink()
    return descriptor


def _dumped(words: int) -> str:
    os.lseek(words, 0, os.SEEK_SET)
    return dumped_place(os.read(words, _DUMP_BYTES_MAX))


def _how_it_ended(worker: int, order: Order) -> str:
    _, status = os.waitpid(worker, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:
            return "was killed, most likely for the memory it took"
        return f"crashed ({signal.strsignal(number) or number})"
    exit_status = os.waitstatus_to_exitcode(status)
    if exit_status == 1:  # the watchdog's
        return f"ran longer than {order.limits.wall_ms / 1000:g} s"
    return f"ended the process without an answer (exit status {exit_status})"


def _end(worker: int) -> None:
    """Kill the worker and whatever it has left behind: as their subreaper, this process inherits its orphans."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
    for _ in range(_STRAGGLER_ROUNDS):
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if ended == 0:
            for child in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.002)


def _children() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()]
    return []


def main() -> None:
    """Serve the parent named on the command line."""
    die_with(int(sys.argv[1]))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    orders, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    with contextlib.suppress(EOFError, BrokenPipeError):
        _Keeper(orders, answers).serve()


if __name__ == "__main__":
    main()
