import asyncio
import os
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from tests.support.ports import free_ports

from interlock.cli.supervision.ports import Ports
from interlock.cli.supervision.supervisor import ChildFailedError, ChildSpec, LogPolicy, Supervisor

Start = Callable[..., Supervisor]

_SERVER = """
import http.server, signal, sys
print("listening", flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
async def supervisor(tmp_path: Path, said: list[str]) -> AsyncIterator[Supervisor]:
    made = Supervisor({"PYTHONPATH": str(tmp_path)}, LogPolicy(tmp_path / "logs", 2_000, 2), said.append)
    yield made
    await made.stop()


def _module(folder: Path, name: str, source: str) -> str:
    (folder / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return name


async def _eventually(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


async def test_a_child_is_ready_when_it_answers_and_gone_after_stop(tmp_path: Path, supervisor: Supervisor) -> None:
    port = free_ports(1)[0]
    module = _module(tmp_path, "server", _SERVER)
    await supervisor.start(ChildSpec(name="web", module=module, arguments=(str(port),), port=port))

    await supervisor.wait_ready("web", within_s=10)
    pid = supervisor.pids()["web"]
    await supervisor.stop()

    assert not psutil.pid_exists(pid)
    assert supervisor.pids() == {}


async def test_a_killed_child_is_started_again_and_that_is_said(
    tmp_path: Path, supervisor: Supervisor, said: list[str]
) -> None:
    module = _module(tmp_path, "sleeper", "import time; time.sleep(60)")
    await supervisor.start(ChildSpec(name="worker", module=module))
    first = supervisor.pids()["worker"]
    os.kill(first, signal.SIGKILL)

    await _eventually(lambda: supervisor.pids().get("worker", first) != first)

    assert len(said) == 1
    assert said[0].startswith("worker was killed by SIGKILL; starting it again in 0.25 s")


async def test_a_child_that_cannot_start_is_told_with_what_it_said(tmp_path: Path, supervisor: Supervisor) -> None:
    module = _module(tmp_path, "broken", "raise SystemExit('the port is bewitched')")
    await supervisor.start(ChildSpec(name="api", module=module, port=1))

    with pytest.raises(ChildFailedError, match="the port is bewitched"):
        await supervisor.wait_ready("api", within_s=20)


async def test_logs_hold_no_card_and_are_rotated(tmp_path: Path, supervisor: Supervisor) -> None:
    source = """
        import time
        for number in range(200):
            print(f"{number} card 4242 4242 4242 4242 {'x' * 60}", flush=True)
        print("last line", flush=True)
        time.sleep(60)
    """
    await supervisor.start(ChildSpec(name="api", module=_module(tmp_path, "chatty", source)))
    log = tmp_path / "logs" / "api.log"

    await _eventually(lambda: log.exists() and "last line" in log.read_text(encoding="utf-8"))

    files = sorted(path.name for path in log.parent.iterdir())
    assert files == ["api.log", "api.log.1", "api.log.2"]
    assert all("4242" not in path.read_text(encoding="utf-8") for path in log.parent.iterdir())
    assert all(path.stat().st_size <= 2_000 for path in log.parent.iterdir())


async def test_stop_ends_a_child_that_ignores_being_asked(tmp_path: Path, supervisor: Supervisor) -> None:
    source = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(60)
    """
    await supervisor.start(ChildSpec(name="deaf", module=_module(tmp_path, "deaf", source)))
    log = tmp_path / "logs" / "deaf.log"
    await _eventually(lambda: log.exists() and "deaf" in log.read_text(encoding="utf-8"))
    pid = supervisor.pids()["deaf"]
    started_at = asyncio.get_running_loop().time()

    await supervisor.stop()

    assert asyncio.get_running_loop().time() - started_at < 5
    assert not psutil.pid_exists(pid)


async def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    _module(tmp_path, "sleeper", "import time; time.sleep(60)")
    source = """
        import asyncio, sys
        from pathlib import Path
        from interlock.cli.supervision.supervisor import ChildSpec, LogPolicy, Supervisor
        async def main():
            logs = LogPolicy(Path(sys.argv[1]) / "logs", 10_000, 1)
            supervisor = Supervisor({"PYTHONPATH": sys.argv[1]}, logs, print)
            await supervisor.start(ChildSpec(name="a", module="sleeper"))
            await asyncio.sleep(0.5)
            print(supervisor.pids()["a"], flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    script = tmp_path / "parent.py"
    script.write_text(textwrap.dedent(source), encoding="utf-8")
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert psutil.pid_exists(pid)

    parent.kill()
    await parent.wait()

    await _eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


@pytest.fixture
def ports() -> Iterator[Ports]:
    made = Ports()
    yield made
    made.release()


def _listening(port: int, *options: int) -> socket.socket:
    sock = socket.socket()
    for option in (socket.SO_REUSEADDR, *options):
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        sock.bind(("127.0.0.1", port))
        sock.listen()
    except OSError:
        sock.close()
        raise
    return sock


def test_a_taken_port_is_passed_over_and_promised_ones_too(ports: Ports) -> None:
    with _listening(0) as holder:
        taken = holder.getsockname()[1]

        chosen = ports.choose("127.0.0.1", taken)
        other = ports.choose("127.0.0.1", taken)

    assert chosen != taken
    assert other not in {taken, chosen}


def test_a_port_is_kept_for_its_child_between_two_runs_of_it(ports: Ports) -> None:
    port = ports.choose("127.0.0.1", free_ports(1)[0])
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            pass
        with _listening(port), socket.create_connection(("127.0.0.1", port)):
            pass


def test_a_kept_port_is_refused_to_those_who_do_not_share_and_given_to_none_who_ask_for_any(ports: Ports) -> None:
    kept = {ports.choose("127.0.0.1", 0) for _ in range(200)}

    with ExitStack() as stack:
        anywhere = [stack.enter_context(_listening(0)) for _ in range(500)]
        assert not kept & {sock.getsockname()[1] for sock in anywhere}
    with socket.socket() as sock, pytest.raises(OSError, match="Address already in use"):
        sock.bind(("127.0.0.1", min(kept)))


def test_several_processes_share_a_kept_port(ports: Ports) -> None:
    port = ports.choose("127.0.0.1", free_ports(1)[0])
    with _listening(port, socket.SO_REUSEPORT), _listening(port, socket.SO_REUSEPORT):
        socket.create_connection(("127.0.0.1", port)).close()


def test_two_starts_at_one_moment_do_not_choose_the_same_port(ports: Ports) -> None:
    wanted = free_ports(1)[0]
    others = Ports()

    chosen = ports.choose("127.0.0.1", wanted), others.choose("127.0.0.1", wanted)
    others.release()
    ports.release()

    assert chosen[0] == wanted != chosen[1]
    assert ports.choose("127.0.0.1", wanted) == wanted
