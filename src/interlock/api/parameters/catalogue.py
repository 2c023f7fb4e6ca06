"""Parameters of products and prices."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from interlock.api.parameters.base import (
    NOT_YET,
    Amount,
    Currency,
    DatedPage,
    Expandable,
    Hash,
    Metadata,
    Parameters,
    Text,
    Token,
    Url,
    refuse,
)
from interlock.api.parameters.payment_intents import Descriptor

_NO_TAX = "Interlock does not calculate tax."
_NO_SUBSCRIPTIONS = "Interlock does not run subscriptions."
_Behavior = Literal["exclusive", "inclusive", "unspecified"]
_PRICE_FORMS = (
    "billing_scheme",
    "currency_options",
    "custom_unit_amount",
    "tiers",
    "tiers_mode",
    "transfer_lookup_key",
    "transform_quantity",
)


class DefaultPrice(Parameters, frozen=True, kw_only=True):
    """The price made with a product."""

    REFUSED = {**refuse(_NO_SUBSCRIPTIONS, "recurring"), **refuse(NOT_YET, *_PRICE_FORMS)}

    currency: Currency
    unit_amount: Amount | UnsetType = UNSET
    unit_amount_decimal: Token | UnsetType = UNSET
    tax_behavior: _Behavior | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class MarketingFeature(Parameters, frozen=True, kw_only=True):
    """A line of what a product offers."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]


class PackageDimensions(Parameters, frozen=True, kw_only=True):
    """How large a parcel is, in inches and ounces."""

    height: Annotated[float, Meta(ge=0, le=1e6)]
    length: Annotated[float, Meta(ge=0, le=1e6)]
    weight: Annotated[float, Meta(ge=0, le=1e6)]
    width: Annotated[float, Meta(ge=0, le=1e6)]


MarketingFeatures = Annotated[list[MarketingFeature], Meta(max_length=15)]


class CreateProduct(Expandable, frozen=True, kw_only=True):
    """POST /v1/products."""

    REFUSED = refuse(_NO_TAX, "tax_code")

    name: Text
    id: Token | UnsetType = UNSET
    active: bool = True
    default_price_data: DefaultPrice | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    images: list[Text] | UnsetType = UNSET
    marketing_features: MarketingFeatures | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    package_dimensions: PackageDimensions | UnsetType = UNSET
    shippable: bool | UnsetType = UNSET
    statement_descriptor: Descriptor | UnsetType = UNSET
    type: Literal["good", "service"] | UnsetType = UNSET
    unit_label: Text | UnsetType = UNSET
    url: Url | UnsetType = UNSET


class UpdateProduct(Expandable, frozen=True, kw_only=True):
    """POST /v1/products/{id}."""

    REFUSED = refuse(_NO_TAX, "tax_code")

    name: Text | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    default_price: Token | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    images: list[Text] | UnsetType = UNSET
    marketing_features: MarketingFeatures | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    package_dimensions: PackageDimensions | UnsetType | None = UNSET
    shippable: bool | UnsetType = UNSET
    statement_descriptor: Descriptor | UnsetType = UNSET
    unit_label: Text | UnsetType | None = UNSET
    url: Url | UnsetType | None = UNSET


class ProductData(Parameters, frozen=True, kw_only=True):
    """A product made with its price."""

    REFUSED = refuse(_NO_TAX, "tax_code", "tax_details")

    name: Text
    id: Token | UnsetType = UNSET
    active: bool = True
    metadata: Metadata | UnsetType | None = UNSET
    statement_descriptor: Descriptor | UnsetType = UNSET
    unit_label: Text | UnsetType = UNSET


class CreatePrice(Expandable, frozen=True, kw_only=True):
    """POST /v1/prices."""

    REFUSED = {**refuse(_NO_SUBSCRIPTIONS, "recurring"), **refuse(NOT_YET, *_PRICE_FORMS)}

    currency: Currency
    unit_amount: Amount | UnsetType = UNSET
    unit_amount_decimal: Token | UnsetType = UNSET
    product: Token | UnsetType = UNSET
    product_data: ProductData | UnsetType = UNSET
    active: bool = True
    lookup_key: Token | UnsetType = UNSET
    nickname: Text | UnsetType = UNSET
    tax_behavior: _Behavior | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class UpdatePrice(Expandable, frozen=True, kw_only=True):
    """POST /v1/prices/{price}."""

    REFUSED = refuse(NOT_YET, "currency_options", "transfer_lookup_key")

    active: bool | UnsetType = UNSET
    lookup_key: Token | UnsetType = UNSET
    nickname: Text | UnsetType | None = UNSET
    tax_behavior: _Behavior | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class ListProducts(DatedPage, frozen=True, kw_only=True):
    """GET /v1/products."""

    REFUSED = refuse(NOT_YET, "shippable", "url")

    active: bool | UnsetType = UNSET
    ids: Annotated[list[Token], Meta(max_length=100)] | UnsetType = UNSET


class ListPrices(DatedPage, frozen=True, kw_only=True):
    """GET /v1/prices."""

    active: bool | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    lookup_keys: Annotated[list[Token], Meta(max_length=10)] | UnsetType = UNSET
    product: Token | UnsetType = UNSET
    recurring: Hash | UnsetType = UNSET
    type: Literal["one_time", "recurring"] | UnsetType = UNSET
