"""Composition: one SQL statement for all that a flush writes, and its parameters; called by ``group_commit``. Pure.

A flush holds rows of several callers for several tables. They become one statement of data-modifying CTEs, so that a
flush costs one round trip and commits by itself. Gates (claims and updates) return which callers passed; every other
row names its caller and is written only when that caller passed, so that a lost race writes nothing.

A caller may have several gates. Should some pass and others lose, the statement fails on purpose (the cast of
``PARTIAL_GATE`` to a number) and with it rolls back; the flush then runs that caller apart. ``IS TRUE`` and ``OR`` keep
Postgres from turning the look-ups into nested-loop joins: they run as hashed subplans.

Rows travel as one parameter per column, in the form that is cheapest for the driver, which spends a third of a
microsecond on each element of an array: text as one joined string, repeated numbers once, a column of NULLs as NULL.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from interlock.base.errors import InvariantError
from interlock.storage.tables import Cells, Column, Table

CLAIM, UPDATE, INSERT, DELETE = range(4)
PARTIAL_GATE = "partial gate "
CALLERS_MAX = 4096

Operation = tuple[Table[Any], int]
Entry = tuple[Cells, int]

_NO_GATE = -1
_SEPARATOR = "\x1f"
# Stands for NULL in joined text; nobody outside this process can write it.
_NULL = f"\x1e{secrets.token_urlsafe(9)}"
_COMMON_PARAMETERS = 2
_CALLER = Column(name="flush_caller", type="int", nullable=False, decode=None)


class Statement(msgspec.Struct, frozen=True):
    """SQL for ``operations``; it returns one value: the numbers of the callers that passed.

    Parameters, in order: separator, stand-in for NULL, then for each operation its number of rows, its columns and its
    callers' numbers. When ``gated``, an ``int[]`` follows: how many gates each caller has.
    """

    sql: str
    operations: tuple[Operation, ...]
    gated: bool


def compose(operations: tuple[Operation, ...]) -> Statement:
    """Return the statement that does ``operations`` (pairs of table and kind, gates first) at once."""
    ctes: list[str] = []
    passes: list[str] = []
    counts: list[str] = []
    parameter = _COMMON_PARAMETERS + 1
    gated = operations[0][1] <= UPDATE
    for number, (table, kind) in enumerate(operations):
        columns = _columns(table, kind)
        source = _source((*columns, _CALLER), parameter)
        if kind == CLAIM:
            ctes.append(f"w{number} AS ({table.claim_sql(_source(columns, parameter))})")
            ctes.append(f"p{number} AS ({_claimants(table, number, parameter)})")
            passes.append(f"TABLE p{number}")
        elif kind == UPDATE:
            ctes.append(f"w{number} AS ({table.update_sql(source, 'r.flush_caller')})")
            passes.append(f"TABLE w{number}")
        if kind <= UPDATE and (number + 1 == len(operations) or operations[number + 1][1] > UPDATE):
            ctes.append(_passed(passes))
        if kind == INSERT:
            ctes.append(f"w{number} AS ({table.insert_sql(source)}{_when_passed(' WHERE', gated=gated)})")
        elif kind == DELETE:
            ctes.append(f"w{number} AS ({table.delete_sql(source)}{_when_passed(' AND', gated=gated)})")
        counts.append(f"${parameter}::int")
        parameter += len(columns) + 2
    # Never run: it gives a type to parameters that a table without text, or without numbers, leaves unused.
    typed = f"typed AS (SELECT $1::text, $2::text, {', '.join(counts)})"
    sql = f"WITH {typed}, {', '.join(ctes)} {_verdict(parameter, gated=gated)}"
    return Statement(sql=sql, operations=operations, gated=gated)


def _columns(table: Table[Any], kind: int) -> tuple[Column, ...]:
    if kind == DELETE:
        return table.key_columns
    return table.changes.columns if kind == UPDATE else table.columns


def _source(columns: Sequence[Column], parameter: int, positions: Sequence[int] | None = None) -> str:
    """Return a subquery ``r`` of ``columns``; ``parameter`` is the operation's first, its number of rows."""
    at = positions or range(len(columns))
    cells = [
        f'unnest({_array(column, parameter + 1 + position, parameter)}) AS "{column.name}"'
        for position, column in zip(at, columns, strict=True)
    ]
    return f"(SELECT {', '.join(cells)}) AS r"


def _array(column: Column, parameter: int, rows_parameter: int) -> str:
    """Return the array that :func:`_argument` packed into ``parameter``."""
    if column is _CALLER:
        return f"string_to_array(${parameter}::text, ',')::int[]"
    if column.type == "text":
        joined = f"${parameter}::text"
        return f"CASE {joined} WHEN '' THEN ARRAY[''] ELSE string_to_array({joined}, $1::text, $2::text) END"
    if column.type == "jsonb":
        return f"string_to_array(${parameter}::text, $1::text, $2::text)::jsonb[]"
    array = f"${parameter}::{column.type}[]"
    if column.type == "bytea":
        return array
    repeated = f"array_fill(({array})[1], ARRAY[${rows_parameter}::int])"
    return f"CASE cardinality({array}) WHEN 1 THEN {repeated} ELSE {array} END"


