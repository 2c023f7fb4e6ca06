"""Rows of routing, read whole: configuration is small and wanted in memory. Called by ``table`` and ``service``.

A row that cannot be read does not hide the others: it is returned as a complaint.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from interlock.routing.releases import (
    CREDENTIALS,
    PACKAGES,
    POINTERS,
    RELEASES,
    Pointer,
    Release,
    StoredCredential,
    StoredPackage,
)
from interlock.routing.types import GATEWAYS, HEALTH, REFUSALS, RULES, Gateway, Health, Refusal, Rule
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.tables import Table

_QUERIES = load_queries("interlock.routing")
_ROWS_MAX = 20_000
_PAGE = 500
S = TypeVar("S", bound=msgspec.Struct)


class Configuration(msgspec.Struct, frozen=True):
    """Everything stored, and a sentence for each row that cannot be read."""

    gateways: list[Gateway]
    rules: list[Rule]
    health: list[Health]
    refusals: list[Refusal]
    pointers: list[Pointer]
    releases: list[Release]
    complaints: list[str]


async def read_mark(database: Database) -> tuple[str, ...]:
    """Return a text that changes whenever configuration or health does."""
    row = await database.fetchrow(_QUERIES["configuration_mark"])
    return () if row is None else tuple(row)


async def read_configuration(database: Database) -> Configuration:
    """Return all gateways, rules, health, refusals and pointers of every account, and the releases they point to."""
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
        await read("all_refusals", REFUSALS),
        await read("all_pointers", POINTERS),
        await read("pointed_releases", RELEASES),
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


class Beat(msgspec.Struct, frozen=True):
    """The controller's heartbeat of one trial: it is alive while this moves."""

    epoch: int
    beat: int


async def read_beats(database: Database) -> dict[tuple[str, str], Beat]:
    """Return the heartbeats by (account, gateway)."""
    rows = await database.fetch(_QUERIES["beats"], _ROWS_MAX)
    return {(row["account_id"], row["id"]): Beat(row["epoch"], row["beat"]) for row in rows}


async def write_beat(database: Database, pointer: Pointer) -> None:
    """Say that the controller watches the trial of this epoch, now."""
    await database.execute(_QUERIES["beat"], pointer.account_id, pointer.id, pointer.version)


async def end_beat(database: Database, account_id: str, gateway_id: str) -> None:
    """Say that nobody watches any more."""
    await database.execute(_QUERIES["end_beat"], account_id, gateway_id)


async def read_packages(database: Database, account_id: str, ids: Sequence[str]) -> dict[str, StoredPackage]:
    """Return the packages that exist among ``ids``."""
    rows = await database.fetch(_QUERIES["packages"], account_id, list(ids)) if ids else []
    return {row["id"]: PACKAGES.decode(row) for row in rows}


async def read_credentials(database: Database, account_id: str, ids: Sequence[str]) -> dict[str, StoredCredential]:
    """Return the credentials that exist among ``ids``, sealed."""
    rows = await database.fetch(_QUERIES["credentials"], account_id, list(ids)) if ids else []
    return {row["id"]: CREDENTIALS.decode(row) for row in rows}


async def credentials_after(database: Database, account_id: str, credential_id: str) -> list[StoredCredential]:
    """Return a page of all credentials, following the one that is named."""
    rows = await database.fetch(_QUERIES["credentials_after"], account_id, credential_id, _PAGE)
    return [CREDENTIALS.decode(row) for row in rows]


async def count_keys(database: Database) -> dict[str, int]:
    """Return how many gateways' credentials each master key wraps."""
    return {row["key_id"]: row["credentials"] for row in await database.fetch(_QUERIES["keys_in_use"])}
