"""The connector contract, version 1: connectors are sans-I/O.

An operation is a generator that yields :class:`HttpRequest` and is sent :class:`HttpResponse`; it returns a
:class:`~interlock.gateways.outcomes.Result`. A connector opens no socket, reads no clock and draws no randomness, so
the same code is run live, in contract tests, in shadow and in replay (design 5.4). A provider folder imports only
this module, ``outcomes`` and ``base.money``.

When the wire fails, the transport ends the operation itself (``not_sent`` or ``unknown`` by phase): a connector never
sees a transport failure. A status or body that a connector cannot classify must become ``unknown``.
"""

from collections.abc import Generator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from interlock.base.money import Money
from interlock.gateways.outcomes import Outcome, Result

CONTRACT_VERSION = 1

# What decoding bytes from outside may raise: bad JSON or shape, text that is no UTF-8, nesting without end.
UNREADABLE: tuple[type[Exception], ...] = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def epoch_ms(text: str) -> int | None:
    """Return the epoch milliseconds of an ISO 8601 time with zone, or None; connectors have no calendar of their own.

    Args:
        text: such as ``2026-09-01T01:00:00+01:00``.

    """
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


class Operation(StrEnum):
    """What can be asked of a gateway."""

    AUTHORISE = "authorise"
    SALE = "sale"
    COMPLETE = "complete"
    CAPTURE = "capture"
    INCREMENT = "increment"
    VOID = "void"
    REFUND = "refund"
    VERIFY = "verify"
    INQUIRE = "inquire"
    FUND = "fund"


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request to send. ``path`` is joined to the manifest's base URL for the mode; ``body`` is final bytes. Its
    repr hides headers and body, which hold keys and cards."""

    method: str
    path: str
    headers: dict[str, str] = {}
    body: bytes = b""
    idempotent: bool = True

    def __repr__(self) -> str:
        """Return a text without headers and body."""
        return f"HttpRequest({self.method} {self.path.partition('?')[0]}, {len(self.body)} bytes)"

    __str__ = __repr__


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One complete answer; header names are lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        """Return a text without headers and body."""
        return f"HttpResponse({self.status}, {len(self.body)} bytes)"

    __str__ = __repr__


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A card in clear. Exists only between the vault and the wire; its repr hides everything."""

    number: str
    exp_month: int
    exp_year: int
    cvc: str | None = None
    holder_name: str | None = None

    def __repr__(self) -> str:
        """Return a text without card data."""
        return "Card(…)"

    __str__ = __repr__


class MandateAcceptance(msgspec.Struct, frozen=True, kw_only=True):
    """How and when the account's holder agreed to be debited; ``ip`` and ``user_agent`` belong to one given online."""

    online: bool
    accepted_at_s: int
    ip: str | None = None
    user_agent: str | None = None


class SepaDebit(msgspec.Struct, frozen=True, kw_only=True):
    """A bank account in clear, with the holder's agreement. Exists only between the vault and the wire; its repr hides
    everything."""

    iban: str
    acceptance: MandateAcceptance

    def __repr__(self) -> str:
        """Return a text without the account."""
        return "SepaDebit(…)"

    __str__ = __repr__


class BankTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Money that the shopper sends to an account at the gateway: the kind of transfer, in Stripe's words, and for
    ``eu_bank_transfer`` the country of that account."""

    kind: str
    country: str | None = None


Instrument = Card | SepaDebit | BankTransfer


class Initiator(StrEnum):
    """Who starts the payment, in stored-credential terms."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"


class StoredCredential(msgspec.Struct, frozen=True, kw_only=True):
    """Stored-credential facts: first use stores, later uses quote what the first returned."""

    initiator: Initiator = Initiator.CUSTOMER
    store: bool = False
    reason: str | None = None
    network_transaction_id: str | None = None
    reference: str | None = None


