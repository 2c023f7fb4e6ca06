"""A small house of the real parts on a scratch database: what a release is certified in. Lives in the confined child.

Payments, ledger, vault, routing table, transport and inbound webhooks are those of production, wired as ``bootstrap``
wires them; the gateway is a simulated one behind real HTTP. One house holds several shops, each an account with one
gateway, so that pointers can be moved for some payments without the others noticing.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.base.errors import InvariantError
from interlock.base.problems import Problem
from interlock.gateways.loader import load_package
from interlock.gateways.manifest import Idempotency
from interlock.gateways.package import Package
from interlock.payments.access.service import AccessService
from interlock.payments.assembly import Payments, assemble
from interlock.payments.attempts.walking import Limits
from interlock.releases.gates.certify.control import Control
from interlock.releases.gates.certify.deck import Deck
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.receiver import Receiver
from interlock.releases.gates.certify.receiver import Shop as Address
from interlock.releases.gates.certify.watching import WatchedTransport
from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.releases.proposals import Proposal, Proposals
from interlock.releases.rollouts import Rollouts
from interlock.releases.takeover import CANDIDATE_FINISHES_STABLE, STABLE_FINISHES_CANDIDATE, STABLE_PACKAGE
from interlock.releases.types import Actor
from interlock.routing.releases import Release
from interlock.routing.service import Routing
from interlock.routing.table import RoutingTable
from interlock.routing.types import Gateway, ReadyGateway
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.vault.keys import generate_keys, parse_keys
from interlock.vault.service import Vault

T = TypeVar("T")
PUBLIC_URL = "http://127.0.0.1:9"
"""Where the gateway sends shoppers back to; nobody listens there, the gate reads the address."""

_PATIENT = Limits(budget_ms=8_000)
_HASTY = Limits(budget_ms=1_600)
"""Too short for an inquiry within the request: what it leaves open is for recovery, as after a crash."""
_WEBHOOK_DELAY_MS = 20
_ACTOR = Actor("certify")
_POOL = 8
_BOOKED_WITHIN_S = 5.0
_QUIET_FOR_S = 0.25
_QUIET_LOOKS = 3
_WAITING = load_queries("interlock.releases.gates.certify")["waiting_notifications"]
_LOOK_EVERY_S = 0.02


class ClockAhead(SystemClock):
    """The machine's clock, ahead by what it was moved."""

    def __init__(self, ahead_ms: int) -> None:
        """Start ``ahead_ms`` ahead."""
        self.ahead_ms = ahead_ms

    def now_ms(self) -> int:
        """Return the shifted time."""
        return super().now_ms() + self.ahead_ms


class Ahead(msgspec.Struct, frozen=True):
    """The payment rooms as a worker that looks later would find them."""

    clock: ClockAhead
    payments: Payments


class Shop(msgspec.Struct, frozen=True):
    """An account with its one gateway."""

    scope: Scope
    gateway: Gateway

    @property
    def address(self) -> Address:
        """Return account and gateway."""
        return self.scope.account_id, self.gateway.id


