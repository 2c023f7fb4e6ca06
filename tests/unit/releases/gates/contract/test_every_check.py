"""Each check that the gate knows is in the documentation, and there is a package that it stops."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.contract import Edit, edits_in, examine, examine_some, named
from tests.support.lint import edited

from interlock.gateways.loader import builtin_package, known_gateways

HERE = Path(__file__).parent
PAGE = Path(__file__).parents[5] / "docs" / "release_gates_contract.md"
EDITS = edits_in(HERE / "edits.toml")
RUN_AGAIN = frozenset({"purity", "interleaving"})
STOPPED_ELSEWHERE = {
    "expectations": "test_what_is_not_known.py",
    "run": "test_hostile_packages.py",
    "table": "test_what_is_not_known.py",
}


def title(edit: Edit) -> str:
    return f"{edit.check}: {edit.provider} {edit.said}".replace(" ", "_")


@pytest.mark.parametrize("edit", EDITS, ids=map(title, EDITS))
def test_an_edit_is_stopped_by_the_check_that_it_is_made_for(specs: Path, edit: Edit) -> None:
    package = edited(edit.provider, edit.file, edit.old, edit.new, *edit.also)
    found = examine(package, specs, *edit.among, twice=edit.check in RUN_AGAIN, only=edit.only)
    said = [f"{finding.where}: {finding.problem}" for finding in named(found, edit.check)]
    assert any(edit.said in each for each in said), [finding.sentence() for finding in found.findings][:10]
    for finding in found.findings:
        assert "\n" not in finding.sentence()
        assert finding.remedy


@pytest.fixture(scope="module")
def known_checks(specs: Path) -> set[str]:
    """Return the checks that examinations of the built-in connectors count, and those with nothing to count in them."""
    counted = {
        check.removeprefix("contract.")
        for name in known_gateways()
        for check in examine_some(builtin_package(name), specs, every=4).checks
    }
    return counted | set(STOPPED_ELSEWHERE)


def documented_checks() -> Iterator[str]:
    for line in PAGE.read_text(encoding="utf-8").partition("### What it checks")[2].partition("###")[0].splitlines():
        if line.startswith("| `"):
            yield from re.findall(r"`([a-z_]+)`", line.split("|")[1])


def test_every_check_is_documented(known_checks: set[str]) -> None:
    assert sorted(documented_checks()) == sorted(known_checks)


def test_every_check_stops_something(known_checks: set[str]) -> None:
    for check, file in STOPPED_ELSEWHERE.items():
        assert f"contract.{check}" in (HERE / file).read_text(encoding="utf-8"), check
    assert {edit.check for edit in EDITS} | set(STOPPED_ELSEWHERE) == known_checks
