"""Debits of bank accounts in a :class:`~tests.support.payment_house.House`."""

from typing import Any

from tests.support.payment_house import RETURN_URL, House

from interlock.base.money import Money
from interlock.payments.instruments.types import PaymentMethod, PaymentMethodData, SepaDebitData
from interlock.payments.intents.types import ConfirmIntent, CreateIntent, Intent, IntentView

PAYS = "DE89370400440532013000"
SENT_BACK = "DE62370400440532013001"
NO_FUNDS = "DE65370400440002222227"
BILLING = {"name": "Jenny Rosen", "email": "jenny@example.com"}
AGREED = {"customer_acceptance": {"type": "offline", "accepted_at": 1590590577}}


async def account(house: House, iban: str = PAYS) -> PaymentMethod:
    """Return a payment method for the bank account."""
    data = PaymentMethodData(type="sepa_debit", sepa_debit=SepaDebitData(iban=iban), billing_details=BILLING)
    made = await house.follow(lambda respond: house.payments.payment_methods.create(house.ctx(), data, respond))
    assert isinstance(made, PaymentMethod), made
    return made


def options(**changes: Any) -> ConfirmIntent:
    """Return how to confirm a debit."""
    return ConfirmIntent(**{"return_url": RETURN_URL, "mandate_data": AGREED, **changes})


async def debit(house: House, method: str, *, key: str | None = None, **more: Any) -> Any:
    """Create and confirm an intent of 10.99 EUR; return the view or problem that was answered with."""
    confirm = more.pop("confirm", options())
    values = {"amount": Money(1099, "eur"), "payment_method": method, "confirm": confirm, **more}
    command = CreateIntent(**values)
    return await house.follow(lambda respond: house.payments.intents.create(house.ctx(key), command, respond))


async def debited(house: House, iban: str = PAYS, **more: Any) -> Intent:
    """Debit the account and return the intent, which must be on its way."""
    view = await debit(house, (await account(house, iban)).id, **more)
    assert isinstance(view, IntentView), view
    assert view.intent.status == "processing"
    return view.intent
