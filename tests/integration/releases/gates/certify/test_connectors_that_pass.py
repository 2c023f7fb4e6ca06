"""The connectors that come with this version pass every case, alone and beside a release before them."""

import pytest
from tests.support.certify import Certifier
from tests.support.shadow_edits import renamed

from interlock.gateways.loader import builtin_package
from interlock.releases.gates.types import Verdict
from interlock.releases.takeover import CANDIDATE_FINISHES_STABLE, STABLE_FINISHES_CANDIDATE, STABLE_PACKAGE


@pytest.mark.parametrize("name", ["stripe", "adyen"])
def test_a_built_in_connector_passes_beside_one_that_only_names_things_otherwise(
    certifier: Certifier, name: str
) -> None:
    stable = renamed(name)
    report = certifier.certify(builtin_package(name), "*", stable=stable)
    assert [finding.sentence() for finding in report.findings] == []
    assert report.verdict is Verdict.PASSED
    assert report.measured[STABLE_PACKAGE] == stable.id
    assert (report.measured[STABLE_FINISHES_CANDIDATE], report.measured[CANDIDATE_FINISHES_STABLE]) == (True, True)
    assert report.left_out == ()
    assert report.checks["certify.cross_version"] > 40
    assert report.checks["certify.failures"] > 100
    assert len(certifier.steps) > 10
    assert all(done <= total for _, done, total in certifier.steps)


def test_a_first_release_has_nobody_to_take_over_from_and_passes(certifier: Certifier) -> None:
    report = certifier.certify(builtin_package("adyen"), "sale *", "refund *", "capture*", "void")
    assert report.verdict is Verdict.PASSED, report.findings
    assert [reason.partition(":")[0] for reason in report.left_out] == ["cross_version"]
    assert STABLE_PACKAGE not in report.measured
