import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.sandbox.http import Form, FormError, parse_form


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", {}),
        ("amount=100&currency=usd", {"amount": "100", "currency": "usd"}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[1]=y&a[0]=x", {"a": ["x", "y"]}),
        ("a[0][b]=1&a[1][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("a%5Bb%5D=caf%C3%A9+au+lait", {"a": {"b": "café au lait"}}),
        ("a=1&&=2&b", {"a": "1", "b": ""}),
        ("a[b][]=1&a[c]=2", {"a": {"b": ["1"], "c": "2"}}),
    ],
)
def test_a_form_becomes_the_tree_stripe_reads(text: str, tree: Form) -> None:
    assert parse_form(text) == tree


@pytest.mark.parametrize("text", ["a=1&a[b]=2", "a[b]=1&a[]=2", "&".join("a=1" for _ in range(3000))])
def test_contradictions_and_floods_are_refused(text: str) -> None:
    with pytest.raises(FormError):
        parse_form(text)


@given(st.text(alphabet="ab[]=&%0+12", max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(FormError):
        assert isinstance(parse_form(text), dict)
