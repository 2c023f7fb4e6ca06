"""Code that breaks a rule is found at its line, and told in a sentence: each case is a built-in connector, edited.

The edits stand in ``code_edits.toml``.
"""

from pathlib import Path

import pytest
from tests.support.lint import Edit, edited, edits_in, findings_of, named, others_than

EDITS = edits_in(Path(__file__).with_name("code_edits.toml"))


@pytest.mark.parametrize("edit", EDITS, ids=[f"{edit.check}-{index}" for index, edit in enumerate(EDITS)])
def test_an_edit_that_breaks_a_rule_is_found(edit: Edit) -> None:
    findings = findings_of(edited(edit.provider, edit.file, edit.old, edit.new), but=others_than(edit.check))
    found = named(findings, edit.check)
    assert any(edit.said in finding.sentence() for finding in found), [each.sentence() for each in findings]
    assert all(finding.remedy for finding in findings)


def test_a_finding_names_the_line() -> None:
    package = edited("adyen", "http.py", "    headers = {", "    print(body)\n    headers = {")
    line = package.files["http.py"].decode().splitlines().index("    print(body)") + 1
    assert [finding.where for finding in named(findings_of(package), "output")] == [f"http.py:{line}"]
