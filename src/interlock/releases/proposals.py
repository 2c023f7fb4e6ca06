"""Proposing a release, what its gates said, and its approval: everything before it takes money.

Called by ``cli`` and ``api``. A release is immutable and named by its content; proposing the same content again finds
the release that exists.
"""

import asyncio
import hmac
from collections.abc import Mapping

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.errors import ConfigurationError
from interlock.base.problems import Problem, invalid
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.package import MANIFEST_FILE, Package
from interlock.releases.evidence import examined, new_evidence
from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.releases.inspection import inspect
from interlock.releases.machine import Trigger, next_state
from interlock.releases.store import ReleaseStore, latest
from interlock.releases.types import EVIDENCE, Actor, Evidence
from interlock.routing import store as routing_store
from interlock.routing.credentials import open_credential, seal_credential
from interlock.routing.installing import new_release, stored_package
from interlock.routing.journal import Entry
from interlock.routing.releases import CREDENTIALS, PACKAGES, RELEASES, Release, ReleaseState, StoredCredential
from interlock.routing.types import Gateway
from interlock.storage.database import Database
from interlock.storage.writes import Insert, Update, Write
from interlock.vault.envelope import Envelope

replace = msgspec.structs.replace
STATIC_GATES = (Gate.LINT, Gate.CONTRACT, Gate.CERTIFY, Gate.SHADOW)
"""What must be passed before real money is tried, in order."""
_KNOWN_SECRETS_MAX = 20
"""So many of the newest secrets of a name are compared with one that is given."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What is proposed for a gateway: a package, settings and credentials that differ from what serves.

    ``package`` None keeps the connector that serves, ``settings`` are merged over those that serve (a value of None
    removes one), ``credentials`` are new secrets in clear by name; the others are referred to as they are.
    ``expiries_ms`` says when new credentials end, where that is known.
    """

    package: Package | None = None
    settings: Mapping[str, str | None] = {}
    credentials: Mapping[str, str] = {}
    expiries_ms: Mapping[str, int] = {}
    note: str
    specification_hash: str | None = None

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return f"Proposal({self.package}, settings={sorted(self.settings)}, credentials={sorted(self.credentials)})"

    __str__ = __repr__


