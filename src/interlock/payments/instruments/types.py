"""Values, tables and commands of payment methods, tokens, confirmation tokens and mandates.

No value here holds a card number, a security code or an IBAN except the *inputs* :class:`CardData`,
:class:`SepaDebitData` and :class:`PaymentMethodData`, which live for one request and hide them in their repr.
"""

from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from interlock.storage.tables import AS_TEXT, Table
from interlock.storage.writes import Write


class CardFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may be known of a card outside the vault.

    ``vault_card_id`` is the vault's token, or ``test_…`` for a test card whose public number needs no sealing.
    ``networks`` are the brands it can be charged through where it has more than its own.
    ``checks`` are ``pass``, ``fail``, ``unavailable``, ``unchecked`` or None.
    """

    vault_card_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    bin: str
    funding: str = "credit"
    country: str | None = "US"
    cvc_check: str | None = None
    address_line1_check: str | None = None
    address_postal_code_check: str | None = None
    networks: tuple[str, ...] = ()
    three_d_secure_supported: bool = True
    preferred_network: str | None = None


class SepaDebitFacts(NamedTuple):
    """What may be known of a bank account outside the vault, whose token ``vault_account_id`` is.

    Written as a JSON array, which tells it from a card where either may stand. A new field may be added at the end;
    none may be taken away.
    """

    vault_account_id: str
    country: str
    bank_code: str
    branch_code: str | None
    last4: str
    fingerprint: str


Facts = CardFacts | SepaDebitFacts


class PaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    """A payment method, or a card source (``is_source``, id ``card_…``), the same thing under an older name.

    ``card`` is what is known of the card or, for ``type`` sepa_debit, of the bank account: one column for both, so that
    the second costs the first nothing. Of ``customer_balance`` nothing is known before the money comes.
    ``used_by`` is the intent that consumed it while it belonged to nobody: only that intent may use it again.
    ``network_transaction_id`` and ``credentials`` (gateway id → the gateway's own reference) come from the first
    approved use and are quoted by later merchant-initiated payments.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    type: str = "card"
    is_source: bool = False
    customer_id: str | None = None
    used_by: str | None = None
    detached: bool = False
    allow_redisplay: str = "unspecified"
    card: Annotated[Facts | None, AS_TEXT] = None
    network_transaction_id: str | None = None
    credentials: Annotated[dict[str, str], AS_TEXT] = {}
    billing_details: Annotated[dict[str, Any], AS_TEXT] = {}
    metadata: dict[str, str] = {}


PAYMENT_METHODS = Table(PaymentMethod, "payment_methods")


class CardData(msgspec.Struct, frozen=True, kw_only=True):
    """A card as a client gave it: a number in clear, or the ``token`` that stands for one. Its repr hides all."""

    number: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    cvc: str | None = None
    token: str | None = None
    name: str | None = None
    address: dict[str, str | None] = {}
    preferred_network: str | None = None
    metadata: dict[str, str] | None = None

    def __repr__(self) -> str:
        """Return a text without card data."""
        return "CardData(…)"

    __str__ = __repr__


class SepaDebitData(msgspec.Struct, frozen=True, kw_only=True):
    """A bank account as a client gave it. Its repr hides it."""

    iban: str

    def __repr__(self) -> str:
        """Return a text without the account."""
        return "SepaDebitData(…)"

    __str__ = __repr__


class PaymentMethodData(msgspec.Struct, frozen=True, kw_only=True):
    """A payment method to be made: for ``payment_methods.create`` and for ``payment_method_data``.

    ``as_source`` makes it a card source, as a raw card or token in the legacy ``source`` does.
    """

    type: str = "card"
    card: CardData | None = None
    sepa_debit: SepaDebitData | None = None
    billing_details: dict[str, Any] = {}
    metadata: dict[str, str] | None = None
    allow_redisplay: str = "unspecified"
    as_source: bool = False


class UpdatePaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    """Changes; UNSET fields stay. In ``billing_details`` an absent key stays and a None value unsets."""

    billing_details: dict[str, Any] = {}
    exp_month: int | UnsetType = UNSET
    exp_year: int | UnsetType = UNSET
    preferred_network: str | UnsetType | None = UNSET
    allow_redisplay: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType | None = UNSET


class ResolvedInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment is to be made with. ``writes`` belong into the caller's change, with or without ``is_new``:
    they create the payment method, seal its card, or mark tokens and one-time methods as used (gates)."""

    payment_method: PaymentMethod
    is_new: bool = False
    writes: tuple[Write, ...] = ()
    setup_future_usage: str | None = None
    return_url: str | None = None
    shipping: dict[str, Any] | None = None
    mandate_data: dict[str, Any] | None = None


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A single-use stand-in for a card. ``holder`` keeps name and address in the legacy flat form."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    card_id: str
    card: CardFacts
    used: bool = False
    client_ip: str | None = None
    holder: dict[str, str | None] = {}


TOKENS = Table(Token, "tokens")


class ConfirmationToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser collected to confirm one intent. ``payment_method_id`` is set where it stands for an existing
    method, or once it has been used. ``details``: mandate_data, payment_method_options, shipping."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    expires_at_ms: int
    payment_method_id: str | None = None
    payment_intent_id: str | None = None
    setup_intent_id: str | None = None
    type: str = "card"
    card: Facts | None = None
    billing_details: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    allow_redisplay: str = "unspecified"
    return_url: str | None = None
    setup_future_usage: str | None = None
    use_stripe_sdk: bool = True
    details: dict[str, Any] = {}


CONFIRMATION_TOKENS = Table(ConfirmationToken, "confirmation_tokens")


class CreateConfirmationToken(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmation token from an existing method or from data."""

    payment_method: str | None = None
    payment_method_data: PaymentMethodData | None = None
    return_url: str | None = None
    setup_future_usage: str | None = None
    use_stripe_sdk: bool = True
    details: dict[str, Any] = {}


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's permission to debit. ``customer_acceptance`` is Stripe's object, complete; ``method_type`` is the
    payment method's."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    payment_method_id: str
    status: str = "active"
    type: str = "multi_use"
    amount_minor: int | None = None
    currency: str | None = None
    customer_acceptance: dict[str, Any] = {}
    method_type: str = "card"


MANDATES = Table(Mandate, "mandates")


class UpdateSource(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of a card source, in the legacy flat form; UNSET fields stay, None in ``address`` unsets."""

    name: str | UnsetType | None = UNSET
    address: dict[str, str | None] = {}
    exp_month: int | UnsetType = UNSET
    exp_year: int | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType | None = UNSET
