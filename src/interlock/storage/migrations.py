"""Migrations: brings a database to the schema this code needs; called by ``interlock migrate``, ``up`` and the tests.

Files ``storage/migrations/NNNN_name.sql`` are applied in order, each statement in a transaction of its own that also
counts it, so that a migrator killed at any instant goes on at the right statement. One migrator works at a time: it
holds a lease row, renewed in every such transaction (advisory locks do not exist on a distributed engine). A file that
was applied may never change: its checksum is compared.
"""

import hashlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.resources import files
from typing import TypeVar

import asyncpg
import msgspec

from interlock.base.errors import ConfigurationError, StorageError
from interlock.base.ids import new_id
from interlock.storage.connections import Connection, describe, open_connection, pause
from interlock.storage.sql_text import split_statements

T = TypeVar("T")
_LEASE_MS = 60_000
_WAIT_FOR_LEASE_S = 120.0
_LOCK_TRIES = 20
_BOOKKEEPING = (
    """CREATE TABLE IF NOT EXISTS schema_migrations (name text COLLATE "C" PRIMARY KEY, checksum text NOT NULL,
    statements_done bigint NOT NULL, started_at_ms bigint NOT NULL, applied_at_ms bigint)""",
    """CREATE TABLE IF NOT EXISTS schema_migration_leases (name text COLLATE "C" PRIMARY KEY, owner text NOT NULL,
    until_ms bigint NOT NULL, fencing_token bigint NOT NULL)""",
)
_TAKE_LEASE = """
INSERT INTO schema_migration_leases AS l (name, owner, until_ms, fencing_token) VALUES ('migrate', $1, $2, 1)
ON CONFLICT (name) DO UPDATE SET owner = $1, until_ms = $2, fencing_token = l.fencing_token + 1
WHERE l.owner = $1 OR l.until_ms < $3
RETURNING fencing_token
"""
_RENEW_LEASE = (
    "UPDATE schema_migration_leases SET until_ms = $2 WHERE name = 'migrate' AND owner = $1 AND fencing_token = $3"
)
_GIVE_LEASE = "UPDATE schema_migration_leases SET until_ms = 0 WHERE name = 'migrate' AND owner = $1"
_SETTINGS = {"application_name": "interlock-migrate", "lock_timeout": "2000", "jit": "off"}


_NO_ROOM: tuple[type[Exception], ...] = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
# IF NOT EXISTS is no help against another migrator that creates the same table at the same instant.
_MADE_MEANWHILE = (asyncpg.UniqueViolationError, asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError)


class Migration(msgspec.Struct, frozen=True):
    """One file: its name without ``.sql``, its SHA-256 and its statements."""

    name: str
    checksum: str
    statements: tuple[str, ...]


class MigrationStatus(msgspec.Struct, frozen=True):
    """Where a database stands with one file; ``applied_at_ms`` is None until its last statement is done."""

    name: str
    statements_done: int
    statements_total: int
    applied_at_ms: int | None


def parse_migration(name: str, text: str) -> Migration:
    """Return the migration written in ``text``."""
    statements = split_statements(f"migration {name}", text)
    return Migration(name, hashlib.sha256(text.encode()).hexdigest(), tuple(statements))


def load_migrations() -> list[Migration]:
    """Return the files shipped with this code, in order."""
    folder = files("interlock.storage") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [parse_migration(name.removesuffix(".sql"), (folder / name).read_text(encoding="utf-8")) for name in names]


