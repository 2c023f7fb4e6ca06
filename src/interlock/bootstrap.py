"""The only wiring: which database, and from it every use case, for the API, the worker and the command line.

Called by the entry points of ``api``, ``worker`` and ``cli``. Nothing below imports it. The order of the wiring is
the order of the layers; a room gets what it needs as arguments and knows nothing of this module.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from interlock.base.clock import Clock, SystemClock
from interlock.base.settings import Settings
from interlock.gateways.transport import Transport
from interlock.ledger.service import Ledger
from interlock.payments.access.authenticator import Authenticator
from interlock.payments.access.service import AccessService
from interlock.payments.assembly import Payments, assemble
from interlock.payments.attempts.walking import Limits
from interlock.payments.checkout.page import PaymentPages
from interlock.payments.files.service import Files
from interlock.releases.aftermath import Aftermath
from interlock.releases.canary.controller import CanaryController
from interlock.releases.examinations import Examinations
from interlock.releases.examining import Examiner
from interlock.releases.hearing import Hearing
from interlock.releases.operators import Operators
from interlock.releases.proposals import Proposals
from interlock.releases.rollouts import POINTER_CHANNEL, Rollouts
from interlock.releases.validating import Validations
from interlock.releases.validation import Validator
from interlock.routing.service import Routing
from interlock.routing.table import RoutingTable
from interlock.storage.database import Database
from interlock.storage.embedded import EmbeddedPostgres, running_url
from interlock.storage.listening import Listener
from interlock.vault.keys import load_keys
from interlock.vault.service import Vault
from interlock.webhooks.inbound.arrivals import Arrivals
from interlock.webhooks.inbound.service import InboundNotifications
from interlock.webhooks.outbound.destinations import Policy
from interlock.webhooks.outbound.secrets import SecretSeal
from interlock.webhooks.outbound.service import WebhookEndpoints

_LEASE_OVER_BUDGET_MS = 15_000
_CHECKOUT_PATH = "/checkout"
_CONTROL_POOL = 2
_CONTROL_CONNECTS_FOR_S = 5.0
_REQUESTS = b"fingerprints of requests"


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
    server = EmbeddedPostgres(embedded_folder(settings), even_writes=True)
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
    fingerprint_secret: bytes
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ControlRooms:
    """The use cases of the control API. What they do to payments, they do through rows."""

    settings: Settings
    clock: Clock
    database: Database
    operators: Operators
    proposals: Proposals
    rollouts: Rollouts
    routing: Routing
    examinations: Examinations


class Control:
    """Opens the control API's rooms with its first request, on connections of its own: payments keep theirs."""

    def __init__(self, foundation: Foundation) -> None:
        """Stand on ``foundation``, but for the database."""
        self._foundation = foundation
        self._opening = asyncio.Lock()
        self._rooms: ControlRooms | None = None

    async def rooms(self) -> ControlRooms:
        """Return the use cases.

        Raises:
            StorageError: the database cannot be reached.

        """
        async with self._opening:
            if self._rooms is None:
                self._rooms = _control_rooms(
                    self._foundation,
                    await Database.connect(
                        self._foundation.url, pool_size=_CONTROL_POOL, connect_for_s=_CONTROL_CONNECTS_FOR_S
                    ),
                )
            return self._rooms

    async def close(self) -> None:
        """Close what was opened."""
        if self._rooms is not None:
            await self._rooms.database.close()


@dataclass(frozen=True, slots=True)
class Rooms(Payments):
    """Every use case, wired: those of payments and of the rooms around them."""

    foundation: Foundation
    control: Control
    access: AccessService
    authenticator: Authenticator
    routing: Routing
    operators: Operators
    proposals: Proposals
    examiner: Examiner
    rollouts: Rollouts
    canaries: CanaryController
    aftermath: Aftermath
    examinations: Examinations
    validations: Validations
    ledger: Ledger
    payment_pages: PaymentPages
    files: Files
    seal: SecretSeal
    webhook_endpoints: WebhookEndpoints
    inbound: InboundNotifications
    delivery_policy: Policy
    checkout_page_url: str


