"""The only wiring: which database, and from it every use case, for the API, the worker and the command line.

Called by the entry points of ``api``, ``worker`` and ``cli``. Nothing below imports it. The order of the wiring is
the order of the layers; a room gets what it needs as arguments and knows nothing of this module.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from interlock.base.clock import Clock, SystemClock
from interlock.base.context import Scope
from interlock.base.settings import Settings
from interlock.gateways.transport import Transport
from interlock.ledger.service import Ledger
from interlock.payments.access.authenticator import Authenticator
from interlock.payments.access.service import AccessService
from interlock.payments.attempts.operating import Operator
from interlock.payments.attempts.routes import Routes
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.service import Attempts
from interlock.payments.attempts.strays import Strays
from interlock.payments.charges.service import Charges
from interlock.payments.checkout.goals import Goal, PaymentGoal, SetupGoal
from interlock.payments.checkout.page import PaymentPages
from interlock.payments.checkout.products import Prices, Products
from interlock.payments.checkout.service import CheckoutSessions
from interlock.payments.customers.service import Customers
from interlock.payments.customers.sources import Sources
from interlock.payments.disputes.service import Disputes
from interlock.payments.events.service import Events
from interlock.payments.idempotency.service import Idempotency
from interlock.payments.instruments.making import Maker
from interlock.payments.instruments.mandates import Mandates
from interlock.payments.instruments.payment_methods import PaymentMethods
from interlock.payments.instruments.sealing import Sealer
from interlock.payments.instruments.security_codes import SecurityCodes
from interlock.payments.instruments.service import Instruments
from interlock.payments.instruments.test_cards import TestCards
from interlock.payments.instruments.tokens import ConfirmationTokens, Tokens
from interlock.payments.intents.challenges import Challenges, Subject
from interlock.payments.intents.confirmation import Confirmer, Limits
from interlock.payments.intents.follow_ons import FollowOns
from interlock.payments.intents.outcome import Outcomes
from interlock.payments.intents.service import Intents
from interlock.payments.money import Books, FeeTerms
from interlock.payments.recovery.dispatch import Dispatch
from interlock.payments.recovery.expiry import Expiry
from interlock.payments.recovery.notifications import Notifications
from interlock.payments.recovery.rebuilding import Rebuilder
from interlock.payments.recovery.service import Recovery
from interlock.payments.refunds.service import Refunds
from interlock.payments.setup.outcome import SetupOutcomes
from interlock.payments.setup.service import SetupIntents
from interlock.payments.work import Work
from interlock.routing.service import Routing
from interlock.routing.table import RoutingTable
from interlock.storage.database import Database
from interlock.storage.embedded import EmbeddedPostgres, running_url
from interlock.vault.keys import load_keys
from interlock.vault.service import Vault
from interlock.webhooks.inbound.service import InboundNotifications
from interlock.webhooks.outbound.destinations import Policy
from interlock.webhooks.outbound.secrets import SecretSeal
from interlock.webhooks.outbound.service import WebhookEndpoints

_LEASE_OVER_BUDGET_MS = 15_000
_CHECKOUT_PATH = "/checkout"


# --- the database ----------------------------------------------------------------------------------------------------


def embedded_folder(settings: Settings) -> Path:
    """Return the folder of the embedded Postgres."""
    return settings.data_dir.absolute() / "postgres"


def known_database_url(settings: Settings) -> str | None:
    """Return the URL of the configured database, else of the embedded one if it runs, else None."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return running_url(embedded_folder(settings))


@asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """Give the URL of the database, starting the embedded Postgres for the time being where none runs.

    Raises:
        ConfigurationError: the embedded Postgres cannot run on this machine.
        StorageError: it does not come up.

    """
    known = known_database_url(settings)
    if known is not None:
        yield known
        return
    server = EmbeddedPostgres(embedded_folder(settings))
    await asyncio.to_thread(server.start)
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


