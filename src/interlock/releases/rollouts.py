"""Moving the pointer: canary, promotion, rollback. Each is one compare-and-set together with its journal entry.

Called by ``cli``, ``api`` and the canary controller. Processes hear of it by push and by their poll; none of them needs
to be reached for a rollback to hold, because a trial is sent to only while its pointer is seen.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.errors import StorageError
from interlock.base.ids import new_id, new_secret
from interlock.base.problems import Problem, invalid
from interlock.releases.evidence import examined, new_evidence
from interlock.releases.gates.types import GateReport
from interlock.releases.machine import Trigger, next_state
from interlock.releases.store import CHANGED, ReleaseStore
from interlock.releases.takeover import takes_over
from interlock.releases.types import EVIDENCE, NO_WORSE, TRIALS, Actor, Plan, StoredTrial, TrialState
from interlock.routing import store as routing_store
from interlock.routing.journal import Entry
from interlock.routing.releases import POINTERS, RELEASES, Pointer, Release, ReleaseState, TrialKind
from interlock.routing.types import Gateway
from interlock.storage.database import Database
from interlock.storage.writes import Insert, Update, Write

replace = msgspec.structs.replace
_log = logging.getLogger("interlock.releases")
POINTER_CHANNEL = "interlock_pointers"
_PUSH = "SELECT pg_notify($1, $2)"
_SALT_CHARACTERS = 16
_INSISTS = 6
_INSIST_PAUSE_S = 0.01
FIRST_SHARE_PPM = 10_000
"""What a trial starts with; the controller raises it to the plan's as the exposure limit allows."""


class _Place(msgspec.Struct, frozen=True):
    """A release with its gateway and pointer, read together."""

    gateway: Gateway
    pointer: Pointer
    release: Release


