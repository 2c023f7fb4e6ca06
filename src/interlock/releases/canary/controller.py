"""The canary controller: a restart-safe loop over pure judging. Called by the worker, in one process at a time.

Each pass reads what rows say, judges, and acts by one compare-and-set. It keeps nothing that a row does not hold:
killed at any instant, the next one goes on from the checkpoint. While it is dead no process sends anything to a release
on trial, because its beat stands still.
"""

import logging
from collections.abc import Awaitable
from textwrap import shorten

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.crashpoints import reach
from interlock.base.problems import Problem
from interlock.releases.canary.judging import Continue, Hold, Promote, RollBack, Verdict
from interlock.releases.canary.memory import Memory
from interlock.releases.canary.reporting import canary_report
from interlock.releases.canary.watching import look, open_memory, recent, share_for
from interlock.releases.gates.types import GateReport
from interlock.releases.rollouts import Rollouts
from interlock.releases.types import CONTROLLER, NO_WORSE, TRIALS, Actor, StoredTrial, TrialState
from interlock.routing import store as routing_store
from interlock.routing.releases import Pointer, TrialKind
from interlock.storage.database import Database
from interlock.storage.writes import Committed, Update

_log = logging.getLogger("interlock.releases")
_ACTOR = Actor(CONTROLLER, verified=True)
BEAT_EVERY_MS = 500
_CHECKPOINT_EVERY_MS = 2_000
_PATIENT_EVERY_MS = 5_000
_SHARE_EVERY_MS = 10_000
_SHARE_CHANGES_BY = 0.25
_VERDICT_MAX = 500


class _Watched(msgspec.Struct):
    """A trial in this process, and when what was last done for it."""

    memory: Memory
    version: int
    beat_ms: int = 0
    checkpoint_ms: int = 0
    patient_ms: int = 0
    share_ms: int = 0
    verdict: str = ""


