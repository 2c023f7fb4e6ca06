"""Every declared table agrees with what the migrations make."""

import re
from typing import Any

import asyncpg
import pytest
from tests.support.declared_tables import declared_tables

from interlock.storage.connections import WRITER_SETTINGS
from interlock.storage.database import Connection, Database
from interlock.storage.tables import Table

COLUMNS = """
SELECT a.attname AS name, format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, NULL) AS type,
    NOT a.attnotnull AS nullable, a.atthasdef AS has_default
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
KEY = """
SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(number, position), pg_attribute a
WHERE i.indrelid = to_regclass($1) AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.number
ORDER BY k.position
"""


async def test_declared_tables_match_the_migrated_schema(database: Database) -> None:
    problems = []
    for table in declared_tables().values():
        found = {row["name"]: row for row in await database.fetch(COLUMNS, table.name)}
        if not found:
            problems.append(f"{table.name}: no migration makes it")
            continue
        key = tuple(row[0] for row in await database.fetch(KEY, table.name))
        if key != table.key:
            problems.append(f"{table.name}: the primary key is {key}, declared is {table.key}")
        for column in table.columns:
            row = found.pop(column.name, None)
            if row is None:
                problems.append(f"{table.name}.{column.name}: no such column")
            elif row["type"] != column.type:
                problems.append(f"{table.name}.{column.name}: is {row['type']}, declared is {column.type}")
            elif column.nullable and not row["nullable"]:
                problems.append(f"{table.name}.{column.name}: may be None, yet the column is NOT NULL")
            elif column.nullable and row["has_default"]:
                # Statements leave out what nobody has filled, which must then be NULL.
                problems.append(f"{table.name}.{column.name}: may be None, yet the column has a default")
        unset = [name for name, row in found.items() if not row["nullable"] and not row["has_default"]]
        problems.extend(f"{table.name}.{name}: must be given, yet the struct has no such field" for name in unset)
    assert problems == []


@pytest.mark.parametrize("table", declared_tables().values(), ids=lambda table: table.name)
async def test_every_generated_statement_can_be_prepared(database: Database, table: Table[Any]) -> None:
    statements = [table.insert_sql(), table.claim_sql(), table.update_sql(), table.delete_sql()]

    async def prepare(connection: Connection) -> None:
        for statement in statements:
            await connection.prepare(statement)

    await database.transaction(prepare)


@pytest.mark.parametrize("table", declared_tables().values(), ids=lambda table: table.name)
async def test_rows_are_found_by_their_key_even_where_the_planner_knows_nothing(
    database_url: str, database: Database, table: Table[Any]
) -> None:
    """On an empty table all indexes cost the same, and the plan made then is kept while the table grows."""
    connection = await asyncpg.connect(database_url, server_settings=WRITER_SETTINGS)
    try:
        for statement in (table.update_sql(), table.delete_sql()):
            await connection.execute(f"PREPARE looked_at AS {statement}")
            parameters = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", statement))))
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE looked_at ({parameters})"))
            assert set(re.findall(r"Scan using (\w+)", plan)) <= {f"{table.name}_pkey"}, plan
            assert "Bitmap" not in plan, plan
            await connection.execute("DEALLOCATE looked_at")
    finally:
        await connection.close()
