"""How a release stands, as people and programs are told it: the same facts in the command line and the control API.

Times are epoch milliseconds, shares parts of a million; no secret and no memory of a trial's judge is in them.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.releases.examinations import Examination
from interlock.releases.gates.types import Gate, Verdict
from interlock.releases.proposals import STATIC_GATES
from interlock.releases.store import ReleaseStore, latest
from interlock.releases.types import Evidence, Standing, StoredTrial, TrialState
from interlock.routing.journal import JournalEntry
from interlock.routing.releases import Pointer, Release, ReleaseState
from interlock.routing.types import Gateway, Refusal

_HELD = frozenset({Verdict.INCONCLUSIVE, Verdict.ERROR})
_HIDDEN_OF_RELEASE = frozenset({"account_id", "version"})
_HIDDEN_OF_TRIAL = frozenset({"account_id", "version", "memory", "cursor"})
_HIDDEN_OF_RUN = frozenset({"account_id", "version", "until_ms"})
_HIDDEN_OF_POINTER = frozenset({"account_id", "version", "salt"})


async def standing(store: ReleaseStore, scope: Scope, release_id: str) -> Standing | Problem:
    """Return a release with its gateway's pointer, its evidence and its newest trial."""
    release = await store.release(scope, release_id)
    if isinstance(release, Problem):
        return release
    pointer = await store.pointer(scope, release.gateway_id)
    if isinstance(pointer, Problem):
        return pointer
    evidence = await store.newest_evidence(release)
    trials = await store.trials(release)
    return Standing(release=release, pointer=pointer, evidence=tuple(evidence), trial=trials[0] if trials else None)


def standing_view(found: Standing) -> dict[str, Any]:
    """Return everything about a release."""
    return {
        **release_view(found.release),
        "gates": gates_view(found.evidence),
        "pointer": pointer_view(found.pointer),
        "trial": None if found.trial is None else trial_view(found.trial),
        "next": next_step(found),
    }


def release_view(release: Release) -> dict[str, Any]:
    """Return a release by itself; credentials are ids of sealed ones."""
    return _without(release, _HIDDEN_OF_RELEASE)


def gates_view(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Return the newest word of each gate, in their order; the gates before money are there without evidence too."""
    known = latest(tuple(evidence))
    return [_gate_view(gate, known.get(gate)) for gate in Gate if gate in known or gate in STATIC_GATES]


def _gate_view(gate: Gate, evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {"gate": gate.value, "verdict": None, "cases": 0, "findings": 0, "duration_ms": 0, "at_ms": None}
    return {
        "gate": gate.value,
        "verdict": evidence.verdict.value,
        "cases": sum(evidence.report.checks.values()),
        "findings": len(evidence.report.findings),
        "duration_ms": evidence.report.duration_ms,
        "at_ms": evidence.created_at_ms,
    }


def evidence_view(evidence: Evidence) -> dict[str, Any]:
    """Return one report whole."""
    return {"id": evidence.id, "at_ms": evidence.created_at_ms, **msgspec.to_builtins(evidence.report)}


def pointer_view(pointer: Pointer) -> dict[str, Any]:
    """Return what a gateway runs; ``epoch`` grows with every change."""
    return {"epoch": pointer.version, **_without(pointer, _HIDDEN_OF_POINTER)}


def trial_view(trial: StoredTrial) -> dict[str, Any]:
    """Return how a trial stands."""
    return _without(trial, _HIDDEN_OF_TRIAL)


def run_view(run: Examination) -> dict[str, Any]:
    """Return how a run of gates stands; ``said`` is what it does now, or came to."""
    return _without(run, _HIDDEN_OF_RUN)


def gateway_view(gateway: Gateway, pointer: Pointer | None) -> dict[str, Any]:
    """Return a gateway with what it runs."""
    shown = _without(gateway, frozenset({"account_id", "version"}))
    return {**shown, "pointer": None if pointer is None else pointer_view(pointer)}


def journal_view(entry: JournalEntry) -> dict[str, Any]:
    """Return one change."""
    return _without(entry, frozenset({"account_id"}))


def refusal_view(refusal: Refusal) -> dict[str, Any]:
    """Return one refuse switch."""
    return _without(refusal, frozenset({"account_id", "version"}))


def _without(value: msgspec.Struct, hidden: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    return {name: inner for name, inner in found.items() if name not in hidden}


def next_step(found: Standing) -> str:
    """Return what somebody who wants this release to go on does next, as one line."""
    release, trial = found.release, found.trial
    match release.state:
        case ReleaseState.DRAFTED:
            return _open_gates(release, latest(found.evidence))
        case ReleaseState.GATED:
            whose = "another operator approves it" if release.livemode else "approve it"
            return f"every gate passed: {whose}, `interlock release approve {release.id} --why …`"
        case ReleaseState.APPROVED:
            return f"begin the canary: `interlock release promote {release.id} --why …`"
        case ReleaseState.CANARY:
            waits = trial is not None and trial.plan.waits_for_person
            how = (
                f"promote it when its verdict says so: `interlock release promote {release.id}`"
                if waits
                else ("the controller promotes it or takes it back")
            )
            return f"{how}; `interlock release show {release.id}` follows it"
        case ReleaseState.STABLE:
            if trial is not None and trial.state is TrialState.RUNNING:
                return f"a hold-back arm stays on the release before: `interlock release validate {release.id}`"
            return "nothing: it serves"
        case ReleaseState.REJECTED:
            return f"correct it and create it again; `interlock release gates {release.id}` tells what was found"
        case ReleaseState.ROLLED_BACK:
            return f"see which payments it touched: `interlock release affected {release.id}`"
        case ReleaseState.SUPERSEDED:
            return "nothing: another release serves"


def _open_gates(release: Release, known: dict[Gate, Evidence]) -> str:
    command = f"`interlock release gates {release.id}`"
    if any(gate not in known or known[gate].verdict is Verdict.FAILED for gate in STATIC_GATES):
        return f"run its gates: {command}"
    held = [gate.value for gate in STATIC_GATES if known[gate].verdict in _HELD]
    reason = f"--show {held[0]}` tells why" if held else "`"
    return (
        f"{', '.join(held)} could not judge: `interlock release gates {release.id} {reason}; what is *inconclusive* "
        f"may be accepted, `interlock release approve {release.id} --accept-inconclusive --why …`"
    )
