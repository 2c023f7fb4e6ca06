"""Use cases of routing: configure gateways and rules, report health, change the key of credentials.

Called by ``cli``, ``console`` and the quick start; ``monitoring`` reports health. Every change is a row that all
processes see within a second.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.errors import ConfigurationError
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid, missing
from interlock.gateways.configuration import configuration_problems
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import load
from interlock.routing import store
from interlock.routing.credentials import open_credentials, rewrapped, seal_credentials
from interlock.routing.declines import retry_problem
from interlock.routing.ranking import condition_problem
from interlock.routing.types import GATEWAYS, RULES, Condition, DeclineRetry, Gateway, Health, Rule
from interlock.storage.database import Database
from interlock.storage.pages import Page
from interlock.storage.writes import Committed, Delete, Insert, Update
from interlock.vault.envelope import Envelope

T = TypeVar("T")
_LISTED_MAX = 1_000
_REASON_MAX = 500
_CHANGED = Problem(
    status=429,
    type="invalid_request_error",
    code="lock_timeout",
    message="Somebody changed this at the same moment. Look at it again and repeat.",
    retryable=True,
)


class Routing:
    """Changes of configuration. One per process."""

    def __init__(self, database: Database, envelope: Envelope, clock: Clock) -> None:
        """Write to ``database``; seal credentials with ``envelope``."""
        self._database = database
        self._envelope = envelope
        self._clock = clock

    # Gateways

    async def create_gateway(
        self,
        scope: Scope,
        *,
        name: str,
        connector: str,
        settings: dict[str, str],
        credentials: dict[str, str],
        position: int | None = None,
        enabled: bool = True,
        fee_basis_points: int = 0,
        fee_fixed_minor: int = 0,
    ) -> Gateway | Problem:
        """Store a gateway whose settings and credentials fit its connector's manifest; last in order by default.

        Raises:
            ConfigurationError: the connector is unknown, or a setting or credential is wrong (named, with a remedy).

        """
        self._check(scope, connector, settings, credentials)
        now_ms = self._clock.now_ms()
        gateway_id = new_id("gw", now_ms)
        sealed, key_id = seal_credentials(self._envelope, scope, gateway_id, credentials)
        if position is None:
            position = 1 + max((other.position for other in await self.list_gateways(scope)), default=0)
        gateway = Gateway(
            account_id=scope.account_id,
            id=gateway_id,
            livemode=scope.livemode,
            version=1,
            created_at_ms=now_ms,
            name=name,
            connector=connector,
            enabled=enabled,
            position=position,
            settings=settings,
            sealed_credentials=sealed,
            credentials_key_id=key_id,
            fee_basis_points=fee_basis_points,
            fee_fixed_minor=fee_fixed_minor,
        )
        return await self._written(Insert(GATEWAYS, gateway), gateway)

    async def update_gateway(
        self,
        scope: Scope,
        gateway_id: str,
        *,
        settings: dict[str, str] | None = None,
        credentials: dict[str, str] | None = None,
        **changes: Any,
    ) -> Gateway | Problem:
        """Change what is given. New settings and credentials replace all of the old ones.

        Raises:
            ConfigurationError: a setting or credential is wrong.
            VaultError: the stored credentials cannot be opened.

        """
        gateway = await self._database.get(GATEWAYS, scope, gateway_id)
        if gateway is None:
            return missing("gateway", gateway_id)
        unknown = set(changes) - {"name", "enabled", "position", "fee_basis_points", "fee_fixed_minor"}
        if unknown:
            return invalid(f"A gateway has no {', '.join(sorted(unknown))} that can be changed.")
        if settings is not None or credentials is not None:
            kept = open_credentials(self._envelope, gateway) if credentials is None else credentials
            wanted = gateway.settings if settings is None else settings
            self._check(scope, gateway.connector, wanted, kept)
            sealed, key_id = seal_credentials(self._envelope, scope, gateway.id, kept)
            changes |= {"settings": wanted, "sealed_credentials": sealed, "credentials_key_id": key_id}
        changed = msgspec.structs.replace(gateway, version=gateway.version + 1, **changes)
        return await self._written(Update(GATEWAYS, changed), changed)

    async def get_gateway(self, scope: Scope, gateway_id: str) -> Gateway | Problem:
        """Return one gateway."""
        return await self._database.get(GATEWAYS, scope, gateway_id) or missing("gateway", gateway_id)

    async def list_gateways(self, scope: Scope) -> list[Gateway]:
        """Return the gateways of ``scope`` by position."""
        found = (await self._database.find(GATEWAYS, scope, Page(limit=_LISTED_MAX))).items
        return sorted(found, key=lambda gateway: (gateway.position, gateway.id))

    def _check(self, scope: Scope, connector: str, settings: dict[str, str], credentials: dict[str, str]) -> None:
        config = ConnectorConfig(livemode=scope.livemode, settings=settings, credentials=credentials)
        problems = configuration_problems(load(connector).manifest, config)
        if problems:
            raise problems[0]

    # Rules

    async def create_rule(
        self,
        scope: Scope,
        *,
        name: str,
        condition: Condition,
        gateway_ids: Sequence[str] = (),
        only: bool = False,
        decline_retry: DeclineRetry | None = None,
        position: int | None = None,
        enabled: bool = True,
    ) -> Rule | Problem:
        """Store a rule; last in order by default. Refused when it could do nothing or names what is not there."""
        problem = await self._rule_problem(scope, condition, gateway_ids, decline_retry)
        if problem is not None:
            return invalid(f"This rule cannot be used: {problem}.")
        now_ms = self._clock.now_ms()
        if position is None:
            position = 1 + max((other.position for other in await self.list_rules(scope)), default=0)
        rule = Rule(
            account_id=scope.account_id,
            id=new_id("rule", now_ms),
            livemode=scope.livemode,
            version=1,
            created_at_ms=now_ms,
            name=name,
            enabled=enabled,
            position=position,
            condition=condition,
            gateway_ids=tuple(gateway_ids),
            only=only,
            decline_retry=decline_retry,
        )
        return await self._written(Insert(RULES, rule), rule)

    async def delete_rule(self, scope: Scope, rule_id: str) -> Rule | Problem:
        """Remove a rule and return what it was."""
        rule = await self._database.get(RULES, scope, rule_id)
        if rule is None:
            return missing("routing_rule", rule_id)
        return await self._written(Delete(RULES, (scope.account_id, rule_id)), rule)

    async def enable_rule(self, scope: Scope, rule_id: str, *, enabled: bool) -> Rule | Problem:
        """Switch a rule on or off."""
        rule = await self._database.get(RULES, scope, rule_id)
        if rule is None:
            return missing("routing_rule", rule_id)
        changed = msgspec.structs.replace(rule, version=rule.version + 1, enabled=enabled)
        return await self._written(Update(RULES, changed), changed)

    async def list_rules(self, scope: Scope) -> list[Rule]:
        """Return the rules of ``scope`` in the order they are asked."""
        found = (await self._database.find(RULES, scope, Page(limit=_LISTED_MAX))).items
        return sorted(found, key=lambda rule: (rule.position, rule.id))

    async def _rule_problem(
        self, scope: Scope, condition: Condition, gateway_ids: Sequence[str], decline_retry: DeclineRetry | None
    ) -> str | None:
        if not gateway_ids and decline_retry is None:
            return "it names neither gateways nor declines to retry"
        named = {*gateway_ids, *(decline_retry.gateway_ids if decline_retry else ())}
        absent = sorted(named - {gateway.id for gateway in await self.list_gateways(scope)})
        if absent:
            return f"there is no gateway {', '.join(absent)} in this account and mode"
        return condition_problem(condition) or (retry_problem(decline_retry) if decline_retry else None)

    # Health and keys

    async def report_health(
        self, scope: Scope, gateway_id: str, *, healthy: bool, reason: str, valid_for_ms: int
    ) -> None:
        """Say how a gateway is, for ``valid_for_ms``; an older opinion gives way, a newer one stays."""
        now_ms = self._clock.now_ms()
        health = Health(
            account_id=scope.account_id,
            id=gateway_id,
            livemode=scope.livemode,
            version=1,
            created_at_ms=now_ms,
            healthy=healthy,
            reason=reason[:_REASON_MAX],
            expires_at_ms=now_ms + valid_for_ms,
        )
        await store.write_health(self._database, health)

    async def keys_in_use(self) -> dict[str, int]:
        """Return how many gateways' credentials each master key wraps; asked before a key is retired."""
        return await store.count_keys(self._database)

    async def rewrap(self) -> int:
        """Wrap every gateway's credentials by the current master key and return how many were not yet.

        Raises:
            ConfigurationError: somebody changed a gateway meanwhile; run it again.
            VaultError: a key is not on the ring.

        """
        configuration = await store.read_configuration(self._database)
        current = self._envelope.current_key_id
        stale = [gateway for gateway in configuration.gateways if gateway.credentials_key_id != current]
        for gateway in stale:
            result = await self._database.commit([Update(GATEWAYS, rewrapped(self._envelope, gateway))])
            if not isinstance(result, Committed):
                raise ConfigurationError("gateways", f"{gateway.id} was changed meanwhile", "run it again")
        return len(stale)

    async def _written(self, write: Insert | Update | Delete, value: T) -> T | Problem:
        return value if isinstance(await self._database.commit([write]), Committed) else _CHANGED
