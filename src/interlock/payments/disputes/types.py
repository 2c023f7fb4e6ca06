"""Values, table and commands of disputes."""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.ledger.types import BalanceTransaction
from interlock.storage.tables import Table


class DisputeStatus(StrEnum):
    """Stripe's states of a dispute."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute; ``funds_withdrawn``: the money is with the bank; ``details`` is only shown (card_brand)."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    status: DisputeStatus
    charge_id: str
    payment_intent_id: str | None
    amount_minor: int
    currency: str
    reason: str
    gateway_id: str
    gateway_dispute_reference: str
    evidence_due_at_ms: int | None = None
    submission_count: int = 0
    funds_withdrawn: bool = False
    balance_transaction_ids: list[str] = []
    evidence: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    details: dict[str, Any] = {}


class DisputeView(msgspec.Struct, frozen=True):
    """A dispute with the balance transactions it names, oldest first, as they are shown together."""

    dispute: Dispute
    transactions: tuple[BalanceTransaction, ...] = ()


DISPUTES = Table(Dispute, "disputes")


class UpdateDispute(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence and whether to submit it; UNSET fields stay."""

    evidence: dict[str, Any] | None = None
    submit: bool = True
    metadata: dict[str, str] | None | UnsetType = UNSET
