"""Values, table and commands of payment intents."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.base.money import Money
from interlock.payments.charges.types import Charge
from interlock.payments.instruments.types import PaymentMethod, PaymentMethodData
from interlock.storage.tables import AS_TEXT, Table


class IntentStatus(StrEnum):
    """Stripe's states of a payment intent."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class Intent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment intent.

    ``active_attempt_id`` is the attempt that may still change it (in flight, unknown or challenged). ``details``
    holds what is only stored and shown: description, shipping, receipt_email, payment_method_options and so on.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    status: IntentStatus
    amount_minor: int
    currency: str
    amount_capturable_minor: int = 0
    amount_received_minor: int = 0
    capture_method: str = "automatic_async"
    confirmation_method: str = "automatic"
    customer_id: str | None = None
    payment_method_id: str | None = None
    latest_charge_id: str | None = None
    active_attempt_id: str | None = None
    attempt_count: int = 0
    client_secret: str
    setup_future_usage: str | None = None
    canceled_at_ms: int | None = None
    cancellation_reason: str | None = None
    capture_before_ms: int | None = None
    next_action: dict[str, Any] | None = None
    last_payment_error: dict[str, Any] | None = None
    metadata: dict[str, str] = {}
    details: Annotated[dict[str, Any], AS_TEXT] = {}


MANUAL = "manual"
"""``confirmation_method`` of an intent that only the shop's server confirms, and confirms again after a challenge."""

INTENTS = Table(Intent, "payment_intents", fixed=("livemode", "created_at_ms", "confirmation_method", "client_secret"))


class IntentView(msgspec.Struct, frozen=True):
    """An intent with the objects at hand when it was answered; ``charge`` and ``payment_method`` save expansions."""

    intent: Intent
    charge: Charge | None = None
    payment_method: PaymentMethod | None = None


class ConfirmIntent(msgspec.Struct, frozen=True, kw_only=True):
    """How to confirm. ``details`` overrides stored fields (shipping, receipt_email, payment_method_options …).

    ``probes`` names the gateway whose stable release shall take the payment, whatever the rules say: for the payments
    that a new release is validated with. No shop can set it.
    """

    payment_method: str | None = None
    payment_method_data: PaymentMethodData | None = None
    confirmation_token: str | None = None
    return_url: str | None = None
    off_session: bool = False
    setup_future_usage: str | None | UnsetType = UNSET
    capture_method: str | UnsetType = UNSET
    error_on_requires_action: bool = False
    use_stripe_sdk: bool = False
    mandate: str | None = None
    mandate_data: dict[str, Any] | None = None
    details: dict[str, Any] = {}
    client_ip: str | None = None
    probes: str | None = None


class CreateIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A new intent; ``confirm`` is given when it is to be confirmed at once."""

    amount: Money
    customer: str | None = None
    payment_method: str | None = None
    payment_method_data: PaymentMethodData | None = None
    confirmation_token: str | None = None
    capture_method: str = "automatic_async"
    confirmation_method: str = "automatic"
    setup_future_usage: str | None = None
    metadata: dict[str, str] | None = None
    details: dict[str, Any] = {}
    confirm: ConfirmIntent | None = None


class UpdateIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Changes; UNSET fields stay. ``amount`` is in the front API's minor units of the resulting currency."""

    amount: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    payment_method: str | None | UnsetType = UNSET
    payment_method_data: PaymentMethodData | None = None
    capture_method: str | UnsetType = UNSET
    setup_future_usage: str | None | UnsetType = UNSET
    metadata: dict[str, str] | None | UnsetType = UNSET
    details: dict[str, Any] = {}


class CaptureIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Take money; ``amount`` is in the front API's minor units, None for all that can be captured."""

    amount: int | None = None
    final: bool = True
    metadata: dict[str, str] | None | UnsetType = UNSET
    details: dict[str, Any] = {}


class CancelIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Give up the intent, releasing what is authorised."""

    reason: str | None = None


class IncrementIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Raise an authorisation to the new total ``amount`` (front minor units)."""

    amount: int
    metadata: dict[str, str] | None | UnsetType = UNSET
    details: dict[str, Any] = {}


class FundBalance(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer to let arrive; ``amount`` is in the front API's minor units. ``reference`` is the transfer's text."""

    amount: int
    currency: str
    reference: str | None = None


class Funded(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer that has arrived at the gateway."""

    id: str
    livemode: bool
    created_at_ms: int
    customer_id: str
    money: Money
    kind: str
    reference: str | None