class Rollouts:
    """Use cases that move pointers. One per process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Write to ``database``."""
        self.store = ReleaseStore(database)
        self._clock = clock

    # Canary

    async def start_canary(
        self, scope: Scope, release_id: str, actor: Actor, why: str, plan: Plan
    ) -> Release | Problem:
        """Let an approved release take a sliver of payments, watched by the controller."""
        place = await self._place(scope, release_id)
        if isinstance(place, Problem):
            return place
        pointer, release = place.pointer, place.release
        state = next_state(release.state, Trigger.STARTED)
        if state is None:
            return _wrong_state(release, "start a canary")
        if pointer.trial_release_id is not None:
            return invalid(
                f"Release {pointer.trial_release_id} is on trial at this gateway; end that first.", code="trial_running"
            )
        stable = await self.store.release(scope, pointer.stable_release_id)
        if isinstance(stable, Problem):
            return stable
        now_ms = self._clock.now_ms()
        trial = _new_trial(release, stable.id, TrialKind.CANARY, plan, now_ms)
        moved = replace(
            _on_trial(pointer, release.id, TrialKind.CANARY, min(FIRST_SHARE_PPM, plan.share_ppm), now_ms),
            takes_over=await self._takes_over(place.gateway, stable),
        )
        writes = [_update(release, state, now_ms), Update(POINTERS, moved), Insert(TRIALS, trial)]
        facts = {"gateway": pointer.id, "trial": trial.id, "share_ppm": moved.share_ppm, "epoch": moved.version}
        entry = Entry(actor=actor.name, action="canary.started", subject=release.id, why=why, facts=facts)
        return await self._commit(scope, writes, [entry], now_ms) or replace(release, state=state)

    async def set_share(self, scope: Scope, pointer: Pointer, share_ppm: int, actor: Actor, why: str) -> Problem | None:
        """Change the share of the running trial."""
        now_ms = self._clock.now_ms()
        moved = replace(pointer, version=pointer.version + 1, share_ppm=share_ppm, changed_at_ms=now_ms)
        facts = {"gateway": pointer.id, "from_ppm": pointer.share_ppm, "to_ppm": share_ppm, "epoch": moved.version}
        subject = pointer.trial_release_id or pointer.id
        entry = Entry(actor=actor.name, action="trial.share_changed", subject=subject, why=why, facts=facts)
        return await self._commit(scope, [Update(POINTERS, moved)], [entry], now_ms)

    # Promotion

    async def promote(
        self,
        scope: Scope,
        release_id: str,
        actor: Actor,
        why: str,
        *,
        break_glass: bool = False,
        report: GateReport | None = None,
    ) -> Release | Problem:
        """Make the candidate stable and keep a hold-back arm on the release before it.

        Args:
            scope: account and mode.
            release_id: the candidate; approved is enough where the glass is broken.
            actor: who; the controller once the evidence is in.
            why: for the journal.
            break_glass: without evidence, without a canary.
            report: what the trial found, kept in the same commit.

        """
        place = await self._place(scope, release_id)
        if isinstance(place, Problem):
            return place
        release = place.release
        running = await self._running(release)
        passed = running is not None and _is_in(running)
        if release.state is ReleaseState.CANARY and not (passed or break_glass):
            return invalid(
                "The canary has not shown yet that this release is no worse; see `interlock release show`, or break "
                "the glass with a reason.",
                code="evidence_open",
            )
        if release.state is ReleaseState.APPROVED and not break_glass:
            return _wrong_state(release, "promote")
        if break_glass and not why.strip():
            return invalid("Breaking the glass needs a reason.", param="why")
        return await self._promoted(place, running, actor, why, break_glass=break_glass, report=report)

    async def install(self, scope: Scope, release_id: str, actor: Actor, why: str) -> Release | Problem:
        """Make an approved release stable at once, without a canary: for gateways that no shopper uses (sandboxes)."""
        if scope.livemode:
            return invalid("A live release passes the canary.", code="wrong_mode")
        place = await self._place(scope, release_id)
        if isinstance(place, Problem):
            return place
        return await self._promoted(place, None, actor, why, break_glass=False)

    async def _promoted(
        self,
        place: _Place,
        running: StoredTrial | None,
        actor: Actor,
        why: str,
        *,
        break_glass: bool,
        report: GateReport | None = None,
    ) -> Release | Problem:
        pointer, release, scope = place.pointer, place.release, place.gateway.scope
        trigger = Trigger.PROMOTED if release.state is ReleaseState.CANARY else Trigger.INSTALLED
        state = next_state(release.state, trigger)
        stable = await self.store.release(scope, pointer.stable_release_id)
        if state is None:
            return _wrong_state(release, "promote")
        if isinstance(stable, Problem):
            return stable
        now_ms = self._clock.now_ms()
        plan = None if running is None else running.plan
        moved = replace(
            _served(pointer, release.id, now_ms),
            previous_release_id=stable.id,
            takes_over=await self._takes_over(place.gateway, release),
        )
        writes: list[Write] = [_update(release, state, now_ms), _update(stable, ReleaseState.SUPERSEDED, now_ms)]
        if running is not None:
            writes.append(Update(TRIALS, _ended(running, TrialState.PASSED, why, now_ms)))
        if plan is not None and plan.holdback_ppm and plan.holdback_ms and not break_glass:
            holdback = _new_trial(release, stable.id, TrialKind.HOLDBACK, plan, now_ms)
            moved = replace(
                _on_trial(moved, stable.id, TrialKind.HOLDBACK, plan.holdback_ppm, now_ms), version=moved.version
            )
            writes.append(Insert(TRIALS, holdback))
        writes.append(Update(POINTERS, moved))
        facts = {"gateway": pointer.id, "was": stable.id, "epoch": moved.version, "break_glass": break_glass}
        entry = Entry(actor=actor.name, action="release.promoted", subject=release.id, why=why, facts=facts)
        return await self._end(release, writes, entry, report, now_ms) or replace(release, state=state)

    # The way back

    async def roll_back(
        self, scope: Scope, release_id: str, actor: Actor, why: str, *, report: GateReport | None = None
    ) -> Release | Problem:
        """Take a release out of service at once: a candidate gives way to stable, stable to the release before it.

        ``report`` is what its trial found, kept in the same commit. A checkpoint or a share that is written at the same
        moment does not put it off.
        """
        return await _insist(lambda: self._rolled_back(scope, release_id, actor, why, report))

    async def _rolled_back(
        self, scope: Scope, release_id: str, actor: Actor, why: str, report: GateReport | None
    ) -> Release | Problem:
        place = await self._place(scope, release_id)
        if isinstance(place, Problem):
            return place
        if place.release.state is ReleaseState.CANARY:
            return await self._trial_ended(scope, release_id, actor, why, TrialState.FAILED, report)
        if place.release.state is not ReleaseState.STABLE:
            return _wrong_state(place.release, "roll back")
        return await self._restored(place, actor, why, report)

    async def end_trial(
        self,
        scope: Scope,
        release_id: str,
        actor: Actor,
        why: str,
        outcome: TrialState,
        *,
        report: GateReport | None = None,
    ) -> Release | Problem:
        """End a canary: failed (rolled back) or aborted by a person; ``report`` as in :meth:`roll_back`."""
        return await _insist(lambda: self._trial_ended(scope, release_id, actor, why, outcome, report))

    async def _trial_ended(
        self, scope: Scope, release_id: str, actor: Actor, why: str, outcome: TrialState, report: GateReport | None
    ) -> Release | Problem:
        place = await self._place(scope, release_id)
        if isinstance(place, Problem):
            return place
        pointer, release = place.pointer, place.release
        trigger = Trigger.ROLLED_BACK if outcome is TrialState.FAILED else Trigger.ABORTED
        state = next_state(release.state, trigger)
        if state is None or pointer.trial_release_id != release.id:
            return _wrong_state(release, "end the trial of")
        now_ms = self._clock.now_ms()
        moved = _without_trial(pointer, now_ms)
        writes: list[Write] = [_update(release, state, now_ms), Update(POINTERS, moved)]
        running = await self._running(release)
        if running is not None:
            writes.append(Update(TRIALS, _ended(running, outcome, why, now_ms)))
        action = "release.rolled_back" if outcome is TrialState.FAILED else "release.aborted"
        facts = {"gateway": pointer.id, "stable": pointer.stable_release_id, "epoch": moved.version}
        entry = Entry(actor=actor.name, action=action, subject=release.id, why=why, facts=facts)
        problem = await self._end(release, writes, entry, report, now_ms)
        await self._end_beat(scope, pointer.id)
        return problem or replace(release, state=state)

    async def end_holdback(
        self, scope: Scope, release_id: str, actor: Actor, why: str, *, report: GateReport | None = None
    ) -> Release | Problem:
        """Let the stable release take everything: the hold-back arm has shown nothing against it; ``report`` as in
        :meth:`roll_back`."""
        place = await self._place(scope, release_id)
        if isinstance(place, Problem):
            return place
        pointer, release = place.pointer, place.release
        if pointer.trial_kind is not TrialKind.HOLDBACK or pointer.stable_release_id != release.id:
            return _wrong_state(release, "end the hold-back of")
        now_ms = self._clock.now_ms()
        moved = _without_trial(pointer, now_ms)
        writes: list[Write] = [Update(POINTERS, moved)]
        running = await self._running(release)
        if running is not None:
            writes.append(Update(TRIALS, _ended(running, TrialState.PASSED, why, now_ms)))
        facts = {"gateway": pointer.id, "epoch": moved.version}
        entry = Entry(actor=actor.name, action="holdback.ended", subject=release.id, why=why, facts=facts)
        problem = await self._end(release, writes, entry, report, now_ms)
        await self._end_beat(scope, pointer.id)
        return problem or release

    async def _restored(self, place: _Place, actor: Actor, why: str, report: GateReport | None) -> Release | Problem:
        pointer, release, scope = place.pointer, place.release, place.gateway.scope
        if pointer.previous_release_id is None:
            return invalid("There is no release before this one: disable the gateway instead.", code="no_way_back")
        previous = await self.store.release(scope, pointer.previous_release_id)
        if isinstance(previous, Problem):
            return previous
        restored = next_state(previous.state, Trigger.RESTORED)
        if restored is None:
            return _wrong_state(previous, "restore")
        now_ms = self._clock.now_ms()
        moved = replace(
            _served(pointer, previous.id, now_ms),
            previous_release_id=None,
            takes_over=await self._takes_over(place.gateway, previous),
        )
        writes: list[Write] = [
            _update(release, ReleaseState.ROLLED_BACK, now_ms),
            _update(previous, restored, now_ms),
            Update(POINTERS, moved),
        ]
        running = await self._running(release)
        if running is not None:
            writes.append(Update(TRIALS, _ended(running, TrialState.FAILED, why, now_ms)))
        facts = {"gateway": pointer.id, "restored": previous.id, "epoch": moved.version}
        entry = Entry(actor=actor.name, action="release.rolled_back", subject=release.id, why=why, facts=facts)
        problem = await self._end(release, writes, entry, report, now_ms)
        await self._end_beat(scope, pointer.id)
        return problem or replace(release, state=ReleaseState.ROLLED_BACK)

    # Together

    async def _place(self, scope: Scope, release_id: str) -> _Place | Problem:
        release = await self.store.release(scope, release_id)
        if isinstance(release, Problem):
            return release
        gateway = await self.store.gateway(scope, release.gateway_id)
        pointer = await self.store.pointer(scope, release.gateway_id)
        if isinstance(gateway, Problem):
            return gateway
        return pointer if isinstance(pointer, Problem) else _Place(gateway, pointer, release)

    async def _running(self, release: Release) -> StoredTrial | None:
        """Return the release's trial that has not been ended by a move of the pointer."""
        trials = await self.store.trials(release)
        open_states = {TrialState.RUNNING, TrialState.PASSED}
        return next((trial for trial in trials[:1] if trial.state in open_states), None)

    async def _takes_over(self, gateway: Gateway, serving: Release) -> tuple[str, ...]:
        others = await self.store.releases(gateway.scope, gateway.id)
        return takes_over(serving, others, await self.store.certificates(gateway))

    async def _end(
        self, release: Release, writes: list[Write], entry: Entry, report: GateReport | None, now_ms: int
    ) -> Problem | None:
        """Commit the end of a trial with its evidence: killed at any instant, neither stands without the other."""
        scope, entries = Scope(release.account_id, release.livemode), [entry]
        if report is not None:
            found = new_evidence(release, report, now_ms)
            writes, entries = [*writes, Insert(EVIDENCE, found)], [entry, examined(found, entry.actor)]
        return await self._commit(scope, writes, entries, now_ms)

    async def _commit(
        self, scope: Scope, writes: Sequence[Write], entries: Sequence[Entry], now_ms: int
    ) -> Problem | None:
        problem = await self.store.commit(scope, writes, entries, now_ms)
        if problem is None:
            await self._push(scope)
        return problem

    async def _push(self, scope: Scope) -> None:
        """Hurry every process; those that do not hear it look by themselves four times a second."""
        try:
            await self.store.database.execute(_PUSH, POINTER_CHANNEL, scope.account_id)
        except StorageError as error:
            _log.info("pointer moved without a push: %s", type(error).__name__)

    async def _end_beat(self, scope: Scope, gateway_id: str) -> None:
        try:
            await routing_store.end_beat(self.store.database, scope.account_id, gateway_id)
        except StorageError as error:  # a beat of an epoch that is over is believed by nobody
            _log.info("the beat of %s stays: %s", gateway_id, type(error).__name__)


