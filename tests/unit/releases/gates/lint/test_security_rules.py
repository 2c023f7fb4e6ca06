"""Bandit's rules block from medium severity on; exceptions need a reason, are shown, and are refused where money is."""

import pytest
from tests.support.lint import appended, edited, named, report_of

from interlock.releases.gates.types import Verdict

TRICK = '_PLACE = "/tmp/{}"  # allow lint.security: only a word in a message, never opened\n'.replace("{}", "acme")


def test_what_bandit_finds_of_medium_severity_blocks() -> None:
    report = report_of(appended("adyen", "http.py", '_PLACE = "/tmp/acme"\n'))
    (finding,) = named(report.findings, "security")
    assert finding.facts == {"rule": "B108"}
    assert finding.where.startswith("http.py:")
    assert report.verdict is Verdict.FAILED


def test_what_is_of_low_severity_is_counted() -> None:
    report = report_of(appended("adyen", "http.py", '_PASSWORD = "hunter"\n'))
    assert named(report.findings, "security") == []
    assert report.measured["bandit_low"] == 1


def test_an_exception_with_a_reason_is_shown_in_the_report() -> None:
    report = report_of(appended("adyen", "http.py", TRICK))
    assert report.findings == ()
    (shown,) = report.measured["exceptions"]
    assert shown.startswith("http.py:")
    assert shown.endswith("lint.security: only a word in a message, never opened")


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("# nosec", "hides from every security rule"),
        ("# nosec B108", "hides from every security rule"),
        ("# allow lint.security", "without a reason"),
        ("# allow lint.security: short", "without a reason"),
        ("# allow lint.amounts: this one is right, believe me", "excuses lint.amounts"),
        ("# allow lint.paths: nothing of this kind is here at all", "found nothing here"),
    ],
)
def test_a_comment_that_hides_something_is_a_finding(comment: str, said: str) -> None:
    report = report_of(appended("adyen", "http.py", f'_PLACE = "/tmp/acme"  {comment}\n'))
    assert any(said in finding.problem for finding in named(report.findings, "suppressions"))
    assert named(report.findings, "security")


def test_characters_that_turn_the_reading_around_are_found() -> None:
    report = report_of(appended("adyen", "http.py", '_WORD = "\u202e"\n'))
    assert [finding.facts["rule"] for finding in named(report.findings, "security")] == ["B613"]


def test_a_module_that_bandit_cannot_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, *_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("bandit.core.manager.BanditManager._execute_ast_visitor", broken)
    report = report_of(edited("adyen", "http.py", "_MAX_KEY = 64", "_MAX_KEY = 60"))
    assert report.verdict is Verdict.ERROR
    assert "Bandit could not read it" in named(report.findings, "security")[0].problem
