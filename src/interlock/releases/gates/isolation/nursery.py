"""The parent's side: starts a keeper, gives it orders, and kills it when it does not keep to its limits."""

import asyncio
import contextlib
import os
import signal
import sys
from types import TracebackType
from typing import Self

import msgspec

from interlock.base.errors import IsolationError
from interlock.releases.gates.isolation.frames import (
    BROKEN,
    FINISHED,
    HEADER_BYTES,
    NOTE_BYTES_MAX,
    ORDER,
    PROGRESS,
    READY,
    WARM,
    frame,
    header,
)
from interlock.releases.gates.isolation.tasks import TASKS
from interlock.releases.gates.isolation.types import Broken, Finished, Limits, Order, Report, Step, Warm

_READY_WITHIN_S = 60.0
_GRACE_S = 10.0
_NICENESS = 10
_COMPLAINT_BYTES_MAX = 4000
_ENVIRONMENT = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Nursery:
    """A warm keeper for many runs of one task, one at a time; as a context manager it leaves nothing behind.

    ::

        async with Nursery("load") as nursery:
            ended = await nursery.run(pack(package), limits=Limits())
    """

    def __init__(self, task: str, *, warm: bytes = b"", gently: bool = False) -> None:
        """Start nothing yet.

        Args:
            task: the name of a task (:data:`~interlock.releases.gates.isolation.tasks.TASKS`).
            warm: what its ``warm`` function is given, once.
            gently: with a lower priority than this process, which answers payments.

        Raises:
            KeyError: there is no such task.

        """
        TASKS[task]
        self._task = task
        self._warm = warm
        self._gently = gently
        self._process: asyncio.subprocess.Process | None = None
        self._busy = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Return itself; the keeper starts with the first run."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the keeper."""
        await self.close()

    async def run(
        self, argument: bytes, *, limits: Limits, task: str | None = None, progress: Report | None = None
    ) -> Finished | Broken:
        """Run the task once.

        Args:
            argument: what it is given.
            limits: what it may use.
            task: another task than the one the keeper was started for.
            progress: told of progress.

        Raises:
            IsolationError: the keeper cannot be started, or died of something that is not the candidate's doing.

        """
        async with self._busy:
            process = await self._started()
            order = Order(task or self._task, argument, limits)
            try:
                async with asyncio.timeout(limits.wall_ms / 1000 + _GRACE_S):
                    return await self._give(process, order, progress)
            except TimeoutError:
                await self._kill()
                return Broken(f"ran longer than {limits.wall_ms / 1000:g} s and had to be killed from outside")
            except (asyncio.IncompleteReadError, ConnectionError):
                raise IsolationError(f"the keeper died: {await self._complaint(process)}") from None
            except BaseException:
                await self._kill()
                raise

    async def close(self) -> None:
        """End the keeper and everything it has started."""
        await self._kill()

    async def _started(self) -> asyncio.subprocess.Process:
        process = self._process
        if process is not None and process.returncode is None:
            return process
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "interlock.releases.gates.isolation", str(os.getpid())),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as error:
            raise IsolationError(f"no process can be started ({error.strerror})") from error
        self._process = process
        if self._gently:
            with contextlib.suppress(ProcessLookupError):  # it died at once: whoever reads from it hears why
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                await _write(process, WARM, msgspec.msgpack.encode(Warm(self._task, self._warm)))
                kind, _ = await _read(process, NOTE_BYTES_MAX)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise IsolationError(f"the keeper cannot be prepared: {await self._complaint(process)}") from None
        except BaseException:
            await self._kill()
            raise
        if kind != READY:
            raise IsolationError("the keeper speaks out of turn")
        return process

    async def _give(
        self, process: asyncio.subprocess.Process, order: Order, progress: Report | None
    ) -> Finished | Broken:
        await _write(process, ORDER, msgspec.msgpack.encode(order))
        while True:
            kind, content = await _read(process, order.limits.answer_bytes)
            if kind == FINISHED:
                return Finished(content)
            if kind == BROKEN:
                return msgspec.msgpack.decode(content, type=Broken)
            if kind == PROGRESS and progress is not None:
                with contextlib.suppress(msgspec.DecodeError):
                    step = msgspec.msgpack.decode(content, type=Step)
                    progress(step.what, step.done, step.total)

    async def _complaint(self, process: asyncio.subprocess.Process) -> str:
        """End the keeper and return the end of what it wrote to standard error."""
        await self._kill()
        assert process.stderr is not None
        said = await process.stderr.read(1 << 20)
        lines = said[-_COMPLAINT_BYTES_MAX:].decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {process.returncode}"

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # The workers are groups of their own; the kernel kills them with the keeper.
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def run_isolated(
    task: str,
    argument: bytes,
    *,
    limits: Limits,
    warm: bytes = b"",
    progress: Report | None = None,
    gently: bool = False,
) -> Finished | Broken:
    """Run ``task`` once in a process of its own. For many runs, keep a :class:`Nursery`.

    Args:
        task: the name of a task (:data:`~interlock.releases.gates.isolation.tasks.TASKS`).
        argument: what it is given.
        limits: what it may use.
        warm: what its ``warm`` function is given before.
        progress: told of progress.
        gently: with a lower priority than this process.

    Raises:
        IsolationError: no process can be started, or it died of something that is not the candidate's doing.
        KeyError: there is no such task.

    """
    async with Nursery(task, warm=warm, gently=gently) as nursery:
        return await nursery.run(argument, limits=limits, progress=progress)


async def _write(process: asyncio.subprocess.Process, kind: bytes, content: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(frame(kind, content))
    await process.stdin.drain()


async def _read(process: asyncio.subprocess.Process, limit_bytes: int) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    kind, length = header(await process.stdout.readexactly(HEADER_BYTES))
    if length > max(limit_bytes, NOTE_BYTES_MAX):
        raise IsolationError("the keeper says more than allowed")
    return kind, await process.stdout.readexactly(length)
