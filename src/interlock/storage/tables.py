"""Tables: a frozen msgspec struct mapped to a Postgres table, one column per field, same names, same order.

Any room may declare its own tables (``INTENTS = Table(Intent, "payment_intents")``); ``group_commit`` writes
them and ``database`` reads them. The mapping of Python types to column types:

====================================================  =========  ==========================================
field                                                 column     note
====================================================  =========  ==========================================
``str``, ``StrEnum``, ``Literal["a", "b"]``           text       no NUL and no lone surrogate: refused
``int``, ``IntEnum``                                  bigint
``bool``                                              boolean
``bytes``                                             bytea
``dict``, ``list``, ``tuple``, struct, ``Any``        jsonb      ``tuple[str, ...]`` too: see below
the same in ``Annotated[…, AS_TEXT]``                 text       JSON that Postgres need not take apart
``X | None``                                          nullable   ``None`` is SQL NULL, never jsonb ``null``
====================================================  =========  ==========================================

``float`` is refused: money and times are integers. Sequences, ``tuple[str, ...]`` among them, are stored as jsonb and
not as arrays, because rows travel as one array per column and ``unnest`` flattens an array of arrays. What no statement
on the payment path looks into is kept as text: taking JSON apart and together again cost as much as writing its row.
"""

import enum
import types
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from interlock.base.errors import InvariantError, StorageError

T = TypeVar("T", bound=msgspec.Struct)

Cells = tuple[Any, ...]
AS_TEXT = "JSON kept as text"
"""Annotation of a field whose JSON Postgres stores as it is; a search casts it."""
_NUL_ESCAPE = "\\u0000"
_SCALARS: dict[type, str] = {str: "text", int: "bigint", bool: "boolean", bytes: "bytea"}
_get_cells = msgspec.structs.astuple
_encode_json = msgspec.json.Encoder().encode


class UnstorableError(StorageError):
    """A value holds text that Postgres cannot store; names the column, never the value."""

    def __init__(self, column: str, problem: str) -> None:
        """Name the ``column`` and the ``problem``."""
        super().__init__(f"{column} {problem}")
        self.column = column


class Column(msgspec.Struct, frozen=True):
    """One column: ``type`` is text, bigint, boolean, bytea or jsonb; ``decode`` makes the field's value of a cell.

    ``is_json`` says that the cell is the JSON of the value, whichever type keeps it.
    """

    name: str
    type: str
    nullable: bool
    decode: Callable[[Any], Any] | None
    is_json: bool = False


class Shape:
    """A choice of a struct's fields, in order, and how they become cells."""

    def __init__(self, columns: Sequence[Column], key: Sequence[str], read: Callable[[Any], Cells]) -> None:
        """Compile the mapping of ``columns``; ``read`` returns their values of a struct."""
        self.columns = tuple(columns)
        self.names = tuple(column.name for column in self.columns)
        self._read = read
        self._json_at = [i for i, column in enumerate(self.columns) if column.is_json]
        self._text_at = [i for i, column in enumerate(self.columns) if column.type in {"text", "jsonb"}]
        self.key_of: Callable[[Cells], Cells] = _tuple_getter([self.names.index(name) for name in key])

    def encode(self, value: msgspec.Struct) -> Cells:
        """Return the cells of ``value`` in column order; see :meth:`refuse_unstorable`."""
        cells = self._read(value)
        if self._json_at:
            changed = list(cells)
            for i in self._json_at:
                if changed[i] is not None:
                    changed[i] = _encode_json(changed[i]).decode()
            cells = tuple(changed)
        return cells

    def refuse_unstorable(self, cells: Cells) -> None:
        """Raise when Postgres cannot store ``cells``.

        Raises:
            UnstorableError: a text holds a NUL or a lone surrogate, which would fail every row written with it.

        """
        for i in self._text_at:
            text = cells[i]
            if not isinstance(text, str):  # None, or a value of another type, which the server refuses
                continue
            column = self.columns[i]
            if "\x00" in text or (column.type == "jsonb" and _escapes_nul(text)):
                raise UnstorableError(column.name, "holds a NUL character")
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise UnstorableError(column.name, "holds text that is not Unicode") from error


