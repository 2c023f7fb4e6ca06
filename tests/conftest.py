"""What every test may ask for.

Tests run against a real Postgres: one server per test process, started from the embedded binaries; a template database
carries every migration and each test that asks for ``database_url`` gets a fresh copy of it.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import pytest_socket

from interlock.storage.database import Database
from interlock.storage.embedded import EmbeddedPostgres, temporary_postgres
from interlock.storage.migrations import migrate

_TEMPLATE = "interlock_template"
_NUMBERS = count(1)
_LOOPBACK = ["127.0.0.1", "::1"]


@pytest.fixture(autouse=True)
def _only_loopback() -> None:
    """Refuse sockets that leave this machine, also where pytest is run without the options in pyproject."""
    pytest_socket.socket_allow_hosts(_LOOPBACK, allow_unix_socket=True)


def _find_specs() -> Path | None:
    """Return the published specs' folder: ``shared/specs`` beside the checkout or any folder above it."""
    for parent in Path(__file__).resolve().parents:
        candidate = parent / "shared" / "specs"
        if candidate.is_dir():
            return candidate
    return None


@pytest.fixture(scope="session")
def specs() -> Path:
    """Return the folder of the providers' published specs, or skip where it is not laid beside the checkout."""
    found = _find_specs()
    if found is None:
        pytest.skip("spec data missing: no shared/specs folder above the checkout")
    return found


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """Return this test process's server. ``fsync`` is off for speed: no test here pulls the plug of the machine."""
    with temporary_postgres(fsync="off", full_page_writes="off", shared_buffers="64MB") as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres: EmbeddedPostgres) -> str:
    """Return the name of a database with every migration applied, to copy from."""

    async def make() -> None:
        await _execute(postgres.url, f"CREATE DATABASE {_TEMPLATE}")
        await migrate(postgres.url_of(_TEMPLATE))

    asyncio.run(make())
    return _TEMPLATE


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _fresh(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    name = f"test_{next(_NUMBERS)}"
    await _execute(postgres.url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield postgres.url_of(name)
    finally:
        await _execute(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """Return the URL of a fresh database without any table."""
    async for url in _fresh(postgres, "template0"):
        yield url


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """Return the URL of a fresh database with every migration applied."""
    async for url in _fresh(postgres, template_database):
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Return a connected database with every migration applied."""
    connected = await Database.connect(database_url, pool_size=4)
    try:
        yield connected
    finally:
        await connected.close()


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a stopped server, for tests that need a server of their own to kill."""
    with tempfile.TemporaryDirectory(prefix="interlock-pg-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o711)  # noqa: PTH101, S103 - the server's user must pass through when root runs the tests
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        server.stop()
        yield Path(folder) / "postgres"


@pytest.fixture
def own_postgres(postgres_template: Path) -> Iterator[EmbeddedPostgres]:
    """Return a server that this test alone uses, with durable settings, and may kill."""
    with temporary_postgres(template=postgres_template) as server:
        yield server