class Proposals:
    """Use cases before the canary. One per process."""

    def __init__(self, database: Database, envelope: Envelope, clock: Clock) -> None:
        """Write to ``database``; seal new credentials with ``envelope``."""
        self.store = ReleaseStore(database)
        self._envelope = envelope
        self._clock = clock

    async def propose(self, scope: Scope, gateway_id: str, proposal: Proposal, actor: Actor) -> Release | Problem:
        """Store a release of what serves with what the proposal changes; nothing of it takes money yet.

        Raises:
            ConfigurationError: the manifest, a setting or a credential is wrong (named, with a remedy).
            VaultError: a stored credential cannot be opened.

        """
        if scope.livemode and not actor.verified:
            return _unproven("propose")
        gateway = await self.store.gateway(scope, gateway_id)
        if isinstance(gateway, Problem):
            return gateway
        pointer = await self.store.pointer(scope, gateway.id)
        base = pointer if isinstance(pointer, Problem) else await self.store.release(scope, pointer.stable_release_id)
        if isinstance(base, Problem):
            return base
        package = proposal.package or await self.store.package(base)
        if isinstance(package, Problem):
            return package
        return await self._store(gateway, base, package, proposal, actor)

    async def _store(
        self, gateway: Gateway, base: Release, package: Package, proposal: Proposal, actor: Actor
    ) -> Release | Problem:
        now_ms, scope = self._clock.now_ms(), gateway.scope
        settings = merged(base.settings, proposal.settings)
        kept = await self._credentials(base)
        clear = {name: open_credential(self._envelope, stored) for name, stored in kept.items()}
        config = ConnectorConfig(
            livemode=scope.livemode, settings=settings, credentials={**clear, **proposal.credentials}
        )
        is_stored = await self.store.has_package(scope.account_id, package.id)
        _same_connector(gateway, await inspect(package, config, loads=not is_stored))
        changed = {name: value for name, value in proposal.credentials.items() if clear.get(name) != value}
        given = [
            await self._given(gateway, name, value, proposal.expiries_ms.get(name), now_ms)
            for name, value in sorted(changed.items())
        ]
        release = new_release(
            gateway,
            package.id,
            settings,
            {name: stored.id for name, stored in kept.items()} | {stored.name: stored.id for stored, _ in given},
            note=proposal.note,
            proposed_by=actor.name,
            base=base.id,
            specification_hash=proposal.specification_hash,
            now_ms=now_ms,
        )
        known = await self.store.release(scope, release.id)
        if isinstance(known, Release):
            return await self._propose_again(known, actor, proposal.note)
        writes: list[Write] = [Insert(CREDENTIALS, stored) for stored, is_new in given if is_new]
        if not is_stored:
            # In a thread: compressing a large package takes longer than payments should wait.
            row = await asyncio.to_thread(stored_package, scope, package, gateway.connector, now_ms)
            writes.append(Insert(PACKAGES, row))
        facts = {"gateway": gateway.id, "package": package.id, "base": base.id, "credentials": sorted(changed)}
        entry = Entry(actor=actor.name, action="release.proposed", subject=release.id, why=proposal.note, facts=facts)
        writes.append(Insert(RELEASES, release))
        return await self.store.commit(scope, writes, [entry], now_ms) or release

    async def _given(
        self, gateway: Gateway, name: str, value: str, expires_at_ms: int | None, now_ms: int
    ) -> tuple[StoredCredential, bool]:
        """Return a secret's row and whether it is new: a secret given twice is one, or its release would be two."""
        for known in await self.store.credentials_called(gateway, name, _KNOWN_SECRETS_MAX):
            same = hmac.compare_digest(open_credential(self._envelope, known).encode(), value.encode())
            if same and known.expires_at_ms == expires_at_ms:
                return known, False
        fresh = seal_credential(self._envelope, gateway.scope, gateway.id, name, value, now_ms, expires_at_ms)
        return fresh, True

    async def _propose_again(self, release: Release, actor: Actor, note: str) -> Release | Problem:
        state = next_state(release.state, Trigger.PROPOSED_AGAIN)
        if state is None:
            return invalid(f"This very release is {release.state} already ({release.id}).", code="release_exists")
        if state is release.state:
            return release
        return await self._move(release, state, "release.proposed_again", actor, note, {})

    async def subject_parts(self, release: Release) -> tuple[Package, ConnectorConfig, dict[str, int]] | Problem:
        """Return what the gates examine: package, configuration with secrets opened, expiries by credential.

        Raises:
            VaultError: a credential cannot be opened.

        """
        package = await self.store.package(release)
        if isinstance(package, Problem):
            return package
        stored = await self._credentials(release)
        config = ConnectorConfig(
            livemode=release.livemode,
            settings=release.settings,
            credentials={name: open_credential(self._envelope, one) for name, one in stored.items()},
        )
        expiries = {name: one.expires_at_ms for name, one in stored.items() if one.expires_at_ms is not None}
        return package, config, expiries

    async def _credentials(self, release: Release) -> dict[str, StoredCredential]:
        ids = list(release.credentials.values())
        stored = await routing_store.read_credentials(self.store.database, release.account_id, ids)
        absent = [name for name, one in release.credentials.items() if one not in stored]
        if absent:
            raise ConfigurationError(f"credentials.{absent[0]}", "is missing in the database", "give it again")
        return {name: stored[one] for name, one in release.credentials.items()}

    # Evidence

    async def record(self, scope: Scope, release_id: str, report: GateReport, actor: Actor) -> Release | Problem:
        """Keep what a gate found and move the release on: all gates passed, or one failed."""
        release = await self.store.release(scope, release_id)
        if isinstance(release, Problem):
            return release
        now_ms = self._clock.now_ms()
        found = new_evidence(release, report, now_ms)
        evidence = [found, *await self.store.evidence(release)]
        trigger = gates_trigger(evidence)
        state = None if trigger is None else next_state(release.state, trigger)
        moved = release if state is None else self._moved(release, state, now_ms)
        writes: list[Write] = [Insert(EVIDENCE, found)]
        if moved is not release:
            writes.append(Update(RELEASES, moved))
        entry = examined(found, actor.name)
        return await self.store.commit(scope, writes, [entry], now_ms) or moved

    # Approval

    async def approve(
        self,
        scope: Scope,
        release_id: str,
        actor: Actor,
        why: str,
        *,
        accept_inconclusive: bool = False,
        break_glass: bool = False,
    ) -> Release | Problem:
        """Let a release go on to the canary.

        Args:
            scope: account and mode.
            release_id: which.
            actor: another person than proposed it, in live mode, and proven.
            why: for the journal.
            accept_inconclusive: gates that could not judge do not hold it; ``why`` says why that is all right.
            break_glass: whatever the gates said and whoever asks; journalled as such.

        """
        release = await self.store.release(scope, release_id)
        if isinstance(release, Problem):
            return release
        evidence = await self.store.evidence(release)
        if break_glass:
            return await self._force(release, actor, why, evidence)
        problem = self._approval_problem(release, actor, evidence, accepts=accept_inconclusive)
        if problem is not None:
            return problem
        verdicts = {gate.value: one.verdict.value for gate, one in latest(evidence).items()}
        return await self._move(
            release, ReleaseState.APPROVED, "release.approved", actor, why, {"gates": verdicts}, approved_by=actor.name
        )

    def _approval_problem(
        self, release: Release, actor: Actor, evidence: list[Evidence], *, accepts: bool
    ) -> Problem | None:
        if release.livemode and not actor.verified:
            return _unproven("approve")
        if release.livemode and actor.name == release.proposed_by:
            return invalid(
                "Who proposed a release does not approve it in live mode: ask somebody else.", code="same_person"
            )
        if release.state is ReleaseState.GATED:
            return None
        if release.state is not ReleaseState.DRAFTED:
            return invalid(f"A release that is {release.state} cannot be approved.", code="wrong_state")
        open_gates = [
            gate.value for gate in STATIC_GATES if not _is_settled(latest(evidence).get(gate), accepts=accepts)
        ]
        if open_gates:
            named = ", ".join(open_gates)
            return invalid(f"Gates not passed: {named}. See `interlock release gates {release.id}`.", code="gates_open")
        return None

    async def _force(self, release: Release, actor: Actor, why: str, evidence: list[Evidence]) -> Release | Problem:
        state = next_state(release.state, Trigger.FORCED)
        if state is None:
            return invalid(f"A release that is {release.state} cannot be approved.", code="wrong_state")
        if not why.strip():
            return invalid("Breaking the glass needs a reason.", param="why")
        verdicts = {gate.value: one.verdict.value for gate, one in latest(evidence).items()}
        facts = {"gates": verdicts, "break_glass": True}
        return await self._move(release, state, "release.forced", actor, why, facts, approved_by=actor.name)

    async def abort(self, scope: Scope, release_id: str, actor: Actor, why: str) -> Release | Problem:
        """Reject a release that takes no money yet; one on trial is aborted by :class:`~.rollout.Rollouts`."""
        release = await self.store.release(scope, release_id)
        if isinstance(release, Problem):
            return release
        if release.state is ReleaseState.CANARY:
            return invalid("A canary is aborted with its pointer.", code="wrong_state")
        state = next_state(release.state, Trigger.ABORTED)
        if state is None:
            return invalid(f"A release that is {release.state} cannot be aborted.", code="wrong_state")
        return await self._move(release, state, "release.rejected", actor, why, {})

    async def _move(
        self,
        release: Release,
        state: ReleaseState,
        action: str,
        actor: Actor,
        why: str,
        facts: dict[str, object],
        approved_by: str | None = None,
    ) -> Release | Problem:
        now_ms = self._clock.now_ms()
        moved = self._moved(release, state, now_ms)
        if approved_by is not None:
            moved = replace(moved, approved_by=approved_by)
        entry = Entry(actor=actor.name, action=action, subject=release.id, why=why, facts=facts)
        scope = Scope(release.account_id, release.livemode)
        return await self.store.commit(scope, [Update(RELEASES, moved)], [entry], now_ms) or moved

    @staticmethod
    def _moved(release: Release, state: ReleaseState, now_ms: int) -> Release:
        return replace(release, version=release.version + 1, state=state, changed_at_ms=now_ms)


