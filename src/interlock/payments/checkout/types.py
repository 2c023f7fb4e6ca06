"""Values, tables and commands of checkout sessions, products and prices."""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.payments.instruments.types import PaymentMethodData
from interlock.payments.intents.types import Intent
from interlock.payments.setup.types import SetupIntent
from interlock.storage.tables import Table


class SessionStatus(StrEnum):
    """Stripe's states of a checkout session."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class LineItem(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of goods in a session, with its price as it was when the session was made (ISO minor units)."""

    id: str
    description: str
    quantity: int
    unit_amount_minor: int
    currency: str
    price_id: str
    product_id: str
    product_data: dict[str, Any] = {}

    @property
    def amount_minor(self) -> int:
        """Return quantity times unit amount, in ISO minor units."""
        return self.quantity * self.unit_amount_minor


class CheckoutSession(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout session. ``awaiting`` says that it is complete and that a bank still has to pay.

    ``details`` holds what is only stored and shown or handed on: success_url, cancel_url, return_url, ui_mode, locale,
    submit_type, customer_creation, payment_method_types, payment_intent_data, setup_intent_data, customer_details and
    the other display options.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    expires_at_ms: int
    mode: str
    status: SessionStatus = SessionStatus.OPEN
    payment_status: str = "unpaid"
    currency: str | None = None
    amount_subtotal_minor: int | None = None
    amount_total_minor: int | None = None
    customer_id: str | None = None
    customer_email: str | None = None
    payment_intent_id: str | None = None
    setup_intent_id: str | None = None
    client_reference_id: str | None = None
    client_secret: str | None = None
    line_items: list[LineItem] = []
    metadata: dict[str, str] = {}
    details: dict[str, Any] = {}
    awaiting: bool = False


CHECKOUT_SESSIONS = Table(CheckoutSession, "checkout_sessions")


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """Something for sale. ``details``: description, images, url, unit_label, shippable, statement_descriptor …."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    updated_at_ms: int
    name: str
    active: bool = True
    default_price: str | None = None
    metadata: dict[str, str] = {}
    details: dict[str, Any] = {}


PRODUCTS = Table(Product, "products")


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time price of a product, per unit, in ISO minor units."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    product_id: str
    currency: str
    unit_amount_minor: int
    active: bool = True
    lookup_key: str | None = None
    nickname: str | None = None
    tax_behavior: str = "unspecified"
    metadata: dict[str, str] = {}


PRICES = Table(Price, "prices")


class PriceData(msgspec.Struct, frozen=True, kw_only=True):
    """A price given inside a line item; ``unit_amount`` in the front API's minor units."""

    currency: str
    unit_amount: int
    product: str | None = None
    product_data: dict[str, Any] | None = None
    tax_behavior: str = "unspecified"


class LineItemData(msgspec.Struct, frozen=True, kw_only=True):
    """A line item as asked for: a stored ``price`` or ``price_data``."""

    quantity: int = 1
    price: str | None = None
    price_data: PriceData | None = None


class CreateSession(msgspec.Struct, frozen=True, kw_only=True):
    """A new checkout session; ``expires_at_ms`` None means 24 hours from now."""

    mode: str
    line_items: list[LineItemData] = []
    currency: str | None = None
    customer: str | None = None
    customer_email: str | None = None
    client_reference_id: str | None = None
    expires_at_ms: int | None = None
    metadata: dict[str, str] | None = None
    details: dict[str, Any] = {}


class UpdateSession(msgspec.Struct, frozen=True, kw_only=True):
    """Changes; UNSET fields stay."""

    metadata: dict[str, str] | UnsetType | None = UNSET
    details: dict[str, Any] = {}


class ConfirmPage(msgspec.Struct, frozen=True, kw_only=True):
    """The shopper pays: with which method, and how much they were shown (front minor units)."""

    payment_method: str | None = None
    payment_method_data: PaymentMethodData | None = None
    expected_amount: int | None = None
    return_url: str | None = None
    client_ip: str | None = None
    user_agent: str | None = None


class PaymentPage(msgspec.Struct, frozen=True):
    """A session as its page shows it, with the intent (payment or setup) that it began, if it did."""

    session: CheckoutSession
    intent: Intent | SetupIntent | None = None


class CreateProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A new product; ``id`` may be the shop's own."""

    name: str
    id: str | None = None
    active: bool = True
    metadata: dict[str, str] | None = None
    details: dict[str, Any] = {}
    default_price: "CreatePrice | None" = None


class UpdateProduct(msgspec.Struct, frozen=True, kw_only=True):
    """Changes; UNSET fields stay. In ``details`` an absent key stays and a None value unsets."""

    name: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    default_price: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType | None = UNSET
    details: dict[str, Any] = {}


class UpdatePrice(msgspec.Struct, frozen=True, kw_only=True):
    """Changes; UNSET fields stay."""

    active: bool | UnsetType = UNSET
    lookup_key: str | UnsetType = UNSET
    nickname: str | UnsetType | None = UNSET
    tax_behavior: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType | None = UNSET


class CreatePrice(msgspec.Struct, frozen=True, kw_only=True):
    """A new price for an existing product or for one made on the way."""

    currency: str
    unit_amount: int
    product: str | None = None
    product_data: CreateProduct | None = None
    active: bool = True
    lookup_key: str | None = None
    nickname: str | None = None
    tax_behavior: str = "unspecified"
    metadata: dict[str, str] | None = None
