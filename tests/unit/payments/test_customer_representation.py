"""Customers, instruments and checkout objects have Stripe's shape: schema and every key of the published example."""

from typing import Any

import pytest
from tests.support.stripe_shapes import assert_list_shape, assert_shape

from interlock.payments.checkout.types import CheckoutSession, LineItem, Price, Product, SessionStatus
from interlock.payments.customers.types import Customer
from interlock.payments.instruments.types import CardFacts, ConfirmationToken, Mandate, PaymentMethod, Token
from interlock.payments.representation import checkout_session as checkout_shapes
from interlock.payments.representation import customer as customer_shapes
from interlock.payments.representation.confirmation_token import confirmation_token
from interlock.payments.representation.mandate import mandate
from interlock.payments.representation.payment_method import card_source, payment_method
from interlock.payments.representation.token import token

_NOW_MS = 1_700_000_000_000
_OWN: dict[str, Any] = {"account_id": "acct_1", "livemode": False, "version": 1, "created_at_ms": _NOW_MS}
_FACTS = CardFacts(
    vault_card_id="vc_1",
    brand="amex",
    last4="0005",
    exp_month=12,
    exp_year=2034,
    fingerprint="f1",
    bin="378282",
    cvc_check="pass",
)
_ADDRESS = {"line1": "1 Main Street", "country": "US"}


@pytest.mark.parametrize(
    "details",
    [
        {},
        {
            "address": _ADDRESS,
            "shipping": {"name": "A", "address": _ADDRESS},
            "balance": -5,
            "preferred_locales": ["de"],
            "tax_exempt": "reverse",
            "business_name": "A Ltd",
            "invoice_settings": {"footer": "x", "rendering_options": {"template": "t"}},
        },
    ],
)
def test_customer(details: dict[str, Any]) -> None:
    shown = customer_shapes.customer(Customer(**_OWN, id="cus_1", email="a@example.com", details=details))
    assert_shape("customer", shown)


def test_deleted_customer_shows_nothing_of_the_person() -> None:
    shown = customer_shapes.customer(Customer(**_OWN, id="cus_1", deleted=True))
    assert shown == {"id": "cus_1", "object": "customer", "deleted": True}
    assert_shape("deleted_customer", shown)


def test_customer_with_expanded_sources() -> None:
    source = PaymentMethod(**_OWN, id="card_1", customer_id="cus_1", card=_FACTS)
    shown = customer_shapes.customer(Customer(**_OWN, id="cus_1", default_source="card_1"))
    shown["sources"] = customer_shapes.sources("cus_1", [source])
    assert_shape("customer", shown)
    assert_list_shape("card", shown["sources"])


@pytest.mark.parametrize("billing", [{}, {"name": "A", "email": "a@example.com", "address": _ADDRESS}])
def test_payment_method_and_the_same_as_a_source(billing: dict[str, Any]) -> None:
    value = PaymentMethod(**_OWN, id="pm_1", customer_id="cus_1", card=_FACTS, billing_details=billing)
    shown = payment_method(value)
    assert_shape("payment_method", shown)
    assert shown["card"]["brand"] == "amex"
    assert shown["card"]["display_brand"] == "american_express"
    source = card_source(value)
    assert_shape("card", source)
    assert source["brand"] == "American Express"


def test_token() -> None:
    assert_shape("token", token(Token(**_OWN, id="tok_1", card_id="card_1", card=_FACTS, holder={"name": "A"})))


@pytest.mark.parametrize(
    "details",
    [
        {},
        {
            "mandate_data": {"customer_acceptance": {"type": "online", "online": {"ip_address": "127.0.0.1"}}},
            "shipping": {"name": "A", "address": _ADDRESS},
        },
    ],
)
def test_confirmation_token(details: dict[str, Any]) -> None:
    value = ConfirmationToken(**_OWN, id="ctoken_1", expires_at_ms=_NOW_MS, card=_FACTS, details=details)
    assert_shape("confirmation_token", confirmation_token(value))


@pytest.mark.parametrize(
    "more",
    [
        {"customer_acceptance": {"type": "offline"}},
        {"customer_acceptance": {"type": "online", "online": {"ip_address": "127.0.0.1", "user_agent": "x"}}},
        {"type": "single_use", "amount_minor": 100, "currency": "usd"},
    ],
)
def test_mandate(more: dict[str, Any]) -> None:
    assert_shape("mandate", mandate(Mandate(**_OWN, id="mandate_1", payment_method_id="pm_1", **more)))


def _session(**more: Any) -> CheckoutSession:
    item = LineItem(
        id="li_1",
        description="T-shirt",
        quantity=2,
        unit_amount_minor=15,
        currency="ugx",
        price_id="price_1",
        product_id="prod_1",
    )
    given: dict[str, Any] = {
        "id": "cs_test_1",
        "expires_at_ms": _NOW_MS,
        "mode": "payment",
        "currency": "ugx",
        "amount_subtotal_minor": 30,
        "amount_total_minor": 30,
        "line_items": [item],
        **more,
    }
    return CheckoutSession(**_OWN, **given)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"details": {"ui_mode": "embedded_page", "return_url": "https://shop.example/back"}, "client_secret": "s"},
        {
            "details": {
                "after_expiration": {"recovery": {"enabled": "true"}},
                "consent_collection": {"terms_of_service": "required"},
                "custom_fields": [
                    {"key": "a", "label": {"custom": "A", "type": "custom"}, "type": "text", "optional": "true"},
                    {"key": "b", "type": "dropdown", "dropdown": {"options": [{"label": "One", "value": "1"}]}},
                    {},
                ],
                "custom_text": {"submit": {"message": "Thanks"}},
            },
        },
        {"customer_id": "cus_1", "status": SessionStatus.EXPIRED, "customer_email": "a@example.com"},
        {
            "status": SessionStatus.COMPLETE,
            "payment_status": "paid",
            "payment_intent_id": "pi_1",
            "details": {
                "customer_details": {"email": "a@example.com", "address": _ADDRESS},
                "collected_information": {"shipping_details": {"name": "A", "address": _ADDRESS}},
            },
        },
        {"mode": "setup", "currency": None, "amount_total_minor": None, "amount_subtotal_minor": None},
    ],
)
def test_checkout_session(more: dict[str, Any]) -> None:
    session = _session(**more)
    shown = checkout_shapes.checkout_session(session, "http://127.0.0.1:1/pay")
    assert_shape("checkout.session", shown)
    assert_list_shape("item", checkout_shapes.line_items(session))


def test_an_open_hosted_session_has_a_url_and_front_amounts() -> None:
    shown = checkout_shapes.checkout_session(_session(), "http://127.0.0.1:1/pay")
    assert shown["url"] == "http://127.0.0.1:1/pay/cs_test_1"
    assert shown["amount_total"] == 3000


def test_product_and_price() -> None:
    assert_shape("product", checkout_shapes.product(Product(**_OWN, id="prod_1", updated_at_ms=_NOW_MS, name="Shirt")))
    value = Price(**_OWN, id="price_1", product_id="prod_1", currency="usd", unit_amount_minor=1500)
    assert_shape("price", checkout_shapes.price(value))
