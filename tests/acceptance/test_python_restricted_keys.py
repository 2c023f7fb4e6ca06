"""Restricted keys: what they may do works as with a secret key, the rest is refused by the missing permission."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe
from tests.support.official_clients import BACK, connect, refused
from tests.support.running_product import Product
from tests.support.watching_proxy import WatchingProxy

from interlock.api.endpoints import ENDPOINTS
from interlock.api.permissions import family_of
from interlock.payments.access.permissions import FAMILIES

Restricted = Callable[..., stripe.StripeClient]


@pytest.fixture
def restricted(product: Product, proxy: WatchingProxy) -> Restricted:
    """Return a function that makes a key with the named permissions and a client that uses it."""

    def make(*allowed: str) -> stripe.StripeClient:
        options = [word for permission in allowed for word in ("--allow", permission)]
        return connect(product.command("keys", "create", *options).split()[0], proxy.url)

    return make


def test_what_is_allowed_is_done_and_nothing_else(restricted: Restricted) -> None:
    clerk = restricted("payment_intent=write", "charge=read").v1
    form: Any = {"amount": 900, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    intent = clerk.payment_intents.create(form | {"return_url": BACK, "expand": ["latest_charge"]})
    assert intent.status == "succeeded"
    assert clerk.charges.retrieve(intent.latest_charge.id).paid  # type: ignore[union-attr]  # expanded
    assert isinstance(clerk.payment_intents.search({"query": "amount>1"}).data, list)
    error = refused(stripe.PermissionError, lambda: clerk.refunds.create({"payment_intent": intent.id}))
    assert (error.http_status, error.error.type) == (403, "invalid_request_error")
    assert "Having the 'rak_charge_write' permission would allow this request to continue." in error.user_message
    assert "rk_test_********" in error.user_message
    for call in (
        lambda: clerk.customers.create({"name": "A"}),
        clerk.balance.retrieve,
        clerk.webhook_endpoints.list,
        clerk.events.list,
    ):
        refused(stripe.PermissionError, call)


def test_a_key_that_reads_changes_nothing(restricted: Restricted, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"name": "Before"})
    reader = restricted("customer=read").v1
    assert reader.customers.retrieve(customer.id).name == "Before"
    refused(stripe.PermissionError, lambda: reader.customers.update(customer.id, {"name": "After"}))
    refused(stripe.PermissionError, lambda: reader.customers.delete(customer.id))
    refused(stripe.PermissionError, lambda: reader.customers.payment_methods.list(customer.id))
    assert client.v1.customers.retrieve(customer.id).name == "Before"


def test_expanding_needs_the_permission_of_what_it_shows(restricted: Restricted, client: stripe.StripeClient) -> None:
    client.v1.charges.create({"amount": 900, "currency": "usd", "source": "tok_visa"})
    report = restricted("balance_transaction=read").v1
    assert report.balance_transactions.list({"limit": 1}).data
    error = refused(
        stripe.PermissionError, lambda: report.balance_transactions.list({"limit": 1, "expand": ["data.source"]})
    )
    assert "'rak_charge_read'" in error.user_message
    fuller = restricted("balance_transaction=read", "charge=read").v1
    shown = fuller.balance_transactions.list({"limit": 1, "type": "charge", "expand": ["data.source"]}).data[0]
    assert shown.source.object == "charge"  # type: ignore[union-attr]  # expanded
    # A place that may hold objects of several families shows those the key may read, and ids of the rest.
    other = restricted("balance_transaction=read", "dispute=read").v1
    shown = other.balance_transactions.list({"limit": 1, "type": "charge", "expand": ["data.source"]}).data[0]
    assert isinstance(shown.source, str)


def test_lists_that_are_always_empty_need_no_permission(restricted: Restricted) -> None:
    assert restricted("event=read").v1.invoices.list().data == []


def test_every_endpoint_belongs_to_a_family_that_can_be_allowed() -> None:
    assert {family_of(endpoint.path) for endpoint in ENDPOINTS} == set(FAMILIES)
