"""Postings: which transfers make up each kind of balance change. Pure; called on the payment path.

Signs are the merchant's: a charge is positive, a refund negative. Fees are what the gateway keeps, taken out of the
balance in the same transaction. Every function returns a :class:`~interlock.ledger.types.Posting`.
"""

from collections.abc import Iterable

from interlock.base.context import Scope
from interlock.base.errors import InvariantError
from interlock.base.ids import new_id
from interlock.ledger.types import BalanceTransaction, Code, Movement, Posting, TransactionType, Transfer

DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_MERCHANT = Code.MERCHANT.value


def available_after(now_ms: int, delay_days: int) -> int:
    """Return when money taken now becomes available: the first midnight UTC at least ``delay_days`` away, or now."""
    if delay_days <= 0:
        return now_ms
    return -(-(now_ms + delay_days * DAY_MS) // DAY_MS) * DAY_MS


def transaction(
    scope: Scope,
    kind: TransactionType,
    *,
    amount_minor: int,
    fee_minor: int = 0,
    currency: str,
    movements: Iterable[Movement],
    now_ms: int,
    available_at_ms: int | None = None,
    reporting_category: str | None = None,
    source_id: str | None = None,
    description: str | None = None,
) -> Posting:
    """Return any balanced transaction.

    Args:
        scope: account and mode it belongs to.
        kind: its type.
        amount_minor: the gross change of the balance, signed.
        fee_minor: what is kept of it.
        currency: lower-case ISO 4217, for all of it.
        movements: transfers that must change the merchant's code by ``amount_minor - fee_minor`` in sum.
        now_ms: the time it is written at; the caller commits at once, snapshots rely on that.
        available_at_ms: when it may be paid out (rounded up to a full hour), at once when absent.
        reporting_category: Stripe's category, the type's name when absent.
        source_id: the object it comes from.
        description: free text for people.

    Raises:
        InvariantError: the movements do not add up to the net amount, or move nothing or less.

    """
    transaction_id = new_id("txn", now_ms)
    net_minor = amount_minor - fee_minor
    transfers, found_minor = _transfers(scope, transaction_id, currency, movements)
    if found_minor != net_minor:
        raise InvariantError(f"transfers move {found_minor} {currency}, the transaction says {net_minor}")
    header = BalanceTransaction(
        account_id=scope.account_id,
        id=transaction_id,
        livemode=scope.livemode,
        version=1,
        created_at_ms=now_ms,
        type=kind,
        reporting_category=reporting_category or kind.value,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        net_minor=net_minor,
        currency=currency,
        available_at_ms=_available(available_at_ms, now_ms),
        source_id=source_id,
        description=description,
    )
    return Posting(header, transfers)


def _transfers(
    scope: Scope, transaction_id: str, currency: str, movements: Iterable[Movement]
) -> tuple[tuple[Transfer, ...], int]:
    """Return the rows of ``movements``, and what they change the merchant's code by."""
    account_id, livemode = scope.account_id, scope.livemode
    found_minor = 0
    transfers = []
    for position, movement in enumerate(movements):
        debit_code, credit_code, moved_minor = movement.debit_code, movement.credit_code, movement.amount_minor
        if moved_minor <= 0 or debit_code == credit_code:
            raise InvariantError(f"a transfer of {moved_minor} from {credit_code} to {debit_code} moves nothing")
        if credit_code == _MERCHANT:
            found_minor += moved_minor
        elif debit_code == _MERCHANT:
            found_minor -= moved_minor
        transfers.append(
            Transfer(account_id, transaction_id, position, livemode, currency, debit_code, credit_code, moved_minor)
        )
    return tuple(transfers), found_minor


def _available(available_at_ms: int | None, now_ms: int) -> int:
    """Return a full hour for money that comes later: snapshots keep one row per such hour."""
    if available_at_ms is None or available_at_ms <= now_ms:
        return now_ms
    return -(-available_at_ms // _HOUR_MS) * _HOUR_MS


def _into_merchant(counterpart: str, amount_minor: int) -> list[Movement]:
    """Return what moves ``amount_minor`` (signed) from ``counterpart`` into the balance."""
    if amount_minor > 0:
        return [Movement(counterpart, _MERCHANT, amount_minor)]
    return [Movement(_MERCHANT, counterpart, -amount_minor)] if amount_minor else []


def _gateway_transaction(
    scope: Scope,
    kind: TransactionType,
    *,
    gateway_id: str,
    amount_minor: int,
    fee_minor: int,
    currency: str,
    source_id: str,
    now_ms: int,
    available_at_ms: int | None = None,
    reporting_category: str | None = None,
    description: str | None = None,
) -> Posting:
    movements = _into_merchant(Code.GATEWAY_RECEIVABLE.at(gateway_id), amount_minor)
    movements += _into_merchant(Code.GATEWAY_FEES.at(gateway_id), -fee_minor)
    return transaction(
        scope,
        kind,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        currency=currency,
        movements=movements,
        now_ms=now_ms,
        available_at_ms=available_at_ms,
        reporting_category=reporting_category,
        source_id=source_id,
        description=description,
    )


def charge(
    scope: Scope,
    *,
    gateway_id: str,
    amount_minor: int,
    fee_minor: int,
    currency: str,
    source_id: str,
    now_ms: int,
    available_at_ms: int | None = None,
    description: str | None = None,
) -> Posting:
    """Money was taken (a sale, or one capture): the gateway owes ``amount_minor``, of which it keeps the fee."""
    return _gateway_transaction(
        scope,
        TransactionType.CHARGE,
        gateway_id=gateway_id,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        currency=currency,
        source_id=source_id,
        now_ms=now_ms,
        available_at_ms=available_at_ms,
        description=description,
    )


def refund(
    scope: Scope,
    *,
    gateway_id: str,
    amount_minor: int,
    currency: str,
    source_id: str,
    now_ms: int,
    fee_returned_minor: int = 0,
    description: str | None = None,
) -> Posting:
    """``amount_minor`` (positive) goes back to the shopper; the gateway may return part of its fee."""
    return _gateway_transaction(
        scope,
        TransactionType.REFUND,
        gateway_id=gateway_id,
        amount_minor=-amount_minor,
        fee_minor=-fee_returned_minor,
        currency=currency,
        source_id=source_id,
        now_ms=now_ms,
        description=description,
    )


def refund_failure(
    scope: Scope,
    *,
    gateway_id: str,
    amount_minor: int,
    currency: str,
    source_id: str,
    now_ms: int,
    fee_returned_minor: int = 0,
    description: str | None = None,
) -> Posting:
    """A refund failed or was cancelled after it was booked: the exact opposite of :func:`refund`."""
    return _gateway_transaction(
        scope,
        TransactionType.REFUND_FAILURE,
        gateway_id=gateway_id,
        amount_minor=amount_minor,
        fee_minor=fee_returned_minor,
        currency=currency,
        source_id=source_id,
        now_ms=now_ms,
        description=description,
    )


def dispute_withdrawn(
    scope: Scope,
    *,
    gateway_id: str,
    amount_minor: int,
    fee_minor: int,
    currency: str,
    source_id: str,
    now_ms: int,
    description: str | None = None,
) -> Posting:
    """The disputed ``amount_minor`` (positive) is withheld, and a dispute fee is taken."""
    return _gateway_transaction(
        scope,
        TransactionType.ADJUSTMENT,
        gateway_id=gateway_id,
        amount_minor=-amount_minor,
        fee_minor=fee_minor,
        currency=currency,
        source_id=source_id,
        now_ms=now_ms,
        reporting_category="dispute",
        description=description,
    )


def dispute_reinstated(
    scope: Scope,
    *,
    gateway_id: str,
    amount_minor: int,
    currency: str,
    source_id: str,
    now_ms: int,
    fee_returned_minor: int = 0,
    description: str | None = None,
) -> Posting:
    """The dispute was won: ``amount_minor`` (positive) comes back, and what is returned of the fee."""
    return _gateway_transaction(
        scope,
        TransactionType.ADJUSTMENT,
        gateway_id=gateway_id,
        amount_minor=amount_minor,
        fee_minor=-fee_returned_minor,
        currency=currency,
        source_id=source_id,
        now_ms=now_ms,
        reporting_category="dispute_reversal",
        description=description,
    )


def payout(
    scope: Scope, *, amount_minor: int, currency: str, source_id: str, now_ms: int, description: str | None = None
) -> Posting:
    """``amount_minor`` (positive) leaves the balance for the merchant's bank account."""
    return transaction(
        scope,
        TransactionType.PAYOUT,
        amount_minor=-amount_minor,
        currency=currency,
        movements=_into_merchant(Code.BANK.value, -amount_minor),
        now_ms=now_ms,
        source_id=source_id,
        description=description,
    )


def payout_returned(
    scope: Scope,
    *,
    kind: TransactionType,
    amount_minor: int,
    currency: str,
    source_id: str,
    now_ms: int,
    description: str | None = None,
) -> Posting:
    """A payout failed or was cancelled (``kind``): its ``amount_minor`` (positive) is in the balance again."""
    return transaction(
        scope,
        kind,
        amount_minor=amount_minor,
        currency=currency,
        movements=_into_merchant(Code.BANK.value, amount_minor),
        now_ms=now_ms,
        reporting_category="payout_reversal",
        source_id=source_id,
        description=description,
    )


def fee(
    scope: Scope,
    *,
    gateway_id: str,
    fee_minor: int,
    currency: str,
    now_ms: int,
    source_id: str | None = None,
    description: str | None = None,
) -> Posting:
    """A gateway charges ``fee_minor`` by itself (monthly, per refusal): the amount is the fee, as Stripe shows it."""
    return transaction(
        scope,
        TransactionType.STRIPE_FEE,
        amount_minor=-fee_minor,
        currency=currency,
        movements=_into_merchant(Code.GATEWAY_FEES.at(gateway_id), -fee_minor),
        now_ms=now_ms,
        reporting_category="fee",
        source_id=source_id,
        description=description,
    )


def clearing(
    scope: Scope,
    *,
    from_gateway_id: str,
    to_gateway_id: str,
    amount_minor: int,
    currency: str,
    now_ms: int,
    source_id: str | None = None,
    description: str | None = None,
) -> Posting:
    """What one gateway was booked to owe is owed by another: no change of the balance, only of who holds it."""
    return transaction(
        scope,
        TransactionType.ADJUSTMENT,
        amount_minor=0,
        currency=currency,
        movements=[
            Movement(
                Code.GATEWAY_RECEIVABLE.at(to_gateway_id), Code.GATEWAY_RECEIVABLE.at(from_gateway_id), amount_minor
            )
        ],
        now_ms=now_ms,
        reporting_category="other_adjustment",
        source_id=source_id,
        description=description,
    )
