"""Builds Stripe's form bodies. Pure text work: called by the Stripe connector only.

The constant parts are encoded once at import; only what differs per payment is encoded per call.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote_plus

from interlock.base.money import Money, to_provider
from interlock.gateways.contract import (
    BankTransfer,
    Card,
    Initiator,
    PaymentRequest,
    SepaDebit,
    Shopper,
    StoredCredential,
    Tables,
)

REFERENCE_KEY = "interlock_attempt"
_MAX_METADATA = 49
_MAX_METADATA_KEY = 40
_MAX_METADATA_VALUE = 500
_MAX_DESCRIPTION = 1000
_MAX_SUFFIX = 22
_MAX_TEXT = 5000
_FORBIDDEN_IN_DESCRIPTOR = str.maketrans("", "", "<>\\'\"*")
_ADDRESS_KEYS = ("city", "country", "line1", "line2", "postal_code", "state")

_ANY_HEAD = "confirm=true&payment_method_types%5B0%5D=card&expand%5B0%5D="
_CARD_TYPE = "payment_method_data%5Btype%5D=card&"
_PAYMENT_HEAD = f"{_CARD_TYPE}{_ANY_HEAD}latest_charge&capture_method="
_KEPT_HEAD = f"{_ANY_HEAD}latest_charge&capture_method="
_SETUP_HEAD = f"{_CARD_TYPE}{_ANY_HEAD}payment_method&usage="
_DEBIT_HEAD = (
    "confirm=true&payment_method_types%5B0%5D=sepa_debit&payment_method_data%5Btype%5D=sepa_debit"
    "&expand%5B0%5D=latest_charge&capture_method=automatic"
)
_ACCEPTANCE = "mandate_data%5Bcustomer_acceptance%5D%5B"
_TRANSFER_HEAD = (
    "confirm=true&payment_method_types%5B0%5D=customer_balance&payment_method_data%5Btype%5D=customer_balance"
    "&payment_method_options%5Bcustomer_balance%5D%5Bfunding_type%5D=bank_transfer&expand%5B0%5D=latest_charge"
)
_TRANSFER_OPTION = "payment_method_options%5Bcustomer_balance%5D%5Bbank_transfer%5D%5B"
_CARD_OPTION = "payment_method_options%5Bcard%5D%5B"
_BILLING = "payment_method_data%5Bbilling_details%5D%5B"


_quote_each = re.compile(r"[^A-Za-z0-9_.~-]").sub
_QUOTED = {chr(code): quote_plus(chr(code), safe="") for code in range(128)}


def quote(value: str) -> str:
    """Return ``value`` percent-encoded; text that UTF-8 cannot carry becomes ``?`` rather than an exception."""
    if value.isascii():
        if value.replace("_", "").isalnum():  # a currency, an id
            return value
        # Half of what the library takes for the address in every payment.
        return _quote_each(lambda found: _QUOTED[found[0]], value)
    return quote_plus(value, safe="", errors="replace")


def provider_amount(tables: Tables, money: Money) -> int | None:
    """Return Stripe's integer for ``money``, or None when Stripe cannot express it.

    Args:
        tables: exponents where Stripe differs from ISO, and multiples (three-decimal amounts must end in 0).
        money: ISO minor units.

    """
    amount = to_provider(money, tables.currency_exponents)
    if amount is None or amount % tables.amount_multiples.get(money.currency, 1):
        return None
    return amount


def credential(customer: str | None, method: str | None) -> str | None:
    """Return what a card stored at Stripe is quoted by later: Stripe lets nobody but its customer use it again."""
    return f"{customer}/{method}" if customer and method else None


def kept_card(request: PaymentRequest) -> tuple[str, str] | None:
    """Return the customer and payment method that Stripe keeps the request's card as, where they are to be charged.

    A shopper's fresh security code goes with the card itself; a merchant has none to give.
    """
    stored, card = request.stored_credential, request.instrument
    if stored is None or stored.reference is None or not isinstance(card, Card):
        return None
    if card.cvc and stored.initiator is Initiator.CUSTOMER:
        return None
    customer, _, method = stored.reference.partition("/")
    return (customer, method) if method else None


def wants_customer(request: PaymentRequest) -> bool:
    """Return True for what must belong to a customer: a card to be kept that is not yet, an account for a transfer."""
    if not isinstance(request.instrument, Card):
        return isinstance(request.instrument, BankTransfer)
    stored = request.stored_credential
    return stored is not None and stored.store and stored.initiator is Initiator.CUSTOMER and kept_card(request) is None


def customer_form(request: PaymentRequest) -> bytes:
    """Return the body of POST /v1/customers: an owner for one kept card or for one payment's account, without a word
    about the person."""
    return form([(f"metadata[{REFERENCE_KEY}]", request.reference)])


def payment_form(
    request: PaymentRequest, card: Card, amount: int, *, capture: bool, customer: str | None = None
) -> bytes:
    """Return the body of POST /v1/payment_intents for a card.

    Args:
        request: what to charge.
        card: its instrument.
        amount: in Stripe's minor units.
        capture: True for a sale, False to authorise only.
        customer: whom Stripe is to keep the card for.

    """
    method = "automatic" if capture else "manual"
    rest = f"{method}&amount={amount}&currency={quote(request.amount.currency)}&return_url={quote(request.return_url)}"
    kept = None if request.stored_credential is None else kept_card(request)
    if kept is not None:
        fields = [f"{_KEPT_HEAD}{rest}&customer={quote(kept[0])}&payment_method={quote(kept[1])}"]
    else:
        fields = [f"{_PAYMENT_HEAD}{rest}"]
        _add_card(fields, card)
        _add_shopper(fields, card.holder_name, request.shopper)
        if customer is not None:
            fields.append(f"customer={quote(customer)}")
    _add_stored_credential(fields, request.stored_credential)
    _add_options(fields, request, capture=capture)
    _add_texts(fields, request)
    return "&".join(fields).encode("ascii")


def debit_form(request: PaymentRequest, debit: SepaDebit, amount: int) -> bytes:
    """Return the body of POST /v1/payment_intents for a debit of a bank account.

    The account and the holder's agreement travel with every payment, so nothing needs to be stored at Stripe.

    Args:
        request: what to charge.
        debit: its instrument.
        amount: in Stripe's minor units.

    """
    money = f"amount={amount}&currency={quote(request.amount.currency)}"
    fields = [f"{_DEBIT_HEAD}&{money}&return_url={quote(request.return_url)}"]
    fields.append(f"payment_method_data%5Bsepa_debit%5D%5Biban%5D={quote(debit.iban)}")
    _add_shopper(fields, None, request.shopper)
    acceptance = debit.acceptance
    fields.append(f"{_ACCEPTANCE}accepted_at%5D={acceptance.accepted_at_s}")
    if acceptance.online and acceptance.ip and acceptance.user_agent:
        fields.append(f"{_ACCEPTANCE}type%5D=online")
        fields.append(f"{_ACCEPTANCE}online%5D%5Bip_address%5D={quote(acceptance.ip)}")
        fields.append(f"{_ACCEPTANCE}online%5D%5Buser_agent%5D={quote(acceptance.user_agent[:_MAX_TEXT])}")
    else:
        fields.append(f"{_ACCEPTANCE}type%5D=offline")
    _add_texts(fields, request)
    return "&".join(fields).encode("ascii")


def transfer_form(request: PaymentRequest, transfer: BankTransfer, amount: int, customer: str | None) -> bytes:
    """Return the body of POST /v1/payment_intents for a payment by bank transfer.

    Args:
        request: what is paid for.
        transfer: its instrument.
        amount: in Stripe's minor units.
        customer: whose account at Stripe the money goes to.

    """
    money = f"amount={amount}&currency={quote(request.amount.currency)}"
    fields = [f"{_TRANSFER_HEAD}&{money}&customer={quote(customer or '')}"]
    fields.append(f"{_TRANSFER_OPTION}type%5D={quote(transfer.kind)}")
    if transfer.kind == "eu_bank_transfer" and transfer.country:
        fields.append(f"{_TRANSFER_OPTION}eu_bank_transfer%5D%5Bcountry%5D={quote(transfer.country)}")
    _add_texts(fields, request)
    return "&".join(fields).encode("ascii")


def setup_form(request: PaymentRequest, card: Card, customer: str | None = None) -> bytes:
    """Return the body of POST /v1/setup_intents: check a card and store it for ``customer`` without taking money."""
    stored = request.stored_credential
    on_session = stored is not None and stored.initiator is Initiator.CUSTOMER and not stored.store
    usage = "on_session" if on_session else "off_session"
    fields = [f"{_SETUP_HEAD}{usage}&return_url={quote(request.return_url)}"]
    _add_card(fields, card)
    _add_shopper(fields, card.holder_name, request.shopper)
    if customer is not None:
        fields.append(f"customer={quote(customer)}")
    if request.three_d_secure in {"any", "challenge"}:
        fields.append(f"{_CARD_OPTION}request_three_d_secure%5D={request.three_d_secure}")
    if request.description:
        fields.append(f"description={quote(request.description[:_MAX_DESCRIPTION])}")
    _add_metadata(fields, request.reference, request.metadata)
    return "&".join(fields).encode("ascii")


def form(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Return ``pairs`` as a form body, keys such as ``metadata[x]`` included."""
    return "&".join(f"{quote_plus(key, safe='')}={quote(value)}" for key, value in pairs).encode("ascii")


