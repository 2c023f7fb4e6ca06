"""The routing table in memory: every account's gateways, rules and health, refreshed by polling within a second.

One per process; ``bootstrap`` starts it and ``payments`` asks it. Asking costs no query. What is absent or cannot be
read is left out, and :meth:`RoutingTable.complaints` and the log say so; when the database cannot be reached, the last
configuration stays in use and only what has an expiry (health) falls away.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.errors import InterlockError
from interlock.base.redaction import scrub
from interlock.gateways.configuration import configuration_problems
from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.gateways.loader import LoadedConnector, load
from interlock.routing import declines, ranking
from interlock.routing.credentials import open_credentials
from interlock.routing.store import Configuration, read_configuration, read_mark
from interlock.routing.types import Candidate, Gateway, Health, Ranking, ReadyGateway, RequestFacts, Route, Rule
from interlock.storage.database import Database
from interlock.vault.envelope import Envelope

_log = logging.getLogger("interlock.routing")
POLL_INTERVAL_S = 0.5
_FULL_EVERY_POLLS = 60
_FEATURES = ("partial_capture", "multicapture", "incremental", "partial_refund", "multiple_refunds", "three_d_secure")


class _ScopeTable(msgspec.Struct):
    """One account in one mode."""

    ready: dict[str, ReadyGateway] = {}
    routes: list[Route] = []
    rules: list[Rule] = []
    health: dict[str, Health] = {}


_NOTHING = _ScopeTable()


class RoutingTable:
    """Configuration of every scope, and ranking by it."""

    def __init__(self, database: Database, envelope: Envelope, clock: Clock) -> None:
        """Read from ``database``; open credentials with ``envelope``. Empty until :meth:`refresh` or :meth:`start`."""
        self._database = database
        self._envelope = envelope
        self._clock = clock
        self._scopes: Mapping[Scope, _ScopeTable] = {}
        self._accounts: Mapping[tuple[str, str], ReadyGateway] = {}
        self._prepared: dict[tuple[str, str], tuple[int, ReadyGateway | str]] = {}
        self._complaints: tuple[str, ...] = ()
        self._mark: tuple[str, ...] = ()
        self._polls = 0
        self._refreshed_at_ms = 0
        self._poller: asyncio.Task[None] | None = None

    # Asking

    def rank(self, scope: Scope, facts: RequestFacts, now_ms: int) -> list[Candidate]:
        """Return the routes to try, best first; empty when there are none (:meth:`explain` says why)."""
        return list(self.explain(scope, facts, now_ms).candidates)

    def explain(self, scope: Scope, facts: RequestFacts, now_ms: int) -> Ranking:
        """Return the routes with reasons, and who was left out and why."""
        table = self._scopes.get(scope, _NOTHING)
        return ranking.explain(facts, table.rules, table.routes, table.health, now_ms)

    def may_retry_decline(
        self,
        scope: Scope,
        facts: RequestFacts,
        *,
        decline_code: str | None,
        advice_code: str | None,
        next_gateway_id: str,
        attempts_made: int,
    ) -> bool:
        """Return True when a rule lets the declined payment go to ``next_gateway_id``."""
        return declines.may_retry(
            facts,
            self._scopes.get(scope, _NOTHING).rules,
            decline_code=decline_code,
            advice_code=advice_code,
            next_gateway_id=next_gateway_id,
            attempts_made=attempts_made,
        )

    def gateway(self, scope: Scope, gateway_id: str) -> ReadyGateway | None:
        """Return a gateway ready to run, disabled ones too: what they began must be finished through them."""
        return self._scopes.get(scope, _NOTHING).ready.get(gateway_id)

    def find(self, account_id: str, gateway_id: str) -> ReadyGateway | None:
        """Return a gateway of either mode; for webhooks, whose address does not tell the mode."""
        return self._accounts.get((account_id, gateway_id))

    def complaints(self) -> tuple[str, ...]:
        """Return what is configured and not used, each with its reason."""
        return self._complaints

    def age_ms(self) -> int:
        """Return how long ago the table was last known to be right; more than a few seconds means it is cut off."""
        return self._clock.now_ms() - self._refreshed_at_ms

    # Keeping up

    async def refresh(self, *, force: bool = False) -> bool:
        """Read configuration when it has changed; return True when the table was replaced.

        Raises:
            StorageError: the database cannot be reached; the table stays as it was.

        """
        mark = await read_mark(self._database)
        self._polls += 1
        changed = force or mark != self._mark or self._polls % _FULL_EVERY_POLLS == 0
        if changed:
            self._replace(await read_configuration(self._database))
            self._mark = mark
        self._refreshed_at_ms = self._clock.now_ms()
        return changed

    async def start(self) -> None:
        """Read everything once, then keep polling until :meth:`stop`."""
        await self.refresh(force=True)
        self._poller = asyncio.create_task(self._poll(), name="routing-table")

    async def stop(self) -> None:
        """Stop polling."""
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller
            self._poller = None

    async def _poll(self) -> None:
        cut_off = False
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                await self.refresh()
                if cut_off:
                    _log.warning("routing configuration can be read again")
                cut_off = False
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the last configuration is the safe one
                if not cut_off:
                    _log.warning("routing configuration cannot be read, the last one is used: %s", scrub(str(error)))
                cut_off = True

    def _replace(self, configuration: Configuration) -> None:
        complaints = list(configuration.complaints)
        scopes: dict[Scope, _ScopeTable] = {}
        prepared: dict[tuple[str, str], tuple[int, ReadyGateway | str]] = {}

        def table(account_id: str, livemode: bool) -> _ScopeTable:  # noqa: FBT001 - as the rows have it
            return scopes.setdefault(Scope(account_id, livemode), _ScopeTable())

        for gateway in configuration.gateways:
            version, ready = self._prepare(gateway)
            prepared[gateway.account_id, gateway.id] = (version, ready)
            if isinstance(ready, str):
                complaints.append(f"gateway {gateway.id} is not used: {ready}")
                continue
            place = table(gateway.account_id, gateway.livemode)
            place.ready[gateway.id] = ready
            place.routes.append(ready.route)
        for rule in configuration.rules:
            table(rule.account_id, rule.livemode).rules.append(rule)
        for health in configuration.health:
            table(health.account_id, health.livemode).health[health.id] = health
        for complaint in complaints:
            if complaint not in self._complaints:
                _log.error("%s", complaint)
        self._prepared = prepared
        self._scopes = scopes
        self._accounts = {key: ready for key, (_, ready) in prepared.items() if isinstance(ready, ReadyGateway)}
        self._complaints = tuple(complaints)

    def _prepare(self, gateway: Gateway) -> tuple[int, ReadyGateway | str]:
        """Return the gateway ready to run, or why it cannot be; what has not changed is not decrypted again."""
        known = self._prepared.get((gateway.account_id, gateway.id))
        if known is not None and known[0] == gateway.version:
            return known
        try:
            return gateway.version, prepare(gateway, self._envelope)
        except InterlockError as error:
            return gateway.version, scrub(str(error))
        except Exception as error:  # noqa: BLE001 - a connector that cannot even be imported hides no other gateway
            return gateway.version, f"connector {gateway.connector} cannot be loaded ({type(error).__name__})"


def prepare(gateway: Gateway, envelope: Envelope) -> ReadyGateway:
    """Return ``gateway`` ready to run.

    Raises:
        ConfigurationError: its connector is unknown or its settings are wrong.
        ConnectorError: its connector does not keep the contract.
        VaultError: its credentials cannot be opened.

    """
    loaded = load(gateway.connector)
    config = ConnectorConfig(
        livemode=gateway.livemode, settings=gateway.settings, credentials=open_credentials(envelope, gateway)
    )
    problems = configuration_problems(loaded.manifest, config)
    if problems:
        raise problems[0]
    return ReadyGateway(gateway=gateway, loaded=loaded, config=config, route=route_of(gateway, loaded))


def route_of(gateway: Gateway, loaded: LoadedConnector) -> Route:
    """Return what ranking needs to know, from the row and the connector's manifest."""
    able = loaded.manifest.capabilities
    features = {name for name in _FEATURES if getattr(able, name)}
    features.update(f"stored_credentials_{initiator}" for initiator in able.stored_credentials)
    return Route(
        gateway_id=gateway.id,
        name=gateway.name,
        connector=gateway.connector,
        release_id=loaded.release_id,
        enabled=gateway.enabled,
        position=gateway.position,
        operations=frozenset(Operation(operation) for operation in able.operations),
        networks=frozenset(able.networks),
        methods=frozenset(able.methods),
        unsupported_currencies=frozenset(loaded.manifest.currencies.unsupported),
        features=frozenset(features),
    )
