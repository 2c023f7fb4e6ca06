"""Endpoints of products and prices."""

from typing import Any

from msgspec import UNSET, UnsetType

from interlock.api.call import Call
from interlock.api.parameters import catalogue as p
from interlock.api.parameters.base import given
from interlock.api.router import Endpoint
from interlock.api.routes.common import details_of, or_none, page_of, show_one, show_page
from interlock.base.problems import Problem, invalid
from interlock.payments.checkout.types import CreatePrice, CreateProduct, UpdatePrice, UpdateProduct
from interlock.payments.representation.checkout_session import deleted_product
from interlock.payments.representation.checkout_session import price as show_price
from interlock.payments.representation.checkout_session import product as show_product
from interlock.payments.work import Answer

_DETAILS = (
    "description",
    "images",
    "marketing_features",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "unit_label",
    "url",
)
_NO_DECIMALS = "Interlock counts prices in whole smallest units: pass unit_amount."


def unit_amount(amount: int | UnsetType, decimal: str | UnsetType, param: str) -> int | Problem:
    """Return a price's amount; a decimal one is taken where it is whole."""
    if amount is not UNSET:
        return amount
    if decimal is UNSET:
        return invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)
    whole = decimal.partition(".")
    if not whole[0].isdigit() or not whole[0].isascii() or len(whole[0]) > 12 or whole[2].strip("0"):
        nested = param.endswith("]")
        return invalid(_NO_DECIMALS, param=param[:-1] + "_decimal]" if nested else param + "_decimal")
    return int(whole[0])


def _default_price(asked: p.DefaultPrice | UnsetType) -> CreatePrice | None | Problem:
    if asked is UNSET:
        return None
    amount = unit_amount(asked.unit_amount, asked.unit_amount_decimal, "default_price_data[unit_amount]")
    if isinstance(amount, Problem):
        return amount
    return CreatePrice(
        currency=asked.currency.lower(),
        unit_amount=amount,
        tax_behavior="unspecified" if asked.tax_behavior is UNSET else asked.tax_behavior,
        metadata=or_none(asked.metadata),
    )


async def create_product(call: Call[p.CreateProduct]) -> Answer | Problem:
    """POST /v1/products."""
    asked = call.parameters
    price = _default_price(asked.default_price_data)
    if isinstance(price, Problem):
        return price
    command = CreateProduct(
        name=asked.name,
        id=or_none(asked.id),
        active=asked.active,
        metadata=or_none(asked.metadata),
        details=details_of(asked, _DETAILS, keep_unset=False),
        default_price=price,
    )
    return await call.services.rooms.products.create(call.context, command, call.responder(show_product))


async def get_product(call: Call[Any]) -> Answer | Problem:
    """GET /v1/products/{id}."""
    return await show_one(call, await call.services.rooms.products.get(call.scope, call.ids[0]), show_product)


async def update_product(call: Call[p.UpdateProduct]) -> Answer | Problem:
    """POST /v1/products/{id}."""
    asked = call.parameters
    command = UpdateProduct(
        name=asked.name,
        active=asked.active,
        default_price=asked.default_price,
        metadata=asked.metadata,
        details=details_of(asked, _DETAILS, keep_unset=True),
    )
    service = call.services.rooms.products
    return await service.update(call.context, call.ids[0], command, call.responder(show_product))


async def delete_product(call: Call[Any]) -> Answer | Problem:
    """DELETE /v1/products/{id}."""
    service = call.services.rooms.products
    return await service.delete(call.context, call.ids[0], call.responder(lambda gone: deleted_product(gone.id)))


async def list_products(call: Call[p.ListProducts]) -> Answer | Problem:
    """GET /v1/products."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    ids = None if asked.ids is UNSET else tuple(asked.ids)
    found = await call.services.rooms.products.list(call.scope, page, active=or_none(asked.active), ids=ids)
    return await show_page(call, found, show_product)


async def create_price(call: Call[p.CreatePrice]) -> Answer | Problem:
    """POST /v1/prices."""
    asked = call.parameters
    amount = unit_amount(asked.unit_amount, asked.unit_amount_decimal, "unit_amount")
    if isinstance(amount, Problem):
        return amount
    product = None
    if asked.product_data is not UNSET:
        data = asked.product_data
        product = CreateProduct(
            name=data.name,
            id=or_none(data.id),
            active=data.active,
            metadata=or_none(data.metadata),
            details={
                name: value for name in ("statement_descriptor", "unit_label") if (value := given(data).get(name))
            },
        )
    command = CreatePrice(
        currency=asked.currency.lower(),
        unit_amount=amount,
        product=or_none(asked.product),
        product_data=product,
        active=asked.active,
        lookup_key=or_none(asked.lookup_key),
        nickname=or_none(asked.nickname),
        tax_behavior="unspecified" if asked.tax_behavior is UNSET else asked.tax_behavior,
        metadata=or_none(asked.metadata),
    )
    return await call.services.rooms.prices.create(call.context, command, call.responder(show_price))


async def get_price(call: Call[Any]) -> Answer | Problem:
    """GET /v1/prices/{price}."""
    return await show_one(call, await call.services.rooms.prices.get(call.scope, call.ids[0]), show_price)


async def update_price(call: Call[p.UpdatePrice]) -> Answer | Problem:
    """POST /v1/prices/{price}."""
    asked = call.parameters
    command = UpdatePrice(
        active=asked.active,
        lookup_key=asked.lookup_key,
        nickname=asked.nickname,
        tax_behavior=asked.tax_behavior,
        metadata=asked.metadata,
    )
    return await call.services.rooms.prices.update(call.context, call.ids[0], command, call.responder(show_price))


async def list_prices(call: Call[p.ListPrices]) -> Answer | Problem:
    """GET /v1/prices."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    if asked.type == "recurring" or asked.recurring is not UNSET:
        return await call.show_list([], has_more=False)  # every price here is of one time
    found = await call.services.rooms.prices.list(
        call.scope,
        page,
        active=or_none(asked.active),
        product=or_none(asked.product),
        currency=None if asked.currency is UNSET else asked.currency.lower(),
        lookup_keys=None if asked.lookup_keys is UNSET else tuple(asked.lookup_keys),
    )
    return await show_page(call, found, show_price)


_PRODUCTS = "/v1/products"
_PRICES = "/v1/prices"
ENDPOINTS = (
    Endpoint("POST", _PRODUCTS, create_product, "product", p.CreateProduct, summary="Create a product"),
    Endpoint("GET", _PRODUCTS, list_products, "product", p.ListProducts, shape="list", summary="List products"),
    Endpoint("GET", _PRODUCTS + "/{id}", get_product, "product", summary="Retrieve a product"),
    Endpoint("POST", _PRODUCTS + "/{id}", update_product, "product", p.UpdateProduct, summary="Update a product"),
    Endpoint("DELETE", _PRODUCTS + "/{id}", delete_product, "product", summary="Delete a product"),
    Endpoint("POST", _PRICES, create_price, "price", p.CreatePrice, summary="Create a price"),
    Endpoint("GET", _PRICES, list_prices, "price", p.ListPrices, shape="list", summary="List prices"),
    Endpoint("GET", _PRICES + "/{price}", get_price, "price", summary="Retrieve a price"),
    Endpoint("POST", _PRICES + "/{price}", update_price, "price", p.UpdatePrice, summary="Update a price"),
)
