"""What the simulated Stripe remembers. Compact; what Stripe would show is made from it in ``rendering``."""

import msgspec


class Method(msgspec.Struct, array_like=True, gc=False):
    """A payment method. Of the number only what a receipt shows is kept, and the test card's or test account's name.

    ``kind`` is ``card``; ``sepa_debit``, which has a ``bank_code`` and neither BIN nor expiry; or
    ``customer_balance``, of which nothing is known.
    """

    id: str
    created: int
    card_name: str
    brand: str
    funding: str
    country: str
    bin: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    cvc_given: bool
    billing: dict[str, object]
    customer: str | None = None
    metadata: dict[str, str] = {}
    set_up: bool = False
    allow_redisplay: str = "unspecified"
    kind: str = "card"
    bank_code: str = ""


class Attempt(msgspec.Struct, array_like=True, gc=False):
    """One try to charge: Stripe's charge. ``pending`` while a bank has a debit and has not answered."""

    id: str
    created: int
    amount: int
    approved: bool
    captured: bool = False
    amount_captured: int = 0
    amount_refunded: int = 0
    code: str = ""
    decline_code: str = ""
    message: str = ""
    authenticated: bool = False
    disputed: bool = False
    dispute: str = ""
    pending: bool = False


class Payment(msgspec.Struct, array_like=True, gc=False):
    """A payment intent with its attempts; ``funded`` of it has come by the kind of ``transfer`` it waits for."""

    id: str
    created: int
    secret: str
    amount: int
    currency: str
    capture_method: str
    status: str = "requires_payment_method"
    method: Method | None = None
    attempts: list[Attempt] = []
    refunds: list[str] = []
    customer: str | None = None
    metadata: dict[str, str] = {}
    description: str | None = None
    return_url: str | None = None
    payment_method_types: list[str] = msgspec.field(default_factory=lambda: ["card"])
    automatic: dict[str, object] | None = None
    options: dict[str, object] = {}
    setup_future_usage: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    receipt_email: str | None = None
    shipping: dict[str, object] | None = None
    transfer_group: str | None = None
    confirmation_method: str = "automatic"
    amount_capturable: int = 0
    amount_received: int = 0
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    last_error: dict[str, object] | None = None
    off_session: bool = False
    use_sdk: bool = False
    increments: int = 0
    transfer: str = ""
    funded: int = 0
    authenticated: bool = False


class Refund(msgspec.Struct, array_like=True, gc=False):
    """Money given back."""

    id: str
    created: int
    payment: str
    charge: str
    amount: int
    currency: str
    status: str
    reason: str | None = None
    metadata: dict[str, str] = {}
    failure_reason: str | None = None


class Setup(msgspec.Struct, array_like=True, gc=False):
    """A setup intent."""

    id: str
    created: int
    secret: str
    status: str = "requires_payment_method"
    method: Method | None = None
    customer: str | None = None
    metadata: dict[str, str] = {}
    description: str | None = None
    return_url: str | None = None
    usage: str = "off_session"
    payment_method_types: list[str] = msgspec.field(default_factory=lambda: ["card"])
    automatic: dict[str, object] | None = None
    options: dict[str, object] = {}
    cancellation_reason: str | None = None
    last_error: dict[str, object] | None = None
    mandate: str | None = None
    attempt: str | None = None
    use_sdk: bool = False


class Customer(msgspec.Struct, array_like=True, gc=False):
    """A customer: enough to attach payment methods to, and to receive transfers for payments that are ``waiting``."""

    id: str
    created: int
    email: str | None = None
    name: str | None = None
    description: str | None = None
    metadata: dict[str, str] = {}
    deleted: bool = False
    waiting: list[str] = []
    cash: dict[str, int] = {}


class Dispute(msgspec.Struct, array_like=True, gc=False):
    """A chargeback or inquiry."""

    id: str
    created: int
    payment: str
    charge: str
    amount: int
    currency: str
    reason: str
    status: str
    metadata: dict[str, str] = {}
    evidence: dict[str, object] = {}


class Event(msgspec.Struct, array_like=True, gc=False):
    """An event, its object frozen as it was."""

    id: str
    created: int
    type: str
    object: msgspec.Raw
    request_id: str | None = None
    idempotency_key: str | None = None