class Table(Generic[T]):
    """A struct type and the table its values live in."""

    def __init__(
        self,
        struct: type[T],
        name: str,
        key: tuple[str, ...] = ("account_id", "id"),
        version: str | None = "version",
        fixed: Iterable[str] = (),
        only_if: str = "",
    ) -> None:
        """Compile the mapping once.

        Args:
            struct: a frozen struct; its fields are the columns.
            name: the table.
            key: the primary key's columns.
            version: the column that counts changes, or None for tables that are never updated under a guard.
            fixed: columns that never change after the insert; updates do not carry them.
            only_if: SQL over the new row ``r``; where it does not hold, an insert writes nothing, which is no failure.

        """
        self.struct = struct
        self.name = name
        self.key = key
        self.columns = tuple(_column(field) for field in msgspec.structs.fields(struct))
        self.names = tuple(column.name for column in self.columns)
        self.version = version if version in self.names else None
        self.fixed = frozenset(fixed)
        self.only_if = only_if
        self._require(*key, *self.fixed)
        self.whole = Shape(self.columns, key, _get_cells)
        updated = [column for column in self.columns if column.name in key or column.name not in self.fixed]
        self.changes = Shape(updated, key, attrgetter(*(column.name for column in updated)))
        self._decoders = [(i, column.decode) for i, column in enumerate(self.columns) if column.decode is not None]
        self.key_of = self.whole.key_of
        self.select_list = ", ".join(f'"{name}"' for name in self.names)
        self.has_account = "account_id" in self.names
        self.has_livemode = "livemode" in self.names

    def __repr__(self) -> str:
        """Return the table's name and struct."""
        return f"Table({self.struct.__name__}, {self.name!r})"

    def _require(self, *names: str) -> None:
        missing = [name for name in names if name not in self.names]
        if missing:
            problem = f"{self.struct.__name__} has no field {', '.join(missing)} for table {self.name}"
            raise InvariantError(problem)

    def column(self, name: str) -> Column | None:
        """Return the column called ``name``, or None."""
        return self.columns[self.names.index(name)] if name in self.names else None

    def encode(self, value: T) -> Cells:
        """Return all cells of ``value`` in column order (see :meth:`Shape.encode`)."""
        return self.whole.encode(value)

    def decode(self, row: Iterable[Any]) -> T:
        """Return the value of a ``row`` whose cells come in column order (``SELECT {table.select_list}``)."""
        if self._decoders:
            cells = list(row)
            for i, decode in self._decoders:
                cell = cells[i]
                if cell is not None:
                    cells[i] = decode(cell)
            return self.struct(**dict(zip(self.names, cells, strict=True)))
        return self.struct(**dict(zip(self.names, row, strict=True)))

    # Statements. Each takes one array per column, so that any number of rows is one statement. Names are quoted
    # because a field may be called what SQL reserves.

    def unnest(self, columns: Sequence[Column]) -> str:
        """Return a subquery ``r`` that makes rows of one array parameter per column.

        In the select list the arrays advance in step; ``unnest`` of several arrays after FROM would write and read each
        of them through a store of its own, which costs the server twice as much.
        """
        cells = [f'unnest(${number}::{column.type}[]) AS "{column.name}"' for number, column in enumerate(columns, 1)]
        return f"(SELECT {', '.join(cells)}) AS r"

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """Return the primary key's columns."""
        return tuple(self.columns[self.names.index(name)] for name in self.key)

    def insert_sql(self, source: str = "", names: Sequence[str] = (), condition: str = "") -> str:
        """Return a multi-row INSERT of the columns ``names``, or of all, where ``condition`` and ``only_if`` hold.

        ``source`` replaces the default unnest; its row must be named ``r``.
        """
        source, names = source or self.unnest(self.columns), names or self.names
        listed = ", ".join(f'"{name}"' for name in names)
        conditions = " AND ".join(filter(None, (condition, self.only_if)))
        where = f" WHERE {conditions}" if conditions else ""
        return f"INSERT INTO {self.name} ({listed}) SELECT {_listed('r', names)} FROM {source}{where}"  # noqa: S608 - names of declared tables

    def claim_sql(self, source: str = "", names: Sequence[str] = ()) -> str:
        """Return an INSERT that skips rows that exist and returns the keys it wrote."""
        keys = ", ".join(f'"{name}"' for name in self.key)
        return f"{self.insert_sql(source, names)} ON CONFLICT DO NOTHING RETURNING {keys}"

    def update_sql(self, source: str = "", returning: str = "") -> str:
        """Return an UPDATE of every column that may change, guarded by key and version."""
        changed = [name for name in self.changes.names if name not in self.key]
        assignments = ", ".join(f'"{name}" = r."{name}"' for name in changed)
        guard = self._same_key()
        if self.version is not None:
            guard += f' AND t."{self.version}" = r."{self.version}" - 1'
        source = source or self.unnest(self.changes.columns)
        returning = returning or _listed("t", self.key)
        return f"UPDATE {self.name} AS t SET {assignments} FROM {source} WHERE {guard} RETURNING {returning}"  # noqa: S608 - names of declared tables

    def delete_sql(self, source: str = "") -> str:
        """Return a DELETE by key."""
        return f"DELETE FROM {self.name} AS t USING {source or self.unnest(self.key_columns)} WHERE {self._same_key()}"  # noqa: S608 - names of declared tables

    def _same_key(self) -> str:
        return " AND ".join(f't."{name}" = r."{name}"' for name in self.key)


