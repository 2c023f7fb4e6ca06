"""What the controller knows of one trial: the judge's state, the attempts whose verdicts are open, how far it has read.

A checkpoint of it in the trial's row lets another process go on where this one died. Pure; used by ``watching``.
"""

import itertools
from collections.abc import Iterable

import msgspec

from interlock.releases.canary import plan as plans
from interlock.releases.canary.observing import (
    TrialAttempt,
    assignment_of,
    has_arrived,
    is_closed,
    verdicts,
)
from interlock.releases.canary.payers import Payers
from interlock.releases.canary.recording import (
    Canary,
    begin,
    record_arrival,
    record_assignment,
    record_outcome,
    remember,
)
from interlock.releases.canary.sparing import EVERYBODY, Sparing, is_kept, kept_share
from interlock.releases.canary.types import Assignment, Indicator, Observation
from interlock.releases.types import StoredTrial
from interlock.routing.releases import TrialKind
from interlock.routing.types import CANDIDATE

replace = msgspec.structs.replace
OPEN_MAX = 20_000
"""Attempts whose verdicts are waited for at most; of more, the oldest are let go and counted."""
_ALL = frozenset(Indicator)


class Waiting(msgspec.Struct):
    """An attempt whose verdicts are not all known. ``share_ppm`` is what it is judged with (``sparing``), None for its
    own."""

    heard: set[Indicator] = msgspec.field(default_factory=set)
    arrived: bool = False
    created_at_ms: int = 0
    share_ppm: int | None = None


class Checkpoint(msgspec.Struct):
    """What is kept in the trial's row. ``halvings`` says which part of the stable arm is read (``sparing``)."""

    canary: Canary
    cursor: str
    open: dict[str, Waiting]
    let_go: int = 0
    halvings: int = 0


