"""Fixture mode: the stateless API that a client's own test suite is pointed at, used by the official Python SDK."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe
from tests.support import stripe_shapes
from tests.support.official_clients import connect, refused
from tests.support.running_product import Product

KEY = "sk_test_" + "0" * 24


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, specs: Path) -> Iterator[str]:
    """Return the address of `interlock up --fixtures`; it needs no database and prints where it listens."""
    file = specs / "stripe_fixtures3_2026-08.json"
    running = Product(tmp_path_factory.mktemp("fixtures"), "--fixtures", str(file))
    running.launch()
    running.wait_for_text("stateless API at ")
    found = re.search(r"stateless API at (http://[0-9.:]+[0-9])", running.text())
    assert found is not None, running.text()
    yield found[1]
    running.stop()


@pytest.fixture
def v1(url: str) -> Any:
    return connect(KEY, url).v1


def test_any_endpoint_answers_an_example(v1: Any) -> None:
    intent = v1.payment_intents.create({"amount": 1234, "currency": "usd"})
    stripe_shapes.assert_shape("payment_intent", intent.to_dict())
    assert v1.payment_intents.retrieve("pi_anything").id == "pi_anything"
    assert v1.customers.create({"email": "a@example.com"}).object == "customer"
    assert v1.refunds.list({"limit": 3}).data[0].object == "refund"
    assert v1.customers.delete("cus_1").deleted
    assert v1.invoices.create({"customer": "cus_1"}).object == "invoice"
    assert v1.subscriptions.retrieve("sub_1").object == "subscription"
    assert v1.refunds.retrieve("re_1", {"expand": ["charge"]}).charge.object == "charge"


def test_requests_are_checked(v1: Any) -> None:
    missing = refused(stripe.InvalidRequestError, lambda: v1.payment_intents.create({"amount": 5}))
    assert missing.http_status == 400
    unknown = refused(
        stripe.InvalidRequestError, lambda: v1.payment_intents.create({"amount": 5, "currency": "usd", "nonsense": 1})
    )
    assert "nonsense" in str(unknown.user_message)
    wrong = refused(stripe.InvalidRequestError, lambda: v1.payment_intents.create({"amount": "x", "currency": "usd"}))
    assert wrong.http_status == 400


def test_a_key_is_needed(url: str) -> None:
    refused(stripe.AuthenticationError, connect("no_key", url).v1.balance.retrieve)
