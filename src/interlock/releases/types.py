"""Values and tables of releases: who acts, what the gates found, how a trial is run."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec

from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.routing.releases import Pointer, Release, TrialKind
from interlock.storage.tables import AS_TEXT, Table

CONTROLLER = "controller"
NO_WORSE = "no worse"
"""What the verdict of a running trial begins with once the evidence for its promotion is in."""


class Actor(msgspec.Struct, frozen=True):
    """Who changes something. ``verified`` says that a token proved it: live mode goes by proven names only."""

    name: str
    verified: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a trial is run.

    ``share_ppm`` is the most that it may take (the exposure limit may ask for less); ``alpha`` bounds the chance to
    roll an innocent release back; ``waits_for_person`` leaves the promotion to somebody although the evidence is in.
    ``holdback_ppm`` of payments stay with the old release for ``holdback_ms`` after the promotion.
    """

    share_ppm: Annotated[int, msgspec.Meta(ge=1, le=500_000)] = 50_000
    alpha: Annotated[float, msgspec.Meta(gt=0, le=0.05)] = 1e-4
    waits_for_person: bool = False
    holdback_ppm: Annotated[int, msgspec.Meta(ge=0, le=500_000)] = 50_000
    holdback_ms: Annotated[int, msgspec.Meta(ge=0, le=604_800_000)] = 86_400_000


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What one gate found about one release, kept."""

    account_id: str
    id: str
    livemode: bool
    created_at_ms: int
    release_id: str
    gate: Gate
    verdict: Verdict
    report: GateReport


class TrialState(StrEnum):
    """How a trial stands or ended."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    ABORTED = "aborted"


class StoredTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One trial of a release against another. ``release_id`` is the one that is judged, ``against_release_id`` the one
    it is judged by; ``memory`` is the judge's, ``cursor`` the last attempt it has looked at."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    gateway_id: str
    release_id: str
    against_release_id: str
    kind: TrialKind
    plan: Plan
    state: TrialState
    verdict: str
    cursor: str
    memory: Annotated[dict[str, Any], AS_TEXT]
    changed_at_ms: int


EVIDENCE = Table(Evidence, "release_evidence", version=None)
TRIALS = Table(
    StoredTrial,
    "release_trials",
    fixed=("livemode", "created_at_ms", "gateway_id", "release_id", "against_release_id", "kind", "plan"),
)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A release with everything that is known of it now."""

    release: Release
    pointer: Pointer
    evidence: tuple[Evidence, ...]
    trial: StoredTrial | None