class Memory:
    """One trial in this process."""

    def __init__(self, trial: StoredTrial, checkpoint: Checkpoint) -> None:
        """Go on from ``checkpoint``; the payers are told by :meth:`recall`."""
        self.kind = trial.kind
        self.checkpoint = checkpoint
        self.payers = Payers(halvings=checkpoint.canary.payer_halvings)
        self.looked_at_ms: int | None = None
        self.sparing = Sparing(halvings=checkpoint.halvings)
        self._overlap: dict[str, None] = {}

    @property
    def canary(self) -> Canary:
        """Return the judge's state."""
        return self.checkpoint.canary

    def spare(self, now_ms: int) -> str:
        """Fit the part of the stable arm that is read to what it had lately; return what payers' names come before."""
        if self.kind is not TrialKind.CANARY:
            return EVERYBODY
        self.sparing.tick(now_ms)
        self.checkpoint.halvings = self.sparing.halvings
        return self.sparing.names_below

    def recall(self, attempts: Iterable[TrialAttempt]) -> None:
        """Tell the register of payers what was taken in before the checkpoint, in the order of assignment."""
        for attempt in attempts:
            assignment = assignment_of(attempt, self.kind)
            if assignment is None or attempt.id in self._overlap:
                continue
            self._overlap[attempt.id] = None
            waiting = self.checkpoint.open.get(attempt.id)
            heard = _ALL if waiting is None else frozenset(waiting.heard)
            arrived = True if waiting is None else waiting.arrived
            remember(self.payers, assignment, verdicts=heard, arrived=arrived)

    def may_have_paid_unseen(self, attempt: TrialAttempt) -> bool:
        """Return True for a new payment of a payer whose payments on the other arm are not read."""
        if attempt.arm != CANDIDATE or attempt.payer is None or self.has_begun(attempt.id):
            return False
        if self.kind is not TrialKind.CANARY or attempt.id in self.checkpoint.open:
            return False
        return not is_kept(attempt.payer, kept_share(attempt.share_ppm, self.sparing.kept)[1])

    def pass_over(self, names: Iterable[str]) -> None:
        """Leave these attempts out: they are not the first of their payers."""
        self._overlap.update(dict.fromkeys(names))

    def has_begun(self, attempt_id: str) -> bool:
        """Return True for an attempt of the overlap that was taken in; what is open of it is waited for by name."""
        return attempt_id in self._overlap

    def take_in(self, attempt: TrialAttempt, now_ms: int) -> None:
        """Take in an attempt as its row stands now; what was taken in before changes nothing."""
        assignment = assignment_of(attempt, self.kind)
        if assignment is None:
            return
        waiting = self.checkpoint.open.get(attempt.id)
        if waiting is None:
            if attempt.id in self._overlap:
                return
            self._overlap[attempt.id] = None
            share_ppm = self._share_of(attempt, assignment)
            if share_ppm is None:
                return
            assignment = replace(assignment, share_ppm=share_ppm)
            self._begin(attempt, share_ppm)
            waiting = self.checkpoint.open[attempt.id]
            record_assignment(self.canary, assignment, self.payers)
        elif waiting.share_ppm is not None:
            assignment = replace(assignment, share_ppm=waiting.share_ppm)
        for indicator, bad in verdicts(attempt, now_ms):
            if indicator not in waiting.heard:
                waiting.heard.add(indicator)
                observation = Observation(assignment, indicator, bad)
                record_outcome(self.canary, observation, self.payers, heard_ms=now_ms)
        arrived = has_arrived(attempt, now_ms)
        if arrived is not None and not waiting.arrived:
            waiting.arrived = True
            record_arrival(self.canary, assignment, self.payers, missing=not arrived)
        if is_closed(attempt, now_ms):
            del self.checkpoint.open[attempt.id]

    def waiting_for(self, now_ms: int, *, patient: bool) -> list[str]:
        """Return the attempts to look at again: the young ones, all of them when ``patient``."""
        opened = self.checkpoint.open
        if patient:
            return list(opened)
        return [name for name, waiting in opened.items() if now_ms - waiting.created_at_ms < _YOUNG_MS]

    def advance(self, cursor: str, floor: str) -> None:
        """Note how far rows were read; what lies before ``floor`` will not be read as new again."""
        self.checkpoint.cursor = cursor
        # In the order of taking in, which is nearly that of names: what came late goes when its turn comes.
        for name in list(itertools.takewhile(lambda name: name <= floor, self._overlap)):
            del self._overlap[name]

    def _share_of(self, attempt: TrialAttempt, assignment: Assignment) -> int | None:
        """Return the share that a new payment is judged with, None for one that is left out."""
        if self.kind is not TrialKind.CANARY:
            return assignment.share_ppm  # money that comes back wrong from the new stable release must always be seen
        if attempt.payer is None:
            return assignment.share_ppm  # whoever has no name is read always, so the draw is compared as it was
        share_ppm, kept = kept_share(assignment.share_ppm, self.sparing.kept)
        if assignment.treated:
            return share_ppm
        if not is_kept(attempt.payer, kept):
            return None
        self.sparing.saw(attempt.created_at_ms)
        return share_ppm

    def _begin(self, attempt: TrialAttempt, share_ppm: int) -> None:
        opened = self.checkpoint.open
        if len(opened) >= OPEN_MAX:
            del opened[next(iter(opened))]
            self.checkpoint.let_go += 1
        opened[attempt.id] = Waiting(created_at_ms=attempt.created_at_ms, share_ppm=share_ppm)


_YOUNG_MS = 30_000


def first_memory(trial: StoredTrial) -> Memory:
    """Return the memory of a trial that nobody has looked at yet."""
    canary_kind = trial.kind is TrialKind.CANARY
    plan = plans.Plan(
        alpha=trial.plan.alpha,
        treated_name="the candidate" if canary_kind else "the new stable release",
        untreated_name="stable" if canary_kind else "the release held back",
    )
    return Memory(trial, Checkpoint(canary=begin(plan, began_ms=trial.created_at_ms), cursor="", open={}))


def memory_of(trial: StoredTrial) -> Memory:
    """Return what the trial's row remembers.

    A row that cannot be read begins anew: nothing is believed that is not there, and the trial takes longer.
    """
    if not trial.memory:
        return first_memory(trial)
    try:
        return Memory(trial, msgspec.convert(trial.memory, Checkpoint))
    except msgspec.ValidationError:
        return first_memory(trial)
