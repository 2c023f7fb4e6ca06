"""Reports of gates as JUnit XML: what a build server counts is what the gates said."""

from xml.etree.ElementTree import Element, fromstring

from hypothesis import given
from hypothesis import strategies as st

from interlock.releases.gates.junit import junit
from interlock.releases.gates.types import Finding, Gate, GateReport, Verdict


def finding(check: str, verdict: Verdict, problem: str = "is wrong") -> Finding:
    return Finding(check=check, verdict=verdict, where="manifest.toml name", problem=problem, remedy="correct it")


def read(xml: bytes) -> Element:
    return fromstring(xml)  # noqa: S314 - our own text


LINT = GateReport(
    gate=Gate.LINT,
    verdict=Verdict.FAILED,
    checks={"hosts": 2, "expiry": 1, "table": 1},
    findings=(
        finding("lint.hosts", Verdict.FAILED),
        finding("lint.hosts", Verdict.FAILED, "is wrong too"),
        finding("lint.table", Verdict.INCONCLUSIVE),
        finding("lint.gate", Verdict.ERROR),
    ),
    left_out=("configuration: no account is given",),
    duration_ms=1250,
)


def test_a_check_is_a_case_and_its_findings_are_told_whole() -> None:
    root = read(junit("gateways/stripe", [LINT], not_run=[Gate.CONTRACT]))
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "6",
        "failures": "1",
        "errors": "2",
        "skipped": "2",
        "time": "1.250",
    }
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure = cases["hosts"].find("failure")
    assert failure is not None
    assert failure.get("message") == "manifest.toml name: is wrong; correct it (and 1 more)"
    assert failure.text == "manifest.toml name: is wrong; correct it\nmanifest.toml name: is wrong too; correct it"
    assert not list(cases["expiry"]), "nothing was found"
    held = cases["table"].find("error")
    assert held is not None
    assert held.get("type") == "inconclusive"
    assert [cases[name].find("skipped") is not None for name in ("configuration", "gate")] == [True, True]


def test_a_gate_that_broke_is_an_error() -> None:
    report = GateReport(
        gate=Gate.SHADOW, verdict=Verdict.ERROR, checks={}, findings=(finding("shadow.gate", Verdict.ERROR),)
    )
    root = read(junit("x", [report]))
    assert (root.get("tests"), root.get("errors")) == ("1", "1")


@given(st.text(max_size=50), st.sampled_from(list(Verdict)))
def test_any_text_of_a_package_stays_readable_xml(text: str, verdict: Verdict) -> None:
    reports = []
    if verdict is not Verdict.PASSED:
        found = (finding(f"lint.{text}", verdict, text),)
        reports.append(GateReport(gate=Gate.LINT, verdict=verdict, checks={text: 1}, findings=found, left_out=(text,)))
    root = read(junit(text, reports))
    assert root.get("tests") == str(len(list(root.iter("testcase"))))