def _listed(alias: str, names: Sequence[str]) -> str:
    return ", ".join(f'{alias}."{name}"' for name in names)


def _escapes_nul(text: str) -> bool:
    """Tell whether JSON ``text`` holds an escaped NUL, as opposed to an escaped backslash before ``u0000``."""
    at = text.find(_NUL_ESCAPE)
    while at >= 0:
        backslashes = 1
        while at - backslashes >= 0 and text[at - backslashes] == "\\":
            backslashes += 1
        if backslashes % 2:
            return True
        at = text.find(_NUL_ESCAPE, at + 1)
    return False


def _tuple_getter(positions: Sequence[int]) -> Callable[[Cells], Cells]:
    """Return a getter of a tuple, also for one position or none (where ``itemgetter`` returns no tuple)."""
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda cells: tuple(cells[at] for at in positions)


def _column(field: msgspec.structs.FieldInfo) -> Column:
    bare, nullable = _without_none(field.type)
    try:
        kind, decode = _storage_of(bare)
    except TypeError as error:
        problem = f"field {field.name}: {error}"
        raise InvariantError(problem) from error
    is_json = kind == "jsonb"
    if AS_TEXT in getattr(field.type, "__metadata__", ()):
        if not is_json:
            problem = f"field {field.name}: only what is stored as JSON can be kept as text"
            raise InvariantError(problem)
        kind = "text"
    return Column(name=field.name, type=kind, nullable=nullable, decode=decode, is_json=is_json)


def _without_none(hint: Any) -> tuple[Any, bool]:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) not in {Union, types.UnionType}:
        return hint, False
    members = get_args(hint)
    rest = tuple(member for member in members if member is not types.NoneType)
    return (rest[0] if len(rest) == 1 else Union[rest]), len(rest) < len(members)  # noqa: UP007 - built at run time


def _storage_of(hint: Any) -> tuple[str, Callable[[Any], Any] | None]:
    """Return the column type of a hint and what turns a cell back into a value."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if hint in _SCALARS:
        return _SCALARS[hint], None
    if hint is float:
        problem = "floats are not stored; use integer minor units or milliseconds"
        raise TypeError(problem)
    if get_origin(hint) is Literal:
        if all(isinstance(choice, str) for choice in get_args(hint)):
            return "text", None
        problem = "only literals of strings are stored"
        raise TypeError(problem)
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return "text", hint
    if isinstance(hint, type) and issubclass(hint, enum.IntEnum):
        return "bigint", hint
    return "jsonb", msgspec.json.Decoder(hint).decode
