"""``interlock gateways doc NAME`` of a gateway that is configured: what the database knows of it stands on its page."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
from tests.integration.cli.conftest import Interlock, Passes, created, one_line
from tests.support.release_verbs import LIVE_KEY, SECRET_KEY, with_database

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.cli import main as program
from interlock.cli.output import ExitCode
from interlock.releases.examinations import Examinations
from interlock.releases.gates.types import Verdict
from interlock.releases.types import Actor
from interlock.storage.database import Database


def test_the_page_of_a_gateway_tells_its_gates_and_releases(
    shop: Interlock, folder: Path, passes: Passes, tmp_path: Path
) -> None:
    serving = shop("release", "list", "--json").json()[0]
    release = created(shop, folder)
    passes(release, Verdict.FAILED)
    assert shop("release", "gates", serving["id"], "--gate", "lint").code == 0
    page = shop("gateways", "doc", "stripe")
    assert page.code == 0, page.err
    assert f"| Release | `{serving['id']}` |" in page.out
    assert re.search(r"\| Gateway \| `stripe` \(`gw_\w+`\), test mode \|", page.out)
    evidence = page.out.split("## Evidence of the gates")[1].split("## ")[0]
    assert re.search(r"\| `lint` \| \*\*passed\*\* \|", evidence)
    history = page.out.split("## History")[1]
    assert f"`{serving['id']}` (this page) | stable" in history
    assert re.search(rf"`{release['id']}` \| rejected \|", history)
    assert re.search(r"https?://\S+/gateways/acct_\w+/gw_\w+/webhooks", page.out)
    assert SECRET_KEY not in page.out

    html = tmp_path / "stripe.html"
    assert shop("gateways", "doc", "stripe", "--output", str(html)).code == 0
    assert f"{serving['id']}</code> (this page)" in html.read_text()
    alone = shop("gateways", "doc", "stripe", "--connector")
    assert serving["id"] not in alone.out
    assert "No release is recorded on this page." in alone.out


def test_the_page_tells_what_the_canary_saw_and_why_a_release_was_taken_back(
    shop: Interlock, folder: Path, passes: Passes, database_url: str
) -> None:
    release = created(shop, folder)
    passes(release)
    shop("release", "approve", release["id"], "--why", "fine")
    assert shop("release", "promote", release["id"]).code == 0

    async def decided(database: Database) -> None:
        await database.execute(
            "UPDATE release_trials SET state = 'passed', verdict = 'no worse: e-value 2.1e4', version = version + 1"
        )

    with_database(database_url, decided)
    assert shop("release", "promote", release["id"]).code == 0
    canary = shop("gateways", "doc", "stripe").out.split("## Canary")[1].split("## ")[0]
    assert "with 5 % of the payments" in canary
    assert "| Arm | Release | Payments |" in canary
    shop("release", "rollback", release["id"], "--why", "declines doubled", "--yes")
    history = shop("gateways", "doc", "stripe").out.split("## History")[1]
    assert "ended: declines doubled" in history


def test_a_gateway_is_found_by_its_id_and_in_its_mode(shop: Interlock) -> None:
    gateway = shop("gateways", "list", "--json").json()[0]
    assert gateway["id"] in shop("gateways", "doc", gateway["id"]).out
    assert "No release is recorded" in shop("gateways", "doc", "stripe", "--live").out
    said = shop("gateways", "doc", gateway["id"], "--live")
    assert said.code == ExitCode.USAGE
    assert "choose a gateway, or one of adyen, stripe" in one_line(said)


def test_every_command_on_a_live_gateways_page_takes_what_is_written(
    installed: Interlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_KEY", LIVE_KEY)
    monkeypatch.setenv("STRIPE_HOOK", "whsec_" + "Zk83nQ1b" * 4)
    secrets = ("--credential", "secret_key=@STRIPE_KEY", "--credential", "webhook_secret=@STRIPE_HOOK")
    assert installed("gateways", "add", "stripe", "--live", *secrets).code == 0
    page = installed("gateways", "doc", "stripe", "--live").out
    lines = set(re.findall(r"`interlock ([^`]+)`", page))
    assert "release rollback stripe --live" in lines
    for line in lines:
        command: Any = typer.main.get_command(program.app)
        words = line.split()
        while hasattr(command, "commands"):
            command, words = command.commands[words[0]], words[1:]
        if words != ["--help"]:
            command.make_context("interlock", list(words))


def test_a_database_that_cannot_be_reached_leaves_the_connectors_page(
    interlock_alone: Interlock, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", re.sub(r"/test_\d+", "/gone", database_url))
    said = interlock_alone("gateways", "doc", "stripe")
    assert said.code == 0
    assert said.out.startswith("# Stripe: integration handbook")
    assert "this is the page of the connector alone" in said.err
    assert interlock_alone("gateways", "doc", "mine").code == ExitCode.UNREACHABLE


def test_a_run_that_was_asked_for_is_shown_until_it_is_over(shop: Interlock, folder: Path, database_url: str) -> None:
    release = created(shop, folder)

    async def ask(database: Database) -> None:
        scope = Scope((await database.fetchval("SELECT account_id FROM releases LIMIT 1")), livemode=False)
        await Examinations(database, SystemClock()).request(scope, release["id"], Actor("ann"))

    with_database(database_url, ask)
    shown = shop("release", "show", release["id"]).out
    assert "waiting: waits for a worker" in shown
    assert "lint, contract, certify, shadow, asked for by ann" in shown
    assert shop("release", "show", release["id"], "--json").json()["run"]["state"] == "waiting"


def test_the_journal_tells_each_gate_with_its_verdict(shop: Interlock, folder: Path, passes: Passes) -> None:
    release = created(shop, folder)
    passes(release)
    assert "release.examined (certify passed)" in shop("release", "journal", release["id"]).out
