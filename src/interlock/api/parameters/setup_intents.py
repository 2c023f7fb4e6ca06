"""Parameters of setup intents and of their attempts."""

from typing import Literal

from msgspec import UNSET, UnsetType

from interlock.api.parameters.base import (
    CONNECT,
    NOT_YET,
    DatedPage,
    Expandable,
    Metadata,
    Secret,
    Token,
    Url,
    refuse,
)
from interlock.api.parameters.method_options import SetupOptions
from interlock.api.parameters.payment_intents import CancellationReason, Description
from interlock.api.parameters.payment_methods import AutomaticMethods, MandateData, PaymentMethodData

_REFUSED = {
    **refuse(CONNECT, "on_behalf_of", "attach_to_self", "flow_directions"),
    **refuse(NOT_YET, "customer_account", "excluded_payment_method_types", "single_use"),
}


class CreateSetupIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/setup_intents."""

    REFUSED = _REFUSED

    automatic_payment_methods: AutomaticMethods | UnsetType = UNSET
    confirm: bool = False
    confirmation_token: Token | UnsetType = UNSET
    customer: Token | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    mandate_data: MandateData | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    payment_method: Token | UnsetType | None = UNSET
    payment_method_configuration: Token | UnsetType = UNSET
    payment_method_data: PaymentMethodData | UnsetType = UNSET
    payment_method_options: SetupOptions | UnsetType = UNSET
    payment_method_types: list[Token] | UnsetType = UNSET
    return_url: Url | UnsetType = UNSET
    usage: Literal["off_session", "on_session"] = "off_session"
    use_stripe_sdk: bool = False


class UpdateSetupIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/setup_intents/{intent}."""

    REFUSED = _REFUSED

    customer: Token | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    payment_method: Token | UnsetType | None = UNSET
    payment_method_configuration: Token | UnsetType = UNSET
    payment_method_data: PaymentMethodData | UnsetType = UNSET
    payment_method_options: SetupOptions | UnsetType = UNSET
    payment_method_types: list[Token] | UnsetType = UNSET


class ConfirmSetupIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/setup_intents/{intent}/confirm."""

    client_secret: Secret | UnsetType = UNSET
    confirmation_token: Token | UnsetType = UNSET
    mandate_data: MandateData | UnsetType | None = UNSET
    payment_method: Token | UnsetType | None = UNSET
    payment_method_data: PaymentMethodData | UnsetType = UNSET
    payment_method_options: SetupOptions | UnsetType = UNSET
    return_url: Url | UnsetType = UNSET
    use_stripe_sdk: bool = False


class CancelSetupIntent(Expandable, frozen=True, kw_only=True):
    """POST /v1/setup_intents/{intent}/cancel."""

    cancellation_reason: CancellationReason | UnsetType | None = UNSET


class GetSetupIntent(Expandable, frozen=True, kw_only=True):
    """GET /v1/setup_intents/{intent}."""

    client_secret: Secret | UnsetType = UNSET


class ListSetupIntents(DatedPage, frozen=True, kw_only=True):
    """GET /v1/setup_intents."""

    REFUSED = {**refuse(NOT_YET, "customer_account"), **refuse(CONNECT, "attach_to_self")}

    customer: Token | UnsetType = UNSET
    payment_method: Token | UnsetType = UNSET


class ListSetupAttempts(DatedPage, frozen=True, kw_only=True):
    """GET /v1/setup_attempts."""

    setup_intent: Token
