"""The worker: confines this process, runs one task that executes candidate code, and ends it. Used by the keeper only.

What ends a run, and what names the line: memory and recursion (the exception's traceback), processor and wall time (the
frame that a timer interrupts; a loop inside C by the watchdog's dump), forks, threads, processes, sockets, files and
sleeping (an audit hook, which no code can take out again), exits (replaced functions), printing (counted). Only calls
with code of a candidate on the stack count; the gate's own are left alone.
"""

import _thread
import contextlib
import ctypes
import faulthandler
import io
import os
import posix
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import msgspec

from interlock.base.errors import ConfigurationError, ConnectorError
from interlock.gateways.loader import PACKAGE_PREFIX, place_in, place_of
from interlock.releases.gates.isolation.frames import (
    BROKEN,
    FINISHED,
    NOTE_BYTES_MAX,
    PROGRESS,
    frame,
    write_all,
)
from interlock.releases.gates.isolation.tasks import run_function
from interlock.releases.gates.isolation.types import Broken, Limits, Order, Step

PR_SET_PDEATHSIG = 1
WATCHDOG_AFTER_MS = 500
"""How long after the wall-clock limit the watchdog ends a process that is stuck inside C."""
_REPORT_EVERY_S = 0.05
_REASON_CHARS = 600
_EXIT = os._exit  # before it is replaced
_DUMPED_LINE = re.compile(r'File "interlock_package_[^/"]*/([^"]+)", line (\d+)')

