"""The ordinary request of each operation, and how a case changes it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.base.money import Money
from interlock.gateways.contract import (
    BankTransfer,
    Card,
    CompleteRequest,
    FollowOnRequest,
    InquireRequest,
    Instrument,
    MandateAcceptance,
    Operation,
    PaymentRequest,
    SepaDebit,
    Shopper,
    StoredCredential,
)
from interlock.gateways.transport import OperationRequest

REFERENCE = "at_0MadeUpByTheGate00000001"
KEY = f"{REFERENCE}-1"
NOW_MS = 1_790_000_000_000
ORDINARY_MINOR = 1099
PAYING = frozenset({Operation.AUTHORISE, Operation.SALE, Operation.VERIFY})
FOLLOWING = frozenset({Operation.CAPTURE, Operation.INCREMENT, Operation.VOID, Operation.REFUND, Operation.FUND})
CARRYING = frozenset(
    {
        Operation.AUTHORISE,
        Operation.SALE,
        Operation.CAPTURE,
        Operation.INCREMENT,
        Operation.REFUND,
        Operation.FUND,
    }
)
"""What asks for an amount; a void asks for none, a card check for nothing, a completion for what was asked before."""
IBAN = "DE89370400440532013000"
CARD = Card(number="4242424242424242", exp_month=3, exp_year=2034, cvc="737", holder_name="Jenny Rosen")
WHOLE_SHOPPER = Shopper(
    reference="cus_0MadeUpByTheGate",
    email="jenny.rosen@example.com",
    name="Jenny Rosen",
    phone="+14155550123",
    ip="192.0.2.17",
    address={
        "line1": "354 Market Street",
        "line2": None,
        "city": "San Francisco",
        "postal_code": "94111",
        "state": "CA",
        "country": "US",
    },
    user_agent="Mozilla/5.0",
)
INSTRUMENTS: dict[str, Instrument] = {
    "card": CARD,
    "sepa_debit": SepaDebit(
        iban=IBAN,
        acceptance=MandateAcceptance(online=True, accepted_at_s=1_789_000_000, ip="192.0.2.17", user_agent="Mozilla"),
    ),
    "sepa_debit_offline": SepaDebit(iban=IBAN, acceptance=MandateAcceptance(online=False, accepted_at_s=1_789_000_001)),
    "sepa_debit_unwitnessed": SepaDebit(
        iban="FR1420041010050500013M02606",
        acceptance=MandateAcceptance(online=True, accepted_at_s=1_789_000_002, ip="2001:db8::1"),
    ),
    "eu_bank_transfer": BankTransfer(kind="eu_bank_transfer", country="DE"),
    "gb_bank_transfer": BankTransfer(kind="gb_bank_transfer"),
    "jp_bank_transfer": BankTransfer(kind="jp_bank_transfer"),
    "us_bank_transfer": BankTransfer(kind="us_bank_transfer"),
}


def method_of(instrument: Instrument) -> str:
    """Return the payment method, in the manifest's words, that ``instrument`` is of."""
    if isinstance(instrument, Card):
        return "card"
    return "sepa_debit" if isinstance(instrument, SepaDebit) else "customer_balance"


def ordinary(operation: Operation, payment: str, ask: Mapping[str, Any] | None = None) -> OperationRequest:
    """Return the ordinary request of ``operation``, changed.

    Args:
        operation: which.
        payment: the provider's name of a payment, for what follows one.
        ask: fields to change; ``amount`` (minor) and ``currency`` apart, ``instrument`` by its name here.

    """
    ask = dict(ask or {})
    amount = ask.pop("amount", 0 if operation is Operation.VERIFY else ORDINARY_MINOR)
    money = Money(amount, ask.pop("currency", "usd"))
    ask.setdefault("idempotency_key", KEY)
    ask.setdefault("reference", REFERENCE)
    if operation in PAYING:
        return _payment(money, ask)
    if operation is Operation.INQUIRE:
        return _inquiry(payment, money, ask)
    ask.setdefault("gateway_reference", payment)
    if operation is Operation.COMPLETE:
        ask.setdefault("continuation", {"kind": "payment_intent", "id": payment})
        ask.setdefault("parameters", {"redirectResult": "X6XtfGC3!Y"})
        return CompleteRequest(amount=money, **ask)
    return FollowOnRequest(amount=money, **ask)


def _payment(money: Money, ask: dict[str, Any]) -> PaymentRequest:
    instrument = ask.pop("instrument", "card")
    stored = ask.pop("stored_credential", None)
    if isinstance(stored, Mapping):
        stored = msgspec.convert(stored, StoredCredential)
    shopper = ask.pop("shopper", Shopper())
    return PaymentRequest(
        amount=money,
        instrument=INSTRUMENTS[instrument] if isinstance(instrument, str) else instrument,
        return_url=ask.pop("return_url", "https://shop.example/return?order=12&step=2"),
        stored_credential=stored,
        shopper=msgspec.convert(shopper, Shopper) if isinstance(shopper, Mapping) else shopper,
        **ask,
    )


def _inquiry(payment: str, money: Money, ask: dict[str, Any]) -> InquireRequest:
    about = ask.pop("about", Operation.SALE)
    original = ask.pop("original", True)
    if original is True:
        amount = 0 if about is Operation.VERIFY else money.amount_minor
        original = ordinary(about, payment, {"amount": amount, "currency": money.currency})
    ask.setdefault("sent_at_ms", NOW_MS)
    return InquireRequest(operation=about, amount=money, original=original or None, **ask)


def inquiry_about(
    operation: Operation, request: OperationRequest, ask: Mapping[str, Any], *, original: bool
) -> InquireRequest:
    """Return the question what became of ``request``."""
    return InquireRequest(
        operation=operation,
        reference=request.reference,
        idempotency_key=request.idempotency_key,
        amount=request.amount,
        original=None if isinstance(request, InquireRequest) or not original else request,
        **ask,
    )