class House:
    """Everything that cases work with. One per run."""

    def __init__(self, database: Database, control: Control, provider: Provider, transport: WatchedTransport) -> None:
        """Wire the rooms; :func:`open_house` also opens what must be closed."""
        self.database = database
        self.control = control
        self.provider = provider
        self.transport = transport
        self.clock = SystemClock()
        self.deck = Deck()
        self.vault = Vault(database, parse_keys(generate_keys()), self.clock)
        self.table = RoutingTable(database, self.vault.envelope, self.clock)
        self.payments = self._assemble(self.clock, _PATIENT)
        self.hasty = self._assemble(self.clock, _HASTY)
        self.proposals = Proposals(database, self.vault.envelope, self.clock)
        self.rollouts = Rollouts(database, self.clock)
        self.shops: dict[str, Shop] = {}
        self.captured_aside: set[str] = set()
        """Payments of which the merchant took money on the provider's own pages, where the switch cannot know it."""
        self._owners: dict[str, Address] = {}
        self.receiver = Receiver(
            database, self.clock, self.table, self.payments.notifications.apply, self._shop_of_reference
        )

    def _assemble(self, clock: SystemClock, limits: Limits) -> Payments:
        return assemble(
            self.database,
            clock,
            self.vault,
            self.transport,
            self.table,
            public_url=PUBLIC_URL,
            checkout_url=f"{PUBLIC_URL}/c",
            limits=limits,
        )

    def ahead(self, ahead_ms: int) -> Ahead:
        """Return the payment rooms as of later; what recovery does there it does to the same rows."""
        clock = ClockAhead(ahead_ms)
        return Ahead(clock, self._assemble(clock, _PATIENT))

    # Shops

    async def new_shop(self, name: str, package: Package, settings: Mapping[str, str]) -> Shop:
        """Open an account whose gateway runs ``package``.

        Args:
            name: of the account and its gateway.
            package: what runs.
            settings: the real account's; what the sandbox is known by stands over them.

        Raises:
            ConfigurationError: the package's manifest does not fit the account at the simulated gateway.

        """
        account = _made(await AccessService(self.database, self.clock).create_account(name))
        scope = Scope(account.account_id, livemode=False)
        provider, manifest = self.provider, load_package(package).manifest
        own = {name: value for name, value in settings.items() if name in manifest.settings}
        gateway = _made(
            await Routing(self.database, self.vault.envelope, self.clock).create_gateway(
                scope,
                name=name,
                connector=manifest.name,
                settings={**own, **provider.settings, "base_url": f"{self.control.url}{provider.base_path}"},
                credentials=provider.credentials,
                package=package,
            )
        )
        shop = Shop(scope, gateway)
        self.shops[name] = shop
        self.receiver.shops.append(shop.address)
        return shop

    async def look(self) -> None:
        """Have the routing table look at once, and learn which releases belong to which shop."""
        await self.table.refresh(force=True)
        for shop in self.shops.values():
            for release in await self.rollouts.store.releases(shop.scope, shop.gateway.id):
                self._owners[release.id] = shop.address

    def complaints(self) -> tuple[str, ...]:
        """Return why a release cannot be run."""
        return self.table.complaints()

    def serving(self, shop: Shop) -> ReadyGateway:
        """Return what serves in ``shop``."""
        found = self.table.gateway(shop.scope, shop.gateway.id)
        if found is None:
            raise InvariantError(f"the release of {shop.gateway.name} cannot be run: {'; '.join(self.complaints())}")
        return found

    async def until(self, done: Callable[[], Awaitable[bool]], within_s: float) -> bool:
        """Wait until webhooks have brought ``done()`` about; return whether they have.

        Nobody waits on when nothing is under way any more: no webhook is owed, nothing is due at the gateway in the
        time that is left, and no notification waits to be applied again.
        """
        end, looks = time.monotonic() + within_s, 0
        while (left_s := end - time.monotonic()) > 0:
            if await self.receiver.until(done, min(left_s, _QUIET_FOR_S)):
                return True
            looks = looks + 1 if await self.is_quiet(left_s) else 0
            if looks == _QUIET_LOOKS:
                break
        return await done()

    async def is_quiet(self, within_s: float) -> bool:
        """Return True when nothing will be told by itself within the time that is given."""
        health = await self.control.health()
        next_due_in_ms = health.get("next_due_in_ms", 0)
        due = next_due_in_ms is not None and next_due_in_ms < within_s * 1_000
        return not due and not health["webhooks"]["owed"] and not await self.database.fetchval(_WAITING)

    async def books_show(self, payment: str, kind: str) -> bool:
        """Wait until the gateway's books hold an approved ``kind`` of the payment; return whether they do."""
        end = time.monotonic() + _BOOKED_WITHIN_S
        while time.monotonic() < end:
            entries = await self.control.books(0, payment_id=payment, kind=kind, status="approved")
            if entries:
                return True
            await asyncio.sleep(_LOOK_EVERY_S)
        return False

    def idempotency_rules(self) -> dict[str, Idempotency]:
        """Return what each release's manifest says of idempotency keys, for the releases that were run."""
        return {release_id: manifest.idempotency for release_id, manifest in self.transport.manifests.items()}

    # Releases

    async def propose(self, shop: Shop, package: Package, mark: str) -> Release:
        """Store another release of the shop's gateway, approved; ``mark`` tells it from others of the same content."""
        proposal = Proposal(package=package, note="certify", specification_hash=mark)
        release = _made(await self.proposals.propose(shop.scope, shop.gateway.id, proposal, _ACTOR))
        return _made(await self.proposals.approve(shop.scope, release.id, _ACTOR, "certify", break_glass=True))

    async def certify(self, shop: Shop, release: Release, against: str) -> None:
        """Record that ``release`` and the package ``against`` finish each other's payments."""
        measured: Mapping[str, bool | str] = {
            STABLE_PACKAGE: against,
            STABLE_FINISHES_CANDIDATE: True,
            CANDIDATE_FINISHES_STABLE: True,
        }
        report = GateReport(gate=Gate.CERTIFY, verdict=Verdict.PASSED, checks={"assumed": 1}, measured=dict(measured))
        _made(await self.proposals.record(shop.scope, release.id, report, _ACTOR))

    async def install(self, shop: Shop, release: Release) -> None:
        """Make ``release`` what serves, and have everybody see it."""
        _made(await self.rollouts.install(shop.scope, release.id, _ACTOR, "certify"))
        await self.look()

    async def roll_back(self, shop: Shop, release: Release) -> None:
        """Take ``release``, which serves, back, and have everybody see it."""
        _made(await self.rollouts.roll_back(shop.scope, release.id, _ACTOR, "certify"))
        await self.look()

    def _shop_of_reference(self, reference: str) -> Address | None:
        release_id = self.transport.references.get(reference)
        return None if release_id is None else self._owners.get(release_id)


def _made(result: T | Problem) -> T:
    """Return what was made; our own use cases refuse nothing that is asked of them here."""
    if isinstance(result, Problem):
        raise InvariantError(f"the house cannot be furnished: {result.message}")
    return result


@asynccontextmanager
async def open_house(database_url: str, sandbox_url: str, provider: Provider) -> AsyncIterator[House]:
    """Give a house without shops; everything is closed afterwards.

    Args:
        database_url: an empty database with every migration applied.
        sandbox_url: the simulated gateway.
        provider: what it plays.

    Raises:
        StorageError: the database cannot be used.
        SandboxError: the simulated gateway does not answer.

    """
    database = await Database.connect(database_url, pool_size=_POOL)
    try:
        transport = WatchedTransport()
        async with Control(sandbox_url) as control:
            house = House(database, control, provider, transport)
            await house.receiver.open()
            try:
                await control.hook(house.receiver.url, provider.webhook_secret, delay_ms=_WEBHOOK_DELAY_MS)
                yield house
            finally:
                await control.unhook()
                await house.receiver.close()
                await transport.close()
    finally:
        await database.close()
