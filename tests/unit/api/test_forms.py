"""The form parser: what bracket notation means, what is refused, and that nothing is lost on the way."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.api.forms import MAX_DEPTH, MAX_FIELDS, Form, parse
from interlock.base.problems import Problem


def _values(raw: bytes) -> dict[str, Any]:
    form = parse(raw)
    assert isinstance(form, Form), form
    return form.values


def _problem(raw: bytes) -> Problem:
    problem = parse(raw)
    assert isinstance(problem, Problem), problem
    return problem


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=x+y%20z%2B", {"a": "x y z+"}),
        (b"a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        (b"a%5Bb%5D=1", {"a": {"b": "1"}}),
        (b"a[]=1&a[]=2", {"a": ["1", "2"]}),
        (b"a[1]=x&a[0]=y", {"a": ["y", "x"]}),
        (b"a[10]=k&a[9]=j", {"a": ["j", "k"]}),
        (b"a[0][x]=1&a[1][x]=2&a[0][y]=3", {"a": [{"x": "1", "y": "3"}, {"x": "2"}]}),
        (b"a[][x]=1&a[][y]=2&a[][x]=3", {"a": [{"x": "1", "y": "2"}, {"x": "3"}]}),
        (
            b"a[][b][c]=1&a[][b][d]=2&a[][e]=3&a[][b][c]=4",
            {"a": [{"b": {"c": "1", "d": "2"}, "e": "3"}, {"b": {"c": "4"}}]},
        ),
        (b"a[][x]=1&a[][t][]=2&a[][t][]=3&a[][x]=4", {"a": [{"x": "1", "t": ["2", "3"]}, {"x": "4"}]}),
        (b"a[][b][c]=1&a[][b]=2", {"a": [{"b": {"c": "1"}}, {"b": "2"}]}),
        (
            b"a[b][][c][d]=1&a[b][][c][e]=2&a[b][][c][d]=3",
            {"a": {"b": [{"c": {"d": "1", "e": "2"}}, {"c": {"d": "3"}}]}},
        ),
        (b"a[][]=1&a[][]=2", {"a": [["1"], ["2"]]}),
        (b"metadata[0]=x&metadata[1]=y", {"metadata": {"0": "x", "1": "y"}}),
        (b"p[metadata][7]=x", {"p": {"metadata": {"7": "x"}}}),
        (b"a=%E2%82%AC", {"a": "€"}),
        ("a=€".encode(), {"a": "€"}),
        (b"&&a=1&", {"a": "1"}),
    ],
)
def test_bracket_notation_means(raw: bytes, values: dict[str, Any]) -> None:
    assert _values(raw) == values


@pytest.mark.parametrize(
    "raw",
    [
        b"a[b=1",
        b"a[b]c=1",
        b"a[[b]]=1",
        b"a=1&a[b]=2",
        b"a[b]=2&a=1",
        b"a[b]=1&a[b][c]=2",
        b"a[][b]=1&a[][b][c]=2",
        b"a=%ff",
        b"a=%00",
        b"%00=a",
        b"a=\xff",
        b"a" + b"[b]" * MAX_DEPTH + b"=1",
        b"a" * 600 + b"=1",
        b"&".join([b"a=1"] * (MAX_FIELDS + 1)),
    ],
)
def test_what_has_no_meaning_is_refused_as_a_bad_request(raw: bytes) -> None:
    problem = _problem(raw)
    assert problem.status == 400
    assert problem.type == "invalid_request_error"


@pytest.mark.parametrize("value", ["", "null", "NULL", "1e3", "5.0", "-5", "+5", "9" * 19, "1_000"])
def test_values_a_lenient_decoder_could_misread_are_marked(value: str) -> None:
    form = parse(urlencode({"amount": value}).encode())
    assert isinstance(form, Form)
    assert not form.plain


@pytest.mark.parametrize("value", ["1099", "usd", "true", "nobody", "9" * 18])
def test_ordinary_values_take_the_fast_way(value: str) -> None:
    form = parse(urlencode({"amount": value}).encode())
    assert isinstance(form, Form)
    assert form.plain


_names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8).filter(lambda name: name != "metadata")
_leaves = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_trees: st.SearchStrategy[Any] = st.recursive(
    _leaves,
    lambda inner: st.dictionaries(_names, inner, min_size=1, max_size=3) | st.lists(inner, min_size=1, max_size=3),
    max_leaves=12,
)


def _pairs(value: Any, name: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _pairs(item, f"{name}[{key}]")]
    if isinstance(value, list):
        return [pair for index, item in enumerate(value) for pair in _pairs(item, f"{name}[{index}]")]
    return [(name, value)]


def _depth(value: Any) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(item) for item in items), default=0)


@given(st.dictionaries(_names, _trees, max_size=4).filter(lambda tree: _depth(tree) <= MAX_DEPTH))
def test_whatever_a_client_encodes_comes_out_as_it_went_in(tree: dict[str, Any]) -> None:
    encoded = urlencode([pair for name, value in tree.items() for pair in _pairs(value, name)], quote_via=quote)
    assert _values(encoded.encode()) == tree


_shapes: st.SearchStrategy[Any] = st.recursive(
    st.none(), lambda inner: st.dictionaries(_names, inner, min_size=1, max_size=3), max_leaves=6
)


@st.composite
def _alike(draw: st.DrawFn) -> list[Any]:
    """Return hashes that have the same names all the way down, the last of each with a list of its own length."""

    def fill(shape: Any) -> Any:
        return draw(_leaves) if shape is None else {name: fill(inner) for name, inner in shape.items()}

    shape = draw(st.dictionaries(_names, _shapes, min_size=1, max_size=4))
    listed = draw(st.booleans())
    filled = [fill(shape) for _ in range(draw(st.integers(1, 4)))]
    return [{**one, "0list": draw(st.lists(_leaves, min_size=1, max_size=3))} if listed else one for one in filled]


def _rack_pairs(value: Any, name: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in _rack_pairs(item, f"{name}[{key}]")]
    if isinstance(value, list):
        return [pair for item in value for pair in _rack_pairs(item, f"{name}[]")]
    return [(name, value)]


@given(_alike().filter(lambda elements: _depth(elements) + 2 <= MAX_DEPTH), st.sampled_from(["a", "a[b]"]))
def test_lists_of_hashes_without_positions_come_out_as_they_went_in(elements: list[Any], name: str) -> None:
    values = _values(urlencode(_rack_pairs(elements, name), quote_via=quote).encode())["a"]
    assert (values if name == "a" else values["b"]) == elements


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    assert isinstance(parse(raw), Form | Problem)


@given(
    st.lists(st.sampled_from([b"a", b"[", b"]", b"[]", b"0", b"=", b"&", b"%5B", b"%", b"+", b"metadata"]), max_size=30)
)
def test_no_brackets_break_the_parser(pieces: list[bytes]) -> None:
    assert isinstance(parse(b"".join(pieces)), Form | Problem)
