"""Parameters of payment intents."""

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
    Secret,
    Shipping,
    Text,
    Token,
    Url,
    refuse,
)
from interlock.api.parameters.method_options import PaymentOptions
from interlock.api.parameters.payment_methods import AutomaticMethods, MandateData, PaymentMethodData, RadarOptions

CaptureMethod = Literal["automatic", "automatic_async", "manual"]
FutureUsage = Literal["off_session", "on_session"]
Description = Annotated[str, Meta(max_length=1_000)]
Descriptor = Annotated[str, Meta(max_length=22)]
CancellationReason = Literal["abandoned", "duplicate", "fraudulent", "requested_by_customer"]

_NO_TAX = "Interlock does not calculate tax."
_CREATE_REFUSED = {
    **refuse(CONNECT, "application_fee_amount", "transfer_data", "on_behalf_of"),
    **refuse(NOT_YET, "customer_account", "excluded_payment_method_types"),
    **refuse(_NO_TAX, "hooks"),
}


class CreatePaymentIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_intents."""

    REFUSED = _CREATE_REFUSED

    amount: Amount
    currency: Currency
    amount_details: Hash | UnsetType | None = UNSET
    automatic_payment_methods: AutomaticMethods | UnsetType = UNSET
    capture_method: CaptureMethod | UnsetType = UNSET
    confirm: bool = False
    confirmation_method: Literal["automatic", "manual"] | UnsetType = UNSET
    confirmation_token: Token | UnsetType = UNSET
    customer: Token | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    error_on_requires_action: bool = False
    mandate: Token | UnsetType = UNSET
    mandate_data: MandateData | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    off_session: bool | Literal["one_off", "recurring"] = False
    payment_details: Hash | UnsetType | None = UNSET
    payment_method: Token | UnsetType | None = UNSET
    payment_method_configuration: Token | UnsetType = UNSET
    payment_method_data: PaymentMethodData | UnsetType = UNSET
    payment_method_options: PaymentOptions | UnsetType = UNSET
    payment_method_types: list[Token] | UnsetType = UNSET
    radar_options: RadarOptions | UnsetType = UNSET
    receipt_email: Email | UnsetType | None = UNSET
    return_url: Url | UnsetType = UNSET
    setup_future_usage: FutureUsage | UnsetType | None = UNSET
    shipping: Shipping | UnsetType | None = UNSET
    statement_descriptor: Descriptor | UnsetType | None = UNSET
    statement_descriptor_suffix: Descriptor | UnsetType | None = UNSET
    transfer_group: Text | UnsetType | None = UNSET
    use_stripe_sdk: bool = False


class UpdatePaymentIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_intents/{intent}."""

    REFUSED = _CREATE_REFUSED

    amount: Amount | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    amount_details: Hash | UnsetType | None = UNSET
    capture_method: CaptureMethod | UnsetType = UNSET
    customer: Token | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    payment_details: Hash | UnsetType | None = UNSET
    payment_method: Token | UnsetType | None = UNSET
    payment_method_configuration: Token | UnsetType = UNSET
    payment_method_data: PaymentMethodData | UnsetType = UNSET
    payment_method_options: PaymentOptions | UnsetType = UNSET
    payment_method_types: list[Token] | UnsetType = UNSET
    receipt_email: Email | UnsetType | None = UNSET
    setup_future_usage: FutureUsage | UnsetType | None = UNSET
    shipping: Shipping | UnsetType | None = UNSET
    statement_descriptor: Descriptor | UnsetType | None = UNSET
    statement_descriptor_suffix: Descriptor | UnsetType | None = UNSET
    transfer_group: Text | UnsetType | None = UNSET


class ConfirmPaymentIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_intents/{intent}/confirm."""

    REFUSED = {
        **refuse(NOT_YET, "excluded_payment_method_types", "amount_to_confirm"),
        **refuse(_NO_TAX, "hooks"),
    }

    amount_details: Hash | UnsetType | None = UNSET
    capture_method: CaptureMethod | UnsetType = UNSET
    client_secret: Secret | UnsetType = UNSET
    confirmation_token: Token | UnsetType = UNSET
    error_on_requires_action: bool = False
    mandate: Token | UnsetType = UNSET
    mandate_data: MandateData | UnsetType | None = UNSET
    off_session: bool | Literal["one_off", "recurring"] = False
    payment_details: Hash | UnsetType | None = UNSET
    payment_method: Token | UnsetType | None = UNSET
    payment_method_data: PaymentMethodData | UnsetType = UNSET
    payment_method_options: PaymentOptions | UnsetType = UNSET
    payment_method_types: list[Token] | UnsetType = UNSET
    radar_options: RadarOptions | UnsetType = UNSET
    receipt_email: Email | UnsetType | None = UNSET
    return_url: Url | UnsetType = UNSET
    setup_future_usage: FutureUsage | UnsetType | None = UNSET
    shipping: Shipping | UnsetType | None = UNSET
    use_stripe_sdk: bool = False


class CapturePaymentIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_intents/{intent}/capture."""

    REFUSED = {**refuse(CONNECT, "application_fee_amount", "transfer_data"), **refuse(_NO_TAX, "hooks")}

    amount_to_capture: Amount | UnsetType = UNSET
    final_capture: bool = True
    amount_details: Hash | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    payment_details: Hash | UnsetType | None = UNSET
    statement_descriptor: Descriptor | UnsetType | None = UNSET
    statement_descriptor_suffix: Descriptor | UnsetType | None = UNSET


class CancelPaymentIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_intents/{intent}/cancel."""

    cancellation_reason: CancellationReason | UnsetType | None = UNSET


class IncrementPaymentIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_intents/{intent}/increment_authorization."""

    REFUSED = {**refuse(CONNECT, "application_fee_amount", "transfer_data"), **refuse(_NO_TAX, "hooks")}

    amount: Amount
    amount_details: Hash | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    payment_details: Hash | UnsetType | None = UNSET
    statement_descriptor: Descriptor | UnsetType | None = UNSET


class GetPaymentIntent(Expandable, frozen=True, kw_only=True):
    """GET /v1/payment_intents/{intent}."""

    client_secret: Secret | UnsetType = UNSET


class ListPaymentIntents(DatedPage, frozen=True, kw_only=True):
    """GET /v1/payment_intents."""

    REFUSED = refuse(NOT_YET, "customer_account")

    customer: Token | UnsetType = UNSET
