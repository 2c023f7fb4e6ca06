"""Bank transfers of the simulated Stripe: a virtual account for each customer, and the money that arrives there.

What arrives is applied at once to the payments that wait for it, the oldest first; what is left stays on the customer's
cash balance. Money is booked when a payment has all of it.
"""

from typing import Any

from interlock.base.ids import new_id
from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.accountdetails import funding
from interlock.sandbox.stripe.charging import charge_id
from interlock.sandbox.stripe.desk import Answer, Call, Desk, Shown
from interlock.sandbox.stripe.errors import Refusal, invalid, missing_object, missing_param
from interlock.sandbox.stripe.state import Attempt, Customer, Method, Payment

KIND = "customer_balance"
CURRENCIES = {
    "eu_bank_transfer": "eur",
    "gb_bank_transfer": "gbp",
    "jp_bank_transfer": "jpy",
    "us_bank_transfer": "usd",
}


def from_data(desk: Desk, data: dict[str, Any]) -> Method:
    """Return a payment method of this kind: nothing is known of it."""
    billing = data.get("billing_details")
    return Method(
        new_id("pm"), desk.now(), "", KIND, "", "", "", "", 0, 0, "", cvc_given=False,
        billing=billing if isinstance(billing, dict) else {}, kind=KIND,
    )  # fmt: skip


class Transfers:
    """Waits for transfers and receives them."""

    def __init__(self, desk: Desk) -> None:
        """Work at ``desk``."""
        self._desk = desk

    def begin(self, payment: Payment, call: Call) -> Refusal | None:
        """Wait for the money, or refuse the request; the caller stores the payment."""
        kind = _kind_of(call)
        customer = self._desk.store.get(payment.customer or "", Customer)
        if KIND not in payment.payment_method_types:
            return invalid("The PaymentMethod provided is not allowed for this PaymentIntent.", param="payment_method")
        if customer is None:
            return missing_param("customer")
        if kind not in CURRENCIES:
            return missing_param(f"payment_method_options[{KIND}][bank_transfer][type]")
        if CURRENCIES[kind] != payment.currency:
            return invalid(f"The currency provided ({payment.currency}) is invalid for {kind}.", param="currency")
        payment.status = "requires_action"
        payment.transfer = kind
        customer.waiting = [*customer.waiting, payment.id]
        self._desk.store.put(customer.id, customer)
        shown = rendering.payment_intent(payment, self._desk.context.base_url)
        self._desk.emit("payment_intent.requires_action", shown, call)
        return None

    def fund(self, call: Call, customer_id: str) -> Answer:
        """POST /v1/test_helpers/customers/{id}/fund_cash_balance."""
        amount, currency = call.number("amount"), (call.text("currency") or "").lower()
        customer = self._desk.store.get(customer_id, Customer)
        if customer is None:
            return missing_object("customer", customer_id, param="customer")
        if amount is None or not currency:
            return missing_param("currency" if amount is not None else "amount")
        balance = customer.cash.get(currency, 0) + amount
        kind = next((name for name, its in CURRENCIES.items() if its == currency), "us_bank_transfer")
        shown = funding(customer_id, amount, currency, balance, self._desk.now(), kind)
        left = self._apply(customer, currency, balance, call)
        customer.cash = {**customer.cash, currency: left}
        self._desk.store.put(customer.id, customer)
        return Shown(shown)

    def _apply(self, customer: Customer, currency: str, balance: int, call: Call) -> int:
        """Give ``balance`` to the payments that wait for it and return what is left."""
        waiting = []
        for payment_id in customer.waiting:
            payment = self._desk.store.get(payment_id, Payment)
            if payment is None or payment.status != "requires_action":
                continue
            if payment.currency == currency and balance:
                given = min(balance, payment.amount - payment.funded)
                balance -= given
                payment.funded += given
                self._funded(payment, call)
            if payment.status == "requires_action":
                waiting.append(payment_id)
        customer.waiting = waiting
        return balance

    def _funded(self, payment: Payment, call: Call) -> None:
        desk = self._desk
        if payment.funded < payment.amount:
            desk.store.put(payment.id, payment)
            desk.emit("payment_intent.partially_funded", rendering.payment_intent(payment, desk.context.base_url), call)
            return
        attempt = Attempt(
            charge_id(payment.id, len(payment.attempts)), desk.now(), payment.amount, approved=True, captured=True,
            amount_captured=payment.amount,
        )  # fmt: skip
        payment.attempts = [*payment.attempts, attempt]
        payment.amount_received = payment.amount
        payment.status = "succeeded"
        desk.book("authorisation", payment, attempt.id, payment.amount, call)
        desk.book("capture", payment, attempt.id, payment.amount, call)
        desk.store.put(payment.id, payment)
        desk.emit("charge.succeeded", rendering.charge(payment, attempt), call)
        desk.emit("payment_intent.succeeded", rendering.payment_intent(payment, desk.context.base_url), call)

    def release(self, payment: Payment) -> None:
        """Let a cancelled payment's money go back to the customer's cash balance."""
        customer = self._desk.store.get(payment.customer or "", Customer)
        if customer is None or not payment.funded:
            return
        customer.cash = {**customer.cash, payment.currency: customer.cash.get(payment.currency, 0) + payment.funded}
        payment.funded = 0
        self._desk.store.put(customer.id, customer)


def _kind_of(call: Call) -> str:
    options = call.tree("payment_method_options").get(KIND)
    transfer = options.get("bank_transfer") if isinstance(options, dict) else None
    funded_by = options.get("funding_type") if isinstance(options, dict) else None
    if funded_by != "bank_transfer" or not isinstance(transfer, dict):
        return ""
    return str(transfer.get("type") or "")