class CanaryController:
    """Watches every running trial. One per installation at a time (an exclusive loop of the worker)."""

    def __init__(self, database: Database, rollouts: Rollouts, clock: Clock) -> None:
        """Act through the same use cases as people."""
        self._database = database
        self._rollouts = rollouts
        self._clock = clock
        self._watched: dict[str, _Watched] = {}

    async def run_once(self) -> int:
        """Look at every running trial once; return how many there are. One that fails keeps up no other."""
        trials = await self._rollouts.store.running_trials()
        self._watched = {trial.id: self._watched[trial.id] for trial in trials if trial.id in self._watched}
        for trial in trials:
            try:
                await self._watch(trial)
            except Exception:  # noqa: BLE001 - one trial's failure must not keep up the others
                # Without its beat the trial takes no payments: that is the safe side of any bug here.
                _log.exception("trial %s of release %s cannot be watched", trial.id, trial.release_id)
                self._watched.pop(trial.id, None)
        return len(trials)

    async def _watch(self, trial: StoredTrial) -> None:
        scope, now_ms = Scope(trial.account_id, trial.livemode), self._clock.now_ms()
        pointer = await self._rollouts.store.pointer(scope, trial.gateway_id)
        if isinstance(pointer, Problem) or not _is_of(trial, pointer):
            await self._end_stray(trial, now_ms)
            return
        watched = self._watched.get(trial.id)
        if watched is None or watched.version != trial.version:
            # New here, or another process wrote a checkpoint meanwhile: its row is the truth.
            watched = _Watched(memory=await open_memory(self._database, trial), version=trial.version)
            self._watched[trial.id] = watched
        patient = now_ms - watched.patient_ms >= _PATIENT_EVERY_MS
        verdict = await look(self._database, trial, watched.memory, now_ms, patient=patient)
        if patient:
            watched.patient_ms = now_ms
        reach("canary.judged")
        if await self._act(scope, trial, verdict, watched, now_ms):
            return
        await self._keep(trial, watched, verdict, now_ms)
        if now_ms - watched.share_ms >= _SHARE_EVERY_MS:
            watched.share_ms = now_ms
            await self._fit_share(scope, trial, pointer, now_ms)
        if now_ms - watched.beat_ms >= BEAT_EVERY_MS:
            watched.beat_ms = now_ms
            await routing_store.write_beat(self._database, pointer)

    # Acting

    async def _act(self, scope: Scope, trial: StoredTrial, verdict: Verdict, watched: _Watched, now_ms: int) -> bool:
        """Do what the verdict asks for; return True when the trial is over."""
        if isinstance(verdict, RollBack):
            _log.warning("release %s is rolled back: %s", trial.release_id, verdict.reason)
            return await self._done(
                trial,
                self._rollouts.roll_back(
                    scope, trial.release_id, _ACTOR, verdict.reason, report=_report(trial, watched, verdict)
                ),
            )
        if trial.kind is TrialKind.HOLDBACK:
            if now_ms - trial.created_at_ms < trial.plan.holdback_ms:
                return False
            why = f"hold-back over: {verdict.reason}"
            return await self._done(
                trial,
                self._rollouts.end_holdback(
                    scope, trial.release_id, _ACTOR, why, report=_report(trial, watched, verdict)
                ),
            )
        if isinstance(verdict, Promote):
            return await self._promote(scope, trial, verdict, watched, now_ms)
        return False

    async def _promote(
        self, scope: Scope, trial: StoredTrial, verdict: Promote, watched: _Watched, now_ms: int
    ) -> bool:
        if trial.plan.waits_for_person:
            return False  # a person's ``promote`` finds the verdict in the row
        # The row says so before the pointer moves: killed in between, the next controller finds the trial running and
        # judges again, and a person who promotes is believed.
        if not await self._keep(trial, watched, verdict, now_ms):
            return False
        reach("canary.passed")
        return await self._done(
            trial,
            self._rollouts.promote(
                scope, trial.release_id, _ACTOR, verdict.reason, report=_report(trial, watched, verdict)
            ),
        )

    async def _done(self, trial: StoredTrial, acting: Awaitable[object]) -> bool:
        result = await acting
        if isinstance(result, Problem):
            # Somebody else moved the pointer at the same moment; the next pass sees what they made of it.
            _log.info("trial %s: %s", trial.id, result.message)
            return False
        reach("canary.acted")
        return True

    async def _fit_share(self, scope: Scope, trial: StoredTrial, pointer: Pointer, now_ms: int) -> None:
        """Give the canary the share that its rate and latency allow; a hold-back keeps its own."""
        if trial.kind is TrialKind.HOLDBACK:
            return
        lately = await recent(self._database, trial, now_ms)
        exposure = share_for(trial, lately)
        if abs(exposure.share_ppm - pointer.share_ppm) <= _SHARE_CHANGES_BY * pointer.share_ppm:
            return
        why = f"{lately.rate_per_s:.3g} payments/s of {lately.latency_s:.3g} s: bound by {exposure.bound_by}"
        problem = await self._rollouts.set_share(scope, pointer, exposure.share_ppm, _ACTOR, why)
        if problem is not None:
            _log.info("share of trial %s not changed: %s", trial.id, problem.message)

    # Keeping

    async def _keep(self, trial: StoredTrial, watched: _Watched, verdict: Verdict, now_ms: int) -> bool:
        """Write a checkpoint now and then, and at once when the verdict turns; return False when it was refused."""
        turned = type(verdict).__name__ != watched.verdict
        if not turned and now_ms - watched.checkpoint_ms < _CHECKPOINT_EVERY_MS:
            return True
        if turned and isinstance(verdict, Hold):
            _log.warning("trial of release %s is inconclusive: %s", trial.release_id, verdict.reason)
        checkpoint = watched.memory.checkpoint
        kept = msgspec.structs.replace(
            trial,
            version=watched.version + 1,
            verdict=shorten(f"{_word(verdict)}: {verdict.reason}", _VERDICT_MAX, placeholder=" …"),
            cursor=checkpoint.cursor,
            memory=msgspec.to_builtins(checkpoint),
            changed_at_ms=now_ms,
        )
        if isinstance(await self._database.commit([Update(TRIALS, kept)]), Committed):
            watched.version, watched.checkpoint_ms, watched.verdict = kept.version, now_ms, type(verdict).__name__
            return True
        self._watched.pop(trial.id, None)
        return False

    async def _end_stray(self, trial: StoredTrial, now_ms: int) -> None:
        """Close a trial whose pointer has gone on without it (a crash between two commits cannot leave one; a person
        at the database can)."""
        ended = msgspec.structs.replace(
            trial,
            version=trial.version + 1,
            state=TrialState.ABORTED,
            verdict="its gateway's pointer names other releases",
            changed_at_ms=now_ms,
        )
        await self._database.commit([Update(TRIALS, ended)])


def _is_of(trial: StoredTrial, pointer: Pointer) -> bool:
    if pointer.trial_kind is not trial.kind:
        return False
    if trial.kind is TrialKind.CANARY:
        return pointer.trial_release_id == trial.release_id
    return pointer.stable_release_id == trial.release_id and pointer.trial_release_id == trial.against_release_id


def _report(trial: StoredTrial, watched: _Watched, verdict: Verdict) -> GateReport:
    return canary_report(trial, watched.memory.canary, verdict)


def _word(verdict: Verdict) -> str:
    return {Continue: "collecting", Hold: "inconclusive", Promote: NO_WORSE, RollBack: "worse"}[type(verdict)]