def child_environment(settings: Settings, url: str) -> dict[str, str]:
    """Return the variables with which a child process loads ``settings`` and uses the database at ``url``."""
    return {**settings.as_environment(), "INTERLOCK_DATABASE_URL": url}


# --- the use cases ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Foundation:
    """What is opened once per process and everything stands on."""

    settings: Settings
    clock: Clock
    database: Database
    vault: Vault
    table: RoutingTable
    transport: Transport


@dataclass(frozen=True, slots=True)
class Rooms:
    """Every use case, wired."""

    foundation: Foundation
    access: AccessService
    authenticator: Authenticator
    routing: Routing
    ledger: Ledger
    idempotency: Idempotency
    customers: Customers
    sources: Sources
    payment_methods: PaymentMethods
    tokens: Tokens
    confirmation_tokens: ConfirmationTokens
    mandates: Mandates
    intents: Intents
    follow_ons: FollowOns
    setup_intents: SetupIntents
    charges: Charges
    refunds: Refunds
    disputes: Disputes
    challenges: Challenges
    sessions: CheckoutSessions
    payment_pages: PaymentPages
    products: Products
    prices: Prices
    attempts: Attempts
    events: Events
    seal: SecretSeal
    webhook_endpoints: WebhookEndpoints
    inbound: InboundNotifications
    recovery: Recovery
    expiry: Expiry
    checkout_page_url: str


@asynccontextmanager
async def open_rooms(settings: Settings, url: str, *, pool_size: int | None = None) -> AsyncIterator[Rooms]:
    """Open database, vault keys, routing table and transport, and give every use case wired to them.

    Args:
        settings: of this process.
        url: the database.
        pool_size: connections for reading; that of the settings without it.

    Raises:
        ConfigurationError: the vault's keys are absent or malformed.
        StorageError: the database cannot be reached.

    """
    clock = SystemClock()
    keys = None if settings.vault_keys is None else settings.vault_keys.get_secret_value()
    ring = load_keys(keys, settings.key_file())
    database = await Database.connect(
        url, pool_size=pool_size or settings.database_pool_size, callers_max=settings.commit_max_callers
    )
    try:
        vault = Vault(database, ring, clock)
        table = RoutingTable(database, vault.envelope, clock)
        await table.start()
        transport = Transport(connections=settings.gateway_connections)
        try:
            yield wire(Foundation(settings, clock, database, vault, table, transport))
        finally:
            await transport.close()
            await table.stop()
    finally:
        await database.close()


def wire(foundation: Foundation) -> Rooms:
    """Return every use case, standing on ``foundation``."""
    return _Wiring(foundation).rooms()


