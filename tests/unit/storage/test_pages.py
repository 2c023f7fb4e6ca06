"""The SQL of a page."""

import pytest
from tests.support.storage import SAMPLES

from interlock.base.context import Scope
from interlock.base.errors import InvariantError
from interlock.storage.pages import Page, Pattern, page_query

SCOPE = Scope("acct_1", livemode=True)


def test_every_page_is_bound_to_account_and_mode() -> None:
    query = page_query(SAMPLES, SCOPE, Page(), {})
    assert '"account_id" = $1 AND "livemode" = $2 ORDER BY id DESC LIMIT $3' in query.sql
    assert query.arguments == ["acct_1", True, 11]


def test_filters_are_declared_columns_only() -> None:
    for name in ("nothing", "id; DROP TABLE samples", "extra", "account_id", "livemode"):
        with pytest.raises(InvariantError):
            page_query(SAMPLES, SCOPE, Page(), {name: "x"})


def test_none_matches_null() -> None:
    query = page_query(SAMPLES, SCOPE, Page(), {"note": None, "count": 3})
    assert '"note" IS NULL AND "count" = $3' in query.sql


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_the_limit_has_limits(limit: int) -> None:
    with pytest.raises(InvariantError):
        page_query(SAMPLES, SCOPE, Page(limit=limit), {})


def test_a_star_stands_for_anything_and_nothing_else_does() -> None:
    query = page_query(SAMPLES, SCOPE, Page(), {"note": Pattern((r"a_b%\c.*", "d*"))})
    assert '"note" LIKE ANY($3)' in query.sql
    assert query.arguments[2] == [r"a\_b\%\\c.%", "d%"]


def test_several_values_match_any_of_them() -> None:
    query = page_query(SAMPLES, SCOPE, Page(), {"note": ("a", "b")})
    assert '"note" = ANY($3)' in query.sql
    assert query.arguments[2] == ["a", "b"]