def _add_card(fields: list[str], card: Card) -> None:
    fields.append(
        f"payment_method_data%5Bcard%5D%5Bnumber%5D={quote(card.number)}"
        f"&payment_method_data%5Bcard%5D%5Bexp_month%5D={card.exp_month}"
        f"&payment_method_data%5Bcard%5D%5Bexp_year%5D={card.exp_year}"
    )
    if card.cvc:
        fields.append(f"payment_method_data%5Bcard%5D%5Bcvc%5D={quote(card.cvc)}")


def _add_shopper(fields: list[str], holder_name: str | None, shopper: Shopper) -> None:
    name = holder_name or shopper.name
    if name:
        fields.append(f"{_BILLING}name%5D={quote(name[:_MAX_TEXT])}")
    if shopper.email:
        fields.append(f"{_BILLING}email%5D={quote(shopper.email)}")
    if shopper.phone:
        fields.append(f"{_BILLING}phone%5D={quote(shopper.phone[:_MAX_TEXT])}")
    if shopper.address:
        for key in _ADDRESS_KEYS:
            value = shopper.address.get(key)
            if value:
                fields.append(f"{_BILLING}address%5D%5B{key}%5D={quote(value[:_MAX_TEXT])}")


def _add_stored_credential(fields: list[str], stored: StoredCredential | None) -> None:
    if stored is None:
        return
    if stored.initiator is Initiator.MERCHANT:
        fields.append("off_session=recurring" if stored.reason == "recurring" else "off_session=true")
    elif stored.store:
        fields.append("setup_future_usage=off_session")


