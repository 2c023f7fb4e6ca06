"""Use cases of the ledger: balance, lists of transactions, snapshots and the audit.

Called by ``payments`` and the API's balance endpoints (reads), ``worker`` (snapshots and checks), ``cli`` and tests.
Money is written by nobody here: callers put :mod:`interlock.ledger.postings` into their own commit.
"""

from collections.abc import Iterable

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.ledger import store
from interlock.ledger.types import (
    TRANSACTIONS,
    TRANSFERS,
    BalanceTransaction,
    Code,
    CurrencyBalance,
    Difference,
    TransactionType,
    Transfer,
)
from interlock.storage.database import Connection, Database
from interlock.storage.pages import Page, PageResult

SNAPSHOT_LAG_MS = 60_000
"""How old a transaction must be to enter a snapshot: far more than a commit can take, so that none comes late."""

_SNAPSHOT_BATCH = 50_000
_SNAPSHOT_ROUNDS_MAX = 1_000
_CHECK_BATCH = 10_000
_CHECK_ROUNDS_MAX = 100_000
_DIFFERENCES_MAX = 200
_TRANSFERS_MAX = 100


class Ledger:
    """The ledger of every account. One per process; keeps nothing in memory."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Read from ``database``; ``clock`` decides what is available."""
        self._database = database
        self._clock = clock

    async def balance(self, scope: Scope) -> list[CurrencyBalance]:
        """Return available and pending money of every currency ever used, by currency.

        Costs the transactions since the last snapshot, not all of them.
        """
        return await store.read_balance(self._database, scope, self._clock.now_ms())

    async def get(self, scope: Scope, transaction_id: str) -> BalanceTransaction | None:
        """Return one transaction, or None."""
        return await self._database.get(TRANSACTIONS, scope, transaction_id)

    async def get_many(self, scope: Scope, ids: Iterable[str]) -> dict[str, BalanceTransaction]:
        """Return the transactions that exist among ``ids``, by id."""
        return await self._database.get_many(TRANSACTIONS, scope, ids)

    async def list_transactions(
        self,
        scope: Scope,
        page: Page,
        *,
        kind: TransactionType | str | None = None,
        source_id: str | None = None,
        payout_id: str | None = None,
        currency: str | None = None,
    ) -> PageResult[BalanceTransaction]:
        """Return a page of transactions, newest first, filtered by what is not None."""
        wanted = {"type": kind, "source_id": source_id, "payout_id": payout_id, "currency": currency}
        where = {name: str(value) for name, value in wanted.items() if value is not None}
        return await self._database.find(TRANSACTIONS, scope, page, where=where)

    async def transfers(self, scope: Scope, transaction_id: str) -> list[Transfer]:
        """Return the transfers of one transaction in order."""
        sql = (
            f"SELECT {TRANSFERS.select_list} FROM {TRANSFERS.name} "  # noqa: S608 - names come from declared tables
            "WHERE account_id = $1 AND transaction_id = $2 AND livemode = $3 ORDER BY position LIMIT $4"
        )
        rows = await self._database.fetch(sql, scope.account_id, transaction_id, scope.livemode, _TRANSFERS_MAX)
        return [TRANSFERS.decode(row) for row in rows]

    async def trial_balance(self, scope: Scope) -> dict[tuple[str, str], int]:
        """Return debits minus credits by (code, currency): what gateways owe, less what the merchant is owed."""
        rows = await store.read_trial_balance(self._database, scope)
        return {(row["code"], row["currency"]): row["amount_minor"] for row in rows}

    async def advance_snapshots(self, scope: Scope, *, lag_ms: int = SNAPSHOT_LAG_MS) -> int:
        """Take what is older than ``lag_ms`` into the snapshots and return how many batches that took."""
        now_ms = self._clock.now_ms()

        async def one_batch(connection: Connection) -> bool:
            return await store.advance_snapshots(connection, scope, now_ms - lag_ms, now_ms, _SNAPSHOT_BATCH)

        rounds = 1
        while await self._database.transaction(one_batch) and rounds < _SNAPSHOT_ROUNDS_MAX:
            rounds += 1
        return rounds

    async def rebuild_snapshots(self, scope: Scope) -> None:
        """Forget the snapshots and take them again; the remedy when :meth:`check` says ``balance``."""
        await self._database.transaction(lambda connection: store.forget_snapshots(connection, scope))
        await self.advance_snapshots(scope)

    async def check(self, scope: Scope) -> list[Difference]:
        """Audit everything and return what does not add up; an empty list means the books are right.

        Kinds: ``net`` and ``fee`` (a transaction against its transfers), ``foreign`` (a transfer in another currency or
        mode), ``orphan`` (transfers without a transaction), ``total`` (debits minus credits of a currency), ``balance``
        (what :meth:`balance` says against all transfers). At most 200 are returned.
        """
        differences = await self._check_transactions(scope)
        for row in await store.transfers_without_transaction(self._database, scope, _DIFFERENCES_MAX):
            differences.append(Difference("orphan", row["transaction_id"], row["currency"], 0, row["amount_minor"]))
        differences += await self._check_totals(scope)
        return differences[:_DIFFERENCES_MAX]

    async def _check_transactions(self, scope: Scope) -> list[Difference]:
        found: list[Difference] = []
        after_id = ""
        for _ in range(_CHECK_ROUNDS_MAX):
            upto_id = await store.last_of_batch(self._database, scope, after_id, _CHECK_BATCH)
            if upto_id is None or len(found) >= _DIFFERENCES_MAX:
                break
            for row in await store.unequal_transactions(self._database, scope, after_id, upto_id, _DIFFERENCES_MAX):
                if row["net_minor"] != row["moved_minor"]:
                    found.append(Difference("net", row["id"], row["currency"], row["net_minor"], row["moved_minor"]))
                if row["type"] != TransactionType.STRIPE_FEE and row["fee_minor"] != row["kept_minor"]:
                    found.append(Difference("fee", row["id"], row["currency"], row["fee_minor"], row["kept_minor"]))
                if row["foreign_transfers"]:
                    found.append(Difference("foreign", row["id"], row["currency"], 0, row["foreign_transfers"]))
            after_id = upto_id
        return found

    async def _check_totals(self, scope: Scope) -> list[Difference]:
        """Compare sums; payments that go on meanwhile are let settle by reading the balance before and after."""
        before = {row.currency: row.available_minor + row.pending_minor for row in await self.balance(scope)}
        trial = await self.trial_balance(scope)
        after = {row.currency: row.available_minor + row.pending_minor for row in await self.balance(scope)}
        found: list[Difference] = []
        for currency in sorted({currency for _, currency in trial} | set(before)):
            total = sum(amount for (_, of), amount in trial.items() if of == currency)
            if total:
                found.append(Difference("total", currency, currency, 0, total))
            owed = -trial.get((Code.MERCHANT.value, currency), 0)
            if before.get(currency, 0) == after.get(currency, 0) != owed:
                found.append(Difference("balance", currency, currency, owed, after.get(currency, 0)))
        return found