def merged(serving: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return the settings that serve with ``changes`` over them; None removes one."""
    together = {**serving, **changes}
    return {name: value for name, value in together.items() if value is not None}


def gates_trigger(evidence: list[Evidence]) -> Trigger | None:
    """Return what the newest evidence means together with the newest of the other gates: all passed, or one failed.

    What failed before a release was proposed again does not reject it while its gates run again.
    """
    verdicts = {gate: one.verdict for gate, one in latest(evidence).items() if gate in STATIC_GATES}
    if evidence and evidence[0].gate in STATIC_GATES and evidence[0].verdict is Verdict.FAILED:
        return Trigger.GATES_FAILED
    if all(verdicts.get(gate) is Verdict.PASSED for gate in STATIC_GATES):
        return Trigger.GATES_PASSED
    return None


def _is_settled(evidence: Evidence | None, *, accepts: bool) -> bool:
    if evidence is None:
        return False
    return evidence.verdict is Verdict.PASSED or (accepts and evidence.verdict is Verdict.INCONCLUSIVE)


def _same_connector(gateway: Gateway, name: str) -> None:
    if name != gateway.connector:
        raise ConfigurationError(
            f"{MANIFEST_FILE} name", f"is {name!r}, the gateway speaks {gateway.connector!r}", "name the right gateway"
        )


def _unproven(verb: str) -> Problem:
    return invalid(
        f"To {verb} a live release takes an operator's token: `interlock operators add NAME`, then "
        "INTERLOCK_OPERATOR_TOKEN.",
        code="operator_required",
        status=403,
    )
