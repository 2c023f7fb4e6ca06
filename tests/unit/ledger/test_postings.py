"""Postings: every kind of transaction is balanced, adds up to what the balance changes by, and can be undone."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.context import Scope
from interlock.base.errors import InvariantError
from interlock.ledger import postings
from interlock.ledger.store import first_id_at
from interlock.ledger.types import TRANSACTIONS, TRANSFERS, Movement, Posting, TransactionType

NOW_MS = 1_764_000_000_000
SCOPE = Scope("acct_1", livemode=False)
amounts = st.integers(1, 99_999_999)
fees = st.integers(0, 99_999_999)


def by_code(posting: Posting) -> Counter[str]:
    """Return debits minus credits per code."""
    sums: Counter[str] = Counter()
    for transfer in posting.transfers:
        sums[transfer.debit_code] += transfer.amount_minor
        sums[transfer.credit_code] -= transfer.amount_minor
    return sums


def _charge(amount: int, fee: int) -> Posting:
    return postings.charge(
        SCOPE, gateway_id="gw_a", amount_minor=amount, fee_minor=fee, currency="usd", source_id="ch_1", now_ms=NOW_MS
    )


def _refund(amount: int, fee: int) -> Posting:
    return postings.refund(
        SCOPE,
        gateway_id="gw_a",
        amount_minor=amount,
        fee_returned_minor=fee,
        currency="usd",
        source_id="re",
        now_ms=NOW_MS,
    )


def _refund_failure(amount: int, fee: int) -> Posting:
    return postings.refund_failure(
        SCOPE,
        gateway_id="gw_a",
        amount_minor=amount,
        fee_returned_minor=fee,
        currency="usd",
        source_id="re",
        now_ms=NOW_MS,
    )


def _dispute(amount: int, fee: int) -> Posting:
    return postings.dispute_withdrawn(
        SCOPE, gateway_id="gw_a", amount_minor=amount, fee_minor=fee, currency="usd", source_id="dp_1", now_ms=NOW_MS
    )


def _reinstated(amount: int, fee: int) -> Posting:
    return postings.dispute_reinstated(
        SCOPE,
        gateway_id="gw_a",
        amount_minor=amount,
        fee_returned_minor=fee,
        currency="usd",
        source_id="dp",
        now_ms=NOW_MS,
    )


def _payout(amount: int, _fee: int) -> Posting:
    return postings.payout(SCOPE, amount_minor=amount, currency="usd", source_id="po_1", now_ms=NOW_MS)


def _payout_failure(amount: int, _fee: int) -> Posting:
    return postings.payout_returned(
        SCOPE, kind=TransactionType.PAYOUT_FAILURE, amount_minor=amount, currency="usd", source_id="po_1", now_ms=NOW_MS
    )


def _fee(amount: int, _fee: int) -> Posting:
    return postings.fee(SCOPE, gateway_id="gw_a", fee_minor=amount, currency="usd", now_ms=NOW_MS)


def _clearing(amount: int, _fee: int) -> Posting:
    return postings.clearing(
        SCOPE, from_gateway_id="gw_a", to_gateway_id="gw_b", amount_minor=amount, currency="usd", now_ms=NOW_MS
    )


EVERY_KIND = [
    _charge, _refund, _refund_failure, _dispute, _reinstated, _payout, _payout_failure, _fee, _clearing
]  # fmt: skip


@given(st.sampled_from(EVERY_KIND), amounts, fees)
def test_every_posting_is_balanced_and_moves_its_net_amount(
    post: Callable[[int, int], Posting], amount: int, fee: int
) -> None:
    posting = post(amount, fee)
    header = posting.transaction
    assert header.net_minor == header.amount_minor - header.fee_minor
    assert sum(by_code(posting).values()) == 0
    assert -by_code(posting)["merchant"] == header.net_minor
    for position, transfer in enumerate(posting.transfers):
        assert transfer.amount_minor > 0
        assert transfer.debit_code != transfer.credit_code
        assert (transfer.position, transfer.transaction_id) == (position, header.id)
        assert (transfer.currency, transfer.livemode) == (header.currency, header.livemode)


@given(amounts, fees)
def test_opposites_cancel_in_every_code(amount: int, fee: int) -> None:
    for there, back in ((_refund, _refund_failure), (_dispute, _reinstated), (_payout, _payout_failure)):
        sums = by_code(there(amount, fee))
        sums.update(by_code(back(amount, fee)))
        assert not any(sums.values())
        assert there(amount, fee).transaction.net_minor == -back(amount, fee).transaction.net_minor


def test_a_charge_with_fee_is_one_header_and_two_transfers_and_without_fee_one() -> None:
    posting = _charge(1099, 62)
    assert [(t.debit_code, t.credit_code, t.amount_minor) for t in posting.transfers] == [
        ("gateway_receivable:gw_a", "merchant", 1099),
        ("merchant", "gateway_fees:gw_a", 62),
    ]
    assert (posting.transaction.amount_minor, posting.transaction.fee_minor, posting.transaction.net_minor) == (
        1099,
        62,
        1037,
    )
    assert len(posting.writes()) == 3
    assert len(_charge(1099, 0).writes()) == 2


def test_a_dispute_is_shown_as_an_adjustment_of_its_own_category() -> None:
    header = _dispute(1000, 1500).transaction
    assert (header.type, header.reporting_category) == ("adjustment", "dispute")
    assert (header.amount_minor, header.fee_minor, header.net_minor) == (-1000, 1500, -2500)


def test_clearing_changes_who_owes_and_not_the_balance() -> None:
    posting = _clearing(500, 0)
    assert posting.transaction.net_minor == 0
    assert by_code(posting) == {"gateway_receivable:gw_b": 500, "gateway_receivable:gw_a": -500}


@pytest.mark.parametrize(
    "movements",
    [
        [Movement("bank", "merchant", 99)],
        [Movement("bank", "merchant", 0)],
        [Movement("merchant", "merchant", 100)],
        [Movement("bank", "merchant", -100)],
        [],
    ],
)
def test_transfers_that_do_not_bear_out_the_amount_are_a_bug(movements: list[Movement]) -> None:
    with pytest.raises(InvariantError):
        postings.transaction(
            SCOPE, TransactionType.ADJUSTMENT, amount_minor=100, currency="usd", movements=movements, now_ms=NOW_MS
        )


@given(st.integers(0, 2_000_000_000_000), st.integers(0, 14))
def test_money_becomes_available_at_a_midnight_not_before_its_delay(now_ms: int, days: int) -> None:
    at_ms = postings.available_after(now_ms, days)
    if days == 0:
        assert at_ms == now_ms
    else:
        assert at_ms % postings.DAY_MS == 0
        assert 0 <= at_ms - (now_ms + days * postings.DAY_MS) < postings.DAY_MS


def test_later_availability_is_a_full_hour_and_never_in_the_past() -> None:
    def available(at_ms: int | None) -> int:
        return postings.charge(
            SCOPE,
            gateway_id="g",
            amount_minor=1,
            fee_minor=0,
            currency="usd",
            source_id="c",
            now_ms=NOW_MS,
            available_at_ms=at_ms,
        ).transaction.available_at_ms

    assert available(None) == available(NOW_MS - 1) == available(NOW_MS) == NOW_MS
    assert available(NOW_MS + 1) == -(-(NOW_MS + 1) // 3_600_000) * 3_600_000
    header = _charge(1, 0).transaction
    assert (header.status(NOW_MS - 1), header.status(NOW_MS)) == ("pending", "available")


@given(st.integers(0, 2_000_000_000_000), st.integers(0, 5_000))
def test_a_cutoff_divides_ids_by_time(at_ms: int, distance_ms: int) -> None:
    before = postings.charge(
        SCOPE,
        gateway_id="g",
        amount_minor=1,
        fee_minor=0,
        currency="usd",
        source_id="c",
        now_ms=max(0, at_ms - distance_ms),
    )
    later = postings.charge(
        SCOPE, gateway_id="g", amount_minor=1, fee_minor=0, currency="usd", source_id="c", now_ms=at_ms + distance_ms
    )
    assert later.id >= first_id_at(at_ms)
    assert before.id < first_id_at(at_ms + 1)


def test_rows_fit_their_tables() -> None:
    posting = _charge(1099, 62)
    assert TRANSACTIONS.decode(TRANSACTIONS.encode(posting.transaction)) == posting.transaction
    assert [TRANSFERS.decode(TRANSFERS.encode(transfer)) for transfer in posting.transfers] == list(posting.transfers)
