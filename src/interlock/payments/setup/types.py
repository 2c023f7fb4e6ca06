"""Values, table and commands of setup intents."""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.payments.instruments.types import PaymentMethod, PaymentMethodData
from interlock.storage.tables import Table


class SetupStatus(StrEnum):
    """Stripe's states of a setup intent."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class SetupIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A setup intent; ``active_attempt_id`` is the verification that may still change it."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    status: SetupStatus
    usage: str = "off_session"
    customer_id: str | None = None
    payment_method_id: str | None = None
    active_attempt_id: str | None = None
    latest_attempt_id: str | None = None
    mandate_id: str | None = None
    client_secret: str
    cancellation_reason: str | None = None
    next_action: dict[str, Any] | None = None
    last_setup_error: dict[str, Any] | None = None
    metadata: dict[str, str] = {}
    details: dict[str, Any] = {}


SETUP_INTENTS = Table(SetupIntent, "setup_intents")


class SetupView(msgspec.Struct, frozen=True):
    """A setup intent with the payment method at hand when it was answered."""

    setup_intent: SetupIntent
    payment_method: PaymentMethod | None = None


class ConfirmSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How to confirm."""

    payment_method: str | None = None
    payment_method_data: PaymentMethodData | None = None
    confirmation_token: str | None = None
    return_url: str | None = None
    use_stripe_sdk: bool = False
    mandate_data: dict[str, Any] | None = None
    details: dict[str, Any] = {}
    client_ip: str | None = None
    probes: str | None = None


class CreateSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A new setup intent; ``confirm`` is given when it is to be confirmed at once."""

    customer: str | None = None
    payment_method: str | None = None
    payment_method_data: PaymentMethodData | None = None
    usage: str = "off_session"
    metadata: dict[str, str] | None = None
    details: dict[str, Any] = {}
    confirm: ConfirmSetup | None = None


class UpdateSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Changes; UNSET fields stay."""

    customer: str | None | UnsetType = UNSET
    payment_method: str | None | UnsetType = UNSET
    payment_method_data: PaymentMethodData | None = None
    metadata: dict[str, str] | None | UnsetType = UNSET
    details: dict[str, Any] = {}


class CancelSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Give up the setup intent."""

    reason: str | None = None
