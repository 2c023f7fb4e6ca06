"""Clients that mirror an account read every list it may have: what a switch has none of is empty, not an error."""

from typing import Any

import pytest
import stripe
from tests.support.official_clients import refused
from tests.support.running_product import Product, fetch

_NAMES = """
application_fees billing_portal.configurations coupons country_specs credit_notes entitlements.features
exchange_rates file_links identity.verification_sessions invoice_items invoices issuing.cards payment_links
payment_method_configurations payment_method_domains payouts plans promotion_codes quotes
radar.early_fraud_warnings radar.value_lists reporting.report_runs reporting.report_types reviews shipping_rates
sigma.scheduled_query_runs subscription_schedules subscriptions tax_codes tax_ids tax_rates terminal.locations
terminal.readers test_helpers.test_clocks topups transfers
"""
NONE_OF = _NAMES.split()


def service(client: stripe.StripeClient, name: str) -> Any:
    found: Any = client.v1
    for word in name.split("."):
        found = getattr(found, word)
    return found


@pytest.mark.parametrize("name", NONE_OF)
def test_what_there_is_none_of_is_an_empty_list(client: stripe.StripeClient, name: str) -> None:
    assert list(service(client, name).list({"limit": 100}).auto_paging_iter()) == []


def test_lists_of_none_take_their_filters_and_pages_as_others_do(client: stripe.StripeClient) -> None:
    v1: Any = client.v1
    asked: Any = {"status": "all", "created": {"gte": 1}, "expand": ["data.latest_invoice.payment_intent"]}
    assert v1.subscriptions.list(asked).data == []
    too_many = refused(stripe.InvalidRequestError, lambda: v1.invoices.list({"limit": 101}))
    assert (too_many.http_status, too_many.param) == (400, "limit")
    after = refused(stripe.InvalidRequestError, lambda: v1.invoices.list({"starting_after": "in_1"}))
    assert (after.code, after.param) == ("resource_missing", "starting_after")


def test_one_of_what_there_is_none_of_is_missing_by_name(client: stripe.StripeClient) -> None:
    v1: Any = client.v1
    for call, message in (
        (lambda: v1.invoices.retrieve("in_1"), "No such invoice: 'in_1'"),
        (lambda: v1.coupons.retrieve("SPRING"), "No such coupon: 'SPRING'"),
        (lambda: v1.subscriptions.retrieve("sub_1"), "No such subscription: 'sub_1'"),
        (lambda: v1.payouts.retrieve("po_1"), "No such payout: 'po_1'"),
    ):
        error = refused(stripe.InvalidRequestError, call)
        assert (error.http_status, error.code, error.user_message) == (404, "resource_missing", message)


def test_what_would_be_made_and_never_paid_is_refused(client: stripe.StripeClient) -> None:
    v1: Any = client.v1
    error = refused(stripe.InvalidRequestError, lambda: v1.subscriptions.create({"customer": "cus_1", "items": []}))
    assert error.http_status == 404
    assert "Unrecognized request URL (POST: /v1/subscriptions)" in error.user_message


def test_lists_of_a_customer_or_product_need_the_owner(client: stripe.StripeClient) -> None:
    v1: Any = client.v1
    customer = v1.customers.create({})
    assert v1.customers.tax_ids.list(customer.id).data == []
    assert v1.customers.balance_transactions.list(customer.id).data == []
    account = v1.accounts.retrieve_current().id
    assert v1.accounts.external_accounts.list(account, {"object": "bank_account"}).data == []
    assert v1.products.features.list(v1.products.create({"name": "T"}).id).data == []
    for call in (
        lambda: v1.customers.tax_ids.list("cus_none"),
        lambda: v1.customers.tax_ids.retrieve(customer.id, "txi_1"),
        lambda: v1.products.features.list("prod_none"),
        lambda: v1.accounts.external_accounts.list("acct_none"),
    ):
        assert refused(stripe.InvalidRequestError, call).code == "resource_missing"


def test_searches_and_second_version_lists_of_none_are_empty(client: stripe.StripeClient) -> None:
    v1: Any = client.v1
    assert v1.invoices.search({"query": "status:'open'"}).data == []
    assert v1.subscriptions.search({"query": "status:'active'"}).data == []
    assert client.v2.core.events.list({"object_id": "acct_1"}).data == []
    assert client.v2.core.event_destinations.list().data == []


def test_a_browser_reads_none_of_them(product: Product) -> None:
    for path in ("/v1/invoices", "/v1/invoices/in_1", "/v2/core/events"):
        bearer = {"authorization": f"Bearer {product.publishable_key}"}
        assert fetch("GET", product.api_url + path, headers=bearer)[0] == 401
        assert fetch("GET", product.api_url + path)[0] == 401
