"""Use case: search. Called by ``api``; reads one account in one mode, newest first."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.payments.search.conditions import Arguments, to_sql
from interlock.payments.search.fields import CHARGES, CUSTOMERS, PAYMENT_INTENTS, Field
from interlock.payments.search.query import parse
from interlock.storage.database import Database, PageResult
from interlock.storage.tables import Table

T = TypeVar("T", bound=msgspec.Struct)

COUNTED_MAX = 10_000
_SEARCHED: Mapping[str, tuple[str, Mapping[str, Field], str]] = {
    "payment_intents": ("payment intents", PAYMENT_INTENTS, ""),
    "charges": ("charges", CHARGES, ""),
    "customers": ("customers", CUSTOMERS, " AND NOT deleted"),
}


async def search(
    database: Database, table: Table[T], scope: Scope, text: str, limit: int, after_id: str | None
) -> PageResult[T] | Problem:
    """Return a page of the rows of ``table`` that a query in the search language finds.

    Args:
        database: where to read.
        table: payment intents, charges or customers.
        scope: account and mode.
        text: the query.
        limit: the most rows.
        after_id: the last id of the page before, None for the first page.

    """
    arguments = Arguments(scope.account_id, scope.livemode)
    found = _found(table, text, arguments)
    if isinstance(found, Problem):
        return found
    below = "" if after_id is None else f" AND id < {arguments.add(after_id)}"
    sql = f"SELECT {table.select_list} {found}{below} ORDER BY id DESC LIMIT {arguments.add(limit + 1)}"
    rows: list[Any] = await database.fetch(sql, *arguments.values)
    return PageResult([table.decode(row) for row in rows[:limit]], len(rows) > limit)


async def count(database: Database, table: Table[T], scope: Scope, text: str) -> int | Problem:
    """Return how many rows of ``table`` a query finds, on all pages; :data:`COUNTED_MAX` stands for more as well."""
    arguments = Arguments(scope.account_id, scope.livemode)
    found = _found(table, text, arguments)
    if isinstance(found, Problem):
        return found
    return await database.count(f"SELECT 1 {found} LIMIT {arguments.add(COUNTED_MAX)}", *arguments.values)


def _found(table: Table[T], text: str, arguments: Arguments) -> str | Problem:
    """Return the part of a statement that says what is searched and which rows are found."""
    query = parse(text)
    if isinstance(query, Problem):
        return query
    kind, fields, more = _SEARCHED[table.name]
    condition = to_sql(query, fields, kind, arguments)
    if isinstance(condition, Problem):
        return condition
    # Names and fields are declared, values are parameters.
    return f"FROM {table.name} WHERE account_id = $1 AND livemode = $2 AND {condition}{more}"
