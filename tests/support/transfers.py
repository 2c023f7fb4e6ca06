"""Payments by bank transfer in a :class:`~tests.support.payment_house.House`."""

from typing import Any

from tests.support.payment_house import House

from interlock.base.money import Money
from interlock.payments.customers.types import CreateCustomer, Customer
from interlock.payments.instruments.types import PaymentMethodData
from interlock.payments.intents.types import ConfirmIntent, CreateIntent, FundBalance, Intent, IntentView

DATA = PaymentMethodData(type="customer_balance")
JAPAN: dict[str, Any] = {"funding_type": "bank_transfer", "bank_transfer": {"type": "jp_bank_transfer"}}


async def customer(house: House) -> str:
    """Return a new customer."""
    made = await house.follow(
        lambda respond: house.payments.customers.create(house.ctx(), CreateCustomer(email="a@example.com"), respond)
    )
    assert isinstance(made, Customer)
    return made.id


async def ask(house: House, customer_id: str | None, *, key: str | None = None, **more: Any) -> Any:
    """Create and confirm an intent of 20,000 JPY to be paid by transfer; return the view or problem."""
    options = more.pop("options", JAPAN)
    values = {
        "amount": Money(20_000, "jpy"),
        "customer": customer_id,
        "details": {"payment_method_options": {"customer_balance": options}},
        "confirm": ConfirmIntent(
            payment_method_data=DATA, details=more.pop("confirm_details", {}), **more.pop("how", {})
        ),
        **more,
    }
    command = CreateIntent(**values)
    return await house.follow(lambda respond: house.payments.intents.create(house.ctx(key), command, respond))


async def awaited(house: House, customer_id: str, **more: Any) -> Intent:
    """Return an intent that waits for a transfer."""
    view = await ask(house, customer_id, **more)
    assert isinstance(view, IntentView), view
    assert view.intent.status == "requires_action"
    return view.intent


async def fund(house: House, customer_id: str, amount: int, currency: str = "jpy", **more: Any) -> Any:
    """Let a transfer arrive; return what was answered."""
    command = FundBalance(amount=amount, currency=currency, **more)
    return await house.follow(lambda respond: house.payments.fundings.fund(house.ctx(), customer_id, command, respond))
