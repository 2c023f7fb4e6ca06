"""Values, table and commands of refunds."""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.storage.tables import Table


class RefundStatus(StrEnum):
    """Stripe's states of a refund."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund of a charge."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    status: RefundStatus
    charge_id: str
    payment_intent_id: str | None
    attempt_id: str
    amount_minor: int
    currency: str
    reason: str | None = None
    customer_id: str | None = None
    payment_method_id: str | None = None
    gateway_reference: str | None = None
    balance_transaction_id: str | None = None
    failure_balance_transaction_id: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] = {}
    details: dict[str, Any] = {}


REFUNDS = Table(Refund, "refunds")


class CreateRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund of a charge or of an intent's charge; ``amount`` in front minor units, None for the rest."""

    charge: str | None = None
    payment_intent: str | None = None
    amount: int | None = None
    reason: str | None = None
    metadata: dict[str, str] | None = None
    details: dict[str, Any] = {}


class UpdateRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Changes; UNSET fields stay."""

    metadata: dict[str, str] | None | UnsetType = UNSET
