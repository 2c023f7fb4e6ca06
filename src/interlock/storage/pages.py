"""Pages: what a list asks for and gets, and the SQL of it; called by ``database``. Pure.

Lists are newest first. Ids are time-ordered within a prefix, so ``ORDER BY id DESC`` is by age and an id is a cursor.
"""

import re
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from interlock.base.context import Scope
from interlock.base.errors import InvariantError
from interlock.storage.tables import Table

T = TypeVar("T")
LIMIT_MAX = 1_000


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list: up to ``limit`` objects after (older than) or before (newer than) a cursor id.

    ``bounds``: the cursors are texts to compare ids with, not ids of objects; nobody looks whether they exist.
    """

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created_gt: int | None = None
    created_gte: int | None = None
    created_lt: int | None = None
    created_lte: int | None = None
    bounds: bool = False


class Pattern(msgspec.Struct, frozen=True):
    """A filter on text that lets pass what looks like any of ``texts``, in which ``*`` stands for anything."""

    texts: tuple[str, ...]


class PageResult(msgspec.Struct, Generic[T], frozen=True):
    """Objects, newest first; ``has_more`` tells whether there are more in the direction of the cursor, ``cursor_found``
    whether the object that the cursor names exists."""

    items: list[T]
    has_more: bool
    cursor_found: bool = True


class PageQuery(msgspec.Struct, frozen=True):
    """SQL and arguments that fetch one row more than the page; ``reversed`` rows come oldest first.

    With a ``cursor``, the row it names comes first where it is in the list, so that a cursor costs no second query.
    """

    sql: str
    arguments: list[Any]
    reversed: bool
    cursor: str | None = None


def page_query(table: Table[Any], scope: Scope, page: Page, where: Mapping[str, object]) -> PageQuery:
    """Return the query for ``page`` of the rows of ``table`` in ``scope`` that equal ``where``.

    Raises:
        InvariantError: a filter names no scalar column, or the limit is out of bounds.

    """
    if not 1 <= page.limit <= LIMIT_MAX:
        problem = f"page limit {page.limit} is not between 1 and {LIMIT_MAX}"
        raise InvariantError(problem)
    conditions = _Conditions()
    conditions.add("account_id", "=", scope.account_id)
    if table.has_livemode:
        conditions.add("livemode", "=", scope.livemode)
    for name, value in where.items():
        column = table.column(name)
        if column is None or column.is_json or name in {"account_id", "livemode"}:
            problem = f"{table.name} cannot be filtered by {name!r}"
            raise InvariantError(problem)
        if isinstance(value, tuple):
            conditions.add_any(name, value)
        elif isinstance(value, Pattern):
            conditions.add_like(name, value)
        else:
            conditions.add(name, "=", value)
    for comparison, bound in _bounds(page):
        conditions.add("created_at_ms", comparison, bound)
    if page.starting_after is not None:
        conditions.add("id", "<=", page.starting_after)
    backwards = page.ending_before is not None and page.starting_after is None
    if page.ending_before is not None:
        conditions.add("id", ">=" if backwards else ">", page.ending_before)
    cursor = None if page.bounds else page.ending_before if backwards else page.starting_after
    limit = conditions.parameter(page.limit + (1 if cursor is None else 2))
    sql = (
        f"SELECT {table.select_list} FROM {table.name} WHERE {' AND '.join(conditions.sql)} "  # noqa: S608 - declared names
        f"ORDER BY id {'ASC' if backwards else 'DESC'} LIMIT {limit}"
    )
    return PageQuery(sql, conditions.arguments, backwards, cursor)


def as_like(text: str) -> str:
    """Return what ``LIKE`` takes for ``text``, in which ``*`` stands for anything."""
    return re.sub(r"([\\\\%_])", r"\\\1", text).replace("*", "%")


def _bounds(page: Page) -> list[tuple[str, int]]:
    bounds = ((">", page.created_gt), (">=", page.created_gte), ("<", page.created_lt), ("<=", page.created_lte))
    return [(comparison, bound) for comparison, bound in bounds if bound is not None]


class _Conditions:
    """SQL conditions and the arguments they name."""

    def __init__(self) -> None:
        self.sql: list[str] = []
        self.arguments: list[Any] = []

    def parameter(self, value: object) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def add_any(self, column: str, values: tuple[object, ...]) -> None:
        self.sql.append(f'"{column}" = ANY({self.parameter(list(values))})')

    def add_like(self, column: str, pattern: Pattern) -> None:
        self.sql.append(f'"{column}" LIKE ANY({self.parameter([as_like(text) for text in pattern.texts])})')

    def add(self, column: str, comparison: str, value: object) -> None:
        if value is None:
            self.sql.append(f'"{column}" IS NULL')
        else:
            self.sql.append(f'"{column}" {comparison} {self.parameter(value)}')
