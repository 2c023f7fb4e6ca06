"""Values and table of charges."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.base.money import Money
from interlock.payments.instruments.types import CardData
from interlock.storage.tables import AS_TEXT, Table


class ChargeStatus(StrEnum):
    """Stripe's states of a charge."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Charge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A charge.

    ``details`` keeps the snapshot shown with it: billing_details, the card, checks, outcome, descriptors; without them
    it shows :data:`NO_BILLING` and :data:`APPROVED`. ``holds`` of the ledger refer to its id. ``gateway_reference`` is
    the payment at the gateway; ``capture_reference`` the latest capture where the gateway names captures.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    status: ChargeStatus
    payment_intent_id: str | None
    attempt_id: str
    gateway_id: str
    gateway_reference: str | None
    capture_reference: str | None = None
    amount_minor: int
    currency: str
    amount_captured_minor: int = 0
    amount_refunded_minor: int = 0
    amount_refund_pending_minor: int = 0
    captured: bool = False
    disputed: bool = False
    released: bool = False
    customer_id: str | None = None
    payment_method_id: str | None = None
    balance_transaction_id: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    metadata: dict[str, str] = {}
    details: Annotated[dict[str, Any], AS_TEXT] = {}


APPROVED: Mapping[str, Any] = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "seller_message": "Payment complete.",
    "type": "authorized",
}
"""The ``outcome`` of a charge whose details have none: nearly every charge's, so it is not written with each."""

NO_BILLING: Mapping[str, Any] = {
    "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}
"""The ``billing_details`` of a charge whose details have none."""

CHARGES = Table(
    Charge, "charges", fixed=("livemode", "created_at_ms", "payment_intent_id", "attempt_id", "gateway_id", "currency")
)


class CreateCharge(msgspec.Struct, frozen=True, kw_only=True):
    """The legacy way to pay: a token, a card in clear, a stored source or a customer's default."""

    amount: Money
    source: str | CardData | None = None
    customer: str | None = None
    capture: bool = True
    description: str | None = None
    metadata: dict[str, str] | None = None
    details: dict[str, Any] = {}


class UpdateCharge(msgspec.Struct, frozen=True, kw_only=True):
    """Changes; UNSET fields stay."""

    metadata: dict[str, str] | None | UnsetType = UNSET
    details: dict[str, Any] = {}


class CaptureCharge(msgspec.Struct, frozen=True, kw_only=True):
    """Take an uncaptured charge; ``amount`` in the front API's minor units, None for all."""

    amount: int | None = None
    details: dict[str, Any] = {}
