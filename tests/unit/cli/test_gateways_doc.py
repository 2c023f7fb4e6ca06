"""``interlock gateways doc``: prints or writes the page of a built-in connector, and names only commands that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from interlock.cli import main as program
from interlock.cli.output import ExitCode
from interlock.gateways.loader import known_gateways
from interlock.releases.handbook.runbook import COMMANDS


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert program.run(["gateways", "doc", *arguments]) == ExitCode.OK
    return capsys.readouterr().out


@pytest.mark.parametrize("name", known_gateways())
def test_every_built_in_connector_has_a_page_without_a_database(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert printed(capsys, name).startswith(f"# {name.title()}: integration handbook\n")
    assert list(tmp_path.iterdir()) == []


def test_html_is_one_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = printed(capsys, "stripe", "--html")
    assert page.startswith("<!doctype html>")
    file = tmp_path / "stripe.html"
    assert printed(capsys, "stripe", "--output", str(file)) == f"wrote {file}\n"
    assert file.read_text(encoding="utf-8") == page
    printed(capsys, "stripe", "-o", str(tmp_path / "stripe.md"))
    assert (tmp_path / "stripe.md").read_text(encoding="utf-8") == printed(capsys, "stripe")


def test_an_unknown_connector_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["gateways", "doc", "acme"]) == ExitCode.USAGE
    assert capsys.readouterr().err == "interlock: NAME: 'acme' is unknown; choose a gateway, or one of adyen, stripe\n"


def test_a_file_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert program.run(["gateways", "doc", "stripe", "-o", str(tmp_path / "none" / "x.md")]) == ExitCode.FAILED
    told = capsys.readouterr().err
    assert told.startswith("interlock: --output: ")
    assert told.count("\n") == 1


def _leaf(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that ``words`` name and what is left for it to parse."""
    command: Any = typer.main.get_command(program.app)
    while hasattr(command, "commands"):
        assert words, "a group, no command"
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize("name", known_gateways())
def test_every_command_on_the_page_exists_and_takes_what_is_written(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = set(re.findall(r"`interlock ([^`]+)`", printed(capsys, name)))
    assert len(lines) >= 8
    for line in lines:
        command, words = _leaf(line.split())
        if words != ["--help"]:
            command.make_context("interlock", list(words))


def test_whatever_the_runbook_may_name_is_named_once_it_exists(capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys, "stripe")
    root: Any = typer.main.get_command(program.app)
    for command in COMMANDS:
        group, _, verb = command.verb.partition(" ")
        inner = getattr(root.commands.get(group), "commands", None)
        exists = group in root.commands if not verb else inner is not None and verb in inner
        assert (f"interlock {command.verb}" in page) is exists
