"""The ledger on a real database: balance with and without snapshots, lists, the audit, and what the schema refuses."""

import random
from collections import Counter

import asyncpg
import pytest

from interlock.base.clock import ManualClock
from interlock.base.context import Scope
from interlock.ledger import postings
from interlock.ledger.service import Ledger
from interlock.ledger.types import CurrencyBalance, Difference, Posting, TransactionType
from interlock.storage.database import Database
from interlock.storage.pages import Page
from interlock.storage.writes import Committed

NOW_MS = 1_764_000_000_000
SCOPE = Scope("acct_1", livemode=False)
DAY_MS = 86_400_000


def charge(amount: int = 1000, fee: int = 0, at_ms: int = NOW_MS, currency: str = "usd", **more: object) -> Posting:
    return postings.charge(
        more.get("scope", SCOPE),  # type: ignore[arg-type]  # a Scope
        gateway_id="gw_a",
        amount_minor=amount,
        fee_minor=fee,
        currency=currency,
        source_id=str(more.get("source_id", "ch_1")),
        now_ms=at_ms,
        available_at_ms=postings.available_after(at_ms, int(str(more.get("delay_days", 0)))),
    )


async def write(database: Database, *all_postings: Posting) -> None:
    for posting in all_postings:
        assert isinstance(await database.commit(posting.writes()), Committed)


async def test_money_is_pending_until_its_day_and_then_available(database: Database) -> None:
    clock = ManualClock(NOW_MS)
    ledger = Ledger(database, clock)
    assert await ledger.balance(SCOPE) == []
    await write(database, charge(1000, 59, delay_days=2), charge(500), charge(70, currency="jpy"))
    assert await ledger.balance(SCOPE) == [CurrencyBalance("jpy", 70, 0), CurrencyBalance("usd", 500, 941)]
    clock.advance(3 * DAY_MS)
    assert await ledger.balance(SCOPE) == [CurrencyBalance("jpy", 70, 0), CurrencyBalance("usd", 1441, 0)]
    assert await ledger.check(SCOPE) == []


async def test_scopes_are_apart(database: Database) -> None:
    ledger = Ledger(database, ManualClock(NOW_MS))
    live, other = Scope("acct_1", livemode=True), Scope("acct_2", livemode=False)
    await write(database, charge(1), charge(2, scope=live), charge(4, scope=other))
    for scope, amount in ((SCOPE, 1), (live, 2), (other, 4)):
        assert await ledger.balance(scope) == [CurrencyBalance("usd", amount, 0)]
        await ledger.advance_snapshots(scope, lag_ms=-1)
        assert await ledger.balance(scope) == [CurrencyBalance("usd", amount, 0)]
        assert len((await ledger.list_transactions(scope, Page())).items) == 1


