"""The sections about this release: what its gates found, what came before it, what its canary saw."""

from collections.abc import Mapping
from typing import Any

from interlock.releases.gates.types import Finding
from interlock.releases.handbook.markup import NOTHING, code, moment, prose, table
from interlock.releases.handbook.types import CanaryArm, Evidence, HandbookFacts
from interlock.releases.showing import duration

_MILLION = 1_000_000


def evidence(facts: HandbookFacts) -> list[str]:
    """Return what each gate found, with its counts."""
    if not facts.evidence:
        return ["No gate report is part of this page."]
    rows = [
        [
            code(each.report.gate),
            f"**{each.report.verdict}**",
            moment(each.finished_at_ms),
            f"{sum(each.report.checks.values()):,} in {len(each.report.checks)} checks",
            str(len(each.report.findings)),
            duration(each.report.duration_ms),
        ]
        for each in facts.evidence
    ]
    parts = [table(["Gate", "Verdict", "When", "Cases", "Findings", "Took"], rows)]
    for each in facts.evidence:
        parts += _report(each)
    return parts


def _report(evidence_of: Evidence) -> list[str]:
    report = evidence_of.report
    parts = [f"### Gate {code(report.gate)}"]
    if report.checks:
        rows = [[code(check), f"{cases:,}"] for check, cases in report.checks.items()]
        parts.append(table(["Check", "Cases"], rows))
    if report.findings:
        rows = [_finding(finding) for finding in report.findings]
        parts.append(table(["Verdict", "Check", "Where", "Problem", "Remedy"], rows))
    if report.left_out:
        parts.append(f"Left out, because there was nothing to look at: {'; '.join(map(prose, report.left_out))}.")
    if report.measured:
        parts.append(table(["Measured", "Value"], _measured(report.measured)))
    return parts


def _finding(finding: Finding) -> list[str]:
    return [
        f"**{finding.verdict}**",
        code(finding.check),
        code(finding.where),
        prose(finding.problem),
        prose(finding.remedy),
    ]


def _measured(measured: Mapping[str, Any]) -> list[list[str]]:
    return [[code(name), prose(value)] for name, value in measured.items()]


def history(facts: HandbookFacts) -> list[str]:
    """Return the releases of the gateway as they came."""
    if not facts.history:
        return ["No release is recorded on this page."]
    rows = [
        [
            code(each.release_id) + (" (this page)" if each.release_id == facts.release_id else ""),
            prose(each.state),
            moment(each.created_at_ms),
            prose(each.by),
            prose(each.why),
            moment(each.decided_at_ms),
        ]
        for each in facts.history
    ]
    return [table(["Release", "State", "Made", "By", "Why", "Decided"], rows)]


def canary(facts: HandbookFacts) -> list[str]:
    """Return what the canary saw."""
    figures = facts.canary
    if figures is None:
        return []
    share = f"{figures.share_ppm / _MILLION * 100:.4f}".rstrip("0").rstrip(".")
    ran = f"{moment(figures.started_at_ms)} to {moment(figures.ended_at_ms)}"
    return [
        f"It ran from {ran} with {share} % of the payments; decided: {prose(figures.decision)}.",
        table(
            ["Arm", "Release", "Payments", "Approved", "Technical failures", "Unknown", "99 % answered within"],
            [_arm(arm) for arm in figures.arms],
        ),
    ]


def _arm(arm: CanaryArm) -> list[str]:
    return [
        code(arm.arm),
        code(arm.release_id),
        f"{arm.payments:,}",
        _share(arm.approved, arm.payments),
        _share(arm.technical_failures, arm.payments),
        _share(arm.unknown, arm.payments),
        NOTHING if arm.latency_p99_ms is None else duration(arm.latency_p99_ms),
    ]


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.1%})" if whole else f"{part:,}"