def _claimants(table: Table[Any], number: int, parameter: int) -> str:
    """Return which callers' rows were among the keys that the claim wrote."""
    positions = [table.names.index(name) for name in table.key]
    source = _source((*table.key_columns, _CALLER), parameter, (*positions, len(table.columns)))
    names = ", ".join(f'"{name}"' for name in table.key)
    row = ", ".join(f'r."{name}"' for name in table.key)
    written = f"SELECT {names} FROM w{number}"  # noqa: S608 - names of tables
    return f"SELECT r.flush_caller FROM {source} WHERE (({row}) IN ({written})) IS TRUE"  # noqa: S608 - names of tables


def _passed(passes: list[str]) -> str:
    union = " UNION ALL ".join(passes)
    return f"passed AS (SELECT flush_caller, count(*) AS gates FROM ({union}) AS u GROUP BY flush_caller)"  # noqa: S608 - our own names


def _when_passed(word: str, *, gated: bool) -> str:
    if not gated:
        return ""
    return f"{word} (r.flush_caller = {_NO_GATE} OR r.flush_caller IN (SELECT flush_caller FROM passed))"  # noqa: S608 - our own names


def _verdict(parameter: int, *, gated: bool) -> str:
    if not gated:
        return "SELECT NULL::int[]"
    refusal = f"('{PARTIAL_GATE}' || flush_caller)::int IS NULL"
    whole = f"gates = (${parameter}::int[])[flush_caller + 1]"
    return f"SELECT array_agg(flush_caller) FROM passed WHERE CASE WHEN {whole} THEN true ELSE {refusal} END"  # noqa: S608 - our own names


class Batch:
    """The rows of a flush by operation, and the parameters made of them."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: dict[Operation, list[Entry]] = {}
        self._gates: list[int] = []
        self.rows = 0

    def add_caller(self, writes: Sequence[tuple[Operation, Cells]], gates: int) -> None:
        """Add all the writes of one caller, ``gates`` of which are gates; callers are numbered in order."""
        number = len(self._gates)
        self._gates.append(gates)
        self.rows += len(writes)
        ungated = number if gates else _NO_GATE
        entries = self._entries
        for operation, cells in writes:
            entry = (cells, number if operation[1] <= UPDATE else ungated)
            found = entries.get(operation)
            if found is None:
                entries[operation] = [entry]
            else:
                found.append(entry)

    def operations(self) -> tuple[Operation, ...]:
        """Return what is to be done, gates first and else by table, so that equal flushes have equal statements."""
        return tuple(sorted(self._entries, key=_operation_order))

    def arguments(self) -> list[Any]:
        """Return the parameters of the statement composed from :meth:`operations`.

        Raises:
            TypeError: a cell is of another type than its column; only callers run apart can tell whose.

        """
        separator = _SEPARATOR
        packed = self._pack(separator)
        while packed is None:  # a text holds the separator itself
            separator = f"{_SEPARATOR}{secrets.token_urlsafe(9)}"
            packed = self._pack(separator)
        return packed

    def _pack(self, separator: str) -> list[Any] | None:
        arguments: list[Any] = [separator, _NULL]
        operations = self.operations()
        for operation in operations:
            table, kind = operation
            entries = self._entries[operation]
            if kind != INSERT and len(entries) > 1:
                # Every flush of every process locks rows in the same order: no deadlocks among them.
                entries.sort(key=_delete_order if kind == DELETE else _OrderByKey(key_of(operation)))
            columns = zip(*(cells for cells, _ in entries), strict=True)
            arguments.append(len(entries))
            for column, cells in zip(_columns(table, kind), columns, strict=True):
                argument = _argument(column, cells, separator)
                if argument is _COLLISION:
                    return None
                arguments.append(argument)
            arguments.append(",".join([_NUMBERS[number] for _, number in entries]))
        if operations[0][1] <= UPDATE:
            arguments.append(self._gates)
        return arguments


def key_of(operation: Operation) -> Callable[[Cells], Cells]:
    """Return what finds the key in the cells of a claim, insert or update."""
    table, kind = operation
    return table.changes.key_of if kind == UPDATE else table.whole.key_of


class _OrderByKey:
    """Orders entries by their row's key."""

    def __init__(self, key_of: Callable[[Cells], Cells]) -> None:
        self._key_of = key_of

    def __call__(self, entry: Entry) -> Cells:
        return self._key_of(entry[0])


def _delete_order(entry: Entry) -> Cells:
    return entry[0]


_COLLISION = object()
_NUMBERS = {number: str(number) for number in range(_NO_GATE, CALLERS_MAX)}


def _argument(column: Column, cells: Cells, separator: str) -> Any:
    """Return a column's cells in the form that :func:`_array` takes apart."""
    first = cells[0]
    if column.type in {"text", "jsonb"}:
        if None in cells:
            if cells.count(None) == len(cells):
                return None
            cells = tuple([_NULL if cell is None else cell for cell in cells])
        joined = separator.join(cells)
        return joined if joined.count(separator) == len(cells) - 1 else _COLLISION
    if column.type == "bytea":
        return None if first is None and cells.count(None) == len(cells) else cells
    if cells.count(first) == len(cells):
        return None if first is None else (first,)
    return cells


def _operation_order(operation: Operation) -> tuple[bool, str, int]:
    table, kind = operation
    return kind > UPDATE, table.name, kind


def check_callers_max(callers_max: int) -> None:
    """Refuse a flush size that the numbering cannot hold."""
    if not 1 <= callers_max <= CALLERS_MAX:
        raise InvariantError(f"callers_max {callers_max} is not between 1 and {CALLERS_MAX}")
