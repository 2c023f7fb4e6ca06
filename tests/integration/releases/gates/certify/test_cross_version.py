"""What one release can finish of another's payments is measured in each direction, and nothing is claimed unproven."""

import pytest
from tests.support import takeovers
from tests.support.certify import Certifier, found

from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.gates.types import GateReport, Verdict
from interlock.releases.takeover import CANDIDATE_FINISHES_STABLE, STABLE_FINISHES_CANDIDATE, STABLE_PACKAGE

STABLE = builtin_package("stripe")
CROSSINGS = ("stable finishes *", "candidate finishes *", "rollback *")


def proven(report: GateReport) -> tuple[bool, bool]:
    assert report.measured[STABLE_PACKAGE] == STABLE.id
    return report.measured[STABLE_FINISHES_CANDIDATE], report.measured[CANDIDATE_FINISHES_STABLE]


def test_references_that_stable_cannot_read_stop_the_release_and_prove_one_direction(certifier: Certifier) -> None:
    report = certifier.certify(takeovers.with_marked_references(), *CROSSINGS, stable=STABLE)
    failed = {finding.where for finding in found(report, "cross_version")}
    assert {f"stable finishes {one}" for one in ("capture", "void", "refund", "inquiry after a lost void")} <= failed
    assert not [where for where in failed if not where.startswith("stable finishes ")]
    assert (report.verdict, proven(report)) == (Verdict.FAILED, (False, True))


def test_a_release_that_reads_no_older_references_finishes_nothing(certifier: Certifier) -> None:
    few = ("* finishes capture", "* finishes refund", "* finishes challenge")
    report = certifier.certify(takeovers.that_reads_no_old_references(), *few, stable=STABLE)
    failed = {finding.where for finding in found(report, "cross_version")}
    assert {"candidate finishes capture", "candidate finishes refund", "candidate finishes challenge"} <= failed
    assert (report.verdict, proven(report)) == (Verdict.FAILED, (False, False))


def test_a_break_that_is_announced_does_not_stop_the_release_and_proves_nothing(certifier: Certifier) -> None:
    places = "cross_version * inquiry after a lost capture", "cross_version * capture"
    only = ("* inquiry after a lost capture", "* finishes capture")
    unannounced = certifier.certify(takeovers.that_captures_with_more_words(), *only, stable=STABLE)
    assert {finding.where for finding in unannounced.findings} == {
        "stable finishes inquiry after a lost capture",
        "candidate finishes inquiry after a lost capture",
    }
    assert (unannounced.verdict, proven(unannounced)) == (Verdict.FAILED, (False, False))
    announced = certifier.certify(takeovers.that_captures_with_more_words(*places), *only, stable=STABLE)
    assert (announced.verdict, proven(announced)) == (Verdict.PASSED, (False, False))
    assert sorted(reason[:58] for reason in announced.left_out) == [
        "cross_version: candidate finishes inquiry after a lost cap",
        "cross_version: stable finishes inquiry after a lost captur",
    ]


def test_what_one_side_does_not_claim_is_left_out_and_not_taken_over(certifier: Certifier) -> None:
    report = certifier.certify(takeovers.without_increments(), *CROSSINGS, stable=STABLE)
    assert (report.verdict, proven(report)) == (Verdict.PASSED, (True, False))
    assert "the candidate lacks what stable claims (increment, inquiry after a lost increment)" in report.left_out[0]


def test_a_part_of_the_cases_proves_nothing(certifier: Certifier) -> None:
    report = certifier.certify(takeovers.with_other_words(), "stable finishes capture", "* void", stable=STABLE)
    assert (report.verdict, proven(report)) == (Verdict.PASSED, (False, False))


@pytest.mark.parametrize(
    ("stable", "verdict", "where"),
    [
        (Package({**STABLE.files, "answers.py": b"1 / 0\n"}), Verdict.ERROR, "stable"),
        (
            Package(
                {
                    **STABLE.files,
                    "manifest.toml": STABLE.manifest + b'\n[settings.till]\ntitle = "till"\nrequired_in = ["test"]\n',
                }
            ),
            Verdict.INCONCLUSIVE,
            "account",
        ),
    ],
    ids=["cannot_be_loaded", "wants_another_account"],
)
def test_a_release_that_serves_and_cannot_be_run_here_holds_the_candidate(
    certifier: Certifier, stable: Package, verdict: Verdict, where: str
) -> None:
    report = certifier.certify(STABLE, "sale visa", "* void", stable=stable)
    assert [(finding.check, finding.where) for finding in report.findings] == [("certify.cross_version", where)]
    assert report.verdict is verdict
    assert STABLE_PACKAGE not in report.measured