_FORBIDDEN = {
    "os.fork": "forks",
    "os.forkpty": "forks",
    "pty.spawn": "starts another program",
    "os.exec": "starts another program",
    "os.posix_spawn": "starts another program",
    "os.spawn": "starts another program",
    "os.system": "starts another program",
    "subprocess.Popen": "starts another program",
    "os.kill": "sends a signal",
    "os.killpg": "sends a signal",
    "socket.__new__": "opens a socket",
    "socket.connect": "opens a socket",
    "socket.bind": "opens a socket",
    "socket.getaddrinfo": "resolves a host name",
    "socket.gethostbyname": "resolves a host name",
    "ctypes.dlopen": "loads a library",
    "ctypes.dlsym": "loads a library",
    "sys.addaudithook": "watches the interpreter",
    "sys.settrace": "watches the interpreter",
    "sys.setprofile": "watches the interpreter",
    "resource.setrlimit": "changes its own limits",
    "resource.prlimit": "changes its own limits",
    "mmap.__new__": "maps memory",
    "os.remove": "changes files",
    "os.rename": "changes files",
    "os.rmdir": "changes files",
    "os.mkdir": "changes files",
    "os.link": "changes files",
    "os.symlink": "changes files",
    "os.truncate": "changes files",
    "os.chmod": "changes files",
    "os.chown": "changes files",
    "os.putenv": "changes the environment",
    "os.unsetenv": "changes the environment",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LIBRARY = tuple({os.path.realpath(sys.base_prefix), os.path.realpath(sys.prefix), sys.base_prefix, sys.prefix})


class Worker:
    """One run in this process, which ends with it."""

    def __init__(self, order: Order, answers: int, words: int) -> None:
        """Prepare to run ``order``; answers go to the descriptor ``answers``, dumps of stuck code to ``words``."""
        self._order = order
        self._limits = order.limits
        self._answers = answers
        self._words = words
        self._reported_at_s = 0.0

    def run(self) -> NoReturn:
        """Run the task and end the process."""
        try:
            self._confine()
            answer = run_function(self._order.task)(self._order.argument, self._report)
        except (ConnectorError, ConfigurationError) as error:
            reason, where = str(error), ""
            found = re.match(r"([A-Za-z0-9_]+\.py:\d+): (.*)", reason, re.DOTALL)
            if found:
                where, reason = found[1], found[2]
            self.end(reason, where)
        except BaseException as error:  # noqa: BLE001 - whatever it was, it ends here and says so
            self._disarm()
            self.end(f"raised {type(error).__name__}: {_text(error)}", _place(error))
        self._disarm()
        if len(answer) > self._limits.answer_bytes:
            self.end(f"made an answer of more than {self._limits.answer_bytes} bytes", "")
        write_all(self._answers, frame(FINISHED, answer))
        _EXIT(0)

    def end(self, reason: str, where: str) -> NoReturn:
        """Say why the run is over, and end the process."""
        broken = Broken(reason[:_REASON_CHARS].encode("utf-8", "replace").decode(), where[:200])
        with contextlib.suppress(OSError):
            write_all(self._answers, frame(BROKEN, msgspec.msgpack.encode(broken)))
        _EXIT(1)

    def _report(self, what: str, done: int, total: int) -> None:
        """Begin a step; tell the parent, unless it was told a moment ago."""
        signal.setitimer(signal.ITIMER_PROF, self._limits.step_cpu_ms / 1000)
        now_s = time.monotonic()
        if now_s - self._reported_at_s < _REPORT_EVERY_S and done < total:
            return
        self._reported_at_s = now_s
        note = msgspec.msgpack.encode(Step(what[:200], done, total))
        write_all(self._answers, frame(PROGRESS, note[:NOTE_BYTES_MAX]))

    def _confine(self) -> None:
        limits = self._limits
        faulthandler.enable(file=self._words)
        watchdog_s = (limits.wall_ms + WATCHDOG_AFTER_MS) / 1000
        faulthandler.dump_traceback_later(watchdog_s, exit=True, file=self._words)
        sys.dont_write_bytecode = True  # what a candidate imports from the library must not look like writing files
        # What the type checker is told not to see: only what print needs is there, and the names are final.
        sys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = _Printed(self)  # type: ignore[misc,assignment]
        for number, what in (
            (signal.SIGALRM, f"ran longer than {limits.wall_ms / 1000:g} s"),
            (signal.SIGPROF, f"used more than {limits.step_cpu_ms / 1000:g} s of processor time in one step"),
            (signal.SIGXCPU, "used too much processor time"),
            (signal.SIGXFSZ, f"wrote more than {limits.file_bytes} bytes to a file"),
        ):
            signal.signal(number, self._timer(what))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        _limit_resources(limits)
        self._guard()
        signal.setitimer(signal.ITIMER_REAL, limits.wall_ms / 1000)
        signal.setitimer(signal.ITIMER_PROF, limits.step_cpu_ms / 1000)

    def _disarm(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _timer(self, what: str) -> Callable[[int, FrameType | None], None]:
        def ring(_: int, interrupted: FrameType | None) -> None:
            where = place_in(interrupted)
            self.end(what if where else f"{what}, in the gate's own code", where or "")

        return ring

    def _guard(self) -> None:
        """Watch what code of a candidate asks of the interpreter."""
        for module, name in ((os, "_exit"), (posix, "_exit"), (os, "abort"), (posix, "abort")):
            self._replace(module, name, "ends the process")
        for module, name in (
            (_thread, "start_new_thread"),
            (_thread, "start_new"),
            (threading, "_start_new_thread"),
        ):
            self._replace(module, name, "starts a thread")
        self._replace(time, "sleep", "sleeps")
        sys.addaudithook(self._audit)

    def _replace(self, module: Any, name: str, what: str) -> None:
        original = getattr(module, name, None)
        if original is None:  # an alias that this Python has no more
            return

        def guarded(*arguments: Any, **named: Any) -> Any:
            if where := place_in(sys._getframe(1)):  # noqa: SLF001 - the documented way to a caller's frame
                self.end(f"{what} ({name})", where)
            return original(*arguments, **named)

        setattr(module, name, guarded)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        what = _FORBIDDEN.get(event)
        if what is None:
            if event != "open" or _may_open(arguments):
                return
            what = "opens a file"
        if where := place_in(sys._getframe(1)):  # noqa: SLF001 - as above
            self.end(f"{what} ({event})", where)


class _Printed(io.TextIOBase):
    """Where printing goes: nowhere, and not without end."""

    encoding = "utf-8"

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._left = worker._limits.printed_bytes  # noqa: SLF001 - one mechanism in two classes

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._left -= len(text)
        if self._left < 0:
            where = place_in(sys._getframe(1)) or ""  # noqa: SLF001 - as above
            self._worker.end("prints without end", where)
        return len(text)


def _may_open(arguments: tuple[Any, ...]) -> bool:
    """Return True for reading a file of the Python library, which importing from it does, and for the look at the
    source of a syntax error, which is not there."""
    path, flags = arguments[0], arguments[2]
    if isinstance(flags, int) and flags & _WRITING:
        return False
    return isinstance(path, str) and path.startswith((*_LIBRARY, PACKAGE_PREFIX))


def _limit_resources(limits: Limits) -> None:
    cpu_s = limits.wall_ms // 1000 + 3
    wanted = [
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, cpu_s, cpu_s + 2),
        (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
    ]
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - before any other import
            size_bytes = int(file.read().split()[0]) * resource.getpagesize()
        wanted.append((resource.RLIMIT_AS, size_bytes + limits.memory_bytes, size_bytes + limits.memory_bytes))
        wanted.append((resource.RLIMIT_NPROC, 0, 0))
    for which, soft, hard in wanted:
        _, most = resource.getrlimit(which)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)  # noqa: PLW2901 - never more than this process has
        resource.setrlimit(which, (soft, hard))


def die_with(parent_pid: int) -> None:
    """Make the kernel kill this process when ``parent_pid`` ends; exits at once when it has already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        _EXIT(0)


def dumped_place(dump: bytes) -> str:
    """Return the candidate's file and line in what faulthandler wrote, the innermost first; empty without one."""
    found = _DUMPED_LINE.search(dump.decode("utf-8", "replace"))
    return f"{found[1]}:{found[2]}" if found else ""


def _place(error: BaseException) -> str:
    place = place_of(error)
    return place if ":" in place else ""  # without a line, no code of the candidate was found


def _text(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except Exception:  # noqa: BLE001 - the candidate's own __str__ may be what is broken
        return "(its text cannot be read)"
