"""Values of the ledger: the transaction a merchant sees (Stripe's balance transaction) and the transfers it is made of.

A transfer debits one code and credits another with the same positive amount, so that debits equal credits by
construction; there is no way to write half of it. A *code* names what the money is in, followed by the gateway
where that matters (``gateway_receivable:gw_…``).
"""

from enum import StrEnum

import msgspec

from interlock.storage.tables import Table
from interlock.storage.writes import Insert, Write


class TransactionType(StrEnum):
    """Why a merchant's balance changed, in Stripe's words."""

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    ADJUSTMENT = "adjustment"
    PAYOUT = "payout"
    PAYOUT_FAILURE = "payout_failure"
    PAYOUT_CANCEL = "payout_cancel"
    STRIPE_FEE = "stripe_fee"


class Code(StrEnum):
    """What money can be in. ``MERCHANT`` is the balance; the others say who holds or has kept the counterpart."""

    MERCHANT = "merchant"
    GATEWAY_RECEIVABLE = "gateway_receivable"
    GATEWAY_FEES = "gateway_fees"
    BANK = "bank"

    def at(self, gateway_id: str) -> str:
        """Return this code for one gateway."""
        return f"{self.value}:{gateway_id}"


class Movement(msgspec.Struct, frozen=True):
    """One transfer as asked for: ``amount_minor`` (positive) from ``credit_code`` to ``debit_code``."""

    debit_code: str
    credit_code: str
    amount_minor: int


class BalanceTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a merchant's balance. ``net_minor = amount_minor - fee_minor`` is what the balance changes by.

    Money counts as pending until ``available_at_ms``. ``source_id`` is the object it comes from, in the caller's
    terms; ``payout_id`` the payout that paid it out, once there is one.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    type: TransactionType
    reporting_category: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    available_at_ms: int
    source_id: str | None = None
    payout_id: str | None = None
    description: str | None = None

    def status(self, now_ms: int) -> str:
        """Return ``available`` or ``pending``."""
        return "available" if self.available_at_ms <= now_ms else "pending"


class Transfer(msgspec.Struct, frozen=True):
    """One transfer as stored; ``position`` counts from 0 within its transaction. Never changed, never removed."""

    account_id: str
    transaction_id: str
    position: int
    livemode: bool
    currency: str
    debit_code: str
    credit_code: str
    amount_minor: int


TRANSACTIONS = Table(BalanceTransaction, "ledger_transactions")
TRANSFERS = Table(Transfer, "ledger_transfers", key=("account_id", "transaction_id", "position"), version=None)


class Posting(msgspec.Struct, frozen=True):
    """A transaction with its transfers, ready to be written in the caller's commit."""

    transaction: BalanceTransaction
    transfers: tuple[Transfer, ...]

    @property
    def id(self) -> str:
        """Return the transaction's id, for the object that refers to it."""
        return self.transaction.id

    def writes(self) -> list[Write]:
        """Return the rows to put into the commit that also changes the source object."""
        writes: list[Write] = [Insert(TRANSACTIONS, self.transaction)]
        writes.extend([Insert(TRANSFERS, transfer) for transfer in self.transfers])
        return writes


class CurrencyBalance(msgspec.Struct, frozen=True):
    """A merchant's money in one currency."""

    currency: str
    available_minor: int
    pending_minor: int


class Difference(msgspec.Struct, frozen=True):
    """Something the audit found that must not be: a transaction, or a currency's sum, that does not add up."""

    kind: str
    subject: str
    currency: str
    expected_minor: int
    found_minor: int
