"""The search language: what it means, what is refused, and that nothing of it reaches SQL as text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.problems import Problem
from interlock.payments.search.conditions import Arguments, to_sql
from interlock.payments.search.fields import CHARGES, CUSTOMERS
from interlock.payments.search.query import Clause, Query, parse


def _query(text: str) -> Query:
    query = parse(text)
    assert isinstance(query, Query), query
    return query


@pytest.mark.parametrize(
    ("text", "clauses", "joint"),
    [
        ("status:'succeeded'", (Clause("status", ":", "succeeded"),), "AND"),
        ('status:"succeeded"', (Clause("status", ":", "succeeded"),), "AND"),
        ("amount>1000", (Clause("amount", ">", "1000"),), "AND"),
        ("amount >= 1000", (Clause("amount", ">=", "1000"),), "AND"),
        ("-currency:'usd'", (Clause("currency", ":", "usd", negated=True),), "AND"),
        ("metadata['order id']:'6735'", (Clause("metadata", ":", "6735", key="order id"),), "AND"),
        ('metadata["a"]:null', (Clause("metadata", ":", "null", key="a", is_null=True),), "AND"),
        ("email~'jane'", (Clause("email", "~", "jane"),), "AND"),
        (r"name:'O\'Neil'", (Clause("name", ":", "O'Neil"),), "AND"),
        (
            "payment_method_details.card.last4:4242",
            (Clause("payment_method_details.card.last4", ":", "4242"),),
            "AND",
        ),
        ("a:'1' AND b:'2'", (Clause("a", ":", "1"), Clause("b", ":", "2")), "AND"),
        ("a:'1' b:'2'", (Clause("a", ":", "1"), Clause("b", ":", "2")), "AND"),
        ("a:'1' or b:'2' OR c:3", (Clause("a", ":", "1"), Clause("b", ":", "2"), Clause("c", ":", "3")), "OR"),
        ("android:'1'", (Clause("android", ":", "1"),), "AND"),
    ],
)
def test_a_query_means(text: str, clauses: tuple[Clause, ...], joint: str) -> None:
    assert _query(text) == Query(clauses, joint)  # type: ignore[arg-type]  # a literal in the table above


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "status",
        "status:",
        "status:'open",
        "status='x'",
        "a:'1' AND",
        "a:'1' AND OR b:'2'",
        "a:'1' AND b:'2' OR c:'3'",
        "a:'1' b:'2' OR c:'3'",
        "(a:'1')",
        "a:'1'b:'2'",
        " ".join(["a:1"] * 11),
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    problem = parse(text)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.param) == (400, "query")


@pytest.mark.parametrize(
    ("text", "sql", "values"),
    [
        ("status:'Succeeded'", "((lower(status) = lower($1::text)))", ["Succeeded"]),
        ("amount>5 AND amount<=9", "((amount_minor > $1::bigint) AND (amount_minor <= $2::bigint))", [5, 9]),
        ("created>10", "((created_at_ms >= $1::bigint))", [11_000]),
        ("created>=10", "((created_at_ms >= $1::bigint))", [10_000]),
        ("created<10", "((created_at_ms < $1::bigint))", [10_000]),
        ("created<=10", "((created_at_ms < $1::bigint))", [11_000]),
        ("created:10", "((created_at_ms >= $1::bigint AND created_at_ms < $2::bigint))", [10_000, 11_000]),
        ("metadata['k']:'v'", "((lower((metadata->>$1::text)) = lower($2::text)))", ["k", "v"]),
        ("-metadata['k']:null", "(NOT coalesce((metadata->>$1::text) IS NULL, false))", ["k"]),
        ("refunded:true OR disputed:'true'", None, [True, True]),
    ],
)
def test_a_query_becomes_conditions(text: str, sql: str | None, values: list[object]) -> None:
    arguments = Arguments()
    condition = to_sql(_query(text), CHARGES, "charges", arguments)
    assert sql is None or condition == sql
    assert arguments.values == values


@pytest.mark.parametrize(
    "text",
    [
        "nothing:'x'",
        "metadata:'x'",
        "status['a']:'x'",
        "status~'succ'",
        "status>'a'",
        "amount:'ten'",
        "amount~'10'",
        "amount>null",
        "disputed:'perhaps'",
        "amount:99999999999999999999999",
    ],
)
def test_what_cannot_be_asked_is_refused(text: str) -> None:
    problem = to_sql(_query(text), CHARGES, "charges", Arguments())
    assert isinstance(problem, Problem)


def test_a_substring_has_at_least_three_characters() -> None:
    assert isinstance(to_sql(_query("email~'ab'"), CUSTOMERS, "customers", Arguments()), Problem)
    assert isinstance(to_sql(_query("email~'abc'"), CUSTOMERS, "customers", Arguments()), str)


@given(st.text(max_size=80))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert isinstance(parse(text), Query | Problem)


@given(st.sampled_from(sorted(CHARGES)), st.sampled_from([":", "~", ">", "<="]), st.text(max_size=30))
def test_values_never_become_sql(field: str, operator: str, value: str) -> None:
    clause = Clause(field, operator, value, key=value if field == "metadata" else None)  # type: ignore[arg-type]  # as parsed
    condition = to_sql(Query((clause,)), CHARGES, "charges", Arguments())
    if isinstance(condition, str):
        without = to_sql(
            Query((Clause(clause.field, clause.operator, "7777", key=clause.key and "k"),)), CHARGES, "", Arguments()
        )
        assert isinstance(without, Problem) or re.sub(r"\$\d+", "$", condition).count("'") == without.count("'")
