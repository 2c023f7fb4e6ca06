"""``interlock release`` on a real database: the way to real money and back, and every refusal in one line."""

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Interlock, Passes, created, one_line
from tests.support.release_verbs import LIVE_KEY, SECRET_KEY, with_database

from interlock.cli.output import ExitCode
from interlock.releases.gates.types import Verdict
from interlock.releases.types import NO_WORSE
from interlock.storage.database import Database

# The way to real money


def test_a_change_goes_from_a_folder_to_a_canary_and_back(shop: Interlock, folder: Path, passes: Passes) -> None:
    release = created(shop, folder)
    assert (release["state"], release["proposed_by"][:4]) == ("drafted", "cli:")
    assert release["next"].startswith("run its gates: `interlock release gates rel_")
    assert "Gates not passed: lint, contract" in one_line(shop("release", "approve", release["id"], "--why", "yes"))

    passes(release)
    approved = shop("release", "approve", release["id"], "--why", "read the diff")
    assert approved.code == 0, approved.err
    assert "begin the canary: `interlock release promote" in approved.out
    on_canary = shop("release", "promote", release["id"], "--share", "2", "--alpha", "1e-3")
    assert on_canary.code == 0, on_canary.err
    assert "1 % of payments now, 2 % at most" in on_canary.out
    assert "has not shown yet" in one_line(shop("release", "promote", release["id"]))

    back = shop("release", "rollback", release["id"][:12], "--why", "declines doubled")
    assert back.code == 0, back.err
    assert "is rolled back: rel_" in back.out
    assert f"`interlock release affected {release['id']}`" in back.out
    assert "none" in shop("release", "affected", release["id"]).out
    shown = shop("release", "show", release["id"], "--json").json()
    assert (shown["state"], shown["trial"]["state"], shown["trial"]["plan"]["share_ppm"]) == (
        "rolled_back",
        "failed",
        20_000,
    )
    entries = shop("release", "journal", release["id"], "--json").json()
    assert [entry["action"] for entry in entries][:3] == ["release.rolled_back", "canary.started", "release.approved"]
    assert entries[0]["why"] == "declines doubled"
    assert "each follows from the one before" in shop("release", "journal", "--verify").out


def test_a_person_promotes_a_canary_that_waits_and_ends_the_hold_back(
    shop: Interlock, folder: Path, passes: Passes, database_url: str
) -> None:
    release = created(shop, folder)
    passes(release)
    assert shop("release", "approve", release["id"], "--why", "fine").code == 0
    assert shop("release", "promote", release["id"], "--hold", "--holdback", "3", "--holdback-hours", "2").code == 0

    async def judged(database: Database) -> None:
        await database.execute(
            "UPDATE release_trials SET verdict = $2, version = version + 1 WHERE release_id = $1",
            release["id"],
            f"{NO_WORSE}: e-value 2.1e4",
        )

    with_database(database_url, judged)
    stable = shop("release", "promote", release["id"])
    assert stable.code == 0, stable.err
    assert "is stable" in stable.out
    assert "3 % stay with rel_" in stable.out
    assert "for 2 h" in stable.out
    validated = shop("release", "validate", release["id"], "--json")
    assert validated.json()["trial"]["kind"] == "holdback"
    assert "--why: is needed" in one_line(shop("release", "validate", release["id"], "--finish"))
    finished = shop("release", "validate", release["id"], "--finish", "--why", "two hours without a sign")
    assert finished.code == 0, finished.err
    assert shop("release", "show", release["id"], "--json").json()["next"] == "nothing: it serves"


def test_broken_glass_needs_a_reason_and_the_gateways_name_is_enough_to_go_back(shop: Interlock, folder: Path) -> None:
    was = shop("release", "list", "--json").json()[0]
    release = created(shop, folder)
    assert shop("release", "approve", release["id"], "--break-glass", "--why", "shop is down").code == 0
    assert "needs a reason" in one_line(shop("release", "promote", release["id"], "--break-glass"))
    assert "begins none" in one_line(shop("release", "promote", release["id"], "--break-glass", "--share", "5"))
    assert shop("release", "promote", release["id"], "--break-glass", "--why", "shop is down").code == 0
    assert "belongs to the begin of a canary" in one_line(shop("release", "promote", release["id"], "--share", "5"))
    assert "release.promoted (break glass)" in shop("release", "journal").out

    back = shop("release", "rollback", "stripe", "--json")
    assert back.code == 0, back.err
    assert back.json()["id"] == release["id"]
    assert back.json()["pointer"]["stable_release_id"] == was["id"]
    assert "no release before this one" in one_line(shop("release", "rollback", "stripe"))