async def test_snapshots_never_change_the_balance(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.ledger.service._SNAPSHOT_BATCH", 7)
    rng = random.Random(7)
    clock = ManualClock(NOW_MS)
    ledger = Ledger(database, clock)
    expected: list[tuple[str, int, int]] = []
    for _ in range(12):
        for _ in range(rng.randint(0, 12)):
            posting = charge(
                rng.randint(1, 10_000),
                rng.randint(0, 300),
                clock.now_ms(),
                rng.choice(["usd", "eur", "jpy"]),
                delay_days=rng.choice([0, 1, 2, 7]),
            )
            header = posting.transaction
            expected.append((header.currency, header.net_minor, header.available_at_ms))
            await write(database, posting)
        if rng.random() < 0.7:
            await ledger.advance_snapshots(SCOPE, lag_ms=rng.choice([0, 60_000, DAY_MS]))
        clock.advance(rng.choice([1, 60_000, DAY_MS // 3, 2 * DAY_MS]))
        available: Counter[str] = Counter()
        pending: Counter[str] = Counter()
        for currency, net, at_ms in expected:
            (available if at_ms <= clock.now_ms() else pending)[currency] += net
        balance = {row.currency: (row.available_minor, row.pending_minor) for row in await ledger.balance(SCOPE)}
        assert balance == {currency: (available[currency], pending[currency]) for currency, _, _ in expected}
        assert await ledger.check(SCOPE) == []
    before = await ledger.balance(SCOPE)
    await ledger.rebuild_snapshots(SCOPE)
    assert await ledger.balance(SCOPE) == before


async def test_the_audit_names_what_was_tampered_with(database: Database, database_url: str) -> None:
    ledger = Ledger(database, ManualClock(NOW_MS))
    good, short, feeless, lost = charge(1000, 59), charge(2000, 88), charge(3000, 117), charge(400)
    await write(database, good, short, feeless, lost)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "UPDATE ledger_transfers SET amount_minor = 1999 WHERE transaction_id = $1 AND position = 0", short.id
    )
    await connection.execute(
        "UPDATE ledger_transfers SET credit_code = 'bank' WHERE transaction_id = $1 AND position = 1", feeless.id
    )
    await connection.execute(
        "UPDATE ledger_transfers SET currency = 'eur' WHERE transaction_id = $1 AND position = 1", good.id
    )
    await connection.execute("DELETE FROM ledger_transactions WHERE id = $1", lost.id)
    await connection.close()
    differences = await ledger.check(SCOPE)
    assert Difference("net", short.id, "usd", 1912, 1911) in differences
    assert Difference("fee", feeless.id, "usd", 117, 0) in differences
    assert Difference("orphan", lost.id, "usd", 0, 400) in differences
    assert Difference("foreign", good.id, "usd", 0, 1) in differences
    assert "balance" in {difference.kind for difference in differences}
    assert "total" not in {difference.kind for difference in differences}


async def test_a_snapshot_that_missed_a_late_row_is_noticed_and_rebuilt(database: Database) -> None:
    ledger = Ledger(database, ManualClock(NOW_MS))
    await write(database, charge(100))
    await ledger.advance_snapshots(SCOPE, lag_ms=-1)
    await write(database, charge(10, at_ms=NOW_MS - 1000))
    assert await ledger.balance(SCOPE) == [CurrencyBalance("usd", 100, 0)]
    assert await ledger.check(SCOPE) == [Difference("balance", "usd", "usd", 110, 100)]
    await ledger.rebuild_snapshots(SCOPE)
    assert await ledger.balance(SCOPE) == [CurrencyBalance("usd", 110, 0)]
    assert await ledger.check(SCOPE) == []


async def test_lists_are_newest_first_and_filtered(database: Database) -> None:
    ledger = Ledger(database, ManualClock(NOW_MS))
    first, second = charge(1, at_ms=NOW_MS - 20, source_id="ch_a"), charge(2, at_ms=NOW_MS - 10, currency="eur")
    back = postings.refund(SCOPE, gateway_id="gw_a", amount_minor=1, currency="usd", source_id="re_a", now_ms=NOW_MS)
    await write(database, first, second, back)

    async def ids(page: Page = Page(), **filters: str) -> list[str]:  # noqa: B008 - a frozen value
        return [item.id for item in (await ledger.list_transactions(SCOPE, page, **filters)).items]

    assert await ids() == [back.id, second.id, first.id]
    assert await ids(kind=TransactionType.REFUND) == [back.id]
    assert await ids(source_id="ch_a") == [first.id]
    assert await ids(currency="eur") == [second.id]
    assert await ids(payout_id="po_1") == []
    assert await ids(Page(limit=1, starting_after=back.id)) == [second.id]
    assert await ids(Page(created_lt=NOW_MS - 10)) == [first.id]
    assert await ledger.get(SCOPE, first.id) == first.transaction
    assert await ledger.get(Scope("acct_1", livemode=True), first.id) is None
    assert [transfer.debit_code for transfer in await ledger.transfers(SCOPE, back.id)] == ["merchant"]
    assert set(await ledger.get_many(SCOPE, [first.id, "txn_x"])) == {first.id}


async def test_every_kind_ends_in_books_that_add_up(database: Database) -> None:
    ledger = Ledger(database, ManualClock(NOW_MS))
    common = {"gateway_id": "gw_a", "currency": "usd", "now_ms": NOW_MS}
    await write(
        database,
        charge(10_000, 320),
        postings.refund(SCOPE, amount_minor=2_000, source_id="re_1", **common),  # type: ignore[arg-type]  # as above
        postings.refund_failure(SCOPE, amount_minor=2_000, source_id="re_1", **common),  # type: ignore[arg-type]  # as above
        postings.dispute_withdrawn(SCOPE, amount_minor=10_000, fee_minor=1_500, source_id="dp_1", **common),  # type: ignore[arg-type]  # as above
        postings.dispute_reinstated(SCOPE, amount_minor=10_000, source_id="dp_1", **common),  # type: ignore[arg-type]  # as above
        postings.payout(SCOPE, amount_minor=5_000, currency="usd", source_id="po_1", now_ms=NOW_MS),
        postings.fee(SCOPE, fee_minor=200, **common),  # type: ignore[arg-type]  # as above
        postings.clearing(
            SCOPE, from_gateway_id="gw_a", to_gateway_id="gw_b", amount_minor=300, currency="usd", now_ms=NOW_MS
        ),
    )
    assert await ledger.balance(SCOPE) == [CurrencyBalance("usd", 10_000 - 320 - 1_500 - 5_000 - 200, 0)]
    assert await ledger.check(SCOPE) == []
    assert await ledger.trial_balance(SCOPE) == {
        ("bank", "usd"): -5_000,
        ("gateway_fees:gw_a", "usd"): -2_020,
        ("gateway_receivable:gw_a", "usd"): 9_700,
        ("gateway_receivable:gw_b", "usd"): 300,
        ("merchant", "usd"): -2_980,
    }


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("ledger_transactions", "net_minor = net_minor + 1"),
        ("ledger_transactions", "available_at_ms = created_at_ms - 1"),
        ("ledger_transactions", "currency = 'us'"),
        ("ledger_transactions", "type = 'gift'"),
        ("ledger_transfers", "amount_minor = 0"),
        ("ledger_transfers", "credit_code = debit_code"),
    ],
)
async def test_the_schema_refuses_what_cannot_be(
    database: Database, database_url: str, table: str, change: str
) -> None:
    await write(database, charge(100, 3))
    connection = await asyncpg.connect(database_url)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(f"UPDATE {table} SET {change}")  # noqa: S608 - from the list above
    await connection.close()


async def test_money_is_written_once(database: Database) -> None:
    posting = charge()
    await write(database, posting)
    assert not isinstance(await database.commit(posting.writes()), Committed)
    assert not isinstance(await database.commit(posting.writes()[1:]), Committed)
    assert len(await Ledger(database, ManualClock(NOW_MS)).transfers(SCOPE, posting.id)) == 1
