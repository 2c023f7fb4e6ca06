"""Child processes: started, watched, restarted with growing pauses when they crash, and stopped within seconds."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from interlock.base.errors import InterlockError
from interlock.cli.supervision.logs import ChildLog

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 10.0
HEALTHY_AFTER_S = 5.0
STOP_WITHIN_S = 3.0
_POLL_S = 0.02
_ANSWER_WITHIN_S = 2.0
_REST_WITHIN_S = 0.5


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A process to keep running: ``python -m module arguments…``, ready when ``ready_path`` answers 200 on ``port``."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int | None = None
    ready_path: str = "/"


class ChildFailedError(InterlockError):
    """A child did not become ready."""


class LogPolicy(msgspec.Struct, frozen=True):
    """Where logs go and how they are rotated."""

    folder: Path
    max_bytes: int
    kept: int


class _Child:
    """One running child and what is known of it."""

    def __init__(self, spec: ChildSpec, log: ChildLog) -> None:
        self.spec = spec
        self.log = log
        self.process: Process | None = None
        self.crashes = 0
        self.watcher: asyncio.Task[None] | None = None


class Supervisor:
    """Keeps children running until :meth:`stop`."""

    def __init__(self, environment: Mapping[str, str], logs: LogPolicy, say: Callable[[str], None]) -> None:
        """Give children ``environment`` on top of this process's own; tell people through ``say``."""
        self._environment = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        # Children that keep their bytecode start in half the time.
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._logs = logs
        self._say = say
        self._children: dict[str, _Child] = {}
        self._stopping = asyncio.Event()

    async def start(self, spec: ChildSpec) -> None:
        """Start a child and watch it from now on."""
        log = ChildLog(self._logs.folder / f"{spec.name}.log", max_bytes=self._logs.max_bytes, kept=self._logs.kept)
        child = _Child(spec, log)
        self._children[spec.name] = child
        await self._spawn(child)
        child.watcher = asyncio.create_task(self._watch(child), name=f"watch {spec.name}")

    async def wait_ready(self, name: str, *, within_s: float) -> None:
        """Return when the child answers.

        Raises:
            ChildFailedError: it crashed three times or did not answer ``within_s`` seconds.

        """
        child = self._children[name]
        deadline = asyncio.get_running_loop().time() + within_s
        while child.crashes < 3 and asyncio.get_running_loop().time() < deadline:
            port = child.spec.port
            if port is None or await answers(child.spec.host, port, child.spec.ready_path):
                return
            await asyncio.sleep(_POLL_S)
        said = " | ".join(line.strip() for line in child.log.tail(3)) or "it said nothing"
        raise ChildFailedError(f"{name} did not start: {said} (all of it in {child.log.path})")

    def pids(self) -> dict[str, int]:
        """Return the process id of every running child."""
        return {
            name: child.process.pid
            for name, child in self._children.items()
            if child.process is not None and child.process.returncode is None
        }

    async def stop(self) -> None:
        """Ask every child to end, kill what has not after three seconds, and close the logs."""
        self._stopping.set()
        for child in self._children.values():
            _signal_group(child.process, signal.SIGTERM)
        watchers = [child.watcher for child in self._children.values() if child.watcher is not None]
        if watchers:
            await asyncio.wait(watchers, timeout=STOP_WITHIN_S)
        self.kill()
        if watchers:
            await asyncio.wait(watchers, timeout=STOP_WITHIN_S)
        for child in self._children.values():
            child.log.close()

    def kill(self) -> None:
        """Kill every child that has not ended."""
        for child in self._children.values():
            _signal_group(child.process, signal.SIGKILL)

    async def _spawn(self, child: _Child) -> None:
        spec = child.spec
        launch = ["-m", "interlock.cli.supervision.launch", str(os.getpid()), spec.module, *spec.arguments]
        child.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *launch,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=self._environment,
            # A group of its own: Ctrl-C reaches the supervisor alone, which then ends everything in order.
            process_group=0,
        )

    async def _watch(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        while child.process is not None:
            started_at = loop.time()
            status = await _run_to_end(child.process, child.log)
            if self._stopping.is_set():
                return
            child.crashes = 1 if loop.time() - started_at > HEALTHY_AFTER_S else child.crashes + 1
            pause_s = min(FIRST_PAUSE_S * 2 ** (child.crashes - 1), LONGEST_PAUSE_S)
            self._say(f"{child.spec.name} {_ending(status)}; starting it again in {pause_s:g} s ({child.log.path})")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
                return
            await self._spawn(child)


async def _run_to_end(process: Process, log: ChildLog) -> int:
    """Copy the child's output while it runs; return its status."""
    if process.stdout is None:
        return await process.wait()
    copying = asyncio.create_task(log.copy(process.stdout))
    status = await process.wait()
    # A grandchild may hold the pipe open: what it still says is not waited for.
    await asyncio.wait([copying], timeout=_REST_WITHIN_S)
    copying.cancel()
    return status


def _ending(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _signal_group(process: Process | None, number: signal.Signals) -> None:
    if process is not None and process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


async def answers(host: str, port: int, path: str) -> bool:
    """Return True when ``GET path`` is answered with 200 within two seconds."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                return (await reader.readline()).split(b" ")[1:2] == [b"200"]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
