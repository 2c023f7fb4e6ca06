"""Composition: one SQL statement for everything a flush writes; called by ``group_commit`` only. Pure.

A flush holds rows of several callers for several tables. They become one statement of data-modifying CTEs, so that a
flush costs one round trip and commits by itself. Gates (claims and updates) return which callers passed; every other
row names its caller and is written only when that caller passed, so that a lost race writes nothing.

A caller may have several gates. Should some pass and others lose, the statement fails on purpose (the cast of
``PARTIAL_GATE`` to a number) and with it rolls back; the flush then runs that caller apart. ``IS TRUE`` and ``OR`` keep
Postgres from turning the look-ups into nested-loop joins: they run as hashed subplans.
"""

from typing import Any

import msgspec

from interlock.storage.tables import Table

CLAIM, UPDATE, INSERT, DELETE = range(4)
PARTIAL_GATE = "partial gate "
NO_GATE = -1

Operation = tuple[Table[Any], int]


class Statement(msgspec.Struct, frozen=True):
    """SQL for ``operations``, which take their parameters in that order: the columns' arrays, then callers' numbers.

    When ``gated``, one more ``int[]`` follows: how many gates each caller has. The statement returns one value: the
    numbers of the callers that passed.
    """

    sql: str
    operations: tuple[Operation, ...]
    gated: bool


def compose(operations: tuple[Operation, ...]) -> Statement:
    """Return the statement that does ``operations`` (pairs of table and kind, gates first) at once."""
    ctes: list[str] = []
    passes: list[str] = []
    parameter = 1
    gated = operations[0][1] <= UPDATE
    for number, (table, kind) in enumerate(operations):
        columns = table.key_columns if kind == DELETE else table.columns
        caller_parameter = parameter + len(columns)
        source = table.unnest(columns, parameter, caller_parameter)
        if kind == CLAIM:
            ctes.append(f"w{number} AS ({table.claim_sql(table.unnest(columns, parameter))})")
            ctes.append(f"p{number} AS ({_claimants(table, number, parameter, caller_parameter)})")
            passes.append(f"SELECT flush_caller FROM p{number}")
        elif kind == UPDATE:
            ctes.append(f"w{number} AS ({table.update_sql(source, 'r.flush_caller')})")
            passes.append(f"SELECT flush_caller FROM w{number}")
        if kind <= UPDATE and (number + 1 == len(operations) or operations[number + 1][1] > UPDATE):
            ctes.append(_passed(passes))
        if kind == INSERT:
            ctes.append(f"w{number} AS ({table.insert_sql(source)}{_when_passed(' WHERE', gated=gated)})")
        elif kind == DELETE:
            ctes.append(f"w{number} AS ({table.delete_sql(source)}{_when_passed(' AND', gated=gated)})")
        parameter = caller_parameter + 1
    return Statement(sql=f"WITH {', '.join(ctes)} {_verdict(parameter, gated=gated)}", operations=operations, gated=gated)


def _claimants(table: Table[Any], number: int, parameter: int, caller_parameter: int) -> str:
    """Return which callers' rows were among the keys that the claim wrote."""
    cells = [
        f'unnest(${parameter + table.names.index(column.name)}::{column.type}[]) AS "{column.name}"'
        for column in table.key_columns
    ]
    names = ", ".join(f'"{name}"' for name in table.key)
    row = ", ".join(f'r."{name}"' for name in table.key)
    return (
        f"SELECT r.flush_caller FROM (SELECT {', '.join(cells)}, unnest(${caller_parameter}::int[]) AS flush_caller) AS r"
        f" WHERE (({row}) IN (SELECT {names} FROM w{number})) IS TRUE"
    )


def _passed(passes: list[str]) -> str:
    union = " UNION ALL ".join(passes)
    return f"passed AS (SELECT flush_caller, count(*) AS gates FROM ({union}) AS u GROUP BY flush_caller)"


def _when_passed(word: str, *, gated: bool) -> str:
    if not gated:
        return ""
    return f"{word} (r.flush_caller = {NO_GATE} OR r.flush_caller IN (SELECT flush_caller FROM passed))"


def _verdict(parameter: int, *, gated: bool) -> str:
    if not gated:
        return "SELECT NULL::int[]"
    return (
        f"SELECT array_agg(flush_caller) FROM passed WHERE CASE WHEN gates = (${parameter}::int[])[flush_caller + 1] "
        f"THEN true ELSE ('{PARTIAL_GATE}' || flush_caller)::int IS NULL END"
    )
