"""Reports of gates as JUnit XML, which every continuous integration reads: a suite per gate, a case per check.

What failed is a *failure*; what holds the release (inconclusive, or the gate broke) is an *error*, because a build that
goes green over it would be wrong; what was left out, or not run, is *skipped*.
"""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from interlock.releases.gates.types import Finding, Gate, GateReport, Verdict
from interlock.releases.showing import visible

_KINDS = {Verdict.FAILED: "failure", Verdict.INCONCLUSIVE: "error", Verdict.ERROR: "error"}


def junit(name: str, reports: Sequence[GateReport], not_run: Iterable[Gate] = ()) -> bytes:
    """Return the XML.

    Args:
        name: what was examined.
        reports: of the gates that were run.
        not_run: gates that were asked for and not reached.

    """
    root = Element("testsuites", {"name": visible(name)})
    for report in reports:
        root.append(_suite(report))
    for gate in not_run:
        suite = Element("testsuite", {"name": gate.value, "tests": "1", "failures": "0", "errors": "0", "skipped": "1"})
        _skipped(suite, gate, "gate", "not run, because a gate before it failed")
        root.append(suite)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{sum(report.duration_ms for report in reports) / 1000:.3f}")
    indent(root)
    xml: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _suite(report: GateReport) -> Element:
    suite = Element("testsuite", {"name": report.gate.value, "time": f"{report.duration_ms / 1000:.3f}"})
    by_check: dict[str, list[Finding]] = {check: [] for check in report.checks}
    for finding in report.findings:
        by_check.setdefault(_check_of(finding, report), []).append(finding)
    for check, findings in by_check.items():
        case = SubElement(suite, "testcase", {"classname": f"interlock.{report.gate.value}", "name": visible(check)})
        case.set("assertions", str(report.checks.get(check, 0)))
        for kind in ("failure", "error"):
            _tell(case, kind, [finding for finding in findings if _KINDS[finding.verdict] == kind])
    for reason in report.left_out:
        what, _, why = reason.partition(": ")
        _skipped(suite, report.gate, what, why or what)
    if not len(suite):
        _skipped(suite, report.gate, "gate", "it looked at nothing")
    suite.set("tests", str(len(suite)))
    for kind, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(kind) is not None for case in suite)))
    return suite


def _check_of(finding: Finding, report: GateReport) -> str:
    """Return the check as the report counts it: findings name it with their gate before it."""
    bare = finding.check.removeprefix(f"{report.gate.value}.")
    return bare if bare in report.checks or finding.check not in report.checks else finding.check


def _tell(case: Element, kind: str, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    sentences = [visible(finding.sentence()) for finding in findings]
    message = sentences[0] if len(sentences) == 1 else f"{sentences[0]} (and {len(sentences) - 1} more)"
    told = SubElement(case, kind, {"type": findings[0].verdict.value, "message": message})
    told.text = "\n".join(sentences)


def _skipped(suite: Element, gate: Gate, name: str, why: str) -> None:
    case = SubElement(suite, "testcase", {"classname": f"interlock.{gate.value}", "name": visible(name)})
    SubElement(case, "skipped", {"message": visible(why)})