def _add_options(fields: list[str], request: PaymentRequest, *, capture: bool) -> None:
    if request.waits_after_challenge:
        fields.append("confirmation_method=manual")
    if request.three_d_secure in {"any", "challenge"}:
        fields.append(f"{_CARD_OPTION}request_three_d_secure%5D={request.three_d_secure}")
    if not capture:
        fields.append(f"{_CARD_OPTION}request_multicapture%5D=if_available")
        if request.incremental:
            fields.append(f"{_CARD_OPTION}request_incremental_authorization%5D=if_available")


def _add_texts(fields: list[str], request: PaymentRequest) -> None:
    if request.description:
        fields.append(f"description={quote(request.description[:_MAX_DESCRIPTION])}")
    suffix = _descriptor_suffix(request.statement_descriptor)
    if suffix:
        fields.append(f"statement_descriptor_suffix={quote(suffix)}")
    _add_metadata(fields, request.reference, request.metadata)


def _descriptor_suffix(descriptor: str | None) -> str | None:
    """Return the descriptor in the characters Stripe takes; None when no letter would be left."""
    if not descriptor:
        return None
    printable = "".join(char for char in descriptor if char.isascii() and char.isprintable())
    cleaned = printable.translate(_FORBIDDEN_IN_DESCRIPTOR).strip()[:_MAX_SUFFIX].strip()
    return cleaned if any(char.isalpha() for char in cleaned) else None


def _add_metadata(fields: list[str], reference: str, metadata: Mapping[str, str]) -> None:
    fields.append(f"metadata%5B{REFERENCE_KEY}%5D={quote(reference)}")
    kept = 0
    for key, value in metadata.items():
        if kept == _MAX_METADATA:
            break
        if not value or not key or len(key) > _MAX_METADATA_KEY or "[" in key or "]" in key or key == REFERENCE_KEY:
            continue
        fields.append(f"metadata%5B{quote(key)}%5D={quote(value[:_MAX_METADATA_VALUE])}")
        kept += 1
