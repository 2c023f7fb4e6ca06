"""Parameters of tokens and confirmation tokens."""

from typing import Literal

from msgspec import UNSET, UnsetType

from interlock.api.parameters.base import (
    CONNECT,
    Expandable,
    Metadata,
    Parameters,
    Shipping,
    Text,
    Token,
    Url,
    refuse,
)
from interlock.api.parameters.method_options import TokenOptions
from interlock.api.parameters.payment_methods import Cvc, MandateData, Month, Networks, Number, PaymentMethodData


class LegacyCard(Parameters, frozen=True, kw_only=True):
    """A card in the older flat form."""

    number: Number
    exp_month: Month
    exp_year: Month
    object: Literal["card"] | UnsetType = UNSET
    cvc: Cvc | UnsetType | None = UNSET
    name: Text | UnsetType | None = UNSET
    address_line1: Text | UnsetType | None = UNSET
    address_line2: Text | UnsetType | None = UNSET
    address_city: Text | UnsetType | None = UNSET
    address_state: Text | UnsetType | None = UNSET
    address_zip: Text | UnsetType | None = UNSET
    address_country: Text | UnsetType | None = UNSET
    currency: Token | UnsetType | None = UNSET
    networks: Networks | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class CreateToken(Expandable, frozen=True, kw_only=True):
    """POST /v1/tokens."""

    REFUSED = {
        **refuse(CONNECT, "account", "person", "customer", "pii"),
        **refuse("Interlock takes cards.", "bank_account"),
        **refuse("Interlock takes a security code only with its card.", "cvc_update"),
    }

    card: LegacyCard | UnsetType = UNSET


class CreateConfirmationToken(Expandable, frozen=True, kw_only=True):
    """POST /v1/confirmation_tokens (browsers) and POST /v1/test_helpers/confirmation_tokens."""

    payment_method: Token | UnsetType = UNSET
    payment_method_data: PaymentMethodData | UnsetType = UNSET
    payment_method_options: TokenOptions | UnsetType = UNSET
    mandate_data: MandateData | UnsetType | None = UNSET
    return_url: Url | UnsetType = UNSET
    setup_future_usage: Literal["off_session", "on_session"] | UnsetType | None = UNSET
    shipping: Shipping | UnsetType | None = UNSET
    use_stripe_sdk: bool = True
