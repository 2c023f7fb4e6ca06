"""Values and table of attempts."""

from typing import Annotated, Any

import msgspec

from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome
from interlock.storage.tables import AS_TEXT, Table

BEGUN = "begun"
"""State of an attempt that is durable and of which nothing is known yet; otherwise the state is its outcome."""

OPEN_STATES = frozenset({BEGUN, Outcome.UNKNOWN, Outcome.PENDING, Outcome.CHALLENGE})


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try.

    ``subject_id`` is the intent, setup intent, or refund it serves, ``intent_id`` the payment or setup intent that all
    of it belongs to; ``stage`` is the operation in flight where it differs from ``operation`` (``complete`` after a
    challenge). ``share_ppm`` and ``arm`` say how the release was chosen; ``payer`` tells people apart without naming
    them, while a release is on trial (one outcome per payer counts). ``next_inquiry_at_ms`` is when recovery must
    look at it, None once settled. ``detail`` holds what an inquiry needs to rebuild the request (never card data) and
    the connector's continuation of a challenge.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    subject_id: str
    intent_id: str | None
    charge_id: str | None
    operation: Operation
    stage: Operation
    state: str
    sequence: int
    gateway_id: str
    connector: str
    release_id: str
    arm: str
    share_ppm: int
    payer: str | None
    amount_minor: int
    currency: str
    payment_method_id: str | None
    network: str | None
    country: str | None
    bin: str | None
    gateway_reference: str | None = None
    phase: str | None = None
    http_status: int | None = None
    latency_ms: int | None = None
    code: str | None = None
    message: str | None = None
    decline_code: str | None = None
    echo_mismatch: bool = False
    settled_at_ms: int | None = None
    inquiries: int = 0
    next_inquiry_at_ms: int | None = None
    detail: Annotated[dict[str, Any], AS_TEXT] = {}

    @property
    def is_open(self) -> bool:
        """Return True while the gateway may still change what this came to."""
        return self.state in OPEN_STATES

    @property
    def outbound_key(self) -> str:
        """Return the idempotency key sent to the gateway: derived from our id, the same at every inquiry.

        It changes only when the gateway has refused a send and the operation is deliberately tried again.
        """
        sends = self.detail.get("sends")
        return f"{self.id}-{self.stage}" if sends is None else f"{self.id}-{self.stage}-{sends}"


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One redacted request and answer of an attempt."""

    account_id: str
    id: str
    livemode: bool
    created_at_ms: int
    attempt_id: str
    exchange: dict[str, Any]


ATTEMPTS = Table(
    Attempt,
    "attempts",
    fixed=(
        "livemode",
        "created_at_ms",
        "subject_id",
        "intent_id",
        "charge_id",
        "operation",
        "sequence",
        "gateway_id",
        "connector",
        "release_id",
        "arm",
        "share_ppm",
        "payer",
        "amount_minor",
        "currency",
        "payment_method_id",
        "network",
        "country",
        "bin",
    ),
)
EXCHANGES = Table(Exchange, "exchanges", version=None)
