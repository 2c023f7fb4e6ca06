"""Each fault of a connector is stopped by the case that should see it, and the sentence says what is wrong.

The edits stand in ``edits.toml``.
"""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from tests.support.certify import Certifier, Edit, edits_in, found

from interlock.releases.gates.types import Verdict

EDITS = edits_in(Path(__file__).with_name("edits.toml"))


@pytest.mark.parametrize("edit", EDITS, ids=[f"{edit.provider}-{edit.fault.replace(' ', '_')}" for edit in EDITS])
def test_a_fault_is_stopped_by_the_case_that_should_see_it(certifier: Certifier, edit: Edit) -> None:
    report = certifier.certify(edit.package, *edit.only)
    told = [finding for finding in found(report, edit.check) if fnmatchcase(finding.where, edit.where or edit.only[0])]
    assert any(edit.said in finding.problem for finding in told), [one.sentence() for one in report.findings]
    assert report.verdict is Verdict.FAILED
    assert all(finding.remedy for finding in report.findings)


def test_a_wrong_amount_names_what_was_expected_and_what_was_found_for_programs_too(certifier: Certifier) -> None:
    yen = next(edit for edit in EDITS if edit.fault == "yen are counted in hundredths")
    money = found(certifier.certify(yen.package, *yen.only), "amounts")[0]
    assert money.where == "sale and refund jpy"
    assert {name: money.facts[name] for name in ("expected_minor", "found_minor", "currency")} == {
        "expected_minor": 2_400,
        "found_minor": 240_000,
        "currency": "jpy",
    }