def test_a_release_that_is_not_wanted_any_more_is_aborted(shop: Interlock, folder: Path, passes: Passes) -> None:
    release = created(shop, folder)
    passes(release)
    shop("release", "approve", release["id"], "--why", "fine")
    shop("release", "promote", release["id"])
    aborted = shop("release", "abort", release["id"], "--why", "another one first")
    assert "is rejected" in aborted.out
    assert created(shop, folder)["state"] == "drafted", "the same content may be proposed again"


def test_a_failed_gate_rejects_and_what_it_said_then_does_not_reject_the_next_proposal(
    shop: Interlock, folder: Path, passes: Passes
) -> None:
    release = created(shop, folder)
    passes(release, Verdict.FAILED)
    assert shop("release", "show", release["id"], "--json").json()["state"] == "rejected"
    created(shop, folder)
    passes(release)
    assert shop("release", "show", release["id"], "--json").json()["state"] == "gated"


# Two people


def test_a_live_release_takes_two_people_with_tokens(
    installed: Interlock, folder: Path, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = {name: installed("operators", "add", name, "--json").json()["token"] for name in ("ann", "bob")}
    monkeypatch.setenv("STRIPE_KEY", LIVE_KEY)
    monkeypatch.setenv("STRIPE_HOOK", "whsec_" + "Zk83nQ1b" * 4)
    secrets = ("--credential", "secret_key=@STRIPE_KEY", "--credential", "webhook_secret=@STRIPE_HOOK")
    added = installed("gateways", "add", "stripe", "--live", *secrets)
    assert added.code == 0, added.err
    propose = ("release", "create", str(folder), "--gateway", "stripe", "--note", "try it", "--live", "--json")
    assert "operator's token" in one_line(installed(*propose))

    monkeypatch.setenv("INTERLOCK_OPERATOR_TOKEN", tokens["ann"])
    release = installed(*propose).json()
    assert release["proposed_by"] == "ann"
    passes(release)
    assert "ask somebody else" in one_line(installed("release", "approve", release["id"], "--why", "mine"))
    monkeypatch.setenv("INTERLOCK_OPERATOR_TOKEN", tokens["bob"])
    approved = installed("release", "approve", release["id"], "--why", "read it", "--json").json()
    assert (approved["state"], approved["approved_by"]) == ("approved", "bob")
    entries = installed("release", "journal", release["id"], "--json").json()
    assert {entry["action"]: entry["actor"] for entry in entries} == {
        "release.proposed": "ann",
        "release.examined": "ci",
        "release.approved": "bob",
    }
    installed("operators", "revoke", "bob")
    refused = installed("release", "promote", release["id"])
    assert refused.code == ExitCode.CONFIGURATION
    assert "revoked" in one_line(refused)
    assert tokens["bob"] not in refused.err


def test_operators_are_listed_without_their_tokens(installed: Interlock) -> None:
    made = installed("operators", "add", "ann")
    token = made.out.splitlines()[0]
    assert token.startswith("iop_")
    assert "not kept" in made.out
    listed = installed("operators", "list").out
    assert "ann" in listed
    assert token not in listed
    assert one_line(installed("operators", "add", "ann")).startswith("interlock: name: There is an operator ann")


# Looking


def test_a_diff_is_of_two_releases_or_of_a_folder(shop: Interlock, folder: Path) -> None:
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text().replace("read_ms = ", "read_ms = 1_000 # "))
    release = created(shop, folder)
    drawn = shop("release", "diff", release["id"])
    assert "timeouts.read_ms" in drawn.out
    facts = shop("release", "diff", str(folder), "--gateway", "stripe", "--json").json()
    assert [change["path"] for change in facts["fields"]] == ["timeouts.read_ms"]
    backwards = shop("release", "diff", release["base_release_id"], release["id"], "--json").json()
    assert backwards["fields"][0]["before"] == facts["fields"][0]["after"]
    assert "--gateway: is needed for a folder" in one_line(shop("release", "diff", str(folder)))


