"""Commands run in this process, against a database of the test's own."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlock.cli import main as program
from interlock.cli.output import console, errors


class Said:
    """What a command came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def json(self) -> Any:
        return json.loads(self.out)


Interlock = Callable[..., Said]


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
def interlock(
    alone: None, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Interlock:
    """Return what runs a command line against the test's database."""
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", database_url)

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