async def _insist(act: Callable[[], Awaitable[Release | Problem]]) -> Release | Problem:
    """Do ``act``, which reads anew what it changes, again while somebody else changes the same rows.

    The controller writes a checkpoint every two seconds: the way back must not depend on not meeting it.
    """
    for number in range(_INSISTS):
        result = await act()
        if result != CHANGED:
            return result
        await asyncio.sleep(number * _INSIST_PAUSE_S)
    return CHANGED


def _update(release: Release, state: ReleaseState, now_ms: int) -> Write:
    return Update(RELEASES, replace(release, version=release.version + 1, state=state, changed_at_ms=now_ms))


def _on_trial(pointer: Pointer, release_id: str, kind: TrialKind, share_ppm: int, now_ms: int) -> Pointer:
    # A salt of its own for every trial: who was on the sliver last time must not be on it again.
    return replace(
        pointer,
        version=pointer.version + 1,
        trial_release_id=release_id,
        trial_kind=kind,
        trial_since_ms=now_ms,
        share_ppm=share_ppm,
        salt=new_secret(_SALT_CHARACTERS),
        changed_at_ms=now_ms,
    )


def _without_trial(pointer: Pointer, now_ms: int) -> Pointer:
    return replace(
        pointer,
        version=pointer.version + 1,
        trial_release_id=None,
        trial_kind=None,
        trial_since_ms=None,
        share_ppm=0,
        changed_at_ms=now_ms,
    )


