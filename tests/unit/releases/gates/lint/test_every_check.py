"""Each check that the gate knows is in the documentation, and there is a package or account that it stops."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.gateways import CONFIGS
from tests.support.lint import LIVE, edits_in, report_of

from interlock.gateways.loader import builtin_package, known_gateways

HERE = Path(__file__).parent
PAGE = Path(__file__).parents[5] / "docs" / "release_gates.md"
STOPPED_ELSEWHERE = {
    "account": "test_account_findings.py",
    "configuration": "test_account_findings.py",
    "doubles": "test_account_findings.py",
    "environment": "test_account_findings.py",
    "expiry": "test_account_findings.py",
    "findings": "test_hostile_packages.py",
    "kind": "test_account_findings.py",
    "mode": "test_account_findings.py",
    "new_fields": "test_manifest_findings.py",
    "package": "test_hostile_packages.py",
    "placeholders": "test_account_findings.py",
    "security": "test_security_rules.py",
    "stable": "test_manifest_findings.py",
    "suppressions": "test_security_rules.py",
    "syntax": "test_hostile_packages.py",
    "table": "test_packages_that_pass.py",
    "webhook_secret": "test_account_findings.py",
}
NOT_COUNTED_HERE = {"changes", "findings", "stable", "table"}


def known_checks() -> set[str]:
    """Return the checks that reports of the built-in connectors count, and those that had nothing to count in them."""
    counted = {
        check.removeprefix("lint.")
        for name in known_gateways()
        for configs in (CONFIGS, LIVE)
        for check in report_of(
            builtin_package(name),
            livemode=configs is LIVE,
            config=configs[name],
            stable=builtin_package(name),
            stable_config=configs[name],
        ).checks
    }
    return counted | NOT_COUNTED_HERE


def documented_checks() -> Iterator[str]:
    for line in PAGE.read_text(encoding="utf-8").partition("### What it checks")[2].partition("###")[0].splitlines():
        if line.startswith("| `"):
            yield from re.findall(r"`([a-z_]+)`", line.split("|")[1])


def test_every_check_is_documented() -> None:
    assert sorted(documented_checks()) == sorted(known_checks())


def test_every_check_stops_something() -> None:
    edits = {edit.check for file in ("code_edits.toml", "manifest_edits.toml") for edit in edits_in(HERE / file)}
    for check, file in STOPPED_ELSEWHERE.items():
        text = (HERE / file).read_text(encoding="utf-8")
        assert f'"{check}"' in text or f"lint.{check}" in text, check
    assert edits | set(STOPPED_ELSEWHERE) == known_checks()
