"""Candidate code that misbehaves ends as one sentence with file and line, and nothing of it is left running."""

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.processes import processes

from interlock.base.errors import IsolationError
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package, pack
from interlock.releases.gates.isolation import Broken, Finished, Limits, Nursery, run_isolated
from interlock.releases.gates.isolation.tasks import TASKS, Task

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = Limits(wall_ms=1_500, step_cpu_ms=300, memory_bytes=100 * 1024 * 1024)


def stripe(answers: str | None = None) -> bytes:
    files = dict(builtin_package("stripe").files)
    if answers is not None:
        files["answers.py"] = answers.encode()
    return pack(Package(files))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery() -> AsyncIterator[Nursery]:
    async with Nursery("load") as warm:
        yield warm


@pytest.mark.parametrize(
    ("code", "where", "reason"),
    [
        ("\nx = bytearray(1 << 30)", "answers.py:2", "MemoryError"),
        ("x = []\nwhile True:\n    x.append(bytearray(1 << 24))", "answers.py:3", "MemoryError"),
        ("\n\nwhile True: pass", "answers.py:3", "more than 0.3 s of processor time in one step"),
        ("x = 10 ** 10 ** 8", "answers.py:1", "processor time"),
        ("import os\nos._exit(0)", "answers.py:2", "ends the process (_exit)"),
        ("import os\nos.abort()", "answers.py:2", "ends the process (abort)"),
        ("import sys\nsys.exit(3)", "answers.py:2", "raised SystemExit: 3"),
        ("raise KeyboardInterrupt", "answers.py:1", "raised KeyboardInterrupt"),
        ("print('x' * 10_000_000)", "answers.py:1", "prints without end"),
        ("import os\nos.fork()", "answers.py:2", "forks"),
        ("import subprocess\nsubprocess.run(['true'])", "answers.py:2", "starts another program"),
        ("import os\nos.system('true')", "answers.py:2", "starts another program"),
        ("import os\nos.kill(1, 0)", "answers.py:2", "sends a signal"),
        ("import threading\nthreading.Thread(target=print).start()", "answers.py:2", "starts a thread"),
        ("import _thread\n_thread.start_new_thread(print, ())", "answers.py:2", "starts a thread"),
        ("import time\ntime.sleep(60)", "answers.py:2", "sleeps"),
        ("import socket\nsocket.socket()", "answers.py:2", "opens a socket"),
        ("open('/tmp/left_behind', 'w')", "answers.py:1", "opens a file"),
        ("open('/etc/passwd')", "answers.py:1", "opens a file"),
        ("import ctypes\nctypes.CDLL(None)", "answers.py:2", "loads a library"),
        ("def deep(): return deep()\ndeep()", "answers.py:1", "RecursionError"),
        ("import faulthandler\nfaulthandler._sigsegv()", "answers.py:2", "crashed (Segmentation fault)"),
        ("\ndef (:", "answers.py:2", "SyntaxError"),
        ("import statistics, email.message\n1 / 0", "answers.py:2", "ZeroDivisionError"),
    ],
)
async def test_each_misbehaviour_ends_as_one_line_that_names_its_place(
    nursery: Nursery, code: str, where: str, reason: str
) -> None:
    ended = await nursery.run(stripe(code), limits=SHORT)
    assert isinstance(ended, Broken), code
    assert (ended.where, reason in ended.reason) == (where, True), ended
    assert "\n" not in ended.sentence()


async def test_code_that_is_stuck_without_using_the_processor_is_named_too(nursery: Nursery) -> None:
    limits = Limits(wall_ms=300, step_cpu_ms=250)
    for code in (
        "import select\nselect.select([], [], [])",
        "import _thread\nl = _thread.allocate_lock()\nl.acquire()\nl.acquire()",
    ):
        ended = await nursery.run(stripe(code), limits=limits)
        assert isinstance(ended, Broken)
        assert ended.where in {"answers.py:2", "answers.py:4"}
        assert "ran longer than 0.3 s" in ended.reason


async def test_what_is_well_behaved_comes_back_with_its_progress_also_after_all_that(nursery: Nursery) -> None:
    steps: list[tuple[str, int, int]] = []
    ended = await nursery.run(stripe(), limits=SHORT, progress=lambda *step: steps.append(step))
    assert ended == Finished(b'{"name":"stripe","title":"Stripe"}')
    assert steps == [("import", 0, 1), ("import", 1, 1)]


async def test_no_secret_of_the_environment_reaches_the_code(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", "postgresql://user:secret@db/x")
    async with Nursery("load") as fresh:
        ended = await fresh.run(stripe("import os\nraise ValueError(sorted(os.environ))"), limits=SHORT)
    assert isinstance(ended, Broken)
    assert "ValueError: ['LANG', 'LC_ALL', 'TZ']" in ended.reason


async def test_an_answer_beyond_its_limit_is_refused(nursery: Nursery) -> None:
    ended = await nursery.run(stripe(), limits=Limits(answer_bytes=10))
    assert ended == Broken("made an answer of more than 10 bytes")


async def test_one_run_alone_needs_no_nursery() -> None:
    assert isinstance(await run_isolated("load", stripe(), limits=SHORT), Finished)


async def test_only_tasks_of_ours_can_be_named(nursery: Nursery) -> None:
    with pytest.raises(KeyError):
        await run_isolated("os:system", b"true", limits=SHORT)


async def test_a_keeper_that_cannot_be_prepared_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "nothing", Task(module="interlock.nothing", function="run"))
    with pytest.raises(IsolationError, match="cannot be prepared: KeyError: 'nothing'"):
        await run_isolated("nothing", b"", limits=SHORT)


async def test_a_run_that_is_given_up_leaves_nothing_behind_and_the_next_one_works() -> None:
    mark = f" -m interlock.releases.gates.isolation {os.getpid()}"
    before = set(processes(lambda command: command.rstrip().endswith(mark)))
    async with Nursery("load") as fresh:
        running = asyncio.create_task(fresh.run(stripe("while True: pass"), limits=Limits()))
        await asyncio.sleep(0.5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert isinstance(await fresh.run(stripe(), limits=SHORT), Finished)
    deadline = time.monotonic() + 10
    while set(processes(lambda command: command.rstrip().endswith(mark))) - before:
        assert time.monotonic() < deadline, "something is left running"
        await asyncio.sleep(0.02)
