"""Composition: one SQL statement for all that a flush writes; called by ``group_commit`` through ``writer``. Pure.

A flush holds rows of several callers for several tables. They become one statement of data-modifying CTEs, so that a
flush costs one round trip and commits by itself. Gates (claims and updates) return which callers passed; every other
row names its caller and is written only when that caller passed, so that a lost race writes nothing.

A caller may have several gates. Should some pass and others lose, the statement fails on purpose (the cast of
``PARTIAL_GATE`` to a number) and with it rolls back; the flush then runs that caller apart. Whether a caller passed is
looked up in an array that is made once, by position: a hash table for each table written would cost ten times that.
``IS TRUE`` keeps Postgres from turning the look-up of claimed keys into a nested loop.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from interlock.storage.packing import CLAIM, DELETE, INSERT, NO_GATE, UPDATE, Layout, columns_of
from interlock.storage.tables import Column, Table

PARTIAL_GATE = "partial gate "

_COMMON_PARAMETERS = 2
_CALLER = Column(name="flush_caller", type="int", nullable=False, decode=None)


class Statement(msgspec.Struct, frozen=True):
    """SQL for ``layouts``; it returns one value: the numbers of the callers that passed.

    Parameters, in order: separator, stand-in for NULL, then for each operation its columns and its callers' numbers.
    When ``gated``, an ``int[]`` follows: how many gates each caller has.
    """

    sql: str
    layouts: tuple[Layout, ...]
    gated: bool


class _Place(NamedTuple):
    """A column, the parameter that carries it, and whether that is one value for all rows or one for each."""

    column: Column
    parameter: int
    varies: bool


def compose(layouts: tuple[Layout, ...]) -> Statement:
    """Return the statement that does ``layouts`` (gates first) at once."""
    ctes: list[str] = ["typed AS (SELECT $1::text, $2::text)"]  # never run: gives a type to what may be left unused
    passes: list[str] = []
    parameter = _COMMON_PARAMETERS + 1
    gated = layouts[0].kind <= UPDATE
    gates = f"${parameter + sum(layout.named.bit_count() + 1 for layout in layouts)}::int[]"
    for number, layout in enumerate(layouts):
        table, kind = layout.table, layout.kind
        places = _places(layout, parameter)
        parameter += len(places)
        names = [place.column.name for place in places if place.column is not _CALLER]
        source = _source(places)
        if kind == CLAIM:
            ctes.append(f"w{number} AS ({table.claim_sql(source, names)})")
            ctes.append(f"p{number} AS ({_claimants(table, places, number)})")
            passes.append(f"TABLE p{number}")
        elif kind == UPDATE:
            ctes.append(f"w{number} AS ({table.update_sql(source, 'r.flush_caller')})")
            passes.append(f"TABLE w{number}")
        if kind <= UPDATE and (number + 1 == len(layouts) or layouts[number + 1].kind > UPDATE):
            ctes += _passed(passes, gates)
        if kind == INSERT:
            ctes.append(f"w{number} AS ({table.insert_sql(source, names, _when_passed(gated=gated))})")
        elif kind == DELETE:
            condition = _when_passed(gated=gated)
            ctes.append(f"w{number} AS ({table.delete_sql(source)}{condition and f' AND {condition}'})")
    sql = f"WITH {', '.join(ctes)} {_verdict(gates, gated=gated)}"
    return Statement(sql=sql, layouts=layouts, gated=gated)


def _places(layout: Layout, parameter: int) -> list[_Place]:
    """Return where the columns that ``layout`` names travel, the first in ``parameter``, and last the callers."""
    named = [
        (column, bool(layout.varied >> at & 1))
        for at, column in enumerate(columns_of(layout.table, layout.kind))
        if layout.named >> at & 1
    ]
    places = [_Place(column, parameter + at, varies) for at, (column, varies) in enumerate(named)]
    return [*places, _Place(_CALLER, parameter + len(named), varies=True)]


def _source(places: Iterable[_Place]) -> str:
    """Return a subquery ``r`` with a row for each caller's number; what does not vary is the same in all of them."""
    cells = [f'{_cell(place)} AS "{place.column.name}"' for place in places]
    return f"(SELECT {', '.join(cells)}) AS r"


def _cell(place: _Place) -> str:
    column, parameter, varies = place
    if not varies:
        return f"${parameter}::{column.type}"
    if column is _CALLER:
        return f"unnest(string_to_array(${parameter}::text, ',')::int[])"
    if column.type == "text":
        return f"unnest(string_to_array(${parameter}::text, $1::text, $2::text))"
    if column.type == "jsonb":
        return f"unnest(string_to_array(${parameter}::text, $1::text, $2::text)::jsonb[])"
    return f"unnest(${parameter}::{column.type}[])"


def _claimants(table: Table[Any], places: Sequence[_Place], number: int) -> str:
    """Return which callers' rows were among the keys that the claim wrote."""
    source = _source(place for place in places if place.column is _CALLER or place.column.name in table.key)
    key = ", ".join(f'"{name}"' for name in table.key)
    row = ", ".join(f'r."{name}"' for name in table.key)
    written = f"SELECT {key} FROM w{number}"  # noqa: S608 - names of tables
    return f"SELECT r.flush_caller FROM {source} WHERE (({row}) IN ({written})) IS TRUE"  # noqa: S608 - names of tables


def _passed(passes: list[str], gates: str) -> list[str]:
    """Return how many of its gates each caller passed, every caller from 0 on, as rows and as one array."""
    ones = " UNION ALL ".join(f"SELECT flush_caller, 1 AS one FROM ({each}) AS u" for each in passes)  # noqa: S608 - our own names
    everyone = f"SELECT generate_series(0, cardinality({gates}) - 1), 0"
    counted = f"SELECT flush_caller, sum(one)::int AS gates FROM ({ones} UNION ALL {everyone}) AS u GROUP BY 1"  # noqa: S608 - our own names
    return [
        f"passed AS ({counted})",
        "counts AS (SELECT array_agg(gates ORDER BY flush_caller) AS gates FROM passed)",
    ]


def _when_passed(*, gated: bool) -> str:
    if not gated:
        return ""
    return f"(r.flush_caller = {NO_GATE} OR ((SELECT gates FROM counts))[r.flush_caller + 1] > 0)"  # noqa: S608 - our own names


def _verdict(gates: str, *, gated: bool) -> str:
    if not gated:
        return "SELECT NULL::int[]"
    refusal = f"('{PARTIAL_GATE}' || flush_caller)::int IS NULL"
    whole = f"gates = ({gates})[flush_caller + 1]"
    return (
        f"SELECT array_agg(flush_caller) FROM passed WHERE gates > 0 AND CASE WHEN {whole} THEN true ELSE {refusal} END"  # noqa: S608 - our own names
    )
