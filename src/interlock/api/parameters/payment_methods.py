"""Parameters of payment methods, and of the card data that several endpoints take."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from interlock.api.parameters.base import (
    CONNECT,
    NOT_YET,
    BillingDetails,
    Expandable,
    Hash,
    Metadata,
    Page,
    Parameters,
    Text,
    Token,
    refuse,
)
from interlock.api.parameters.method_types import REFUSED_DATA

Number = Annotated[str, Meta(max_length=64, extra_json_schema={"format": "password"})]
Cvc = Annotated[str, Meta(max_length=16, extra_json_schema={"format": "password"})]
Iban = Annotated[str, Meta(max_length=64, extra_json_schema={"format": "password"})]
Month = Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
Redisplay = Literal["always", "limited", "unspecified"]


class Networks(Parameters, frozen=True, kw_only=True):
    """Which network the shopper prefers on a co-badged card."""

    preferred: Literal["cartes_bancaires", "mastercard", "visa"] | UnsetType | None = UNSET


class Card(Parameters, frozen=True, kw_only=True):
    """A card: its number and expiry, or a token."""

    number: Number | UnsetType = UNSET
    exp_month: Month | UnsetType = UNSET
    exp_year: Month | UnsetType = UNSET
    cvc: Cvc | UnsetType | None = UNSET
    token: Token | UnsetType = UNSET
    networks: Networks | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class SepaDebit(Parameters, frozen=True, kw_only=True):
    """A bank account to debit."""

    iban: Iban


class CustomerBalance(Parameters, frozen=True, kw_only=True):
    """A payment by bank transfer; nothing is known of it beforehand."""


class RadarOptions(Parameters, frozen=True, kw_only=True):
    """A risk session of the published API; taken and not used."""

    session: Token | UnsetType = UNSET


class PaymentMethodData(Parameters, frozen=True, kw_only=True):
    """A payment method to be made on the way."""

    REFUSED = REFUSED_DATA

    type: Text
    card: Card | UnsetType = UNSET
    customer_balance: CustomerBalance | UnsetType = UNSET
    sepa_debit: SepaDebit | UnsetType = UNSET
    billing_details: BillingDetails | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    allow_redisplay: Redisplay | UnsetType = UNSET
    radar_options: RadarOptions | UnsetType = UNSET


class CreatePaymentMethod(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_methods."""

    REFUSED = {**REFUSED_DATA, **refuse(CONNECT, "customer", "payment_method")}

    type: Text
    card: Card | UnsetType = UNSET
    customer_balance: CustomerBalance | UnsetType = UNSET
    sepa_debit: SepaDebit | UnsetType = UNSET
    billing_details: BillingDetails | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    allow_redisplay: Redisplay | UnsetType = UNSET
    radar_options: RadarOptions | UnsetType = UNSET


class UpdateCard(Parameters, frozen=True, kw_only=True):
    """What may change of a card."""

    exp_month: Month | UnsetType = UNSET
    exp_year: Month | UnsetType = UNSET
    networks: Networks | UnsetType = UNSET


class UpdatePaymentMethod(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_methods/{payment_method}."""

    REFUSED = refuse("Interlock takes cards and SEPA direct debits.", "payto", "us_bank_account")

    billing_details: BillingDetails | UnsetType = UNSET
    card: UpdateCard | UnsetType = UNSET
    allow_redisplay: Redisplay | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class AttachPaymentMethod(Expandable, frozen=True, kw_only=True):
    """POST /v1/payment_methods/{payment_method}/attach."""

    REFUSED = refuse(NOT_YET, "customer_account")

    customer: Token


class ListPaymentMethods(Page, frozen=True, kw_only=True):
    """GET /v1/payment_methods."""

    REFUSED = refuse(NOT_YET, "customer_account")

    customer: Token | UnsetType = UNSET
    type: Text | UnsetType = UNSET
    allow_redisplay: Redisplay | UnsetType = UNSET


class ListCustomerPaymentMethods(Page, frozen=True, kw_only=True):
    """GET /v1/customers/{customer}/payment_methods."""

    type: Text | UnsetType = UNSET
    allow_redisplay: Redisplay | UnsetType = UNSET


class MandateCustomer(Parameters, frozen=True, kw_only=True):
    """How a shopper agreed to later payments."""

    type: Literal["online", "offline"]
    accepted_at: Annotated[int, Meta(ge=0, le=10**12)] | UnsetType = UNSET
    online: Hash | UnsetType = UNSET
    offline: Hash | UnsetType | None = UNSET


class MandateData(Parameters, frozen=True, kw_only=True):
    """The agreement to later payments."""

    customer_acceptance: MandateCustomer


class AutomaticMethods(Parameters, frozen=True, kw_only=True):
    """Whether types of payment method are chosen automatically."""

    enabled: bool
    allow_redirects: Literal["always", "never"] | UnsetType = UNSET
