"""The routing table in memory: every account's gateways, releases, rules and health, refreshed four times a second.

One per process; ``bootstrap`` starts it and ``payments`` asks it. Asking costs no query. What is absent or cannot be
read is left out, and :meth:`RoutingTable.complaints` and the log say so; when the database cannot be reached, the last
configuration stays in use and only what has an expiry (health, releases on trial) falls away.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.redaction import scrub
from interlock.routing import declines, ranking
from interlock.routing.freshness import Freshness, uptime_s
from interlock.routing.preparing import prepare_all, prepare_one, renamed
from interlock.routing.releases import Pointer, Release, TrialKind
from interlock.routing.store import Configuration, read_beats, read_configuration, read_mark
from interlock.routing.types import (
    CANDIDATE,
    HOLDBACK,
    Candidate,
    Gateway,
    Health,
    Ranking,
    ReadyGateway,
    Refusal,
    RequestFacts,
    Route,
    Rule,
    Trial,
)
from interlock.storage.database import Database
from interlock.vault.envelope import Envelope

_log = logging.getLogger("interlock.routing")
POLL_INTERVAL_S = 0.25
_FULL_EVERY_POLLS = 120
_OTHERS_MAX = 256


class _Serving(msgspec.Struct, frozen=True):
    """What one gateway runs: its pointer, stable release, and the release on trial where there is one that can run."""

    pointer: Pointer
    stable: ReadyGateway
    on_trial: ReadyGateway | None
    trial: Trial | None


class _ScopeTable(msgspec.Struct):
    """One account in one mode."""

    serving: dict[str, _Serving] = {}
    routes: list[Route] = []
    trials: dict[str, _Serving] = {}
    rules: list[Rule] = []
    health: dict[str, Health] = {}
    refusals: list[Refusal] = []


_NOTHING = _ScopeTable()
_NO_TRIALS: Mapping[str, Trial] = {}
_Prepared = dict[tuple[str, str], ReadyGateway]


class RoutingTable:
    """Configuration of every scope, and ranking by it."""

    def __init__(self, database: Database, envelope: Envelope, clock: Clock) -> None:
        """Read from ``database``; open credentials with ``envelope``. Empty until :meth:`refresh` or :meth:`start`."""
        self._database = database
        self._envelope = envelope
        self._clock = clock
        self._scopes: Mapping[Scope, _ScopeTable] = {}
        self._accounts: Mapping[tuple[str, str], _Serving] = {}
        self._prepared: _Prepared = {}
        self._others: _Prepared = {}
        self._freshness = Freshness()
        self._complaints: tuple[str, ...] = ()
        self._mark: tuple[str, ...] = ()
        self._polls = 0
        self._refreshed_at_ms = 0
        self._refreshing = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None

    # Asking

    def rank(self, scope: Scope, facts: RequestFacts, now_ms: int) -> list[Candidate]:
        """Return the routes to try, best first; empty when there are none (:meth:`explain` says why)."""
        return list(self.explain(scope, facts, now_ms).candidates)

    def explain(self, scope: Scope, facts: RequestFacts, now_ms: int) -> Ranking:
        """Return the routes with reasons, and who was left out and why."""
        table = self._scopes.get(scope, _NOTHING)
        trials = self._fresh_trials(table) if table.trials else _NO_TRIALS
        return ranking.explain(facts, table.rules, table.routes, table.health, now_ms, trials, table.refusals)

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
        """Return a gateway ready to run through its stable release, disabled ones too: what they began must be
        finished through them."""
        serving = self._scopes.get(scope, _NOTHING).serving.get(gateway_id)
        return None if serving is None else serving.stable

    def find(self, account_id: str, gateway_id: str) -> list[ReadyGateway]:
        """Return a gateway of either mode, for webhooks, whose address does not tell the mode: stable first, then the
        release on trial. Empty when there is none."""
        serving = self._accounts.get((account_id, gateway_id))
        if serving is None:
            return []
        return [serving.stable] if serving.on_trial is None else [serving.stable, serving.on_trial]

    def may_send(self, scope: Scope, gateway_id: str, release_id: str) -> bool:
        """Return True while a new payment may go to this release: stable always may, one on trial while it is fresh."""
        serving = self._scopes.get(scope, _NOTHING).serving.get(gateway_id)
        if serving is None:
            return False
        pointer = serving.pointer
        if release_id == pointer.stable_release_id:
            return True
        return release_id == pointer.trial_release_id and self._is_fresh(pointer)

    def trial_share_ppm(self, scope: Scope, gateway_id: str, release_id: str, begun_at_ms: int) -> int:
        """Return the share of the trial that a payment of ``begun_at_ms`` belongs to, 0 when it belongs to none."""
        serving = self._scopes.get(scope, _NOTHING).trials.get(gateway_id)
        if serving is None:
            return 0
        pointer = serving.pointer
        compared = release_id in {pointer.stable_release_id, pointer.trial_release_id}
        return pointer.share_ppm if compared and begun_at_ms >= (pointer.trial_since_ms or 0) else 0

    def takes_over(self, scope: Scope, gateway_id: str, release_id: str) -> bool:
        """Return True when the stable release is the one named, or is proven to finish its payments."""
        serving = self._scopes.get(scope, _NOTHING).serving.get(gateway_id)
        return serving is not None and (
            release_id == serving.pointer.stable_release_id or release_id in serving.pointer.takes_over
        )

    def has_others(self, scope: Scope, gateway_id: str) -> bool:
        """Return True when payments may have been begun by a release that stable is not proven to take over."""
        serving = self._scopes.get(scope, _NOTHING).serving.get(gateway_id)
        if serving is None:
            return False
        # The first release has followed nobody; its pointer has never moved.
        return serving.pointer.version > 1

    async def exactly(self, scope: Scope, gateway_id: str, release_id: str) -> ReadyGateway | None:
        """Return a gateway ready to run through this very release, whatever serves now; None when it cannot be.

        Raises:
            StorageError: the release is not in memory and the database cannot be reached.

        """
        serving = self._scopes.get(scope, _NOTHING).serving.get(gateway_id)
        if serving is None:
            return None
        if release_id == serving.stable.release.id:
            return serving.stable
        if serving.on_trial is not None and release_id == serving.on_trial.release.id:
            return serving.on_trial
        return await self._other(serving.stable.gateway, release_id)

    def finisher(self, scope: Scope, gateway_id: str, release_id: str) -> str:
        """Return the id of the release that goes on with a payment that ``release_id`` began: see :meth:`finishing`."""
        serving = self._scopes.get(scope, _NOTHING).serving.get(gateway_id)
        if serving is None:
            return release_id
        pointer = serving.pointer
        on_trial = release_id == pointer.trial_release_id and self._is_fresh(pointer)
        return serving.stable.release.id if release_id in pointer.takes_over and not on_trial else release_id

    async def finishing(self, scope: Scope, gateway_id: str, release_id: str) -> ReadyGateway | None:
        """Return what goes on with a payment that ``release_id`` began: that release, unless *stable* is proven to
        finish its payments and it is not (or no longer) trusted with new ones.

        Raises:
            StorageError: the release is not in memory and the database cannot be reached.

        """
        return await self.exactly(scope, gateway_id, self.finisher(scope, gateway_id, release_id))

    def complaints(self) -> tuple[str, ...]:
        """Return what is configured and not used, each with its reason."""
        return self._complaints

    def age_ms(self) -> int:
        """Return how long ago the table was last known to be right; more than a few seconds means it is cut off."""
        return self._clock.now_ms() - self._refreshed_at_ms

    def _fresh_trials(self, table: _ScopeTable) -> Mapping[str, Trial]:
        now_s, fresh = uptime_s(), {}
        for gateway_id, serving in table.trials.items():
            if serving.trial is not None and self._is_fresh(serving.pointer, now_s):
                fresh[gateway_id] = serving.trial
        return fresh

    def _is_fresh(self, pointer: Pointer, now_s: float | None = None) -> bool:
        at_s = uptime_s() if now_s is None else now_s
        return self._freshness.is_fresh((pointer.account_id, pointer.id), pointer.version, at_s)

    async def _other(self, gateway: Gateway, release_id: str) -> ReadyGateway | None:
        key = (gateway.account_id, release_id)
        known = self._others.get(key)
        if known is not None:
            return renamed(known, gateway)
        found = await prepare_one(self._database, self._envelope, gateway, release_id)
        if not isinstance(found, ReadyGateway):
            _log.error("release %s of gateway %s cannot be used: %s", release_id, gateway.id, found or "it is gone")
            return None
        if len(self._others) >= _OTHERS_MAX:
            del self._others[next(iter(self._others))]
        self._others[key] = found
        return found

    # Keeping up

    async def refresh(self, *, force: bool = False) -> bool:
        """Read configuration when it has changed; return True when the table was replaced.

        Raises:
            StorageError: the database cannot be reached; the table stays as it was.

        """
        async with self._refreshing:
            asked_s = uptime_s()
            beats, mark = await read_beats(self._database), await read_mark(self._database)
            self._polls += 1
            changed = force or mark != self._mark or self._polls % _FULL_EVERY_POLLS == 0
            if changed:
                await self._replace(await read_configuration(self._database))
                self._mark = mark
            self._freshness.saw(asked_s, beats)
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

    def hurry(self) -> None:
        """Look now instead of at the next poll: somebody said that a pointer moved."""
        self._hurry.set()

    async def _poll(self) -> None:
        cut_off = False
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), POLL_INTERVAL_S)
            self._hurry.clear()
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

    async def _replace(self, configuration: Configuration) -> None:
        complaints = list(configuration.complaints)
        prepared = await self._prepare(configuration, complaints)
        scopes: dict[Scope, _ScopeTable] = {}

        def table(account_id: str, livemode: bool) -> _ScopeTable:  # noqa: FBT001 - as the rows have it
            return scopes.setdefault(Scope(account_id, livemode), _ScopeTable())

        pointers = {(pointer.account_id, pointer.id): pointer for pointer in configuration.pointers}
        for gateway in configuration.gateways:
            pointer = pointers.get((gateway.account_id, gateway.id))
            if pointer is None:
                complaints.append(f"gateway {gateway.id} is not used: no release serves it")
                continue
            serving = _serving(gateway, pointer, prepared)
            if serving is not None:
                _place(table(gateway.account_id, gateway.livemode), serving)
        for rule in configuration.rules:
            table(rule.account_id, rule.livemode).rules.append(rule)
        for health in configuration.health:
            table(health.account_id, health.livemode).health[health.id] = health
        for refusal in configuration.refusals:
            table(refusal.account_id, refusal.livemode).refusals.append(refusal)
        for complaint in complaints:
            if complaint not in self._complaints:
                _log.error("%s", complaint)
        self._prepared = prepared
        self._scopes = scopes
        self._accounts = {
            (scope.account_id, gateway_id): serving
            for scope, place in scopes.items()
            for gateway_id, serving in place.serving.items()
        }
        self._complaints = tuple(complaints)

    async def _prepare(self, configuration: Configuration, complaints: list[str]) -> _Prepared:
        """Return every release that pointers name, ready to run; what was prepared before is not decrypted again."""
        gateways = {(gateway.account_id, gateway.id): gateway for gateway in configuration.gateways}
        prepared: _Prepared = {}
        missing: list[tuple[Gateway, Release]] = []
        for release in configuration.releases:
            gateway = gateways.get((release.account_id, release.gateway_id))
            if gateway is None:
                continue
            known = self._prepared.get((release.account_id, release.id))
            if known is None:
                missing.append((gateway, release))
            else:
                prepared[release.account_id, release.id] = renamed(known, gateway)
        found = await prepare_all(self._database, self._envelope, missing)
        for gateway, release in missing:
            ready = found[release.account_id, release.id]
            if isinstance(ready, ReadyGateway):
                prepared[release.account_id, release.id] = ready
            else:
                complaints.append(f"gateway {gateway.id} does not use release {release.id}: {ready}")
        return prepared


def _serving(gateway: Gateway, pointer: Pointer, prepared: _Prepared) -> _Serving | None:
    stable = prepared.get((gateway.account_id, pointer.stable_release_id))
    if stable is None:
        return None
    on_trial = prepared.get((gateway.account_id, pointer.trial_release_id or ""))
    trial = None
    if on_trial is not None:
        arm = CANDIDATE if pointer.trial_kind is TrialKind.CANARY else HOLDBACK
        trial = Trial(
            route=on_trial.route,
            share_ppm=pointer.share_ppm,
            salt=pointer.salt,
            arm=arm,
            takes_the_same=msgspec.structs.replace(on_trial.route, release_id=stable.route.release_id) == stable.route,
        )
    return _Serving(pointer, stable, on_trial, trial)


def _place(table: _ScopeTable, serving: _Serving) -> None:
    gateway_id = serving.pointer.id
    table.serving[gateway_id] = serving
    table.routes.append(serving.stable.route)
    if serving.trial is not None:
        table.trials[gateway_id] = serving
