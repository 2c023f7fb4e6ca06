"""Texts of a release as people see them: whole, on one line, with what is invisible spelled out."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.gateways import CARD

from interlock.releases.showing import TEXT_MAX, duration, shown, visible


@given(st.text())
def test_nothing_invisible_is_left(text: str) -> None:
    seen = visible(text)
    assert not {unicodedata.category(each) for each in seen} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert len(seen) >= len(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain text, ünïcödé 名前", "plain text, ünïcödé 名前"),
        ("a\nb\tc", "a\\x0ab\\x09c"),
        ("\x1b[2Jx", "\\x1b[2Jx"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_invisible_is_written_as_its_code(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_tabs_may_be_kept() -> None:
    assert visible("\ta\x00", keep="\t") == "\ta\\x00"


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, "none"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (["a", 1], "a, 1"),
        ((), "none"),
        ({"a": True}, "a = yes"),
        (f"card {CARD.number}", "card [card]"),
    ],
)
def test_values_read_as_people_write_them(value: object, seen: str) -> None:
    assert shown(value) == seen


def test_long_texts_are_cut_and_that_is_said() -> None:
    assert shown("a" * (TEXT_MAX + 5)) == f"{'a' * TEXT_MAX}… (5 more)"


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (1_500, "1.5 s"),
        (60_000, "1 min"),
        (82_800_000, "23 h"),
        (86_400_000, "1 day"),
        (561_600_000, "6.5 days"),
    ],
)
def test_times_are_told_in_their_unit(milliseconds: int, told: str) -> None:
    assert duration(milliseconds) == told