@asynccontextmanager
async def open_rooms(
    settings: Settings, url: str, *, pool_size: int | None = None, serves: bool = False
) -> AsyncIterator[Rooms]:
    """Open database, vault keys, routing table and transport, and give every use case wired to them.

    Args:
        settings: of this process.
        url: the database.
        pool_size: connections for reading; that of the settings without it.
        serves: this process sends payments for as long as it lives: it hears when a pointer moves.

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
            fingerprint_secret = hmac.digest(ring.fingerprint_key, _REQUESTS, hashlib.sha256)
            rooms = wire(Foundation(settings, clock, database, vault, table, transport, fingerprint_secret, url))
            await rooms.work.posting_times.start()
            try:
                async with _hearing(url, table) if serves else nullcontext():
                    yield rooms
            finally:
                await rooms.control.close()
                await rooms.work.posting_times.stop()
        finally:
            await transport.close()
            await table.stop()
    finally:
        await database.close()


@asynccontextmanager
async def _hearing(url: str, table: RoutingTable) -> AsyncIterator[None]:
    """Let the table look at once when somebody says that a pointer moved."""
    listener = Listener(url, POINTER_CHANNEL, lambda _account: table.hurry())
    task = asyncio.create_task(listener.run(), name="pointer-listener")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _control_rooms(foundation: Foundation, database: Database) -> ControlRooms:
    envelope, clock = foundation.vault.envelope, foundation.clock
    return ControlRooms(
        settings=foundation.settings,
        clock=clock,
        database=database,
        operators=Operators(database, clock),
        proposals=Proposals(database, envelope, clock),
        rollouts=Rollouts(database, clock),
        routing=Routing(database, envelope, clock),
        examinations=Examinations(database, clock),
    )


def wire(foundation: Foundation) -> Rooms:
    """Return every use case, standing on ``foundation``."""
    settings, database, clock = foundation.settings, foundation.database, foundation.clock
    checkout_url = settings.base_url() + _CHECKOUT_PATH
    payments = assemble(
        database,
        clock,
        foundation.vault,
        foundation.transport,
        foundation.table,
        public_url=settings.base_url(),
        checkout_url=checkout_url,
        limits=Limits(
            budget_ms=settings.payment_budget_ms, lease_ms=settings.payment_budget_ms + _LEASE_OVER_BUDGET_MS
        ),
    )
    proposals, rollouts = Proposals(database, foundation.vault.envelope, clock), Rollouts(database, clock)
    seal = SecretSeal(foundation.vault.envelope)
    policy = Policy(private_in_test=settings.webhook_allow_private)
    wired: dict[str, Any] = {each.name: getattr(payments, each.name) for each in fields(payments)}
    return Rooms(
        **wired,
        foundation=foundation,
        control=Control(foundation),
        access=AccessService(database, clock),
        authenticator=Authenticator(database),
        routing=Routing(database, foundation.vault.envelope, clock),
        operators=Operators(database, clock),
        proposals=proposals,
        examiner=Examiner(proposals, clock, specifications=settings.specs, public_url=settings.base_url()),
        rollouts=rollouts,
        canaries=CanaryController(database, rollouts, clock),
        aftermath=Aftermath(database, payments.reviewer),
        examinations=Examinations(database, clock),
        validations=Validations(proposals, Validator(payments, Hearing(Arrivals(database))), foundation.table, clock),
        ledger=Ledger(database, clock),
        payment_pages=PaymentPages(payments.work, payments.sessions, payments.customers),
        files=Files(payments.work, foundation.vault.envelope, settings.base_url()),
        seal=seal,
        webhook_endpoints=WebhookEndpoints(payments.work, seal, policy),
        inbound=InboundNotifications(database, clock, foundation.table, payments.notifications.apply),
        delivery_policy=policy,
        checkout_page_url=checkout_url,
    )