async def migrate(url: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing and return the names of the files that were finished by this call.

    Args:
        url: the database.
        migrations: the files to apply; those shipped with the code when absent.

    Raises:
        ConfigurationError: a file that was applied has changed, or the database was migrated by newer code only partly.
        StorageError: the database is away, or another migrator holds the lease for too long.

    """
    wanted = load_migrations() if migrations is None else list(migrations)
    connection = await open_connection(url, _SETTINGS, command_timeout_s=600)
    try:
        for statement in _BOOKKEEPING:
            await _patiently(partial(connection.execute, statement), _MADE_MEANWHILE)
        done = await _recorded(connection)
        _refuse_changed(wanted, done)
        if all(_is_applied(migration, done) for migration in wanted):
            return []
        return await _apply_all(connection, wanted)
    finally:
        await connection.close(timeout=5)


async def status(url: str, migrations: Sequence[Migration] | None = None) -> list[MigrationStatus]:
    """Return where the database stands with each file; changes nothing."""
    wanted = load_migrations() if migrations is None else list(migrations)
    connection = await open_connection(url, _SETTINGS, command_timeout_s=60)
    try:
        known = await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
        done = await _recorded(connection) if known else {}
    finally:
        await connection.close(timeout=5)
    standing = []
    for migration in wanted:
        row = done.get(migration.name)
        finished, applied_at_ms = (row["statements_done"], row["applied_at_ms"]) if row else (0, None)
        standing.append(MigrationStatus(migration.name, finished, len(migration.statements), applied_at_ms))
    return standing


async def _recorded(connection: Connection) -> dict[str, asyncpg.Record]:
    rows = await connection.fetch("SELECT name, checksum, statements_done, applied_at_ms FROM schema_migrations")
    return {row["name"]: row for row in rows}


def _is_applied(migration: Migration, done: dict[str, asyncpg.Record]) -> bool:
    row = done.get(migration.name)
    return row is not None and row["applied_at_ms"] is not None


def _refuse_changed(wanted: Sequence[Migration], done: dict[str, asyncpg.Record]) -> None:
    for migration in wanted:
        row = done.get(migration.name)
        if row is not None and row["checksum"] != migration.checksum:
            raise ConfigurationError(
                f"migration {migration.name}",
                "differs from the file that this database was migrated with",
                "restore the file and put the change into a new migration",
            )


async def _apply_all(connection: Connection, wanted: Sequence[Migration]) -> list[str]:
    owner = new_id("mig")
    token = await _take_lease(connection, owner)
    try:
        done = await _recorded(connection)
        _refuse_changed(wanted, done)
        finished = []
        for migration in wanted:
            if not _is_applied(migration, done):
                row = done.get(migration.name)
                await _apply(connection, migration, row["statements_done"] if row else 0, owner, token)
                finished.append(migration.name)
        return finished
    finally:
        if not connection.is_closed():
            await connection.execute(_GIVE_LEASE, owner)


async def _take_lease(connection: Connection, owner: str) -> int:
    give_up_at = time.monotonic() + _WAIT_FOR_LEASE_S
    attempt = 0
    while True:
        now_ms = _now_ms()
        token = await _patiently(partial(connection.fetchval, _TAKE_LEASE, owner, now_ms + _LEASE_MS, now_ms))
        if token is not None:
            return int(token)
        if time.monotonic() >= give_up_at:
            problem = "another migrator holds the lease; wait for it or see schema_migration_leases"
            raise StorageError(problem)
        await pause(attempt)
        attempt += 1


async def _apply(connection: Connection, migration: Migration, first: int, owner: str, token: int) -> None:
    """Apply the statements of ``migration`` from number ``first`` on, each with its own bookkeeping."""
    for number in range(first, max(len(migration.statements), first + 1)):

        async def step(number: int = number) -> None:
            async with connection.transaction():
                renewed = await connection.execute(_RENEW_LEASE, owner, _now_ms() + _LEASE_MS, token)
                if renewed != "UPDATE 1":
                    problem = "another migrator took over the lease"
                    raise StorageError(problem)
                if number < len(migration.statements):
                    await connection.execute(migration.statements[number])
                await _record(connection, migration, min(number + 1, len(migration.statements)))

        try:
            await _patiently(step)
        except asyncpg.PostgresError as error:
            problem = f"migration {migration.name}, statement {number + 1}: {error}"
            raise StorageError(problem) from error


async def _record(connection: Connection, migration: Migration, done: int) -> None:
    applied_at_ms = _now_ms() if done == len(migration.statements) else None
    await connection.execute(
        "INSERT INTO schema_migrations (name, checksum, statements_done, started_at_ms, applied_at_ms) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET statements_done = $3, applied_at_ms = $5",
        migration.name,
        migration.checksum,
        done,
        _now_ms(),
        applied_at_ms,
    )


async def _patiently(work: Callable[[], Awaitable[T]], also: tuple[type[Exception], ...] = ()) -> T:
    """Run ``work``, again when a lock could not be had in time or one of ``also`` was raised."""
    for attempt in range(_LOCK_TRIES):
        try:
            return await work()
        except _NO_ROOM + also as error:
            if attempt + 1 == _LOCK_TRIES:
                problem = f"a migration statement found no room: {describe(error)}"
                raise StorageError(problem) from error
        await pause(attempt + random.randrange(3))  # noqa: S311 - jitter, not a secret
    raise AssertionError


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
