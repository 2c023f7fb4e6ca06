"""Rows of routing, read whole: configuration is small and wanted in memory. Called by ``table`` and ``service``.

A row that cannot be read does not hide the others: it is returned as a complaint.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from interlock.routing.types import GATEWAYS, HEALTH, RULES, Gateway, Health, Rule
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.tables import Table

_QUERIES = load_queries("interlock.routing")
_ROWS_MAX = 20_000
S = TypeVar("S", bound=msgspec.Struct)


class Configuration(msgspec.Struct, frozen=True):
    """Everything stored, and a sentence for each row that cannot be read."""

    gateways: list[Gateway]
    rules: list[Rule]
    health: list[Health]
    complaints: list[str]


async def read_mark(database: Database) -> tuple[str, ...]:
    """Return a text that changes whenever configuration or health does."""
    row = await database.fetchrow(_QUERIES["configuration_mark"])
    return () if row is None else tuple(row)


async def read_configuration(database: Database) -> Configuration:
    """Return all gateways, rules and health of every account."""
    complaints: list[str] = []

    async def read(query: str, table: Table[S]) -> list[S]:
        rows = await database.fetch(_QUERIES[query], _ROWS_MAX)
        if len(rows) == _ROWS_MAX:
            complaints.append(f"{table.name} holds more than {_ROWS_MAX} rows; the rest is not used")
        return _readable(table, rows, complaints)

    return Configuration(
        await read("all_gateways", GATEWAYS),
        await read("all_rules", RULES),
        await read("all_health", HEALTH),
        complaints,
    )


def _readable(table: Table[S], rows: Sequence[Any], complaints: list[str]) -> list[S]:
    values: list[S] = []
    for row in rows:
        try:
            values.append(table.decode(row))
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            complaints.append(f"{table.name} {row['id']} cannot be read ({type(error).__name__}) and is not used")
    return values


async def write_health(database: Database, health: Health) -> None:
    """Keep an opinion unless a newer one is there."""
    await database.execute(
        _QUERIES["report_health"],
        health.account_id,
        health.id,
        health.livemode,
        health.created_at_ms,
        health.healthy,
        health.reason,
        health.expires_at_ms,
    )


async def count_keys(database: Database) -> dict[str, int]:
    """Return how many gateways' credentials each master key wraps."""
    return {row["key_id"]: row["gateways"] for row in await database.fetch(_QUERIES["keys_in_use"])}
