"""What the diff says of code: which parts changed, never comments; and the text, without secrets, with all it hides."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.gateways import CARD

from interlock.gateways.loader import builtin_package, known_gateways
from interlock.gateways.package import Package
from interlock.releases.diff.code import file_changes, unified
from interlock.releases.diff.types import PartChange, State


def module(before: str | None, after: str | None) -> Any:
    sides = [Package({} if text is None else {"m.py": text.encode()}) for text in (before, after)]
    changes = file_changes(*sides, manifest_told=False)
    assert len(changes) == 1
    return changes[0]


BASE = '''"""Doc."""
from a import b
import c

LIMIT = 3

class Reader:
    """Reads."""

    size: int = 4

    def read(self, x):
        """Read."""
        return x + LIMIT

    class Inner:
        def deep(self):
            return 1


def build(x):
    return [x,
            2]
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Doc."""', '"""Other."""'),
        ('"""Read."""', "# a comment"),
        ("[x,\n            2]", "[x, 2]  # formatted"),
        ("from a import b\nimport c", "import c\nfrom a import b"),
        ("LIMIT = 3", "LIMIT = (3)"),
        ('"""Reads."""', "'''Reads\n    much.'''"),
    ],
)
def test_comments_formatting_and_docstrings_are_only_text(old: str, new: str) -> None:
    change = module(BASE, BASE.replace(old, new))
    assert change.only_text
    assert change.parts == ()
    assert any(line.startswith("+") for line in change.text)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("x + LIMIT", "x - LIMIT", [("Reader.read", "function", State.CHANGED)]),
        ("return 1", "return 2", [("Reader.Inner.deep", "function", State.CHANGED)]),
        ("LIMIT = 3", "LIMIT = 4", [("LIMIT", "constant", State.CHANGED)]),
        ("size: int = 4", "size: int = 5", [("Reader.size", "constant", State.CHANGED)]),
        ("class Reader:", "class Reader(Base):", [("Reader", "class", State.CHANGED)]),
        ("import c", "import d", [("(imports)", "imports", State.CHANGED)]),
        ("def build(x)", "def make(x)", [("build", "function", State.REMOVED), ("make", "function", State.ADDED)]),
        ("def build(x)", "async def build(x)", [("build", "function", State.CHANGED)]),
        ("LIMIT = 3", "LIMIT = 3\nLIMIT += 1", [("(statements)", "statements", State.ADDED)]),
        ("def build", "def build(y): pass\ndef build", [("build", "function", State.CHANGED)]),
    ],
)
def test_changed_parts_are_named(old: str, new: str, expected: list[tuple[str, str, State]]) -> None:
    change = module(BASE, BASE.replace(old, new))
    assert list(change.parts) == [PartChange(name=name, kind=kind, state=state) for name, kind, state in expected]
    assert not change.only_text


def test_modules_come_and_go_with_their_parts() -> None:
    assert [each.name for each in module(None, BASE).parts] == [
        "(imports)",
        "LIMIT",
        "Reader",
        "Reader.Inner",
        "Reader.Inner.deep",
        "Reader.read",
        "Reader.size",
        "build",
    ]
    assert module(BASE, None).state is State.REMOVED


@pytest.mark.parametrize("broken", ["def (:", "a = '\0'", "(" * 3000, "x = " + "-" * 50_000 + "1"])
def test_code_that_cannot_be_read_is_shown_as_text(broken: str) -> None:
    change = module(BASE, broken)
    assert change.problem is not None
    assert "is no Python" in change.problem
    assert change.text


def test_the_text_hides_secrets_and_shows_what_is_invisible() -> None:
    key = "sk_live_0123456789abcdef"
    change = module("a = 1\n", f'a = "{key}"  # {CARD.number}\nb = "\u202eevil\x1b[2J"\nc = {CARD.number}\n')
    text = "\n".join(change.text)
    assert key not in text
    assert CARD.number not in text
    assert "\\u202eevil\\x1b[2J" in text
    assert "\u202e" not in text


def test_a_line_that_differs_in_a_secret_alone_is_shown_as_changed() -> None:
    change = module('KEY = "sk_live_0123456789abcdef"\n', 'KEY = "sk_live_fedcba9876543210"\n')
    assert [line[0] for line in change.text] == ["@", "-", "+"]
    assert [part.name for part in change.parts] == ["KEY"]


@pytest.mark.parametrize("name", known_gateways())
def test_code_that_names_secrets_is_shown_as_it_is(name: str) -> None:
    for content in builtin_package(name).modules().values():
        lines = unified("", content.decode(), python=True)
        assert [line[1:] for line in lines[1:]] == content.decode().split("\n")[:-1]


@given(st.text(), st.text())
def test_the_text_of_any_two_texts_is_one_line_each_and_holds_every_line(before: str, after: str) -> None:
    lines = unified(before, after, python=True)
    assert bool(lines) == (before.removesuffix("\n") != after.removesuffix("\n") or bool(before) != bool(after))
    assert all("\n" not in line and line[:1] in "@ +-" for line in lines)


def test_a_very_long_file_is_not_compared_line_by_line() -> None:
    (line,) = unified("a\n" * 20_000, "b\n" * 20_000, python=False)
    assert "not compared" in line
