"""However a run ends, no process of it is left: not when the parent is killed, not what a worker started unseen."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from tests.support.processes import processes

from interlock.releases.gates.isolation.frames import BROKEN, FINISHED, ORDER, FrameError, FrameReader, frame


def wait_until_gone(of: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + 10
    while processes(of):
        assert time.monotonic() < deadline, "something is left running"
        time.sleep(0.02)


PARENT = """
import asyncio
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package, pack
from interlock.releases.gates.isolation import Limits, run_isolated
bad = pack(Package({**builtin_package("stripe").files, "answers.py": b"while True: pass"}))
tell = lambda *_: print("running", flush=True)
asyncio.run(run_isolated("load", bad, limits=Limits(step_cpu_ms=60_000), progress=tell))
"""


def test_when_the_parent_is_killed_everything_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"running\n"
        mark = f" -m interlock.releases.gates.isolation {parent.pid}"
        assert len(processes(lambda command: command.rstrip().endswith(mark))) == 2
        parent.send_signal(signal.SIGKILL)
    wait_until_gone(lambda command: command.rstrip().endswith(mark))


STRAGGLER = """
import ctypes, os, time
from interlock.releases.gates.isolation.__main__ import _end
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writing, str(os.getpid()).encode())
            time.sleep(600)
        os._exit(0)
    time.sleep(600)
pid = int(os.read(reading, 20))
_end(child)
try:
    os.kill(pid, 0)
    print("alive")
except ProcessLookupError:
    print("gone")
"""


def test_what_a_worker_has_started_behind_its_back_ends_with_it() -> None:
    ran = subprocess.run([sys.executable, "-c", STRAGGLER], capture_output=True, text=True, timeout=30, check=False)
    assert ran.stdout == "gone\n", ran.stderr


def test_a_writer_that_is_not_trusted_says_no_more_than_allowed() -> None:
    whole = frame(FINISHED, b"x" * 5000) + frame(BROKEN, b"y")
    reader = FrameReader(5000)
    found = [each for start in range(0, len(whole), 7) for each in reader.feed(whole[start : start + 7])]
    assert found == [(FINISHED, b"x" * 5000), (BROKEN, b"y")]
    for bad in (frame(FINISHED, b"x" * 5001), frame(ORDER, b""), b"garbage that is no frame"):
        with pytest.raises(FrameError):
            FrameReader(5000).feed(bad)
