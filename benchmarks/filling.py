"""Fills a database with many payments in a minute: copies of really created ones, each with ids of its own.

Called by ``measuring`` for the figure that compares a full database with an empty one. A few hundred payments are taken
through the API first; their rows are then multiplied inside Postgres. What is different in every payment stays
different in every copy: ids get a time in the past, so that they sort before new ones and indexes grow at their end as
they did in life; other unique texts (keys, references, secrets) get a number at their end.
"""

from collections.abc import Callable

import asyncpg
import msgspec

Connection = asyncpg.Connection

TABLES = (
    "payment_intents",
    "attempts",
    "charges",
    "idempotency_keys",
    "announcements",
    "payment_methods",
    "ledger_transactions",
    "ledger_transfers",
)
"""What a payment leaves behind for good; the outbox is swept within seconds."""

_ID = "^[a-z]{2,5}_[0-9A-Za-z]{24}$"
_BATCHES_AT_ONCE = 100


class Plan(msgspec.Struct, frozen=True):
    """How to multiply one table: its columns, and the expression that makes each."""

    table: str
    columns: tuple[str, ...]
    expressions: tuple[str, ...]

    def sql(self) -> str:
        """Return the statement that adds the copies numbered ``$1`` to ``$2``."""
        names = ", ".join(f'"{name}"' for name in self.columns)
        made = ", ".join(self.expressions)
        return (
            f"INSERT INTO {self.table} ({names}) SELECT {made} "  # noqa: S608 - names read from the catalogue
            "FROM generate_series($1::bigint, $2::bigint) AS copy (number) "
            # OFFSET keeps the templates the inner loop: all of one copy's rows, then the next copy's.
            f"CROSS JOIN LATERAL (SELECT t.*, lpad(copy.number::text, 8, '0') AS copied FROM filling_{self.table} t "
            "ORDER BY 1, 2 OFFSET 0) AS t"
        )


async def fill(connection: Connection, payments: int, tell: Callable[[int], None]) -> int:
    """Multiply the payments that are stored until at least ``payments`` are; return how many are.

    Args:
        connection: used alone; its commits need not be durable.
        payments: how many intents there should be.
        tell: told how many there are, as they grow.

    """
    templates: int = await connection.fetchval("SELECT count(*) FROM payment_intents")
    assert templates > 0, "take some payments first"
    await connection.execute("SET synchronous_commit = off")
    plans = [await _plan(connection, table, templates) for table in TABLES]
    copies = -(-payments // templates) - 1
    for first in range(1, copies + 1, _BATCHES_AT_ONCE):
        last = min(first + _BATCHES_AT_ONCE - 1, copies)
        async with connection.transaction():
            for plan in plans:
                await connection.execute(plan.sql(), first, last)
        tell(templates * (last + 1))
    await connection.execute("RESET synchronous_commit")
    await connection.execute("VACUUM (ANALYZE)")
    return int(await connection.fetchval("SELECT count(*) FROM payment_intents"))


async def _plan(connection: Connection, table: str, templates: int) -> Plan:
    await connection.execute(f"CREATE TEMPORARY TABLE filling_{table} AS TABLE {table}")
    columns = await connection.fetch(
        "SELECT attname AS name, format_type(CASE typtype WHEN 'd' THEN typbasetype ELSE atttypid END, NULL) AS type "
        "FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid "
        "WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        table,
    )
    expressions = []
    for name, kind in columns:
        quoted = f'"{name}"'
        expression = f"t.{quoted}"
        if kind == "text":
            ids, different = await connection.fetchrow(
                f"SELECT bool_and({quoted} ~ '{_ID}'), count(DISTINCT {quoted}) FROM filling_{table}"  # noqa: S608 - names read from the catalogue
            ) or (None, 0)
            if different >= templates and ids:
                expression = f"left(t.{quoted}, -24) || t.copied || right(t.{quoted}, 16)"
            elif different >= templates and name not in {"facts", "body"}:
                expression = f"left(t.{quoted}, -8) || t.copied"
        expressions.append(expression)
    return Plan(table, tuple(row["name"] for row in columns), tuple(expressions))
