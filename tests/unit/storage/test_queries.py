"""Named queries."""

import pytest

from interlock.base.errors import ConfigurationError, InvariantError
from interlock.storage.queries import parse_queries
from interlock.storage.sql_text import split_statements

TEXT = """
-- About this file.

-- name: first
-- why
SELECT 1
FROM t;

-- name: second
DELETE FROM t
"""


def test_queries_are_read_by_name() -> None:
    queries = parse_queries("q", TEXT)
    assert dict(queries) == {"first": "-- why\nSELECT 1\nFROM t", "second": "DELETE FROM t"}


def test_an_unknown_name_says_where_it_was_looked_for() -> None:
    with pytest.raises(InvariantError, match=r"q has no query 'third'"):
        parse_queries("q", TEXT)["third"]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "-- name: a\n-- name: b\nSELECT 1",
        "-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;",
        "-- name: A-b\nSELECT 1",
    ],
)
def test_a_malformed_file_is_refused(text: str) -> None:
    with pytest.raises(InvariantError):
        parse_queries("q", text)


def test_statements_are_split_outside_of_quotes_and_comments() -> None:
    text = """
    -- a; comment
    CREATE TABLE t (a text DEFAULT ';''x', "b;" int); /* c; */
    INSERT INTO t VALUES ('--', 1 - 2 / 3, $1);;
    """
    assert split_statements("m", text) == [
        """CREATE TABLE t (a text DEFAULT ';''x', "b;" int)""",
        "INSERT INTO t VALUES ('--', 1 - 2 / 3, $1)",
    ]


def test_a_dollar_quoted_body_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        split_statements("m", "DO $body$ BEGIN; END $body$")
