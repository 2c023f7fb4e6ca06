"""The embedded Postgres: starts fast, belongs to one process, ends with it, and survives kill -9."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import asyncpg
import psutil
import pytest

from interlock.base.errors import ConfigurationError, StorageError
from interlock.storage import embedded, postgres_binaries
from interlock.storage.embedded import EmbeddedPostgres, running_url, temporary_postgres
from interlock.storage.postgres_binaries import find_binaries
from interlock.storage.postgres_process import LockFile


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def until(condition: object, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]  # a function
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def test_settings_are_those_a_payment_needs(own_postgres: EmbeddedPostgres) -> None:
    url = own_postgres.url
    expected = {
        "synchronous_commit": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "jit": "off",
        "wal_segment_size": "2MB",
        "server_encoding": "UTF8",
        "lc_collate": "C",
    }
    for name, value in expected.items():
        if name == "lc_collate":
            found = await ask(url, "SELECT datcollate FROM pg_database WHERE datname = current_database()")
        else:
            found = await ask(url, f"SHOW {name}")
        assert (name, found) == (name, value)
    assert await ask(url, "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'") == 1


async def test_data_outlives_a_restart_which_is_fast(own_postgres: EmbeddedPostgres) -> None:
    await ask(own_postgres.url, "CREATE TABLE kept AS SELECT 7 AS n")
    own_postgres.stop()
    assert own_postgres.pid is None
    began = time.monotonic()
    own_postgres.start()
    assert time.monotonic() - began < 2, "0.03 s on a quiet machine; make up has 3 s for everything"
    assert await ask(own_postgres.url, "SELECT n FROM kept") == 7


async def test_starting_twice_is_harmless_and_stopping_twice_too(own_postgres: EmbeddedPostgres) -> None:
    pid = own_postgres.pid
    assert own_postgres.start() == own_postgres.url
    assert own_postgres.pid == pid
    own_postgres.stop()
    own_postgres.stop()
    with pytest.raises(StorageError):
        _ = own_postgres.url


async def test_a_killed_server_is_started_again(own_postgres: EmbeddedPostgres) -> None:
    await ask(own_postgres.url, "CREATE TABLE kept AS SELECT 7 AS n")
    first = own_postgres.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: own_postgres.pid not in {None, first} and LockFile(own_postgres._cluster).is_ready(own_postgres.pid))
    assert await ask(own_postgres.url, "SELECT n FROM kept") == 7


def test_a_second_process_is_told_that_the_folder_is_in_use(own_postgres: EmbeddedPostgres) -> None:
    with pytest.raises(ConfigurationError, match=f"is in use by the process {os.getpid()}"):
        EmbeddedPostgres(own_postgres.data_dir).start()
    assert running_url(own_postgres.data_dir) == own_postgres.url
    own_postgres.stop()
    assert running_url(own_postgres.data_dir) is None


CHILD = """
import sys, time
from interlock.storage.embedded import EmbeddedPostgres
server = EmbeddedPostgres(sys.argv[1])
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def test_the_server_dies_with_its_parent_and_leaves_the_folder_usable(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.stop()
    environment = {**os.environ, "PYTHONPATH": str(Path(embedded.__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, own_postgres.data_dir], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert psutil.pid_exists(server)
        parent.kill()
    own_postgres.start()  # at once: waits for the leftover to end
    assert not psutil.pid_exists(server) or psutil.Process(server).status() == psutil.STATUS_ZOMBIE
    assert asyncio.run(ask(own_postgres.url, "SELECT 1")) == 1


async def test_a_stale_pid_that_now_belongs_to_someone_else_is_not_trusted(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.stop()
    lock = own_postgres.data_dir / "cluster" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n/somewhere\n0\n5432\n/tmp\n\n0 0\nready   \n")
    own_postgres.start()
    assert await ask(own_postgres.url, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a server as another user")
async def test_called_by_root_the_server_runs_as_an_unprivileged_user(own_postgres: EmbeddedPostgres) -> None:
    process = psutil.Process(own_postgres.pid)
    assert process.uids().real == process.uids().effective != 0
    assert process.gids().real != 0
    assert own_postgres._cluster.stat().st_uid == process.uids().real


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user reaches its own folders")
def test_a_parent_folder_that_keeps_the_server_user_out_is_left_as_it_is(
    tmp_path: Path, postgres_template: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "postgres", template=postgres_template)
    asyncio.run(ask(server.start(), "CREATE TABLE kept AS SELECT 7 AS n"))
    server.stop()
    assert asyncio.run(ask(server.start(), "SELECT n FROM kept")) == 7
    folder = server._socket
    server.stop()
    assert folder is not None
    assert not folder.exists(), "the socket's folder for temporary files is removed"
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user reaches its own folders")
def test_programs_below_a_closed_folder_are_copied_to_where_the_server_user_reaches_them(
    tmp_path: Path, postgres_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, shared = tmp_path / "closed", Path(tempfile.mkdtemp())
    closed.mkdir(mode=0o700)
    shared.chmod(0o755)
    monkeypatch.setattr(embedded, "shared_home", lambda _: shared)
    hidden = postgres_binaries.copy_of(find_binaries(), closed)
    monkeypatch.setattr(embedded, "find_binaries", lambda _: hidden)
    server = EmbeddedPostgres(closed / "postgres", template=postgres_template)
    try:
        assert asyncio.run(ask(server.start(), "SELECT 1")) == 1
        assert str(shared) in psutil.Process(server.pid).exe()
    finally:
        server.stop()
        shutil.rmtree(shared)


def test_programs_out_of_reach_are_copied(tmp_path: Path) -> None:
    copied = postgres_binaries.copy_of(find_binaries(), tmp_path)
    assert str(copied.folder).startswith(str(tmp_path))
    told = subprocess.run([copied.postgres, "--version"], capture_output=True, text=True, check=True)
    assert copied.version in told.stdout
    assert postgres_binaries.copy_of(find_binaries(), tmp_path) == copied


async def test_a_path_too_long_for_a_socket_is_no_hindrance(postgres_template: Path) -> None:
    with temporary_postgres(template=postgres_template) as short:
        folder = short.data_dir.parent / ("long" * 30)
        server = EmbeddedPostgres(folder, template=postgres_template)
        server.start()
        try:
            assert await ask(server.url, "SELECT 1") == 1
        finally:
            server.stop()


def test_a_server_that_does_not_come_up_says_why(postgres_template: Path) -> None:
    with (
        pytest.raises(StorageError, match="no_such_setting"),
        temporary_postgres(template=postgres_template, no_such_setting="1"),
    ):
        pass


def test_without_programs_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "_candidates", lambda: iter(()))
    with pytest.raises(ConfigurationError, match="INTERLOCK_DATABASE_URL"):
        find_binaries()


def test_a_system_postgres_stands_in_for_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "find_spec", lambda _: None)
    try:
        found = find_binaries()
    except ConfigurationError:
        pytest.skip("this machine has no system Postgres of version 15 or newer")
    assert found.package is None
    assert int(found.major) >= 15
    with temporary_postgres() as server:
        assert server.pid is not None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a call of Linux")
def test_a_server_with_even_writes_has_its_tables_written_and_ends_as_fast(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    with EmbeddedPostgres(tmp_path / "postgres", even_writes=True) as server:
        assert asyncio.run(ask(server.url, "SELECT 1")) == 1
        names = {thread.name for thread in threading.enumerate()}
        assert "interlock-postgres-writeback" in names
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert "interlock-postgres-writeback" not in {thread.name for thread in threading.enumerate()}
