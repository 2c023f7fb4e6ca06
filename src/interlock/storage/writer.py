"""Writer: one database connection that runs composed flushes; called by ``group_commit`` only.

Keeps its prepared statements (bounded), reconnects when the server was away, and turns every ending of a statement into
a value or one of two errors: nothing written (``StorageError``), maybe written (``CommitUnknownError``).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Literal

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from interlock.base.errors import CommitUnknownError, StorageError
from interlock.storage import composition
from interlock.storage.composition import PARTIAL_GATE, Statement
from interlock.storage.connections import (
    CONNECT_FOR_S,
    WRITER_SETTINGS,
    Connection,
    Failure,
    StandbyWatch,
    classify,
    describe,
    open_connection,
    pause,
)
from interlock.storage.packing import CLAIM, DELETE, INSERT, UPDATE, Layout, Operation
from interlock.storage.tables import Cells
from interlock.storage.writes import Rejected

_ATTEMPTS = 8
_PREPARED_MAX = 128
_REPLAN_ROWS_MIN = 64
_REPLAN_ROWS_MAX = 1_000_000
_REPLAN_EVERY_S = 60.0

Reason = Literal["exists", "version", "constraint"]


class RuleBrokenError(Exception):
    """Some row of the flush breaks a rule of its table; the flush wrote nothing."""

    def __init__(self, detail: str, caller: int | None = None) -> None:
        """Keep what may be told, and the guilty caller's number where it is known."""
        super().__init__(detail)
        self.detail = detail
        self.caller = caller


PreparedWrite = tuple[Operation, Cells]
"""One write of one caller, encoded: the operation it belongs to and its cells (a delete's are its key)."""


