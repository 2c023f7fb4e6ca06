"""However a run ends, no process, folder or database of it stays: what it cannot clean itself, the next one does."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.support.processes import processes

from interlock.releases.gates.certify.databases import Databases
from interlock.releases.gates.certify.janitor import vanishing_folder
from interlock.storage.embedded import EmbeddedPostgres

RUN = """
import asyncio, sys
from interlock.gateways.loader import builtin_package
from interlock.releases.gates.certify import run
from interlock.releases.gates.types import Subject
tell = lambda what, done, total: print(what, flush=True)
report = asyncio.run(run(Subject(package=builtin_package("stripe"), livemode=False), tell))
"""


def until(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Return a folder whose path leaves room for a socket's name (107 bytes in all), which pytest's own does not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def test_after_a_kill_in_the_middle_nothing_is_left(short_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(short_path)}
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, env=environment) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith(b"certify: sale"):
                break
        folder = next(short_path.glob("interlock-certify-*"))
        assert processes(lambda command: str(folder) in command)
        keeper = f" -m interlock.releases.gates.isolation {running.pid}"
        assert processes(lambda command: command.rstrip().endswith(keeper))
        running.send_signal(signal.SIGKILL)
    until(lambda: not processes(lambda command: command.rstrip().endswith(keeper)), "the keeper lives on")
    until(lambda: not processes(lambda command: str(folder) in command), "a server or the janitor lives on")
    assert not list(short_path.glob("interlock-certify-*"))


async def test_a_folder_whose_owner_and_janitor_were_killed_goes_with_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    orphan, mine, fresh = (tmp_path / f"interlock-certify-{name}" for name in ("orphan", "mine", "fresh"))
    for folder in (orphan, mine, fresh):
        folder.mkdir()
    (orphan / "owner").touch()
    (orphan / "postgres").mkdir()
    async with vanishing_folder() as first:
        assert not orphan.exists()
        async with vanishing_folder() as second:
            assert first.exists(), "it has a living owner"
            assert fresh.exists(), "it may get its owner in a moment"
        assert not second.exists()
    assert not first.exists()


async def test_databases_of_a_killed_run_go_with_the_next_and_those_of_a_living_one_stay(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    orphan = "interlock_certify_0123456789abcdef_3"
    connection = await asyncpg.connect(postgres.url)
    living = Databases(tmp_path, postgres.url)
    other = Databases(tmp_path, postgres.url)
    try:
        await connection.execute(f"CREATE DATABASE {orphan}")
        await living.open()
        name, _ = await living.fresh()
        assert orphan not in await named(connection)
        await other.open()
        assert name in await named(connection)
        await living.drop(name)
    finally:
        await asyncio.gather(living.close(), other.close())
        await connection.close()


async def named(connection: asyncpg.Connection) -> set[str]:
    return {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
