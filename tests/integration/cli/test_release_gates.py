"""``interlock release check`` and ``gates``: the gates over a folder and over a stored release, and how they end."""

from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from tests.integration.cli.conftest import Interlock, created, one_line

from interlock.cli.output import ExitCode
from interlock.cli.releases.common import HELD


def spoil_host(folder: Path) -> None:
    """Make the manifest name a host that is not the provider's."""
    path = folder / "manifest.toml"
    path.write_text(path.read_text().replace("api.stripe.com", "api.stripe.example"))


def test_check_needs_no_database_and_ends_as_the_gates_do(
    alone: None, folder: Path, tmp_path: Path, interlock_alone: Interlock
) -> None:
    good = interlock_alone("release", "check", str(folder), "--gate", "lint")
    assert good.code == 0, good.out + good.err
    assert "lint  passed" in good.out
    assert good.out.rstrip().endswith("passed")

    spoil_host(folder)
    junit = tmp_path / "gates.xml"
    bad = interlock_alone("release", "check", str(folder), "--gate", "lint", "--json", "--junit", str(junit))
    assert bad.code == ExitCode.FAILED
    report = bad.json()
    assert (report["verdict"], report["gates"][0]["gate"]) == ("failed", "lint")
    finding = report["gates"][0]["findings"][0]
    assert finding["where"].startswith("manifest.toml hosts")
    assert {"where", "problem", "remedy", "check"} <= set(finding)
    root = parse(junit).getroot()  # noqa: S314 - our own text
    assert root is not None
    assert int(root.get("failures", "0")) >= 1
    assert not Path(".interlock").exists(), "nothing was made beside"


def test_a_failed_gate_keeps_the_next_ones_from_being_run(folder: Path, interlock_alone: Interlock) -> None:
    spoil_host(folder)
    said = interlock_alone("release", "check", str(folder), "--gate", "lint", "--gate", "shadow", "--json")
    assert [(gate["gate"], gate["verdict"]) for gate in said.json()["gates"]] == [("lint", "failed"), ("shadow", None)]
    whole = interlock_alone("release", "check", str(folder), "--gate", "lint", "--gate", "shadow", "--json", "--all")
    assert [gate["verdict"] for gate in whole.json()["gates"]] == ["failed", "inconclusive"]


def test_what_cannot_be_judged_is_held_and_not_passed(folder: Path, interlock_alone: Interlock) -> None:
    said = interlock_alone("release", "check", str(folder), "--gate", "shadow")
    assert said.code == HELD
    assert "held" in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("nowhere",), ExitCode.USAGE, "DIR: nowhere is no folder"),
        (("stripe", "--gate", "nonsense"), ExitCode.USAGE, "--gate: there is no gate 'nonsense'"),
        (("stripe", "--specs", "nowhere"), ExitCode.USAGE, "--specs: nowhere is no folder"),
        (("stripe", "--recordings", "nowhere"), ExitCode.USAGE, "--recordings: nowhere cannot be read"),
        (("stripe", "--gate", "lint", "--junit", "no/such/f.xml"), ExitCode.FAILED, "--junit: no/such/f.xml cannot"),
    ],
)
def test_wrong_use_of_check_is_told(
    folder: Path, interlock_alone: Interlock, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    said = interlock_alone("release", "check", *arguments)
    assert said.code == code
    assert complaint in one_line(said)


def test_check_beside_a_gateway_knows_what_serves_and_its_account(shop: Interlock, folder: Path) -> None:
    said = shop("release", "check", str(folder), "--gateway", "stripe", "--gate", "lint", "--json")
    left_out = said.json()["gates"][0].get("left_out", [])
    assert not [reason for reason in left_out if "no account" in reason or "nothing serves" in reason]
    assert "--gateway: test mode has no gateway paypal" in one_line(
        shop("release", "check", str(folder), "--gateway", "paypal")
    )


def test_gates_of_a_stored_release_are_kept_and_run_once(shop: Interlock, folder: Path) -> None:
    release = created(shop, folder)
    first = shop("release", "gates", release["id"], "--gate", "lint")
    assert first.code == 0, first.out + first.err
    again = shop("release", "gates", release["id"], "--gate", "lint")
    assert "every gate was passed before" in again.out
    assert again.code == 0
    listed = {row["gate"]: row for row in shop("release", "gates", release["id"], "--list", "--json").json()}
    assert listed["lint"]["verdict"] == "passed"
    assert listed["lint"]["cases"] > 100
    assert listed["certify"]["verdict"] is None
    whole = shop("release", "gates", release["id"], "--show", "lint", "--json").json()
    assert sum(whole["checks"].values()) == listed["lint"]["cases"]
    assert "specification_hash" in whole["measured"]
    assert "certify has not been run" in one_line(shop("release", "gates", release["id"], "--show", "certify"))
    assert "hosts" in shop("release", "gates", release["id"], "--show", "lint").out
    examined = shop("release", "journal", release["id"], "--json").json()[0]
    assert (examined["action"], examined["facts"]["gate"]) == ("release.examined", "lint")


def test_a_gate_that_failed_rejects_the_release_and_says_where(shop: Interlock, folder: Path) -> None:
    spoil_host(folder)
    release = created(shop, folder)
    said = shop("release", "gates", release["id"], "--gate", "lint")
    assert said.code == ExitCode.FAILED
    assert "manifest.toml hosts" in said.out
    assert "correct it and create it again" in said.out
    assert shop("release", "show", release["id"], "--json").json()["state"] == "rejected"
