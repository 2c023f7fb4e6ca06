"""Parameters of customers and of their legacy sources."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from interlock.api.parameters.base import (
    NOT_YET,
    Address,
    Amount,
    Currency,
    DatedPage,
    Email,
    Expandable,
    Hash,
    Integer,
    Metadata,
    Page,
    Parameters,
    Shipping,
    Text,
    Token,
    refuse,
)
from interlock.api.parameters.payment_methods import Month
from interlock.api.parameters.tokens import LegacyCard

Name = Annotated[str, Meta(max_length=256)]
ShortName = Annotated[str, Meta(max_length=150)]

_NO_INVOICES = "Interlock sends no invoices."
_REFUSED = {
    **refuse(NOT_YET, "cash_balance", "test_clock", "tax", "tax_id_data"),
    **refuse(_NO_INVOICES, "balance"),
}


class InvoiceSettings(Parameters, frozen=True, kw_only=True):
    """Stored and shown; ``default_payment_method`` is the customer's default card."""

    custom_fields: list[Hash] | UnsetType | None = UNSET
    default_payment_method: Token | UnsetType | None = UNSET
    footer: Text | UnsetType | None = UNSET
    rendering_options: Hash | UnsetType | None = UNSET


class _Common(Expandable, frozen=True, kw_only=True):
    """What creating and updating share."""

    REFUSED = _REFUSED

    address: Address | UnsetType | None = UNSET
    business_name: ShortName | UnsetType | None = UNSET
    card: Token | LegacyCard | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    individual_name: ShortName | UnsetType | None = UNSET
    invoice_prefix: Token | UnsetType | None = UNSET
    invoice_settings: InvoiceSettings | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    name: Name | UnsetType | None = UNSET
    next_invoice_sequence: Integer | UnsetType = UNSET
    phone: Text | UnsetType | None = UNSET
    preferred_locales: list[Token] | UnsetType = UNSET
    shipping: Shipping | UnsetType | None = UNSET
    source: Token | LegacyCard | UnsetType = UNSET
    tax_exempt: Literal["exempt", "none", "reverse"] | UnsetType | None = UNSET


class CreateCustomer(_Common, frozen=True, kw_only=True):
    """POST /v1/customers."""

    payment_method: Token | UnsetType = UNSET


class UpdateCustomer(_Common, frozen=True, kw_only=True):
    """POST /v1/customers/{customer}."""

    REFUSED = {
        **_REFUSED,
        **refuse("Use default_source.", "default_card"),
        **refuse("Interlock takes cards.", "bank_account", "default_bank_account", "default_alipay_account"),
    }

    default_source: Token | UnsetType = UNSET


class ListCustomers(DatedPage, frozen=True, kw_only=True):
    """GET /v1/customers."""

    REFUSED = refuse(NOT_YET, "test_clock")

    email: Email | UnsetType = UNSET


class FundCashBalance(Expandable, frozen=True, kw_only=True):
    """POST /v1/test_helpers/customers/{customer}/fund_cash_balance."""

    amount: Amount
    currency: Currency
    reference: Text | UnsetType = UNSET


class CreateSource(Expandable, frozen=True, kw_only=True):
    """POST /v1/customers/{customer}/sources."""

    REFUSED = refuse("Interlock takes cards.", "alipay_account", "bank_account")

    card: Token | LegacyCard | UnsetType = UNSET
    source: Token | LegacyCard | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class ListSources(Page, frozen=True, kw_only=True):
    """GET /v1/customers/{customer}/sources; ``object`` other than ``card`` asks for what nobody has."""

    object: Token | UnsetType = UNSET


class UpdateSource(Expandable, frozen=True, kw_only=True):
    """POST /v1/customers/{customer}/sources/{id}."""

    REFUSED = refuse("Interlock takes cards.", "account_holder_name", "account_holder_type", "owner")

    name: Text | UnsetType | None = UNSET
    exp_month: Month | UnsetType = UNSET
    exp_year: Month | UnsetType = UNSET
    address_line1: Text | UnsetType | None = UNSET
    address_line2: Text | UnsetType | None = UNSET
    address_city: Text | UnsetType | None = UNSET
    address_state: Text | UnsetType | None = UNSET
    address_zip: Text | UnsetType | None = UNSET
    address_country: Text | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
