"""Rows of the ledger: balance, snapshots and the audit's readings. Called by ``ledger.service`` only."""

import asyncpg

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.ledger.types import CurrencyBalance
from interlock.storage.database import Connection, Database
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.ledger")
_RANDOM_PART = 16

CLOCKS_AGREE_MS = 30_000
"""By how much a cutoff may be ahead: workers' clocks differ a little, and only steps of more than a minute do harm."""


def first_id_at(at_ms: int) -> str:
    """Return the text that sorts before every transaction id made at ``at_ms`` or later, and after all others."""
    return new_id("txn", at_ms)[:-_RANDOM_PART]


async def read_balance(database: Database, scope: Scope, now_ms: int) -> list[CurrencyBalance]:
    """Return the sums per currency in one statement: snapshots, plus what is newer than their cutoff."""
    rows = await database.fetch(_QUERIES["balance"], scope.account_id, scope.livemode, now_ms)
    return [CurrencyBalance(row["currency"], row["available_minor"], row["pending_minor"]) for row in rows]


async def advance_snapshots(connection: Connection, scope: Scope, until_ms: int, now_ms: int, batch: int) -> bool:
    """Take up to ``batch`` transactions older than ``until_ms`` into the snapshots; True when more are waiting.

    A cutoff from the future was set before the clock was set back: what was written since may be missing from the
    snapshots, so they are given up and taken again.
    """
    key = (scope.account_id, scope.livemode)
    target = first_id_at(until_ms)
    cutoff_at_ms, has_waiting = await connection.fetchrow(_QUERIES["waiting"], *key, target) or (0, False)
    if cutoff_at_ms > until_ms + CLOCKS_AGREE_MS:
        await forget_snapshots(connection, scope)
        return True
    if not has_waiting:
        return False  # an idle account costs one read and no write
    await connection.execute(_QUERIES["begin_cutoff"], *key)
    cutoff = await connection.fetchval(_QUERIES["lock_cutoff"], *key)
    if cutoff >= target:
        return False
    after_batch = await connection.fetchval(_QUERIES["id_after_batch"], scope.account_id, cutoff, target, batch)
    upto = target if after_batch is None else after_batch
    await connection.execute(_QUERIES["add_to_snapshots"], *key, cutoff, upto, now_ms)
    await connection.execute(_QUERIES["fold_matured_snapshots"], *key, now_ms)
    await connection.execute(_QUERIES["remove_matured_snapshots"], *key, now_ms)
    await connection.execute(_QUERIES["move_cutoff"], *key, upto, until_ms)
    return after_batch is not None


async def read_latest_cutoff_ms(database: Database) -> int:
    """Return how far the snapshots of any account go."""
    at_ms: int = await database.fetchval(_QUERIES["latest_cutoff"])
    return at_ms


async def forget_snapshots(connection: Connection, scope: Scope) -> None:
    """Go back to no snapshots; the next advance takes everything in again."""
    key = (scope.account_id, scope.livemode)
    await connection.execute(_QUERIES["begin_cutoff"], *key)
    await connection.fetchval(_QUERIES["lock_cutoff"], *key)
    await connection.execute(_QUERIES["forget_snapshots"], *key)
    await connection.execute(_QUERIES["move_cutoff"], *key, "", 0)


async def last_of_batch(database: Database, scope: Scope, after_id: str, batch: int) -> str | None:
    """Return the id that ends the next ``batch`` transactions after ``after_id``, or None when there are none."""
    row = await database.fetchrow(_QUERIES["next_transaction_ids"], scope.account_id, after_id, batch)
    last: str | None = None if row is None else row["last"]
    return last


async def unequal_transactions(
    database: Database, scope: Scope, after_id: str, upto_id: str, limit: int
) -> list[asyncpg.Record]:
    """Return headers in a range of ids that their transfers do not bear out."""
    query = _QUERIES["unequal_transactions"]
    return await database.fetch(query, scope.account_id, scope.livemode, after_id, upto_id, limit)


async def transfers_without_transaction(database: Database, scope: Scope, limit: int) -> list[asyncpg.Record]:
    """Return transfers whose header does not exist."""
    return await database.fetch(_QUERIES["transfers_without_transaction"], scope.account_id, scope.livemode, limit)


async def read_trial_balance(database: Database, scope: Scope) -> list[asyncpg.Record]:
    """Return debits minus credits per code and currency over all transfers."""
    return await database.fetch(_QUERIES["trial_balance"], scope.account_id, scope.livemode)
