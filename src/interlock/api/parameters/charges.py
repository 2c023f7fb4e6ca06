"""Parameters of charges and refunds."""

from typing import Literal

from msgspec import UNSET, UnsetType

from interlock.api.parameters.base import (
    CONNECT,
    NOT_YET,
    Amount,
    Currency,
    DatedPage,
    Email,
    Expandable,
    Metadata,
    Page,
    Parameters,
    Shipping,
    Text,
    Token,
    refuse,
)
from interlock.api.parameters.payment_intents import Descriptor
from interlock.api.parameters.payment_methods import RadarOptions
from interlock.api.parameters.tokens import LegacyCard

_CONNECT_FEES = refuse(CONNECT, "application_fee", "application_fee_amount", "transfer_data")


class CreateCharge(Expandable, frozen=True, kw_only=True):
    """POST /v1/charges."""

    REFUSED = {**_CONNECT_FEES, **refuse(CONNECT, "destination", "on_behalf_of")}

    amount: Amount
    currency: Currency
    capture: bool = True
    card: Token | LegacyCard | UnsetType = UNSET
    customer: Token | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    radar_options: RadarOptions | UnsetType = UNSET
    receipt_email: Email | UnsetType | None = UNSET
    shipping: Shipping | UnsetType | None = UNSET
    source: Token | LegacyCard | UnsetType = UNSET
    statement_descriptor: Descriptor | UnsetType | None = UNSET
    statement_descriptor_suffix: Descriptor | UnsetType | None = UNSET
    transfer_group: Text | UnsetType | None = UNSET


class FraudDetails(Parameters, frozen=True, kw_only=True):
    """What the shop thinks of a charge; stored and shown."""

    user_report: Literal["fraudulent", "safe"] | UnsetType | None = UNSET


class UpdateCharge(Expandable, frozen=True, kw_only=True):
    """POST /v1/charges/{charge}."""

    REFUSED = refuse(NOT_YET, "customer")

    description: Text | UnsetType | None = UNSET
    fraud_details: FraudDetails | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    receipt_email: Email | UnsetType | None = UNSET
    shipping: Shipping | UnsetType | None = UNSET
    transfer_group: Text | UnsetType | None = UNSET


class CaptureCharge(Expandable, frozen=True, kw_only=True):
    """POST /v1/charges/{charge}/capture."""

    REFUSED = _CONNECT_FEES

    amount: Amount | UnsetType = UNSET
    receipt_email: Email | UnsetType | None = UNSET
    statement_descriptor: Descriptor | UnsetType | None = UNSET
    statement_descriptor_suffix: Descriptor | UnsetType | None = UNSET
    transfer_group: Text | UnsetType | None = UNSET


class ListCharges(DatedPage, frozen=True, kw_only=True):
    """GET /v1/charges."""

    REFUSED = refuse(CONNECT, "transfer_group")

    customer: Token | UnsetType = UNSET
    payment_intent: Token | UnsetType = UNSET


class CreateRefund(Expandable, frozen=True, kw_only=True):
    """POST /v1/refunds."""

    REFUSED = {
        **refuse(CONNECT, "refund_application_fee", "reverse_transfer"),
        **refuse("Refunds go back to the card.", "instructions_email", "origin", "customer"),
    }

    charge: Token | UnsetType = UNSET
    payment_intent: Token | UnsetType = UNSET
    amount: Amount | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | UnsetType | None = UNSET


class RefundCharge(Expandable, frozen=True, kw_only=True):
    """POST /v1/charges/{charge}/refund."""

    REFUSED = {**CreateRefund.REFUSED, **refuse("The address names the charge.", "payment_intent")}

    amount: Amount | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | UnsetType | None = UNSET


class RefundOfCharge(RefundCharge, frozen=True, kw_only=True):
    """POST /v1/charges/{charge}/refunds."""

    currency: Currency | UnsetType = UNSET


class UpdateRefund(Expandable, frozen=True, kw_only=True):
    """POST /v1/refunds/{refund}."""

    metadata: Metadata | UnsetType | None = UNSET


class ListRefunds(DatedPage, frozen=True, kw_only=True):
    """GET /v1/refunds."""

    charge: Token | UnsetType = UNSET
    payment_intent: Token | UnsetType = UNSET


class ListChargeRefunds(Page, frozen=True, kw_only=True):
    """GET /v1/charges/{charge}/refunds."""
