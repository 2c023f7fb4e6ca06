"""Migrating: in order, once, resumable, and by one migrator at a time."""

import asyncio

import asyncpg
import pytest

from interlock.base.errors import ConfigurationError, StorageError
from interlock.storage import migrations
from interlock.storage.migrations import load_migrations, migrate, parse_migration, status

FIRST = parse_migration("0001_first", "CREATE TABLE a (id text PRIMARY KEY); CREATE TABLE b (id text PRIMARY KEY);")
SECOND = parse_migration("0002_second", "ALTER TABLE a ADD COLUMN n bigint; CREATE INDEX b_n ON a (n);")
EMPTY = parse_migration("0003_empty", "-- nothing any more")
BROKEN = parse_migration("0002_second", "ALTER TABLE a ADD COLUMN n bigint; CREATE INDEX b_n ON a (missing);")


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return {row[0] for row in rows}


async def test_files_are_applied_once_and_in_order(empty_database_url: str) -> None:
    assert await migrate(empty_database_url, [FIRST, SECOND]) == ["0001_first", "0002_second"]
    assert await migrate(empty_database_url, [FIRST, SECOND]) == []
    assert await migrate(empty_database_url, [FIRST, SECOND, EMPTY]) == ["0003_empty"]
    assert {"a", "b"} < await tables(empty_database_url)


async def test_status_tells_where_a_database_stands_and_changes_nothing(empty_database_url: str) -> None:
    before = await status(empty_database_url, [FIRST, SECOND])
    assert [(file.statements_done, file.statements_total, file.applied_at_ms) for file in before] == [(0, 2, None)] * 2
    assert await tables(empty_database_url) == set()
    await migrate(empty_database_url, [FIRST])
    first, second = await status(empty_database_url, [FIRST, SECOND])
    assert (first.statements_done, first.applied_at_ms is not None) == (2, True)
    assert (second.statements_done, second.applied_at_ms) == (0, None)


async def test_a_failed_statement_is_named_and_the_next_run_goes_on_there(empty_database_url: str) -> None:
    with pytest.raises(StorageError, match="0002_second, statement 2"):
        await migrate(empty_database_url, [FIRST, BROKEN])
    standing = await status(empty_database_url, [FIRST, BROKEN])
    assert standing[1].statements_done == 1, "what was done is kept"
    with pytest.raises(ConfigurationError, match="0002_second: differs"):
        await migrate(empty_database_url, [FIRST, SECOND])


@pytest.mark.parametrize("killed_after", range(4))
async def test_a_migrator_killed_between_any_two_statements_is_resumed(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    done = 0
    record = migrations._record

    async def record_and_die(*arguments: object) -> None:
        nonlocal done
        if done == killed_after:
            arguments[0].terminate()  # type: ignore[attr-defined]  # the connection dies in mid-transaction
        done += 1
        await record(*arguments)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(migrations, "_record", record_and_die)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, StorageError)):
        await migrate(empty_database_url, [FIRST, SECOND])
    monkeypatch.undo()
    monkeypatch.setattr(migrations, "_LEASE_MS", -1)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("UPDATE schema_migration_leases SET until_ms = 0")
    await connection.close()
    await migrate(empty_database_url, [FIRST, SECOND])
    assert {"a", "b"} < await tables(empty_database_url)
    assert all(file.applied_at_ms for file in await status(empty_database_url, [FIRST, SECOND]))


async def test_of_concurrent_migrators_each_file_is_applied_by_one(empty_database_url: str) -> None:
    finished = await asyncio.gather(*(migrate(empty_database_url, [FIRST, SECOND]) for _ in range(4)))
    assert sorted(name for names in finished for name in names) == ["0001_first", "0002_second"]


async def test_a_changed_file_is_refused_with_a_remedy(empty_database_url: str) -> None:
    await migrate(empty_database_url, [FIRST])
    changed = parse_migration("0001_first", "CREATE TABLE a (id text PRIMARY KEY);")
    with pytest.raises(ConfigurationError, match="put the change into a new migration"):
        await migrate(empty_database_url, [changed])


async def test_a_migrator_that_lost_its_lease_stops(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate(empty_database_url, [FIRST])
    taken = migrations._take_lease

    async def take_and_lose(connection: asyncpg.Connection, owner: str) -> int:
        token = await taken(connection, owner)
        await connection.execute("UPDATE schema_migration_leases SET owner = 'another', fencing_token = $1", token + 1)
        return token

    monkeypatch.setattr(migrations, "_take_lease", take_and_lose)
    with pytest.raises(StorageError, match="took over"):
        await migrate(empty_database_url, [FIRST, SECOND])


async def test_a_lock_held_by_traffic_is_waited_for(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate(empty_database_url, [FIRST])
    monkeypatch.setitem(migrations._SETTINGS, "lock_timeout", "50")
    traffic = await asyncpg.connect(empty_database_url)
    transaction = traffic.transaction()
    await transaction.start()
    await traffic.execute("SELECT * FROM a")
    migrating = asyncio.create_task(migrate(empty_database_url, [FIRST, SECOND]))
    await asyncio.sleep(0.2)
    assert not migrating.done()
    await transaction.rollback()
    assert await migrating == ["0002_second"]
    await traffic.close()


def test_shipped_files_are_numbered_and_readable() -> None:
    names = [migration.name for migration in load_migrations()]
    assert names == sorted(names)
    assert len({name[:4] for name in names}) == len(names)
    assert all(name[:4].isdigit() for name in names)