class _Wiring:
    """The wiring in steps, lower layers first."""

    def __init__(self, foundation: Foundation) -> None:
        self.foundation = foundation
        settings, database, clock = foundation.settings, foundation.database, foundation.clock
        self.public_url = settings.base_url()
        self.checkout_page_url = self.public_url + _CHECKOUT_PATH
        self.limits = Limits(
            budget_ms=settings.payment_budget_ms, lease_ms=settings.payment_budget_ms + _LEASE_OVER_BUDGET_MS
        )
        self.work = Work(database, clock)
        self.runner = Runner(foundation.transport, foundation.table.gateway, clock)
        self.routes = Routes(foundation.table)
        self.books = Books(self._fees)
        self._wire_instruments()
        self._wire_payments()
        self._wire_checkout()
        self._wire_recovery()

    def _fees(self, scope: Scope, gateway_id: str) -> FeeTerms:
        ready = self.foundation.table.gateway(scope, gateway_id)
        if ready is None:
            return FeeTerms()
        return FeeTerms(ready.gateway.fee_basis_points, ready.gateway.fee_fixed_minor)

    def _wire_instruments(self) -> None:
        vault = self.foundation.vault
        self.codes = SecurityCodes(self.foundation.clock)
        self.sealer = Sealer(vault)
        self.maker = Maker(self.work, self.sealer, TestCards(vault), self.codes)
        self.instruments = Instruments(self.work, self.maker, self.sealer, self.codes)
        self.customers = Customers(self.work, self.maker)

    def _wire_payments(self) -> None:
        work, runner, limits = self.work, self.runner, self.limits
        outcomes = Outcomes(work, self.books, self.public_url)
        confirmer = Confirmer(work, runner, self.routes, self.instruments, outcomes, self.public_url, limits)
        operator = Operator(work, runner, limits.budget_ms, limits.lease_ms)
        setup_outcomes = SetupOutcomes(work, self.public_url)
        self.intents = Intents(work, confirmer, outcomes, self.instruments, self.customers)
        self.follow_ons = FollowOns(work, operator, outcomes, self.books)
        self.setup_intents = SetupIntents(
            work, runner, self.routes, self.instruments, self.customers, setup_outcomes, self.public_url, limits
        )
        self.charges = Charges(work, self.intents, self.follow_ons)
        self.refunds = Refunds(work, operator, self.books)
        self.disputes = Disputes(work, self.books)
        subjects: dict[str, Subject] = {"pi": outcomes, "seti": setup_outcomes}
        self.challenges = Challenges(work, runner, subjects, (limits.budget_ms, limits.lease_ms))
        self.strays = Strays(work)
        self.dispatch = Dispatch(outcomes, self.follow_ons, self.refunds, setup_outcomes, self.strays)

    def _wire_checkout(self) -> None:
        goals: dict[str, Goal] = {
            "payment": PaymentGoal(self.intents, self.follow_ons),
            "setup": SetupGoal(self.setup_intents),
        }
        self.sessions = CheckoutSessions(self.work, self.customers, goals, self.checkout_page_url)
        self.products = Products(self.work)

    def _wire_recovery(self) -> None:
        work, database = self.work, self.foundation.database
        rebuilder = Rebuilder(database, self.instruments, self.setup_intents, self.public_url)
        self.recovery = Recovery(work, self.runner, rebuilder, self.dispatch)
        self.notifications = Notifications(
            work, self.dispatch, self.strays, self.refunds, self.disputes, self.follow_ons
        )
        self.inbound = InboundNotifications(
            database, self.foundation.clock, self.foundation.table.find, self.notifications.apply
        )

    def rooms(self) -> Rooms:
        foundation, work = self.foundation, self.work
        database, clock, settings = foundation.database, foundation.clock, foundation.settings
        seal = SecretSeal(foundation.vault.envelope)
        policy = Policy(private_in_test=settings.webhook_allow_private)
        return Rooms(
            foundation=foundation,
            access=AccessService(database, clock),
            authenticator=Authenticator(database),
            routing=Routing(database, foundation.vault.envelope, clock),
            ledger=Ledger(database, clock),
            idempotency=Idempotency(database),
            customers=self.customers,
            sources=Sources(work, self.customers),
            payment_methods=PaymentMethods(work, self.maker),
            tokens=Tokens(work, self.maker),
            confirmation_tokens=ConfirmationTokens(work, self.maker, self.codes),
            mandates=Mandates(work),
            intents=self.intents,
            follow_ons=self.follow_ons,
            setup_intents=self.setup_intents,
            charges=self.charges,
            refunds=self.refunds,
            disputes=self.disputes,
            challenges=self.challenges,
            sessions=self.sessions,
            payment_pages=PaymentPages(work, self.sessions, self.customers),
            products=self.products,
            prices=Prices(work, self.products),
            attempts=Attempts(database),
            events=Events(database),
            seal=seal,
            webhook_endpoints=WebhookEndpoints(work, seal, policy),
            inbound=self.inbound,
            recovery=self.recovery,
            expiry=Expiry(work, self.follow_ons),
            checkout_page_url=self.checkout_page_url,
        )