def test_a_release_is_found_by_how_its_id_begins(shop: Interlock, folder: Path) -> None:
    release = created(shop, folder)
    assert shop("release", "show", release["id"][:14], "--json").json()["id"] == release["id"]
    assert "there is no release rel_zz" in one_line(shop("release", "show", "rel_zz"))
    assert "several releases begin with rel_" in one_line(shop("release", "show", "rel_"))
    shown = shop("release", "show", release["id"]).out
    assert SECRET_KEY not in shown
    assert "secret_key" in shown


def test_text_of_a_release_moves_nothing_on_a_screen(shop: Interlock, folder: Path) -> None:
    said = shop("release", "create", str(folder), "--gateway", "stripe", "--note", "\x1b[2J[red]x[/] \u202e", "--json")
    shown = shop("release", "show", said.json()["id"]).out
    assert "\x1b" not in shown
    assert "\\x1b[2J[red]x[/] \\u202e" in shown
    assert "\u202e" not in shop("release", "list").out


def test_a_changed_journal_is_found_out(shop: Interlock, database_url: str) -> None:
    async def change(database: Database) -> None:
        await database.execute("UPDATE change_journal SET why = 'nothing' WHERE sequence = 1")

    with_database(database_url, change)
    said = shop("release", "journal", "--verify")
    assert said.code == ExitCode.FAILED
    assert "entry 1 does not follow" in one_line(said)


# At a terminal


def _at_a_terminal(answer: bytes, *arguments: str) -> tuple[int, str]:
    """Run a command as somebody at a terminal who answers its question."""
    main, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "interlock.cli.main", *arguments], stdin=child, stdout=child, stderr=child
    )
    os.close(child)
    said, answered = b"", False
    while select.select([main], [], [], 60)[0]:
        try:
            said += os.read(main, 4096)
        except OSError:
            break
        if b"[y/N]" in said and not answered:
            answered = True
            os.write(main, answer + b"\n")
    os.close(main)
    return process.wait(), said.decode("utf-8", "replace")


def test_somebody_at_a_terminal_is_asked_before_a_stable_release_goes(shop: Interlock, folder: Path) -> None:
    release = created(shop, folder)
    shop("release", "approve", release["id"], "--break-glass", "--why", "shop is down")
    shop("release", "promote", release["id"], "--break-glass", "--why", "shop is down")
    code, said = _at_a_terminal(b"n", "release", "rollback", release["id"])
    assert code == ExitCode.INTERRUPTED, said
    assert "serves every payment" in said
    assert shop("release", "show", release["id"], "--json").json()["state"] == "stable"
    code, said = _at_a_terminal(b"y", "release", "rollback", release["id"])
    assert code == 0, said
    assert shop("release", "show", release["id"], "--json").json()["state"] == "rolled_back"


@pytest.mark.parametrize(
    "verb",
    [
        *("check", "create", "list", "show", "diff", "gates", "approve", "promote", "abort", "rollback"),
        *("validate", "affected", "journal"),
    ],
)
def test_every_verb_teaches_by_example(interlock_alone: Interlock, verb: str) -> None:
    said = interlock_alone("release", verb, "--help")
    assert said.code == 0
    assert f"interlock release {verb}" in said.out.split("Example", 1)[1]


def test_what_is_said_for_programs_is_json_only(shop: Interlock, folder: Path) -> None:
    release = created(shop, folder)
    for arguments in (
        ("release", "list"),
        ("release", "show", release["id"]),
        ("release", "gates", release["id"], "--list"),
        ("release", "journal"),
        ("release", "affected", release["id"]),
        ("gateways", "refusals"),
    ):
        json.loads(shop(*arguments, "--json").out)
