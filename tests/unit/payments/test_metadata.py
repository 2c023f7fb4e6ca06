"""The metadata rule: merge, delete by empty value, clear, and Stripe's limits."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.problems import Problem
from interlock.payments import metadata

_KEYS = st.text(st.characters(exclude_characters="[]\x00", exclude_categories=["Cs"]), min_size=1, max_size=40)
_VALUES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=500)
_PAIRS = st.dictionaries(_KEYS, _VALUES, max_size=20)


def test_unset_leaves_everything() -> None:
    assert metadata.merge({"a": "1"}, msgspec.UNSET) == {"a": "1"}


def test_none_clears_everything() -> None:
    assert metadata.merge({"a": "1"}, None) == {}


def test_pairs_are_merged_and_an_empty_value_deletes_its_key() -> None:
    assert metadata.merge({"a": "1", "b": "2"}, {"b": "", "c": "3"}) == {"a": "1", "c": "3"}


def test_deleting_an_absent_key_is_harmless() -> None:
    assert metadata.merge({}, {"a": ""}) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"": "empty key"},
        {"a[b": "bracket"},
        {"a]": "bracket"},
        {"k" * 41: "long key"},
        {"a": "v" * 501},
        {"a": "nul\x00"},
        {f"k{i}": "x" for i in range(51)},
    ],
)
def test_what_breaks_a_limit_is_refused(change: dict[str, str]) -> None:
    problem = metadata.merge({}, change)
    assert isinstance(problem, Problem)
    assert problem.status == 400
    assert problem.param is not None


def test_the_number_of_keys_counts_what_is_already_there() -> None:
    current = {f"k{i}": "x" for i in range(50)}
    assert isinstance(metadata.merge(current, {"new": "1"}), Problem)
    assert isinstance(metadata.merge(current, {"new": "1", "k0": ""}), dict)


@given(_PAIRS, _PAIRS)
def test_merging_changes_exactly_the_named_keys(current: dict[str, str], change: dict[str, str]) -> None:
    stored = {key: value for key, value in current.items() if value}
    merged = metadata.merge(stored, change)
    assert isinstance(merged, dict)
    for key in stored.keys() | change.keys():
        expected = change.get(key, stored.get(key))
        assert merged.get(key) == (expected or None)
    assert metadata.merge(merged, change) == merged