def _served(pointer: Pointer, release_id: str, now_ms: int) -> Pointer:
    return replace(_without_trial(pointer, now_ms), stable_release_id=release_id)


def _new_trial(release: Release, against_id: str, kind: TrialKind, plan: Plan, now_ms: int) -> StoredTrial:
    memory: dict[str, Any] = {}
    return StoredTrial(
        account_id=release.account_id,
        id=new_id("trial", now_ms),
        livemode=release.livemode,
        version=1,
        created_at_ms=now_ms,
        gateway_id=release.gateway_id,
        release_id=release.id,
        against_release_id=against_id,
        kind=kind,
        plan=plan,
        state=TrialState.RUNNING,
        verdict="collecting: no outcome yet",
        cursor="",
        memory=memory,
        changed_at_ms=now_ms,
    )


def _ended(trial: StoredTrial, state: TrialState, why: str, now_ms: int) -> StoredTrial:
    return replace(trial, version=trial.version + 1, state=state, verdict=why[:500], changed_at_ms=now_ms)


def _is_in(trial: StoredTrial) -> bool:
    """Return True when the evidence for a promotion is in: the trial's last word was that the release is no worse."""
    return trial.state is TrialState.PASSED or trial.verdict.startswith(f"{NO_WORSE}:")


def _wrong_state(release: Release, verb: str) -> Problem:
    return invalid(f"Cannot {verb} release {release.id}: it is {release.state}.", code="wrong_state")
