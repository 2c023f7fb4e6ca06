"""Line items: from what a shop asks for to goods with prices, and what they come to."""

from collections.abc import Mapping, Sequence

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.base.money import Money
from interlock.base.problems import Problem, invalid
from interlock.payments import metadata
from interlock.payments.checkout.rules import MAX_QUANTITY
from interlock.payments.checkout.types import (
    PRICES,
    PRODUCTS,
    CheckoutSession,
    LineItem,
    LineItemData,
    Price,
    PriceData,
    Product,
)
from interlock.payments.instruments.refusals import no_such
from interlock.payments.intents.validation import check_amount, front_money
from interlock.storage.database import Database


async def line_items(
    database: Database, scope: Scope, given: Sequence[LineItemData], now_ms: int
) -> list[LineItem] | Problem:
    """Return the goods of a session with their prices of now, or the first thing wrong with them.

    Args:
        database: where prices and products are.
        scope: account and mode.
        given: as asked for, at most ``MAX_LINE_ITEMS``.
        now_ms: the time of creation.

    """
    prices = await database.get_many(PRICES, scope, {item.price for item in given if item.price is not None})
    named = {price.product_id for price in prices.values()}
    named |= {item.price_data.product for item in given if item.price_data is not None and item.price_data.product}
    products = await database.get_many(PRODUCTS, scope, named)
    made: list[LineItem] = []
    for number, item in enumerate(given):
        line = _line_item(item, f"line_items[{number}]", prices, products, now_ms)
        if isinstance(line, Problem):
            return line
        made.append(line)
    return made


def made_inline(session: CheckoutSession, given: Sequence[LineItemData]) -> list[Product | Price] | Problem:
    """Return the products and prices that come to be with ``session``: archived, nothing else is sold by them."""
    made: list[Product | Price] = []
    for number, (item, asked) in enumerate(zip(session.line_items, given, strict=True)):
        data = asked.price_data
        if data is None:
            continue
        if data.product is None:
            product = _inline_product(session, item)
            if isinstance(product, Problem):
                where = f"line_items[{number}][price_data][product_data]"
                return msgspec.structs.replace(product, param=f"{where}[{product.param}]")
            made.append(product)
        made.append(
            Price(
                account_id=session.account_id,
                id=item.price_id,
                livemode=session.livemode,
                version=1,
                created_at_ms=session.created_at_ms,
                product_id=item.product_id,
                currency=item.currency,
                unit_amount_minor=item.unit_amount_minor,
                active=False,
                tax_behavior=data.tax_behavior,
            )
        )
    return made


def _inline_product(session: CheckoutSession, item: LineItem) -> Product | Problem:
    details = dict(item.product_data)
    pairs = metadata.merge({}, details.pop("metadata", {}))
    if isinstance(pairs, Problem):
        return pairs
    return Product(
        account_id=session.account_id,
        id=item.product_id,
        livemode=session.livemode,
        version=1,
        created_at_ms=session.created_at_ms,
        updated_at_ms=session.created_at_ms,
        name=details.pop("name"),
        active=False,
        metadata=pairs,
        details=details,
    )


def total(items: Sequence[LineItem]) -> Money | Problem:
    """Return what ``items`` come to, or why that cannot be charged: mixed currencies, too little, too much."""
    currencies = {item.currency for item in items}
    if len(currencies) != 1:
        return invalid("All prices of a Checkout Session must have the same currency.", param="line_items")
    money = Money(sum(item.amount_minor for item in items), currencies.pop())
    return check_amount(money) or money


def _line_item(
    item: LineItemData, param: str, prices: Mapping[str, Price], products: Mapping[str, Product], now_ms: int
) -> LineItem | Problem:
    if not 1 <= item.quantity <= MAX_QUANTITY:
        return invalid(
            f"Quantity must be between 1 and {MAX_QUANTITY}.",
            code="parameter_invalid_integer",
            param=f"{param}[quantity]",
        )
    if item.price is not None and item.price_data is not None:
        return invalid(
            f"You may only specify one of these parameters: {param}[price], {param}[price_data].",
            code="parameters_exclusive",
            param=f"{param}[price_data]",
        )
    if item.price_data is not None:
        return _from_data(item.price_data, item.quantity, f"{param}[price_data]", products, now_ms)
    return _from_price(item, f"{param}[price]", prices, products, now_ms)


def _from_price(
    item: LineItemData, param: str, prices: Mapping[str, Price], products: Mapping[str, Product], now_ms: int
) -> LineItem | Problem:
    if item.price is None:
        return invalid("A line item needs `price` or `price_data`.", code="parameter_missing", param=param)
    price = prices.get(item.price)
    if price is None:
        return no_such("price", item.price, param=param)
    if not price.active:
        return invalid("The price specified is inactive. This field only accepts active prices.", param=param)
    product = products.get(price.product_id)
    return LineItem(
        id=new_id("li", now_ms),
        description=product.name if product is not None else price.nickname or price.id,
        quantity=item.quantity,
        unit_amount_minor=price.unit_amount_minor,
        currency=price.currency,
        price_id=price.id,
        product_id=price.product_id,
    )


def _from_data(
    data: PriceData, quantity: int, param: str, products: Mapping[str, Product], now_ms: int
) -> LineItem | Problem:
    money = front_money(data.unit_amount, data.currency.lower(), f"{param}[unit_amount]")
    if isinstance(money, Problem):
        return money
    if money.amount_minor < 0:
        return invalid("Invalid non-negative integer", code="parameter_invalid_integer", param=f"{param}[unit_amount]")
    named = _product_of(data, param, products, now_ms)
    if isinstance(named, Problem):
        return named
    product_id, name = named
    return LineItem(
        id=new_id("li", now_ms),
        description=name,
        quantity=quantity,
        unit_amount_minor=money.amount_minor,
        currency=money.currency,
        price_id=new_id("price", now_ms),
        product_id=product_id,
        product_data=data.product_data or {"name": name},
    )


def _product_of(data: PriceData, param: str, products: Mapping[str, Product], now_ms: int) -> tuple[str, str] | Problem:
    """Return (product id, name) of an inline price."""
    if data.product is not None:
        product = products.get(data.product)
        return (
            no_such("product", data.product, param=f"{param}[product]")
            if product is None
            else (
                product.id,
                product.name,
            )
        )
    name = (data.product_data or {}).get("name")
    if not isinstance(name, str) or not name:
        where = f"{param}[product_data][name]" if data.product_data is not None else f"{param}[product_data]"
        return invalid(f"Missing required param: {where}.", code="parameter_missing", param=where)
    return new_id("prod", now_ms), name
