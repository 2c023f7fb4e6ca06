"""What a gate found, as the row and the journal entry that keep it. Pure; used by ``proposals`` and ``rollouts``."""

from interlock.base.ids import new_id
from interlock.releases.gates.types import GateReport
from interlock.releases.types import Evidence
from interlock.routing.journal import Entry
from interlock.routing.releases import Release


def new_evidence(release: Release, report: GateReport, now_ms: int) -> Evidence:
    """Return the row that keeps what a gate found about a release."""
    return Evidence(
        account_id=release.account_id,
        id=new_id("ev", now_ms),
        livemode=release.livemode,
        created_at_ms=now_ms,
        release_id=release.id,
        gate=report.gate,
        verdict=report.verdict,
        report=report,
    )


def examined(found: Evidence, actor: str) -> Entry:
    """Return the journal's entry of it."""
    facts = {
        "evidence": found.id,
        "gate": found.gate.value,
        "verdict": found.verdict.value,
        "findings": len(found.report.findings),
    }
    why = found.report.findings[0].sentence() if found.report.findings else ""
    return Entry(actor=actor, action="release.examined", subject=found.release_id, why=why, facts=facts)
