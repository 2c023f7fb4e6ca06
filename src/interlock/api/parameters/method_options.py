"""Parameters ``payment_method_options``: what is asked of one payment by card."""

from typing import Literal

from msgspec import UNSET, UnsetType

from interlock.api.parameters.base import Amount, Hash, Parameters, Text, refuse
from interlock.api.parameters.method_types import OtherOptions

IfAvailable = Literal["if_available", "never"]
ThreeDSecure = Literal["any", "automatic", "challenge"]
Usage = Literal["none", "off_session", "on_session"]
Network = Literal[
    "amex",
    "cartes_bancaires",
    "diners",
    "discover",
    "eftpos_au",
    "girocard",
    "interac",
    "jcb",
    "link",
    "mastercard",
    "unionpay",
    "unknown",
    "visa",
]

_IMPORTED_3DS = "Interlock runs 3D Secure through the gateway and cannot take another server's result."
_NO_INSTALLMENTS = "Interlock does not offer instalments."
_NO_CVC_TOKEN = "Interlock takes a security code only with its card."  # noqa: S105 - a sentence


class MandateOptions(Parameters, frozen=True, kw_only=True):
    """The terms of a recurring mandate, stored and shown."""

    amount: Amount
    amount_type: Literal["fixed", "maximum"]
    interval: Literal["day", "month", "sporadic", "week", "year"]
    reference: Text
    start_date: Amount
    currency: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    end_date: Amount | UnsetType = UNSET
    interval_count: Amount | UnsetType = UNSET
    supported_types: list[Text] | UnsetType = UNSET


class CardOptions(Parameters, frozen=True, kw_only=True):
    """Options of a payment by card."""

    REFUSED = {
        **refuse(_IMPORTED_3DS, "three_d_secure"),
        **refuse(_NO_INSTALLMENTS, "installments"),
        **refuse(_NO_CVC_TOKEN, "cvc_token"),
    }

    capture_method: Literal["manual"] | UnsetType | None = UNSET
    mandate_options: MandateOptions | UnsetType | None = UNSET
    network: Network | UnsetType | None = UNSET
    request_extended_authorization: IfAvailable | UnsetType = UNSET
    request_incremental_authorization: IfAvailable | UnsetType = UNSET
    request_multicapture: IfAvailable | UnsetType = UNSET
    request_overcapture: IfAvailable | UnsetType = UNSET
    request_three_d_secure: ThreeDSecure | UnsetType = UNSET
    require_cvc_recollection: bool | UnsetType = UNSET
    setup_future_usage: Usage | UnsetType | None = UNSET
    statement_descriptor_suffix_kana: Text | UnsetType | None = UNSET
    statement_descriptor_suffix_kanji: Text | UnsetType | None = UNSET


class EuTransfer(Parameters, frozen=True, kw_only=True):
    """The country of the account that receives a transfer in euros."""

    country: Text


class TransferOptions(Parameters, frozen=True, kw_only=True):
    """Which kind of transfer a payment waits for; ``jp_bank_account`` is what the official CLI calls Japan's."""

    type: Literal[
        "eu_bank_transfer",
        "gb_bank_transfer",
        "jp_bank_account",
        "jp_bank_transfer",
        "mx_bank_transfer",
        "us_bank_transfer",
    ]
    eu_bank_transfer: EuTransfer | UnsetType = UNSET
    requested_address_types: list[Text] | UnsetType = UNSET


class BalanceOptions(Parameters, frozen=True, kw_only=True):
    """Options of a payment by bank transfer."""

    bank_transfer: TransferOptions | UnsetType = UNSET
    funding_type: Literal["bank_transfer"] | UnsetType = UNSET
    setup_future_usage: Literal["none"] | UnsetType = UNSET


class PaymentOptions(OtherOptions, frozen=True, kw_only=True):
    """``payment_method_options`` of payment intents."""

    customer_balance: BalanceOptions | UnsetType | None = UNSET
    card: CardOptions | UnsetType | None = UNSET


class SetupCardOptions(Parameters, frozen=True, kw_only=True):
    """Options of storing a card."""

    REFUSED = refuse(_IMPORTED_3DS, "three_d_secure")

    mandate_options: MandateOptions | UnsetType | None = UNSET
    network: Network | UnsetType | None = UNSET
    request_three_d_secure: ThreeDSecure | UnsetType = UNSET


class SetupOptions(OtherOptions, frozen=True, kw_only=True):
    """``payment_method_options`` of setup intents."""

    card: SetupCardOptions | UnsetType | None = UNSET
    customer_balance: Hash | UnsetType | None = UNSET


class CheckoutCardOptions(Parameters, frozen=True, kw_only=True):
    """Options of a payment by card on a hosted page."""

    REFUSED = {**refuse(_NO_INSTALLMENTS, "installments"), **refuse("It is not enforced by Interlock.", "restrictions")}

    capture_method: Literal["manual"] | UnsetType | None = UNSET
    request_extended_authorization: IfAvailable | UnsetType = UNSET
    request_incremental_authorization: IfAvailable | UnsetType = UNSET
    request_multicapture: IfAvailable | UnsetType = UNSET
    request_overcapture: IfAvailable | UnsetType = UNSET
    request_three_d_secure: ThreeDSecure | UnsetType = UNSET
    setup_future_usage: Usage | UnsetType | None = UNSET
    statement_descriptor_suffix_kana: Text | UnsetType | None = UNSET
    statement_descriptor_suffix_kanji: Text | UnsetType | None = UNSET


class CheckoutOptions(OtherOptions, frozen=True, kw_only=True):
    """``payment_method_options`` of checkout sessions."""

    card: CheckoutCardOptions | UnsetType | None = UNSET
    customer_balance: Hash | UnsetType | None = UNSET


class TokenOptions(Parameters, frozen=True, kw_only=True):
    """``payment_method_options`` of confirmation tokens."""

    card: Hash | UnsetType = UNSET
