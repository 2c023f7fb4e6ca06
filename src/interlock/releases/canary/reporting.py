"""What a trial found, as the evidence of gate ``canary`` (or ``validate``, for a hold-back). Pure."""

import msgspec

from interlock.releases.canary.judging import Promote, RollBack, Verdict
from interlock.releases.canary.recording import Canary
from interlock.releases.gates import types as gates
from interlock.releases.types import StoredTrial
from interlock.routing.releases import TrialKind

_REMEDY = "see `interlock release show` for the figures and `interlock release affected` for its payments"


def canary_report(trial: StoredTrial, canary: Canary, verdict: Verdict) -> gates.GateReport:
    """Return the report of a trial that is over."""
    judged = gates.Verdict.INCONCLUSIVE
    if isinstance(verdict, RollBack):
        judged = gates.Verdict.FAILED
    elif isinstance(verdict, Promote) or trial.kind is TrialKind.HOLDBACK:
        judged = gates.Verdict.PASSED
    findings: tuple[gates.Finding, ...] = ()
    gate = gates.Gate.CANARY if trial.kind is TrialKind.CANARY else gates.Gate.VALIDATE
    if judged is not gates.Verdict.PASSED:
        findings = (
            gates.Finding(
                check=f"{gate.value}.outcomes",
                verdict=judged,
                where=f"release {trial.release_id} against {trial.against_release_id}",
                problem=verdict.reason.rstrip("."),
                remedy=_REMEDY,
                facts=msgspec.to_builtins(verdict.numbers),
            ),
        )
    return gates.GateReport(
        gate=gate,
        verdict=judged,
        checks={"payments": canary.balance.payments, "treated": canary.balance.treated},
        findings=findings,
        measured={"reason": verdict.reason, **msgspec.to_builtins(verdict.numbers)},
        duration_ms=0,
    )
