"""What happens to commits when the database goes away, and that nothing acknowledged is lost."""

import asyncio
import os
import signal

import asyncpg
import psutil
import pytest
from tests.support.storage import ACCOUNT, DDL, MARKS, SAMPLES, mark, sample

from interlock.base.errors import CommitUnknownError, StorageError
from interlock.base.ids import new_id
from interlock.storage.database import Connection, Database
from interlock.storage.embedded import EmbeddedPostgres
from interlock.storage.writes import Committed, Insert

DONE = Committed()


async def prepared(url: str) -> Database:
    database = await Database.connect(url, pool_size=3)
    for statement in DDL:
        await database.execute(statement)
    return database


async def insert_a_mark(connection: Connection) -> None:
    await connection.execute("INSERT INTO marks VALUES ($1, $2, 'x')", ACCOUNT, new_id("mk"))


def kill_every_process(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    parent = psutil.Process(server.pid)
    for process in [parent, *parent.children(recursive=True)]:
        os.kill(process.pid, signal.SIGKILL)


async def test_no_acknowledged_write_is_lost_by_kill_9_of_every_postgres_process(
    own_postgres: EmbeddedPostgres,
) -> None:
    database = await prepared(own_postgres.url)
    acknowledged: list[str] = []
    unknown = 0
    stop = asyncio.Event()

    async def shopper() -> None:
        nonlocal unknown
        while not stop.is_set():
            value, belonging = sample(), mark("m")
            try:
                outcome = await database.commit([Insert(SAMPLES, value), Insert(MARKS, belonging)])
            except CommitUnknownError:
                unknown += 1
            except StorageError:
                await asyncio.sleep(0.05)
            else:
                assert outcome == DONE
                acknowledged.extend((value.id, belonging.id))

    async def acknowledge(more: int) -> None:
        wanted = len(acknowledged) + more
        while len(acknowledged) < wanted:  # noqa: ASYNC110 - an event would slow the load that is to be killed
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(shopper()) for _ in range(32)]
    for _ in range(3):
        await acknowledge(2000)
        kill_every_process(own_postgres)
        await asyncio.sleep(0.3)
    await acknowledge(200)  # it came back and takes writes again
    stop.set()
    await asyncio.gather(*tasks)
    kept = await database.fetch(
        "SELECT id FROM samples WHERE account_id = $1 UNION ALL SELECT id FROM marks WHERE account_id = $1", ACCOUNT
    )
    assert set(acknowledged) <= {row["id"] for row in kept}
    assert unknown <= 3 * 32
    samples, marks = [
        await database.fetchval(f"SELECT count(*) FROM {table} WHERE account_id = $1", ACCOUNT)  # noqa: S608 - our own names
        for table in ("samples", "marks")
    ]
    assert samples == marks, "a caller's writes are all or nothing through a crash too"
    await database.close()


async def test_a_terminated_connection_is_replaced_and_the_commit_repeated(samples: Database, samples_url: str) -> None:
    """57P01 arrives as an answer: the server says that it undid the statement."""
    value = sample()
    blocker = await asyncpg.connect(samples_url)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("LOCK TABLE samples")
    committing = asyncio.create_task(samples.commit([Insert(SAMPLES, value)]))
    writer = await samples.group._writers[0].connect()
    await asyncio.sleep(0.1)
    await blocker.execute("SELECT pg_terminate_backend($1)", writer.get_server_pid())
    await transaction.rollback()
    assert await committing == DONE
    assert samples.group.counters.retries == 1
    await blocker.close()


async def test_an_idle_restart_is_not_noticed(own_postgres: EmbeddedPostgres) -> None:
    database = await prepared(own_postgres.url)
    assert await database.commit([Insert(MARKS, mark("before"))]) == DONE
    own_postgres.stop()
    own_postgres.start()
    await asyncio.sleep(0.05)
    assert await database.commit([Insert(MARKS, mark("after"))]) == DONE
    assert await database.fetchval("SELECT count(*) FROM marks WHERE account_id = $1", ACCOUNT) == 2
    await database.close()


async def test_while_the_server_is_away_callers_are_told_that_nothing_was_written(
    own_postgres: EmbeddedPostgres,
) -> None:
    database = await prepared(own_postgres.url)
    await database.close()
    database = await Database.connect(own_postgres.url, connect_for_s=0.2)
    own_postgres.stop()
    await asyncio.sleep(0.05)
    with pytest.raises(StorageError) as caught:
        await database.commit([Insert(MARKS, mark("never"))])
    assert not isinstance(caught.value, CommitUnknownError)
    own_postgres.start()
    assert await database.commit([Insert(MARKS, mark("again"))]) == DONE
    await database.close()


async def test_a_commit_that_stopped_waiting_for_its_standby_is_unknown(own_postgres: EmbeddedPostgres) -> None:
    database = await prepared(own_postgres.url)
    other = await asyncpg.connect(own_postgres.url)
    await other.execute("ALTER SYSTEM SET synchronous_standby_names = 'a_standby_that_never_comes'")
    await other.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.2)
    committing = asyncio.create_task(database.commit([Insert(MARKS, mark("m"))]))
    await asyncio.sleep(0.2)
    assert not committing.done()
    writer = await database.group._writers[0].connect()
    await other.execute("SELECT pg_cancel_backend($1)", writer.get_server_pid())
    with pytest.raises(CommitUnknownError):
        await committing
    assert await other.fetchval("SELECT count(*) FROM marks") == 1, "it can be read, and yet was not promised"
    inserting = asyncio.create_task(database.execute("INSERT INTO marks VALUES ('a', 'single', 'x')"))
    in_transaction = asyncio.create_task(database.transaction(insert_a_mark))
    await asyncio.sleep(0.2)
    await other.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    for waiting in (inserting, in_transaction):
        with pytest.raises(CommitUnknownError):
            await waiting
    lost = asyncio.create_task(database.transaction(insert_a_mark))
    await asyncio.sleep(0.2)
    await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    with pytest.raises(CommitUnknownError):
        await lost
    await other.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await other.execute("SELECT pg_reload_conf()")
    await other.close()
    await database.close()


async def test_a_transaction_is_repeated_when_the_server_undid_it(samples: Database) -> None:
    tries = 0

    async def work(connection: asyncpg.Connection) -> int:
        nonlocal tries
        tries += 1
        await connection.execute("INSERT INTO marks VALUES ($1, $2, 'tx')", ACCOUNT, f"mk_{tries}")
        if tries < 3:
            raise asyncpg.SerializationError("made up")
        return tries

    assert await samples.transaction(work) == 3
    assert await samples.fetchval("SELECT count(*) FROM marks WHERE account_id = $1", ACCOUNT) == 1


async def test_an_exception_in_a_transaction_rolls_back_and_goes_on(samples: Database) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("INSERT INTO marks VALUES ($1, 'mk_1', 'tx')", ACCOUNT)
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await samples.transaction(work)
    assert await samples.fetchval("SELECT count(*) FROM marks WHERE account_id = $1", ACCOUNT) == 0


async def test_a_wrong_url_is_told_at_once(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(StorageError, match="cannot connect"):
        await Database.connect(postgres.url_of("no_such_database"))
