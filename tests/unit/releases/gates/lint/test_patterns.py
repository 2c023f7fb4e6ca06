"""Regular expressions that some text could keep busy for ever are told from those that end soon."""

import pytest

from interlock.releases.gates.lint.code.patterns import takes_for_ever


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(ab|[a-c]+)*",
        "(?:[a-z]+,?)*",
        "([0-9]+|x)*",
        "^(\\w+\\s?)*$",
        "(?:a{1,20}){1,20}",
        "(a?){30}a{30}",
        "(?:a{0,12}){12}",
        "((a*)b?)*",
    ],
)
def test_a_pattern_that_can_take_for_ever_is_known(pattern: str) -> None:
    assert takes_for_ever(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "whsec_[A-Za-z0-9+/=_]+(,whsec_[A-Za-z0-9+/=_]+)*",
        "[a-z]+",
        "(ab)+",
        "(?:,[^,]+)*",
        "a{3}(b{2})*",
        "(?:[0-9]{1,3}x){3}",
        "(?>a+)+",
        "(",
        "(?:-[0-9]{1,4})+",
        "^[a-z]+(?:\\.\\d+)*$",
    ],
)
def test_a_pattern_that_ends_soon_is_let_be(pattern: str) -> None:
    assert not takes_for_ever(pattern)
