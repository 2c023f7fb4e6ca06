"""Products and prices as shops keep them: made, changed, looked up and deleted by the official SDK."""

from typing import Any

import stripe
from tests.support.official_clients import BACK, refused

THING: Any = {"name": "Thing", "default_price_data": {"currency": "usd", "unit_amount": 700}}


def test_a_product_is_made_with_its_price_and_sold_by_it(client: stripe.StripeClient) -> None:
    product = client.v1.products.create(THING | {"expand": ["default_price"]})
    price: Any = product.default_price
    assert (price.unit_amount, price.product, price.type) == (700, product.id, "one_time")
    assert client.v1.prices.list({"product": product.id}).data[0].id == price.id
    line: Any = {"price": price.id, "quantity": 3}
    page = client.v1.checkout.sessions.create({"mode": "payment", "success_url": BACK, "line_items": [line]})
    assert page.amount_total == 2100
    kinds = [event.type for event in client.v1.events.list({"types": ["product.created", "price.created"]}).data[:2]]
    assert sorted(kinds) == ["price.created", "product.created"]


def test_a_product_changes_and_says_what_it_was(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Old", "description": "d", "metadata": {"a": "1"}})
    changed = client.v1.products.update(
        product.id, {"name": "New", "description": "", "active": False, "metadata": {"b": "2"}}
    )
    assert (changed.name, changed.description, changed.active) == ("New", None, False)
    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}
    event = client.v1.events.list({"type": "product.updated"}).data[0]
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict()["name"] == "Old"
    other = client.v1.products.create(THING)
    wrong: Any = {"default_price": other.default_price}
    assert refused(stripe.InvalidRequestError, lambda: client.v1.products.update(product.id, wrong)).param == (
        "default_price"
    )


def test_an_amount_that_is_not_whole_is_refused_by_the_name_it_was_sent_under(client: stripe.StripeClient) -> None:
    part: Any = {"currency": "usd", "unit_amount_decimal": "0.5"}
    product = client.v1.products.create({"name": "Thing"}).id
    price: Any = {**part, "product": product}
    line: Any = {"price_data": price, "quantity": 1}
    for call, param in (
        (lambda: client.v1.prices.create(price), "unit_amount_decimal"),
        (
            lambda: client.v1.products.create({"name": "Thing", "default_price_data": part}),
            "default_price_data[unit_amount_decimal]",
        ),
        (
            lambda: client.v1.checkout.sessions.create({"mode": "payment", "success_url": BACK, "line_items": [line]}),
            "line_items[0][price_data][unit_amount_decimal]",
        ),
    ):
        assert refused(stripe.InvalidRequestError, call).param == param


def test_a_product_is_deleted_unless_it_has_a_price(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Short-lived"})
    assert client.v1.products.delete(product.id).deleted
    gone = refused(stripe.InvalidRequestError, lambda: client.v1.products.retrieve(product.id))
    assert gone.code == "resource_missing"
    priced = client.v1.products.create(THING)
    error = refused(stripe.InvalidRequestError, lambda: client.v1.products.delete(priced.id))
    assert "user-created prices" in error.user_message


def test_a_price_is_found_by_what_shops_call_it(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Keyed"}).id
    made = [
        client.v1.prices.create({"product": product, "currency": currency, "unit_amount": 900, "lookup_key": key})
        for currency, key in (("usd", f"{product}-us"), ("eur", f"{product}-eu"), ("gbp", f"{product}-gb"))
    ]
    both = client.v1.prices.list({"lookup_keys": [f"{product}-us", f"{product}-eu"], "expand": ["data.product"]})
    assert {price.id for price in both.data} == {made[0].id, made[1].id}
    assert all(price.product.id == product for price in both.data)  # type: ignore[union-attr]  # expanded
    assert [one.id for one in client.v1.prices.list({"product": product, "currency": "eur"}).data] == [made[1].id]
    assert client.v1.prices.list({"type": "recurring"}).data == []
    changed = client.v1.prices.update(made[0].id, {"active": False, "nickname": "n", "metadata": {"a": "b"}})
    assert (changed.active, changed.nickname, changed.unit_amount) == (False, "n", 900)
    assert {one.id for one in client.v1.prices.list({"product": product, "active": True}).data} == {
        made[1].id,
        made[2].id,
    }


def test_a_mirror_asks_for_prices_with_all_it_may_expand(client: stripe.StripeClient) -> None:
    product = client.v1.products.create(THING)
    asked: Any = {"product": product.id, "expand": ["data.product", "data.currency_options", "data.tiers"]}
    price = client.v1.prices.list(asked).data[0]
    assert price.product.id == product.id  # type: ignore[union-attr]  # expanded
    assert [one.id for one in client.v1.products.list({"ids": [product.id, "prod_none"]}).data] == [product.id]


def test_what_was_sold_inline_can_be_looked_up_and_sold_no_more(client: stripe.StripeClient) -> None:
    goods: Any = {"name": "Inline", "description": "d", "metadata": {"sku": "7"}}
    line: Any = {"price_data": {"currency": "usd", "unit_amount": 500, "product_data": goods}, "quantity": 2}
    page = client.v1.checkout.sessions.create({"mode": "payment", "success_url": BACK, "line_items": [line]})
    sold: Any = client.v1.checkout.sessions.line_items.list(page.id).data[0].price
    price = client.v1.prices.retrieve(sold.id, {"expand": ["product"]})
    assert (price.unit_amount, price.active) == (500, False)
    product: Any = price.product
    assert (product.name, product.description, product.active) == ("Inline", "d", False)
    assert product.metadata.to_dict() == {"sku": "7"}
    again: Any = {"mode": "payment", "success_url": BACK, "line_items": [{"price": sold.id}]}
    assert (
        "inactive"
        in refused(stripe.InvalidRequestError, lambda: client.v1.checkout.sessions.create(again)).user_message
    )
    of_another: Any = {"currency": "usd", "unit_amount": 500, "product": client.v1.products.create({"name": "T"}).id}
    page = client.v1.checkout.sessions.create(
        {"mode": "payment", "success_url": BACK, "line_items": [{"price_data": of_another}], "expand": ["line_items"]}
    )
    assert page.line_items is not None
    assert client.v1.prices.retrieve(page.line_items.data[0].price.id).product == of_another["product"]  # type: ignore[union-attr]  # it has one


def test_a_product_has_features_and_a_parcel(client: stripe.StripeClient) -> None:
    parcel: Any = {"height": 1.5, "length": 2, "weight": 3, "width": 4}
    product = client.v1.products.create(
        {"name": "Boxed", "marketing_features": [{"name": "Blue"}], "package_dimensions": parcel}
    )
    assert [feature.name for feature in product.marketing_features] == ["Blue"]
    assert product.package_dimensions is not None
    assert (product.package_dimensions.height, product.package_dimensions.width) == (1.5, 4)
    wrong: Any = {"package_dimensions": {"height": "tall"}}
    error = refused(stripe.InvalidRequestError, lambda: client.v1.products.update(product.id, wrong))
    assert error.param.startswith("package_dimensions")
