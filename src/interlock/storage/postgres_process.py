"""Postgres process: starts the server as a direct child that dies with us; called by ``embedded`` only.

Linux can send a signal to a child when the *thread* that started it ends. A keeper thread therefore starts the server
and lives until it has ended: no caller's thread matters, and a kill -9 of this process takes the server down cleanly.
The keeper also starts the server again when it dies without having been told to.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from interlock.base.errors import StorageError
from interlock.storage.postgres_owner import Owner

_SET_DEATH_SIGNAL = 1
_RESTARTS_MAX = 5
_RESTARTS_WITHIN_S = 60.0
_READY_WITHIN_S = 120.0
_LOCK_STATUS_LINE = 7
_POLL_S = 0.005
_BUSY_EXIT_PAUSE_S = 0.2

FAST = signal.SIGINT
IMMEDIATE = signal.SIGQUIT


class LockFile:
    """``postmaster.pid``: what a running, or killed, server says of itself."""

    def __init__(self, cluster: Path) -> None:
        """Look at the data directory ``cluster``."""
        self._path = cluster / "postmaster.pid"
        self._cluster = cluster

    def lines(self) -> list[str]:
        """Return its lines, none when there is no such file."""
        try:
            return self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def pid(self) -> int | None:
        """Return the server's process id as written, alive or not."""
        lines = self.lines()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None

    def is_ready(self, pid: int) -> bool:
        """Tell whether the server ``pid`` accepts connections."""
        lines = self.lines()
        return len(lines) > _LOCK_STATUS_LINE and self.pid() == pid and lines[_LOCK_STATUS_LINE].strip() == "ready"

    def running_pid(self) -> int | None:
        """Return the pid when it truly is a server of this data directory: pids are reused after a crash."""
        pid = self.pid()
        if pid is None:
            return None
        try:
            os.kill(pid, 0)
            if not sys.platform.startswith("linux"):
                return pid
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            same_folder = Path(f"/proc/{pid}/cwd").readlink() == self._cluster.resolve()
        except OSError:
            return None
        return pid if b"postgres" in command and same_folder else None

    def remove(self) -> None:
        """Remove a stale file."""
        self._path.unlink(missing_ok=True)

    def end_leftover(self, within_s: float) -> None:
        """End a server that a killed parent left behind; remove the file it may leave.

        Raises:
            StorageError: it would not end.

        """
        deadline = time.monotonic() + within_s
        for stop_signal in (FAST, IMMEDIATE):
            pid = self.running_pid()
            if pid is None:
                break
            os.kill(pid, stop_signal)
            until = min(deadline, time.monotonic() + within_s / 2)
            while self.running_pid() is not None and time.monotonic() < until:
                time.sleep(_POLL_S)
        if self.running_pid() is not None:
            problem = f"a Postgres left over in {self._cluster} (pid {self.pid()}) does not end"
            raise StorageError(problem)
        self.remove()


class Keeper(threading.Thread):
    """The thread that starts the server, outlives nothing else, and restarts it when it crashes."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cluster: Path,
        log: Path,
        owner: Owner | None,
        pass_fds: Sequence[int] = (),
        restart: bool = True,
    ) -> None:
        """Prepare to run ``command`` as ``owner`` with its output appended to ``log``."""
        super().__init__(name="interlock-postgres", daemon=True)
        self._command = list(command)
        self._lock_file = LockFile(cluster)
        self._log = log
        self._owner = owner
        self._pass_fds = tuple(pass_fds)
        self._process: subprocess.Popen[bytes] | None = None
        self._restart = restart
        self._stopping = False
        self._restarts: list[float] = []
        self._failure: str | None = None
        self._ready = threading.Event()

    @property
    def pid(self) -> int | None:
        """Return the server's process id, None while there is none."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def run(self) -> None:
        """Keep a server running until told to stop, or until it will not stay up."""
        die_with_us = _death_signal_setter()
        status = 0
        try:
            with self._log.open("ab") as output:
                while not self._stopping:
                    self._process = self._spawn(output, die_with_us)
                    self._await_ready(self._process)
                    status = self._process.wait()
                    if not self._may_restart():
                        break
                    self._ready.clear()
                    # What the dead server's children hold must be released before another may start.
                    time.sleep(_BUSY_EXIT_PAUSE_S)
            self._failure = f"Postgres ended with status {status}"
        except OSError as error:
            self._failure = f"Postgres could not be started: {error}"
        self._ready.set()

    def _spawn(self, output: IO[bytes], die_with_us: Callable[[], None] | None) -> subprocess.Popen[bytes]:
        owner = self._owner
        return subprocess.Popen(  # noqa: S603 - the server's own program and our options
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(),
            user=None if owner is None else owner.uid,
            group=None if owner is None else owner.gid,
            extra_groups=None if owner is None else [],
            start_new_session=True,
            pass_fds=self._pass_fds,
            preexec_fn=die_with_us,  # noqa: PLW1509 - one prctl call, prepared before the fork
        )

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while process.poll() is None and time.monotonic() < deadline:
            if self._lock_file.is_ready(process.pid):
                self._ready.set()
                return
            time.sleep(_POLL_S)

    def _may_restart(self) -> bool:
        if self._stopping:
            return False
        now = time.monotonic()
        self._restarts = [at for at in self._restarts if now - at < _RESTARTS_WITHIN_S]
        self._restarts.append(now)
        return self._restart and len(self._restarts) <= _RESTARTS_MAX

    def wait_ready(self) -> None:
        """Wait until the server accepts connections.

        Raises:
            StorageError: it does not, with the end of its log.

        """
        if not self._ready.wait(_READY_WITHIN_S) or self._failure is not None:
            problem = f"{self._failure or 'Postgres did not become ready'}; its log ends: {self._log_tail()}"
            raise StorageError(problem)

    def _log_tail(self) -> str:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return " | ".join(lines[-5:])

    def stop(self, within_s: float) -> None:
        """Shut down (fast, then immediately) and wait for the end."""
        self._stopping = True
        for stop_signal in (FAST, IMMEDIATE, signal.SIGKILL):
            process = self._process
            if process is not None and process.poll() is None:
                process.send_signal(stop_signal)
            self.join(within_s)
            if not self.is_alive():
                return


def _environment() -> dict[str, str]:
    """Return a small environment: nothing of ours (PGDATA, PGPORT …) may steer the server.

    The two of glibc's allocator let a server process keep the few megabytes of a flush for the next one: giving them
    back and faulting them in again was a fifth of the server's work.
    """
    keep = {"MALLOC_TRIM_THRESHOLD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "33554432"}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **keep}


def _death_signal_setter() -> Callable[[], None] | None:
    """Return what the child calls before it becomes the server, or None where the system has no such signal."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def die_with_parent() -> None:
        prctl(_SET_DEATH_SIGNAL, int(FAST), 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return die_with_parent
