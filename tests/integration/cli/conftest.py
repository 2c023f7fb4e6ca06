"""Commands run in this process, against a database of the test's own."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.release_verbs import SECRET_KEY, copied_connector, record, with_database

from interlock.base.context import Scope
from interlock.cli import main as program
from interlock.cli.output import console, errors
from interlock.releases.gates.types import Verdict
from interlock.storage.database import Database


class Said:
    """What a command came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def json(self) -> Any:
        return json.loads(self.out)


Interlock = Callable[..., Said]
Passes = Callable[..., None]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder without any variable of ours."""
    for name in list(os.environ):
        if name.startswith("INTERLOCK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for each in (console, errors):
        monkeypatch.setattr(each, "width", 200)


@pytest.fixture
def interlock(interlock_alone: Interlock, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Interlock:
    """Return what runs a command line against the test's database."""
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", database_url)
    return interlock_alone


@pytest.fixture
def interlock_alone(alone: None, capsys: pytest.CaptureFixture[str]) -> Interlock:
    """Return what runs a command line without a database."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        code = program.run(list(arguments))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def installed(interlock: Interlock) -> Interlock:
    """Return the same, after ``interlock init``."""
    assert interlock("init", "--name", "Bakery", "--country", "NL", "--currency", "eur").code == 0
    return interlock


@pytest.fixture
def shop(installed: Interlock, monkeypatch: pytest.MonkeyPatch) -> Interlock:
    """Return the same, with a Stripe gateway in test mode."""
    monkeypatch.setenv("STRIPE_KEY", SECRET_KEY)
    added = installed("gateways", "add", "stripe", "--credential", "secret_key=@STRIPE_KEY")
    assert added.code == 0, added.err
    return installed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a connector that differs by a comment from the one that serves."""
    return copied_connector(tmp_path)


@pytest.fixture
def passes(database_url: str) -> Passes:
    """Return what keeps a verdict for a release, as a run of its gates elsewhere would."""

    def keep(release: dict[str, Any], verdict: Verdict = Verdict.PASSED) -> None:
        async def work(database: Database) -> None:
            account = await database.fetchval("SELECT account_id FROM releases WHERE id = $1", release["id"])
            await record(database, Scope(account, release["livemode"]), release["id"], verdict)

        with_database(database_url, work)

    return keep


def created(shop: Interlock, folder: Path, *more: str) -> dict[str, Any]:
    """Propose the connector in ``folder`` and return the release."""
    said = shop("release", "create", str(folder), "--gateway", "stripe", "--note", "try it", "--json", *more)
    assert said.code == 0, said.err
    release: dict[str, Any] = said.json()
    return release


def one_line(said: Said) -> str:
    """Return the complaint, which is one line and no traceback."""
    assert said.err.count("\n") == 1, said.err
    assert said.err.startswith("interlock: ")
    assert "Traceback" not in said.err
    return said.err
