"""Packing: the rows of a flush as the parameters of its statement; called by ``group_commit``.

Rows travel as one parameter per column, in the form that is cheapest for both sides. The driver spends a third of a
microsecond on each element of an array, so text travels as one joined string. Postgres spends most of a statement's
start, and much of its run, on taking columns apart, whatever is in them; so two habits of the rows seen so far are kept
for each table (``Layout``):

- A column that no inserted row has filled yet is left out of the statement.
- A column in which the rows of every flush were alike (often account, currency, status) travels as one value.

The first row that breaks a habit ends it for good, so the statements of a process soon stay the same.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from interlock.base.errors import InvariantError
from interlock.storage.tables import Cells, Column, Table

CLAIM, UPDATE, INSERT, DELETE = range(4)
CALLERS_MAX = 4096
NO_GATE = -1

Operation = tuple[Table[Any], int]
Entry = tuple[Cells, int]

_SEPARATOR = "\x1f"
# Stands for NULL in joined text; nobody outside this process can write it.
_NULL = f"\x1e{secrets.token_urlsafe(9)}"


class Layout(NamedTuple):
    """An operation as a statement does it: which of its columns it names, and which of them differ from row to row.

    Both are bits in the order of :func:`columns_of`.
    """

    table: Table[Any]
    kind: int
    named: int
    varied: int


class UnpackableError(TypeError):
    """What one caller writes cannot travel with others'; nothing is wrong with it."""


class _CollisionError(Exception):
    """A text holds the separator."""


def columns_of(table: Table[Any], kind: int) -> tuple[Column, ...]:
    """Return the columns of the cells of an operation, in order."""
    if kind == DELETE:
        return table.key_columns
    return table.changes.columns if kind == UPDATE else table.columns


def key_of(operation: Operation) -> Callable[[Cells], Cells]:
    """Return what finds the key in the cells of a claim, insert or update."""
    table, kind = operation
    return table.changes.key_of if kind == UPDATE else table.whole.key_of


def check_callers_max(callers_max: int) -> None:
    """Refuse a flush size that the numbering cannot hold."""
    if not 1 <= callers_max <= CALLERS_MAX:
        raise InvariantError(f"callers_max {callers_max} is not between 1 and {CALLERS_MAX}")


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
        ungated = number if gates else NO_GATE
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

    def pack(self) -> tuple[tuple[Layout, ...], list[Any]]:
        """Return what is to be done, and the parameters of the statement composed from it.

        Raises:
            TypeError: a cell is of another type than its column, or cannot travel so; only callers run apart can tell
                whose.

        """
        separator = _SEPARATOR
        while True:
            try:
                return self._pack(separator)
            except _CollisionError:
                separator = f"{_SEPARATOR}{secrets.token_urlsafe(9)}"

    def _pack(self, separator: str) -> tuple[tuple[Layout, ...], list[Any]]:
        arguments: list[Any] = [separator, _NULL]
        operations = self.operations()
        layouts = tuple([self._pack_operation(operation, arguments, separator) for operation in operations])
        if operations[0][1] <= UPDATE:
            arguments.append(self._gates)
        return layouts, arguments

    def _pack_operation(self, operation: Operation, arguments: list[Any], separator: str) -> Layout:
        """Append the parameters of ``operation`` to ``arguments``; return its layout, which remembers these rows."""
        table, kind = operation
        entries = self._entries[operation]
        if kind != INSERT and len(entries) > 1:
            # Every flush of every process locks rows in the same order: no deadlocks among them.
            entries.sort(key=_delete_order if kind == DELETE else _OrderByKey(key_of(operation)))
        rows = len(entries)
        named, varied = _HABITS.get(operation) or _first_habits(operation)
        columns = zip(*[cells for cells, _ in entries], strict=True)
        bit = 1
        for column, cells in zip(columns_of(table, kind), columns, strict=True):
            if not varied & bit:
                first = cells[0]
                if cells.count(first) == rows:
                    if first is not None:
                        named |= bit
                    if named & bit:
                        arguments.append(first)
                    bit += bit
                    continue
                named |= bit
                varied |= bit
            arguments.append(_argument(column, cells, separator))
            bit += bit
        arguments.append(",".join([_NUMBERS[number] for _, number in entries]))
        _HABITS[operation] = named, varied
        return Layout(table, kind, named, varied)


_HABITS: dict[Operation, tuple[int, int]] = {}
"""Of each operation of a declared table: the columns ever filled, and those that ever varied in a flush."""


def _first_habits(operation: Operation) -> tuple[int, int]:
    """Return what must be named from the start: what may not be null, and all that an update sets."""
    table, kind = operation
    columns = columns_of(table, kind)
    is_sparse = kind in {CLAIM, INSERT}
    return sum(1 << at for at, column in enumerate(columns) if not (is_sparse and column.nullable)), 0


class _OrderByKey:
    """Orders entries by their row's key."""

    def __init__(self, key_of: Callable[[Cells], Cells]) -> None:
        self._key_of = key_of

    def __call__(self, entry: Entry) -> Cells:
        return self._key_of(entry[0])


def _delete_order(entry: Entry) -> Cells:
    return entry[0]


_NUMBERS = {number: str(number) for number in range(NO_GATE, CALLERS_MAX)}


def _argument(column: Column, cells: Cells, separator: str) -> Any:
    """Return a column's cells, one for each row, in the form that the composed statement takes apart."""
    if column.type not in {"text", "jsonb"}:
        return cells
    if None in cells:
        cells = tuple([_NULL if cell is None else cell for cell in cells])
    joined = separator.join(cells)
    if not joined:
        raise UnpackableError("an empty text by itself would arrive as no text at all")
    if joined.count(separator) != len(cells) - 1:
        raise _CollisionError
    return joined


def _operation_order(operation: Operation) -> tuple[bool, str, int]:
    table, kind = operation
    return kind > UPDATE, table.name, kind
