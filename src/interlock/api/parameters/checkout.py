"""Parameters of checkout sessions, and hosted pages."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from interlock.api.parameters.base import (
    CONNECT,
    NOT_YET,
    Amount,
    Currency,
    DatedPage,
    Email,
    Expandable,
    Hash,
    Metadata,
    Page,
    Parameters,
    Shipping,
    Text,
    Timestamp,
    Token,
    Url,
    refuse,
)
from interlock.api.parameters.method_options import CheckoutOptions
from interlock.api.parameters.payment_intents import CaptureMethod, Description, Descriptor, FutureUsage
from interlock.api.parameters.payment_methods import PaymentMethodData, Redisplay

_NO_TAX = "Interlock does not calculate tax."
_NO_SUBSCRIPTIONS = "Interlock does not run subscriptions."


class InlineProduct(Parameters, frozen=True, kw_only=True):
    """A product made with its price, for this session alone."""

    name: Text
    description: Text | UnsetType = UNSET
    images: list[Text] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    tax_code: Token | UnsetType = UNSET
    unit_label: Text | UnsetType = UNSET


# What can only be off: clients write out what they do not want.
_Off = Annotated[Literal["false"], Meta(extra={"reason": NOT_YET})]
_NoTax = Annotated[Literal["false"], Meta(extra={"reason": _NO_TAX})]


class AdjustableQuantity(Parameters, frozen=True, kw_only=True):
    """Quantities that shoppers change, which can only be off."""

    REFUSED = refuse(NOT_YET, "maximum", "minimum")

    enabled: _Off


class PriceData(Parameters, frozen=True, kw_only=True):
    """A price made on the way."""

    REFUSED = refuse(_NO_SUBSCRIPTIONS, "recurring")

    currency: Currency
    product: Token | UnsetType = UNSET
    product_data: InlineProduct | UnsetType = UNSET
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] | UnsetType = UNSET
    unit_amount: Amount | UnsetType = UNSET
    unit_amount_decimal: Token | UnsetType = UNSET


class SessionLine(Parameters, frozen=True, kw_only=True):
    """One kind of goods."""

    REFUSED = refuse(_NO_TAX, "dynamic_tax_rates", "tax_rates")

    adjustable_quantity: AdjustableQuantity | UnsetType = UNSET
    price: Token | UnsetType = UNSET
    price_data: PriceData | UnsetType = UNSET
    quantity: Annotated[int, Meta(ge=1, le=999_999)] = 1
    metadata: Metadata | UnsetType | None = UNSET


class SessionIntentData(Parameters, frozen=True, kw_only=True):
    """What the session's payment intent gets."""

    REFUSED = refuse(CONNECT, "application_fee_amount", "on_behalf_of", "transfer_data")

    capture_method: CaptureMethod | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    receipt_email: Email | UnsetType | None = UNSET
    setup_future_usage: FutureUsage | UnsetType | None = UNSET
    shipping: Shipping | UnsetType | None = UNSET
    statement_descriptor: Descriptor | UnsetType | None = UNSET
    statement_descriptor_suffix: Descriptor | UnsetType | None = UNSET
    transfer_group: Text | UnsetType | None = UNSET


class SessionSetupData(Parameters, frozen=True, kw_only=True):
    """What the session's setup intent gets."""

    REFUSED = refuse(CONNECT, "on_behalf_of")

    description: Description | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class SessionMethodData(Parameters, frozen=True, kw_only=True):
    """What the shopper's card gets."""

    allow_redisplay: Redisplay | UnsetType = UNSET


class Switch(Parameters, frozen=True, kw_only=True):
    """Something that is on or off."""

    enabled: bool


class TaxSwitch(Parameters, frozen=True, kw_only=True):
    """Automatic tax, which can only be off."""

    REFUSED = refuse(_NO_TAX, "liability")

    enabled: _NoTax | UnsetType = UNSET


class TaxIds(Parameters, frozen=True, kw_only=True):
    """Asking shoppers for their tax ids, which can only be off."""

    REFUSED = refuse(_NO_TAX, "required")

    enabled: _NoTax


class InvoiceCreation(Parameters, frozen=True, kw_only=True):
    """Invoices of what was paid, which can only be off."""

    REFUSED = refuse(NOT_YET, "invoice_data")

    enabled: _Off


