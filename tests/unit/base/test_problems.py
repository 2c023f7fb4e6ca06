"""The words of problems: clients match on them."""

import pytest

from interlock.base.problems import missing


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("payment_intent", "No such payment_intent: 'x_1'"),
        ("setup_intent", "No such setupintent: 'x_1'"),
        ("charge", "No such charge: 'x_1'"),
        ("webhook_endpoint", "No such webhook endpoint: 'x_1'"),
    ],
)
def test_what_does_not_exist_is_named_as_the_published_api_names_it(kind: str, message: str) -> None:
    problem = missing(kind, "x_1")
    assert (problem.message, problem.status, problem.code) == (message, 404, "resource_missing")
