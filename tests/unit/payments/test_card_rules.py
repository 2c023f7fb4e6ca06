"""What is said of a card before any gateway sees it, in Stripe's codes."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.problems import Problem
from interlock.payments.instruments.card_rules import CheckedCard, check_card, check_expiry, full_year
from interlock.payments.instruments.types import CardData

_NOW_MS = int(dt.datetime(2026, 6, 15, tzinfo=dt.UTC).timestamp() * 1000)


def _card(**more: object) -> CardData:
    given_fields = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123", **more}
    return CardData(**given_fields)  # type: ignore[arg-type]  # wrong values are the point


@pytest.mark.parametrize(
    ("changed", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"number": "42"}, "incorrect_number", "number"),
        ({"number": "4242 4242 4242 424x"}, "invalid_number", "number"),
        ({"number": "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"}, "invalid_number", "number"),
        ({"exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"exp_month": 0}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": 1970}, "invalid_expiry_year", "exp_year"),
        ({"exp_year": 2080}, "invalid_expiry_year", "exp_year"),
        ({"exp_year": 2026, "exp_month": 5}, "invalid_expiry_month", "exp_month"),
        ({"cvc": "99"}, "invalid_cvc", "cvc"),
        ({"cvc": "12a"}, "invalid_cvc", "cvc"),
    ],
)
def test_what_is_wrong_with_a_card_is_a_card_error(changed: dict[str, object], code: str, param: str) -> None:
    problem = check_card(_card(**changed), _NOW_MS)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.type, problem.code, problem.param) == (402, "card_error", code, param)


@pytest.mark.parametrize("field", ["number", "exp_month", "exp_year"])
def test_a_missing_field_is_named(field: str) -> None:
    problem = check_card(_card(**{field: None}), _NOW_MS)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code, problem.param) == (400, "parameter_missing", f"card[{field}]")


@pytest.mark.parametrize("number", ["4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005"])
def test_a_good_card_comes_out_as_digits(number: str) -> None:
    checked = check_card(_card(number=number, exp_year=30, cvc=None), _NOW_MS)
    assert isinstance(checked, CheckedCard)
    assert checked.number.isdigit()
    assert checked.exp_year == 2030


def test_a_card_is_good_through_its_month_even_where_the_month_is_already_over() -> None:
    first_hours_of_july = int(dt.datetime(2026, 7, 1, 6, tzinfo=dt.UTC).timestamp() * 1000)
    assert check_expiry(6, 2026, first_hours_of_july) is None
    assert check_expiry(6, 2026, first_hours_of_july + 86_400_000) is not None


def test_no_repr_shows_card_data() -> None:
    checked = check_card(_card(), _NOW_MS)
    for value in (checked, _card()):
        for text in (repr(value), str(value), f"{value}"):
            assert "4242" not in text
            assert "123" not in text


@given(st.integers(), st.integers())
def test_expiry_never_raises_and_accepts_only_the_coming_fifty_years(month: int, year: int) -> None:
    ok = check_expiry(month, full_year(year), _NOW_MS) is None
    assert not ok or (1 <= month <= 12 and 2026 <= full_year(year) <= 2076)