class Writer:
    """One connection for flushes, used by one task at a time."""

    def __init__(self, url: str, *, command_timeout_s: float, connect_for_s: float = CONNECT_FOR_S) -> None:
        """Connect lazily to ``url``."""
        self._url = url
        self._command_timeout_s = command_timeout_s
        self._connect_for_s = connect_for_s
        self._connection: Connection | None = None
        self._watch: StandbyWatch | None = None
        self._prepared: OrderedDict[str, PreparedStatement[Any]] = OrderedDict()
        self._names = 0
        self._rows_since_plans = 0
        self._replan_after_rows = _REPLAN_ROWS_MIN
        self._replan_at = time.monotonic() + _REPLAN_EVERY_S
        self.statements = 0
        self.retries = 0

    async def close(self) -> None:
        """Close the connection, if open."""
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if connection is not None and not connection.is_closed():
            await connection.close(timeout=5)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if connection is not None and not connection.is_closed():
            connection.terminate()

    async def connect(self) -> Connection:
        """Return the open connection, opening it when there is none."""
        connection = self._connection
        if connection is None or connection.is_closed():
            self._drop()
            connection = await open_connection(
                self._url,
                WRITER_SETTINGS,
                command_timeout_s=self._command_timeout_s,
                connect_for_s=self._connect_for_s,
            )
            self._connection = connection
            self._watch = StandbyWatch(connection)
        return connection

    async def flush(self, statement: Statement, arguments: Sequence[Any], rows: int) -> list[int]:
        """Run ``statement`` and return the numbers of the callers whose gates passed.

        Raises:
            RuleBrokenError: nothing was written, because of a row or a caller with a partly lost race.
            CommitUnknownError: the answer was lost.
            StorageError: nothing was written, the database cannot be used.

        """
        for attempt in range(_ATTEMPTS):
            try:
                prepared = await self._prepare(statement)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                if classify(error) not in {Failure.ROLLED_BACK, Failure.LOST}:
                    raise StorageError(describe(error)) from error
                self._drop()
                await self._pause(attempt)
                continue
            try:
                self.statements += 1
                passed = await prepared.fetchval(*arguments)
            except asyncio.CancelledError:
                self._drop()
                raise
            except asyncpg.InvalidCachedStatementError:
                self._drop()
            except Exception as error:  # noqa: BLE001 - every ending must be told apart for the callers
                self._judge(error)
                await self._pause(attempt)
            else:
                self._rows_since_plans += rows
                self._check_standby()
                return passed or []
        problem = f"the flush was rolled back {_ATTEMPTS} times"
        raise StorageError(problem)

    async def _pause(self, attempt: int) -> None:
        self.retries += 1
        await pause(attempt)

    async def _prepare(self, statement: Statement) -> "PreparedStatement[Any]":
        connection = await self.connect()
        if self._rows_since_plans >= self._replan_after_rows or time.monotonic() >= self._replan_at:
            await self._replan(connection)
        prepared = self._prepared.get(statement.sql)
        if prepared is None:
            # A name of ours: without one asyncpg parses and plans again at every execution.
            self._names += 1
            prepared = await connection.prepare(statement.sql, name=f"flush_{self._names}")
            self._prepared[statement.sql] = prepared
            if len(self._prepared) > _PREPARED_MAX:
                self._prepared.popitem(last=False)
        else:
            self._prepared.move_to_end(statement.sql)
        return prepared

    async def _replan(self, connection: Connection) -> None:
        """Have the server plan anew, foreign-key checks included.

        On an empty table every index costs the same, so a plan made then may scan a whole account's rows once there
        are some. Plans are therefore renewed whenever the rows written have doubled, and every minute.
        """
        await connection.execute("DISCARD PLANS")
        self._replan_after_rows = min(2 * self._replan_after_rows, _REPLAN_ROWS_MAX)
        self._rows_since_plans = 0
        self._replan_at = time.monotonic() + _REPLAN_EVERY_S

    def _judge(self, error: Exception) -> None:
        """Raise what ``error`` means; return when the statement may be repeated."""
        failure = classify(error)
        if failure is Failure.ROLLED_BACK:
            if self._connection is not None and self._connection.is_closed():
                self._drop()
            return
        if failure in {Failure.RULE, Failure.BLOCKED}:
            text = str(error)
            at = text.find(PARTIAL_GATE)
            caller = int(text[at + len(PARTIAL_GATE) :].split('"', maxsplit=1)[0]) if at >= 0 else None
            raise RuleBrokenError(describe(error), caller) from error
        self._drop()
        if failure is Failure.LOST:
            problem = f"the answer to a commit was lost: {describe(error)}"
            raise CommitUnknownError(problem) from error
        problem = f"the database refused a flush: {describe(error)}"
        raise StorageError(problem) from error

    def _check_standby(self) -> None:
        if self._watch is not None:
            self._watch.refuse_unreplicated()

    async def run_alone(self, writes: Sequence[PreparedWrite]) -> Rejected | None:
        """Do one caller's writes one by one in a transaction; return what was refused, exactly, or None.

        Raises:
            CommitUnknownError: the answer to the commit was lost.
            StorageError: nothing was written, the database cannot be used.

        """
        for attempt in range(_ATTEMPTS):
            connection = await self.connect()
            transaction = connection.transaction()
            committing = False
            try:
                await transaction.start()
                rejected = await self._each(connection, writes)
                if rejected is not None:
                    await transaction.rollback()
                    return rejected
                committing = True
                await transaction.commit()
            except asyncio.CancelledError:
                self._drop()
                raise
            except RuleBrokenError:
                raise
            except Exception as error:
                failure = classify(error)
                self._drop()
                if failure is Failure.LOST and committing:
                    problem = f"the answer to a commit was lost: {describe(error)}"
                    raise CommitUnknownError(problem) from error
                if failure is Failure.RULE and committing:
                    return Rejected(len(writes) - 1, "constraint", describe(error))
                if failure in {Failure.OTHER, Failure.BLOCKED}:
                    raise StorageError(describe(error)) from error
                await self._pause(attempt)
            else:
                self._check_standby()
                return None
        problem = f"the transaction was rolled back {_ATTEMPTS} times"
        raise StorageError(problem)

    async def _each(self, connection: Connection, writes: Sequence[PreparedWrite]) -> Rejected | None:
        order = sorted(range(len(writes)), key=lambda i: writes[i][0][1])
        for index in order:
            (table, kind), cells = writes[index]
            arguments = [[cell] for cell in cells]
            self.statements += 1
            try:
                rows = await connection.fetch(_SINGLE[kind](table), *arguments)
            except Exception as error:
                if classify(error) is not Failure.RULE:
                    raise
                return Rejected(index, "constraint", describe(error))
            if kind <= UPDATE and not rows:
                return Rejected(index, lost_reason(kind), table.name)
        return None


_SINGLE: dict[int, Any] = {
    CLAIM: lambda table: table.claim_sql(),
    UPDATE: lambda table: table.update_sql(),
    INSERT: lambda table: table.insert_sql(),
    DELETE: lambda table: table.delete_sql(),
}


def lost_reason(kind: int) -> Reason:
    """Return why a gate of ``kind`` lost."""
    return "exists" if kind == CLAIM else "version"


def statement_for(layouts: tuple[Layout, ...]) -> Statement:
    """Return the composed statement for ``layouts``, from a bounded cache."""
    key = tuple([(layout.table.name, *layout[1:]) for layout in layouts])
    found = _STATEMENTS.get(key)
    if found is None or found.layouts != layouts:
        found = composition.compose(layouts)
        _STATEMENTS[key] = found
        if len(_STATEMENTS) > _PREPARED_MAX:
            _STATEMENTS.popitem(last=False)
    return found


_STATEMENTS: OrderedDict[tuple[tuple[Any, ...], ...], Statement] = OrderedDict()
