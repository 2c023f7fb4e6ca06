"""Database: the one door to Postgres for every room above; ``bootstrap`` opens it.

Reads come from a pool. Changes on the payment path go through ``commit`` (group commit on connections of its own);
``transaction`` is for the rest (control plane, worker claims). Nothing here is held open across a gateway call.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self, TypeVar

import asyncpg
import msgspec

from interlock.base.context import Scope
from interlock.base.errors import CommitUnknownError, InvariantError, StorageError
from interlock.storage.connections import (
    CONNECT_FOR_S,
    READER_SETTINGS,
    Connection,
    Failure,
    StandbyWatch,
    classify,
    describe,
    may_come_back,
    pause,
)
from interlock.storage.group_commit import GroupCommit
from interlock.storage.pages import Page, PageResult, page_query
from interlock.storage.tables import Table
from interlock.storage.writes import Committed, Rejected, Write

__all__ = ["Connection", "Database", "Page", "PageResult"]

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
_ATTEMPTS = 8
_PLAN_LIFETIME_S = 10  # a plan made on a small table must not outlive its growth
_NO_FILTER: Mapping[str, object] = MappingProxyType({})


class Database:
    """A pool for reading and transactions, and the group commit for writing."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", group: GroupCommit) -> None:
        """Use :meth:`connect` instead."""
        self._pool = pool
        self.group = group

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        pool_size: int = 10,
        lanes: int = 1,
        callers_max: int = 256,
        waiting_max: int = 20_000,
        command_timeout_s: float = 15.0,
        connect_for_s: float = CONNECT_FOR_S,
    ) -> Self:
        """Connect to ``url``, waiting up to ``connect_for_s`` for a server that is just starting.

        Raises:
            StorageError: the server cannot be reached.

        """
        group = GroupCommit(
            url,
            lanes=lanes,
            callers_max=callers_max,
            waiting_max=waiting_max,
            command_timeout_s=command_timeout_s,
            connect_for_s=connect_for_s,
        )
        await group.connect()
        pool = asyncpg.create_pool(
            url,
            min_size=1,
            max_size=pool_size,
            command_timeout=command_timeout_s,
            timeout=connect_for_s,
            server_settings=READER_SETTINGS,
            max_cached_statement_lifetime=_PLAN_LIFETIME_S,
        )
        try:
            await pool
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            await group.close()
            problem = f"cannot connect to the database: {describe(error)}"
            raise StorageError(problem) from error
        return cls(pool, group)

    async def close(self) -> None:
        """Finish accepted commits and close every connection."""
        await self.group.close()
        try:
            await asyncio.wait_for(self._pool.close(), timeout=5)
        except TimeoutError:
            self._pool.terminate()

    async def commit(self, writes: Sequence[Write]) -> Committed | Rejected:
        """Write all of ``writes`` or none, together with other callers' (see ``GroupCommit.commit``)."""
        return await self.group.commit(writes)

    # Single statements

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Return all rows of one statement."""
        return await self._single(sql, lambda connection: connection.fetch(sql, *arguments))

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Return the first row of one statement, or None."""
        return await self._single(sql, lambda connection: connection.fetchrow(sql, *arguments))

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        """Return the first cell of the first row, or None."""
        return await self._single(sql, lambda connection: connection.fetchval(sql, *arguments))

    async def count(self, sql: str, *arguments: object) -> int:
        """Return how many rows one SELECT gives; its LIMIT bounds the work."""
        counted: int = await self.fetchval(f"SELECT count(*) FROM ({sql}) AS counted", *arguments)  # noqa: S608 - a statement of the caller's
        return counted

    async def execute(self, sql: str, *arguments: object) -> str:
        """Run one statement and return its tag, such as ``UPDATE 1``."""
        return await self._single(sql, lambda connection: connection.execute(sql, *arguments))

    async def _single(self, sql: str, run: Callable[[Connection], Awaitable[T]]) -> T:
        """Run one statement by itself: repeated when the server undid it, or when it only reads."""
        only_reads = sql.lstrip()[:6].upper() == "SELECT"

        async def attempt(connection: Connection) -> T:
            if only_reads:
                return await run(connection)
            watch = StandbyWatch(connection)
            try:
                result = await run(connection)
                watch.refuse_unreplicated()
            except Exception as error:
                if classify(error) is Failure.LOST:
                    problem = f"the answer to a statement was lost: {describe(error)}"
                    raise CommitUnknownError(problem) from error
                raise
            finally:
                watch.stop()
            return result

        return await self._retried(attempt)

    # Transactions

    async def transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction and return its result.

        ``work`` is run again when the server undid it, so it may do nothing but talk to the database. An exception
        from ``work`` rolls back and goes on to the caller.

        Raises:
            CommitUnknownError: the answer to the commit was lost.
            StorageError: nothing was written: the database cannot be used.

        """

        async def attempt(connection: Connection) -> T:
            transaction = connection.transaction()
            await transaction.start()
            try:
                result = await work(connection)
            except BaseException:
                with contextlib.suppress(asyncpg.InterfaceError, OSError):  # a lost connection is rolled back already
                    await transaction.rollback()
                raise
            watch = StandbyWatch(connection)
            try:
                await transaction.commit()
                watch.refuse_unreplicated()
            except Exception as error:
                if classify(error) is Failure.LOST:
                    problem = f"the answer to a commit was lost: {describe(error)}"
                    raise CommitUnknownError(problem) from error
                raise
            finally:
                watch.stop()
            return result

        return await self._retried(attempt)

    async def _retried(self, attempt: Callable[[Connection], Awaitable[T]]) -> T:
        last: Exception | None = None
        for number in range(_ATTEMPTS):
            try:
                async with self._pool.acquire() as connection:
                    return await attempt(connection)  # type: ignore[arg-type]  # a pool's proxy stands for a connection
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
                failure = classify(error)
                if failure not in {Failure.ROLLED_BACK, Failure.LOST} or not may_come_back(error):
                    raise
                last = error
            await pause(number)
        problem = f"the database did not do it in {_ATTEMPTS} tries: {describe(last) if last else ''}"
        raise StorageError(problem) from last

    # Objects

    async def get(self, table: Table[S], scope: Scope, object_id: str) -> S | None:
        """Return the object called ``object_id`` in ``scope``, or None."""
        return (await self.get_many(table, scope, (object_id,))).get(object_id)

    async def get_many(self, table: Table[S], scope: Scope, ids: Iterable[str]) -> dict[str, S]:
        """Return the objects that exist among ``ids`` in ``scope``, by id."""
        wanted = list(ids)
        if not wanted:
            return {}
        if not table.has_account or "id" not in table.names:
            problem = f"{table.name} has no account_id and id to look up by"
            raise InvariantError(problem)
        single = len(wanted) == 1
        sql = (
            f"SELECT {table.select_list} FROM {table.name} "  # noqa: S608 - names come from declared tables
            f"WHERE account_id = $1 AND id = {'$2' if single else 'ANY($2::text[])'}"
        )
        arguments: list[object] = [scope.account_id, wanted[0] if single else wanted]
        if table.has_livemode:
            sql += " AND livemode = $3"
            arguments.append(scope.livemode)
        at = table.names.index("id")
        return {row[at]: table.decode(row) for row in await self.fetch(sql, *arguments)}

    async def find(
        self, table: Table[S], scope: Scope, page: Page, *, where: Mapping[str, object] = _NO_FILTER
    ) -> PageResult[S]:
        """Return a page of the objects in ``scope`` whose columns equal ``where``, newest first.

        Args:
            table: what to list.
            scope: account and mode.
            page: limit, cursors and range of creation times.
            where: column → value; None matches NULL.

        """
        query = page_query(table, scope, page, where)
        rows = await self.fetch(query.sql, *query.arguments)
        found = True
        if query.cursor is not None:
            if rows and rows[0]["id"] == query.cursor:
                del rows[0]
            else:  # not in the list: filtered out of it, or no object at all
                found = await self.get(table, scope, query.cursor) is not None
        has_more = len(rows) > page.limit
        items = [table.decode(row) for row in rows[: page.limit]]
        if query.reversed:
            items.reverse()
        return PageResult(items, has_more, found)
