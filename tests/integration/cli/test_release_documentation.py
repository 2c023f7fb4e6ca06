"""The page on releases: its commands are run as they stand, in order, and each of them does it."""

import re
import shlex
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Interlock, Passes
from tests.support.release_verbs import copied_connector

from interlock.releases.affected import Consequence

PAGE = (Path(__file__).parents[3] / "docs" / "releases.md").read_text(encoding="utf-8")


def _commands() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


class Walk:
    """Goes through the page; ids on it stand for those that there are."""

    def __init__(self, shop: Interlock, passes: Passes, folder: Path) -> None:
        self.shop, self.passes, self.folder = shop, passes, folder
        self.made: list[str] = []

    def run(self, words: list[str]) -> None:
        if words[1:3] == ["release", "approve"] and "--break-glass" not in words:
            self.passes({"id": self.made[0], "livemode": False})
        said = self.shop(*(self._real(word) for word in words[1:]))
        assert said.code == 0, (words, said.out, said.err)
        if words[1:3] == ["release", "create"]:
            self.made += [one for one in re.findall(r"^rel_\w+", said.out) if one not in self.made]

    def _real(self, word: str) -> str:
        if word == "rel_4f0c":
            return self.made[0]
        if word == "rel_91ab":
            return self.made[1]
        if word == "ref_1":
            found: str = self.shop("gateways", "refusals", "--json").json()[-1]["id"]
            return found
        return word


def test_every_command_of_the_page_does_what_it_says(
    shop: Interlock, passes: Passes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEW_KEY", "sk_test_" + "n" * 30)
    copied_connector(tmp_path / "integrations")
    walk, commands = Walk(shop, passes, tmp_path), _commands()
    verbs = {words[2] for words in commands if words[1] == "release"}
    assert verbs >= {"check", "create", "list", "show", "diff", "gates", "approve", "promote", "rollback", "affected"}
    for words in commands:
        assert words[0] == "interlock", words
        walk.run(words)
    assert (tmp_path / "gates.xml").read_bytes().startswith(b"<?xml")
    actions = [entry["action"] for entry in reversed(shop("release", "journal", "--limit", "100", "--json").json())]
    for action in ("canary.started", "release.forced", "release.promoted", "payments.refused", "payments.accepted"):
        assert action in actions
    assert actions.count("release.rolled_back") == 2


def test_every_consequence_stands_on_the_page() -> None:
    assert not [one for one in Consequence if f"| `{one}` |" not in PAGE]