class AdaptivePricing(Parameters, frozen=True, kw_only=True):
    """Prices in shoppers' own currencies, which can only be off."""

    enabled: _Off | UnsetType = UNSET


class CreateSession(Expandable, frozen=True, kw_only=True):
    """POST /v1/checkout/sessions."""

    REFUSED = {
        **refuse(_NO_SUBSCRIPTIONS, "subscription_data"),
        **refuse("Interlock has no coupons.", "discounts"),
        **refuse(
            NOT_YET,
            "branding_settings",
            "customer_account",
            "excluded_payment_method_types",
            "managed_payments",
            "name_collection",
            "optional_items",
            "shipping_options",
        ),
    }

    mode: Literal["payment", "setup", "subscription"] = "payment"
    line_items: Annotated[list[SessionLine], Meta(max_length=100)] = []
    adaptive_pricing: AdaptivePricing | UnsetType = UNSET
    after_expiration: Hash | UnsetType = UNSET
    allow_promotion_codes: bool | UnsetType = UNSET
    automatic_tax: TaxSwitch | UnsetType = UNSET
    billing_address_collection: Literal["auto", "required"] | UnsetType = UNSET
    cancel_url: Url | UnsetType = UNSET
    client_reference_id: Token | UnsetType = UNSET
    consent_collection: Hash | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    custom_fields: list[Hash] | UnsetType = UNSET
    custom_text: Hash | UnsetType = UNSET
    customer: Token | UnsetType = UNSET
    customer_creation: Literal["always", "if_required"] | UnsetType = UNSET
    customer_email: Email | UnsetType = UNSET
    customer_update: Hash | UnsetType = UNSET
    expires_at: Timestamp | UnsetType = UNSET
    invoice_creation: InvoiceCreation | UnsetType = UNSET
    integration_identifier: Token | UnsetType = UNSET
    locale: Token | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    origin_context: Literal["mobile_app", "web"] | UnsetType = UNSET
    payment_intent_data: SessionIntentData | UnsetType = UNSET
    payment_method_collection: Literal["always", "if_required"] | UnsetType = UNSET
    payment_method_configuration: Token | UnsetType = UNSET
    payment_method_data: SessionMethodData | UnsetType = UNSET
    payment_method_options: CheckoutOptions | UnsetType = UNSET
    payment_method_types: list[Token] | UnsetType = UNSET
    permissions: Hash | UnsetType = UNSET
    phone_number_collection: Switch | UnsetType = UNSET
    redirect_on_completion: Literal["always", "if_required", "never"] | UnsetType = UNSET
    return_url: Url | UnsetType = UNSET
    saved_payment_method_options: Hash | UnsetType = UNSET
    setup_intent_data: SessionSetupData | UnsetType = UNSET
    shipping_address_collection: Hash | UnsetType = UNSET
    submit_type: Literal["auto", "book", "donate", "pay", "subscribe"] | UnsetType = UNSET
    success_url: Url | UnsetType = UNSET
    tax_id_collection: TaxIds | UnsetType = UNSET
    ui_mode: Literal["elements", "embedded_page", "hosted_page", "hosted", "embedded", "custom"] | UnsetType = UNSET
    wallet_options: Hash | UnsetType = UNSET


class UpdateSession(Expandable, frozen=True, kw_only=True):
    """POST /v1/checkout/sessions/{session}."""

    REFUSED = refuse(NOT_YET, "line_items", "shipping_options")

    collected_information: Hash | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class ListSessions(DatedPage, frozen=True, kw_only=True):
    """GET /v1/checkout/sessions."""

    REFUSED = refuse(NOT_YET, "customer_account", "customer_details")

    customer: Token | UnsetType = UNSET
    payment_intent: Token | UnsetType = UNSET
    payment_link: Token | UnsetType = UNSET
    subscription: Token | UnsetType = UNSET
    status: Literal["complete", "expired", "open"] | UnsetType = UNSET


class ListLineItems(Page, frozen=True, kw_only=True):
    """GET /v1/checkout/sessions/{session}/line_items."""


class ConfirmPage(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_pages/{session}/confirm: what a hosted page, or the official CLI, sends."""

    payment_method: Token | UnsetType = UNSET
    payment_method_data: PaymentMethodData | UnsetType = UNSET
    expected_amount: Amount | UnsetType = UNSET
    return_url: Url | UnsetType = UNSET
