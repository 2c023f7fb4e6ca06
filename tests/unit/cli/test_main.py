import json
import os
from pathlib import Path

import pytest

from interlock import __version__
from interlock.base.errors import ConfigurationError, InvariantError, StorageError
from interlock.cli import main as program
from interlock.cli.output import ExitCode, RefusedError


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("INTERLOCK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_help_names_the_verbs_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--help"]) == ExitCode.OK

    shown = capsys.readouterr().out
    assert "interlock up" in shown
    assert all(str(code.value) in shown for code in ExitCode)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out == f"interlock {__version__}\n"


@pytest.mark.parametrize("arguments", [["nope"], ["config", "--jsn"], ["migrate", "extra"]])
def test_wrong_use_is_one_line_that_leads_to_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(arguments) == ExitCode.USAGE

    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("interlock: ")
    assert "--help`" in told


def test_a_wrong_setting_is_one_line_with_field_problem_and_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTERLOCK_API_PORT", "http")

    assert program.run(["config"]) == ExitCode.CONFIGURATION

    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("interlock: INTERLOCK_API_PORT: input should be a valid integer")
    assert "; give: Port of the API" in told


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("a", "is wrong", "correct it"), ExitCode.CONFIGURATION),
        (RefusedError("a", "is away", "start it", ExitCode.UNREACHABLE), ExitCode.UNREACHABLE),
        (StorageError("away"), ExitCode.UNREACHABLE),
        (InvariantError("broken"), ExitCode.FAILED),
        (ZeroDivisionError("x"), ExitCode.FAILED),
    ],
)
def test_each_error_has_its_exit_code_and_never_a_traceback(
    error: Exception, code: ExitCode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(program, "app", fail)

    assert program.run([]) == code

    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Traceback" not in told


def test_a_card_number_in_an_error_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise ValueError("4242424242424242 is no amount")

    monkeypatch.setattr(program, "app", fail)
    monkeypatch.setenv("INTERLOCK_DEBUG", "1")

    program.run([])

    told = capsys.readouterr()
    assert "4242424242424242" not in told.out + told.err
    assert "Traceback" in told.err


def test_config_lists_every_setting_as_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTERLOCK_API_PORT", "9000")

    assert program.run(["config", "--json"]) == ExitCode.OK

    rows = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["api_port"] == {
        "setting": "api_port",
        "value": 9000,
        "variable": "INTERLOCK_API_PORT",
        "meaning": "Port of the API; `interlock up` picks another when it is taken.",
        "changed": True,
    }
    assert rows["api_host"]["changed"] is False