class Shopper(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the person who pays."""

    reference: str | None = None
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    ip: str | None = None
    address: dict[str, str | None] = {}
    user_agent: str | None = None


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """For authorise, sale and verify (verify: amount 0). ``reference`` is our attempt id; the same call with the same
    ``idempotency_key`` must never charge twice. ``return_url`` is where the gateway sends the shopper after 3DS.
    ``instrument`` is of a method that the manifest's capabilities name. ``waits_after_challenge`` says that a shopper's
    passed challenge alone takes no money: the gateway is to wait for ``complete``."""

    reference: str
    idempotency_key: str
    amount: Money
    instrument: Instrument
    return_url: str
    description: str | None = None
    statement_descriptor: str | None = None
    stored_credential: StoredCredential | None = None
    shopper: Shopper = Shopper()
    three_d_secure: str = "automatic"
    incremental: bool = False
    waits_after_challenge: bool = False
    metadata: dict[str, str] = {}


class CompleteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """For complete: the shopper is back from a challenge. ``parameters`` are the query or form fields of the return;
    ``continuation`` is what the challenge stored."""

    reference: str
    idempotency_key: str
    amount: Money
    gateway_reference: str | None
    continuation: dict[str, str] = {}
    parameters: dict[str, str] = {}
    capture: bool = True


class FollowOnRequest(msgspec.Struct, frozen=True, kw_only=True):
    """For capture, increment, void and refund of ``gateway_reference`` (what the authorisation or sale returned).

    ``amount`` is what to capture, to refund, or the *new total* of an increment; ``final`` False keeps the rest of the
    authorisation for later captures; ``capture_reference`` names the capture a refund belongs to where the gateway
    wants it. ``captured_before_minor`` is what earlier captures of this authorisation took, for gateways that answer
    with a running total. ``reverse`` says that a void or refund is to leave nothing of the payment taken or held,
    whichever it is by now: for gateways that can be asked for that.
    """

    reference: str
    idempotency_key: str
    amount: Money
    gateway_reference: str
    final: bool = True
    reason: str | None = None
    capture_reference: str | None = None
    captured_before_minor: int = 0
    reverse: bool = False


class InquireRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What became of ``operation`` with ``reference``?

    ``gateway_reference`` is what that very operation returned, None when its answer never came. ``original`` is the
    rebuilt request, for gateways whose documented inquiry is to send it again under the same idempotency key; None
    when it cannot be rebuilt. ``identical`` says that ``original`` equals what was sent in every byte (a card from the
    vault has lost its CVC, so a payment sent with one is not identical any more). ``age_ms`` is how old the attempt
    is: a "not found" younger than the gateway's own consistency delay stays unknown. ``sent_at_ms`` is when it was
    sent, to search a window of time.

    The result speaks of the *operation*, not of the inquiry: ``not_sent`` means it is proven that the gateway never
    executed it, ``unknown`` that nothing is proven yet. ``refused`` and ``declined`` mean that the gateway executed
    nothing because it said no. They are believed at once: whoever turns the *question* away says nothing of what went
    through the door before, so a connector that sends the original again must not hand on a refusal of that alone.
    """

    operation: Operation
    reference: str
    idempotency_key: str
    amount: Money
    gateway_reference: str | None = None
    original: PaymentRequest | CompleteRequest | FollowOnRequest | None = None
    identical: bool = False
    age_ms: int = 0
    sent_at_ms: int = 0


class ConnectorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway's account settings: what the manifest asks for, with secrets resolved. Its repr hides them."""

    livemode: bool
    settings: dict[str, str] = {}
    credentials: dict[str, str] = {}

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return f"ConnectorConfig(livemode={self.livemode}, settings={self.settings!r}, credentials=…)"

    __str__ = __repr__


class NotificationKind(StrEnum):
    """What a webhook from a gateway speaks of."""

    PAYMENT = "payment"
    CAPTURE = "capture"
    INCREMENT = "increment"
    VOID = "void"
    REFUND = "refund"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_UPDATED = "dispute_updated"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    EXPIRED = "expired"
    IGNORED = "ignored"


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One verified fact from a gateway.

    ``reference`` is our attempt id where the gateway echoes it; ``gateway_reference`` the payment it belongs to, while
    ``result.gateway_reference`` is the object that the fact is about (the refund, the capture); ``notification_id``
    makes replay harmless; ``occurred_at_ms`` is the gateway's own time. ``dispute_reference``, ``dispute_reason`` and
    ``inquiry`` only for disputes: True while the bank only asks and has taken no money, False once it took it, None
    where the fact does not tell.
    """

    kind: NotificationKind
    notification_id: str
    occurred_at_ms: int
    reference: str | None = None
    gateway_reference: str | None = None
    result: Result | None = None
    dispute_reference: str | None = None
    dispute_reason: str | None = None
    inquiry: bool | None = None
    amount: Money | None = None
    evidence_due_at_ms: int | None = None


class SignatureInvalid(msgspec.Struct, frozen=True):
    """The notification is not from the gateway, too old, or cannot be read; nothing in it may be believed."""

    reason: str


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest's tables that a connector works by, so that every mapping is declared once and can be read.

    ``statuses`` is group → raw word → outcome; ``declines`` is raw code → decline code in Stripe's vocabulary;
    ``refusals`` are raw error codes that prove a request was not executed and ``uncertain`` those that do not;
    ``currency_exponents`` are the decimals where the provider differs from ISO 4217 and ``amount_multiples`` what an
    amount must be a multiple of, per currency.
    """

    api_version: str = ""
    statuses: dict[str, dict[str, Outcome]] = {}
    declines: dict[str, str] = {}
    refusals: frozenset[str] = frozenset()
    uncertain: frozenset[str] = frozenset()
    currency_exponents: dict[str, int] = {}
    amount_multiples: dict[str, int] = {}
    inquiry_delay_ms: int = 0
    resend_within_ms: int = 0
    webhook_tolerance_ms: int = 0


Step = Generator[HttpRequest, HttpResponse, Result]


class Connector(Protocol):
    """What a provider folder exports as ``CONNECTOR``: a class whose one argument is the manifest's :class:`Tables`.

    Methods for operations that the manifest's capabilities do not name need not exist.
    """

    def __init__(self, tables: Tables) -> None:
        """Keep the tables; nothing else may be kept between calls."""
        ...

    def authorise(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Reserve money on a card."""
        ...

    def sale(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Authorise and capture at once."""
        ...

    def verify(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Check and store a card without taking money (amount 0)."""
        ...

    def complete(self, config: ConnectorConfig, request: CompleteRequest) -> Step:
        """Finish a payment after the shopper's challenge."""
        ...

    def capture(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Take all or part of an authorisation."""
        ...

    def increment(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Raise an authorisation to a new total."""
        ...

    def void(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Release an authorisation."""
        ...

    def refund(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Give back all or part of a capture."""
        ...

    def fund(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Let money arrive on an account that waits for a transfer; in test mode only.

        ``gateway_reference`` is the account (:class:`~interlock.gateways.outcomes.Transfer`).
        """
        ...

    def inquire(self, config: ConnectorConfig, request: InquireRequest) -> Step:
        """Find out what became of an operation, the way the provider documents."""
        ...

    def parse_notification(
        self, config: ConnectorConfig, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> list[Notification] | SignatureInvalid:
        """Verify a webhook (constant time, fail closed) and return what it says.

        Args:
            config: settings and credentials, the webhook secret among them.
            headers: lower-case header names.
            body: the exact bytes received.
            now_ms: the receiver's time, for replay windows.

        """
        ...
