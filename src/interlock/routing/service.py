"""Use cases of routing: configure gateways, rules and refuse switches, report health, change the key of credentials.

Called by ``cli``, ``api``, ``console`` and the quick start; ``monitoring`` reports health. Every change is a row that
all processes see within a second. What a gateway runs (connector, settings, credentials) is changed by ``releases``.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.errors import ConfigurationError
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid, missing
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.routing import store
from interlock.routing.credentials import rewrapped
from interlock.routing.declines import retry_problem
from interlock.routing.installing import check_configuration, install
from interlock.routing.journal import JOURNAL, Entry, chained
from interlock.routing.ranking import condition_problem
from interlock.routing.releases import CREDENTIALS
from interlock.routing.types import (
    EVERY_GATEWAY,
    GATEWAYS,
    REFUSALS,
    RULES,
    Condition,
    DeclineRetry,
    Gateway,
    Health,
    Refusal,
    Rule,
)
from interlock.storage.database import Database
from interlock.storage.pages import Page
from interlock.storage.writes import Committed, Delete, Insert, Update, Write
from interlock.vault.envelope import Envelope

T = TypeVar("T")
_LISTED_MAX = 1_000
_REASON_MAX = 500
_TURNS = 5
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
        package: Package | None = None,
        position: int | None = None,
        enabled: bool = True,
        fee_basis_points: int = 0,
        fee_fixed_minor: int = 0,
        actor: str = "system",
    ) -> Gateway | Problem:
        """Store a gateway with its first release, whose settings and credentials fit the manifest; last in order by
        default. The release runs ``package``, the connector that came with this version without it.

        Raises:
            ConfigurationError: the connector is unknown, or a setting or credential is wrong (named, with a remedy).

        """
        runs = builtin_package(connector) if package is None else package
        check_configuration(runs, scope, settings, credentials)
        now_ms = self._clock.now_ms()
        if position is None:
            position = 1 + max((other.position for other in await self.list_gateways(scope)), default=0)
        gateway = Gateway(
            account_id=scope.account_id,
            id=new_id("gw", now_ms),
            livemode=scope.livemode,
            version=1,
            created_at_ms=now_ms,
            name=name,
            connector=connector,
            enabled=enabled,
            position=position,
            fee_basis_points=fee_basis_points,
            fee_fixed_minor=fee_fixed_minor,
        )
        stored = await store.read_packages(self._database, scope.account_id, [runs.id])
        made = install(
            gateway, runs, settings, credentials, self._envelope, actor=actor, package_is_stored=bool(stored)
        )
        return await self._journalled(scope, list(made.writes), made.entry, gateway)

    async def update_gateway(
        self, scope: Scope, gateway_id: str, *, actor: str = "system", why: str = "", **changes: Any
    ) -> Gateway | Problem:
        """Change name, position, fees, or whether it takes new payments; what it runs is changed by a release."""
        gateway = await self._database.get(GATEWAYS, scope, gateway_id)
        if gateway is None:
            return missing("gateway", gateway_id)
        unknown = set(changes) - {"name", "enabled", "position", "fee_basis_points", "fee_fixed_minor"}
        if unknown:
            return invalid(f"A gateway has no {', '.join(sorted(unknown))} that can be changed.")
        changed = msgspec.structs.replace(gateway, version=gateway.version + 1, **changes)
        entry = Entry(actor=actor, action="gateway.changed", subject=gateway.id, why=why, facts=changes)
        return await self._journalled(scope, [Update(GATEWAYS, changed)], entry, changed)

    async def get_gateway(self, scope: Scope, gateway_id: str) -> Gateway | Problem:
        """Return one gateway."""
        return await self._database.get(GATEWAYS, scope, gateway_id) or missing("gateway", gateway_id)

    async def list_gateways(self, scope: Scope) -> list[Gateway]:
        """Return the gateways of ``scope`` by position."""
        found = (await self._database.find(GATEWAYS, scope, Page(limit=_LISTED_MAX))).items
        return sorted(found, key=lambda gateway: (gateway.position, gateway.id))

    # Refuse switches

    async def refuse(
        self,
        scope: Scope,
        *,
        gateway_id: str,
        network: str | None = None,
        method: str | None = None,
        currency: str | None = None,
        reason: str,
        actor: str,
        expires_at_ms: int | None = None,
    ) -> Refusal | Problem:
        """Keep payments with all of what is named from a gateway (``*`` for every one), without a deploy; the very same
        switch, where it is in force, is returned instead.

        Args:
            scope: account and mode.
            gateway_id: whose payments.
            network: of the card, e.g. ``amex``.
            method: e.g. ``sepa_debit``.
            currency: three lower-case letters.
            reason: for people, and for the journal.
            actor: who does it.
            expires_at_ms: when it ends by itself; None for never.

        """
        if gateway_id != EVERY_GATEWAY and await self._database.get(GATEWAYS, scope, gateway_id) is None:
            return missing("gateway", gateway_id)
        if (network, method, currency) == (None, None, None):
            return invalid("Name a network, a method or a currency; a whole gateway is disabled instead.")
        now_ms = self._clock.now_ms()
        for known in await self.list_refusals(scope):
            # Asked for twice is refused once, and one lift lets it through again.
            what = (known.gateway_id, known.network, known.method, known.currency, known.expires_at_ms)
            in_force = known.expires_at_ms is None or known.expires_at_ms > now_ms
            if in_force and what == (gateway_id, network, method, currency, expires_at_ms):
                return known
        refusal = Refusal(
            account_id=scope.account_id,
            id=new_id("ref", now_ms),
            livemode=scope.livemode,
            version=1,
            created_at_ms=now_ms,
            gateway_id=gateway_id,
            network=network,
            method=method,
            currency=currency,
            reason=reason[:_REASON_MAX],
            set_by=actor,
            expires_at_ms=expires_at_ms,
        )
        facts = {"network": network, "method": method, "currency": currency, "expires_at_ms": expires_at_ms}
        entry = Entry(actor=actor, action="payments.refused", subject=gateway_id, why=refusal.reason, facts=facts)
        return await self._journalled(scope, [Insert(REFUSALS, refusal)], entry, refusal)

    async def lift(self, scope: Scope, refusal_id: str, *, actor: str, why: str = "") -> Refusal | Problem:
        """End a refuse switch and return what it was."""
        refusal = await self._database.get(REFUSALS, scope, refusal_id)
        if refusal is None:
            return missing("refusal", refusal_id)
        entry = Entry(actor=actor, action="payments.accepted", subject=refusal.gateway_id, why=why or refusal.reason)
        return await self._journalled(scope, [Delete(REFUSALS, (scope.account_id, refusal_id))], entry, refusal)

    async def list_refusals(self, scope: Scope) -> list[Refusal]:
        """Return every refuse switch, the ones that ended by time too, newest first."""
        return (await self._database.find(REFUSALS, scope, Page(limit=_LISTED_MAX))).items

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
        actor: str = "system",
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
        entry = Entry(
            actor=actor, action="rule.added", subject=rule.id, why=name, facts={"gateways": list(gateway_ids)}
        )
        return await self._journalled(scope, [Insert(RULES, rule)], entry, rule)

    async def delete_rule(self, scope: Scope, rule_id: str, *, actor: str = "system") -> Rule | Problem:
        """Remove a rule and return what it was."""
        rule = await self._database.get(RULES, scope, rule_id)
        if rule is None:
            return missing("routing_rule", rule_id)
        entry = Entry(actor=actor, action="rule.removed", subject=rule.id, why=rule.name)
        return await self._journalled(scope, [Delete(RULES, (scope.account_id, rule_id))], entry, rule)

    async def enable_rule(self, scope: Scope, rule_id: str, *, enabled: bool, actor: str = "system") -> Rule | Problem:
        """Switch a rule on or off."""
        rule = await self._database.get(RULES, scope, rule_id)
        if rule is None:
            return missing("routing_rule", rule_id)
        changed = msgspec.structs.replace(rule, version=rule.version + 1, enabled=enabled)
        entry = Entry(actor=actor, action="rule.changed", subject=rule.id, why=rule.name, facts={"enabled": enabled})
        return await self._journalled(scope, [Update(RULES, changed)], entry, changed)

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
        """Wrap every gateway's credentials, of old releases too, by the current key; return how many were not.

        Raises:
            ConfigurationError: somebody changed a gateway meanwhile; run it again.
            VaultError: a key is not on the ring.

        """
        current, count, after = self._envelope.current_key_id, 0, ("", "")
        while page := await store.credentials_after(self._database, *after):
            after = (page[-1].account_id, page[-1].id)
            for stored in [each for each in page if each.key_id != current]:
                result = await self._database.commit([Update(CREDENTIALS, rewrapped(self._envelope, stored))])
                if not isinstance(result, Committed):
                    raise ConfigurationError("credentials", f"{stored.id} was changed meanwhile", "run it again")
                count += 1
        return count

    async def _journalled(self, scope: Scope, writes: list[Write], entry: Entry, value: T) -> T | Problem:
        """Commit ``writes`` with their entry; two changes at one moment take turns."""
        for _ in range(_TURNS):
            chain = await chained(self._database, scope, [entry], self._clock.now_ms())
            result = await self._database.commit([*writes, *(Insert(JOURNAL, each) for each in chain)])
            if isinstance(result, Committed):
                return value
            if result.reason != "constraint" or "change_journal" not in result.detail:
                break
        return _CHANGED
