"""What the API needs of the rest: the pipeline's own needs and the use cases by room, wired by ``api.__main__``.

``Services`` is the whole list; a handler reaches its room through ``rooms``. Nothing here decides anything.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from interlock.api.authentication import KeyRecord
from interlock.base.clock import Clock
from interlock.base.context import RequestContext
from interlock.base.problems import Problem
from interlock.ledger.service import Ledger
from interlock.payments.access.types import Account
from interlock.payments.attempts.service import Attempts
from interlock.payments.charges.service import Charges
from interlock.payments.checkout.page import PaymentPages
from interlock.payments.checkout.products import Prices, Products
from interlock.payments.checkout.service import CheckoutSessions
from interlock.payments.customers.service import Customers
from interlock.payments.customers.sources import Sources
from interlock.payments.disputes.service import Disputes
from interlock.payments.events.service import Events
from interlock.payments.files.service import Files
from interlock.payments.instruments.mandates import Mandates
from interlock.payments.instruments.payment_methods import PaymentMethods
from interlock.payments.instruments.tokens import ConfirmationTokens, Tokens
from interlock.payments.intents.follow_ons import FollowOns
from interlock.payments.intents.funding import Fundings
from interlock.payments.intents.service import Intents
from interlock.payments.refunds.service import Refunds
from interlock.payments.setup.service import SetupIntents
from interlock.payments.work import Answer
from interlock.storage.database import Database
from interlock.webhooks.outbound.service import WebhookEndpoints

Authenticate = Callable[[str, Callable[[], bool]], Awaitable[KeyRecord | None]]
FindAccount = Callable[[str], Awaitable[Account | Problem]]
Ready = Callable[[], Awaitable[bool]]
Resume = Callable[[RequestContext, str], Awaitable[Answer | Problem | None]]


class Settles(Protocol):
    """``payments.idempotency.service.Idempotency``."""

    async def settle(
        self, ctx: RequestContext, outcome: Answer | Problem, resume: Resume | None = None
    ) -> Answer | Problem:
        """Return what to answer, given what the use case came to."""
        ...


@dataclass(frozen=True, slots=True)
class Rooms:
    """The use cases that handlers call. ``checkout_base_url`` is where the hosted pages are served."""

    clock: Clock
    database: Database
    intents: Intents
    follow_ons: FollowOns
    setup_intents: SetupIntents
    charges: Charges
    refunds: Refunds
    disputes: Disputes
    customers: Customers
    fundings: Fundings
    sources: Sources
    payment_methods: PaymentMethods
    tokens: Tokens
    confirmation_tokens: ConfirmationTokens
    mandates: Mandates
    sessions: CheckoutSessions
    payment_pages: PaymentPages
    products: Products
    prices: Prices
    ledger: Ledger
    attempts: Attempts
    events: Events
    webhook_endpoints: WebhookEndpoints
    files: Files
    find_account: FindAccount
    checkout_base_url: str


@dataclass(frozen=True, slots=True)
class Services:
    """What the pipeline calls itself, and the rooms. ``fingerprint_secret`` keys the fingerprints of requests."""

    authenticate: Authenticate
    idempotency: Settles
    fingerprint_secret: bytes
    ready: Ready
    rooms: Rooms
