"""Payment methods of the simulated Stripe: made from raw cards, bank accounts, test names, tokens or kept ones."""

import datetime as dt
from typing import Any

from interlock.base.ids import new_id
from interlock.sandbox import cards
from interlock.sandbox.stripe import debits, rendering, transfers
from interlock.sandbox.stripe.desk import Answer, Call, Desk, Shown, fingerprint, merge_metadata
from interlock.sandbox.stripe.errors import Refusal, invalid, missing_object, missing_param
from interlock.sandbox.stripe.state import Customer, Method, Payment

_MIN_DIGITS, _MAX_DIGITS = 12, 19
_AMEX_CVC_DIGITS = 4
_CENTURY = 2000
_MONTHS = 12
_MAX_YEARS_AHEAD = 50


def _card_error(code: str, message: str, param: str) -> Refusal:
    return Refusal(status=402, type="card_error", message=message, code=code, param=param)


def _bad_expiry(month: int, year: int, today: dt.date, where: str) -> Refusal | None:
    if not 1 <= month <= _MONTHS:
        return _card_error("invalid_expiry_month", "Your card's expiration month is invalid.", f"{where}[exp_month]")
    if year > today.year + _MAX_YEARS_AHEAD or (year, month) < (today.year, today.month):
        wrong = "month" if year == today.year else "year"
        return _card_error(
            f"invalid_expiry_{wrong}", f"Your card's expiration {wrong} is invalid.", f"{where}[exp_{wrong}]"
        )
    return None


def _bad_number(number: str, where: str) -> Refusal | None:
    if not number.isascii() or not number.isdigit():
        return _card_error("invalid_number", "The card number is not a valid credit card number.", f"{where}[number]")
    if not _MIN_DIGITS <= len(number) <= _MAX_DIGITS or not (cards.is_test(number) or cards.passes_luhn(number)):
        return _card_error("incorrect_number", "Your card number is incorrect.", f"{where}[number]")
    return None


class Methods:
    """Payment methods and customers."""

    def __init__(self, desk: Desk) -> None:
        """Work at ``desk``."""
        self._desk = desk

    def from_card(self, card: dict[str, Any], billing: dict[str, object], where: str) -> Method | Refusal:
        """Return a payment method for a raw card, or what is wrong with the card."""
        for name in ("number", "exp_month", "exp_year"):
            if not card.get(name):
                return missing_param(f"{where}[{name}]")
        number = str(card["number"]).replace(" ", "").replace("-", "")
        if not str(card["exp_month"]).isdigit() or not str(card["exp_year"]).isdigit():
            return invalid("Invalid integer", code="parameter_invalid_integer", param=f"{where}[exp_month]")
        month, year = int(card["exp_month"]), int(card["exp_year"])
        year += _CENTURY if year < 100 else 0
        today = dt.datetime.fromtimestamp(self._desk.now(), dt.UTC).date()
        wrong = _bad_number(number, where) or _bad_expiry(month, year, today, where)
        if wrong is not None:
            return wrong
        behaviour = cards.by_number(number)
        cvc = str(card.get("cvc") or "")
        digits = _AMEX_CVC_DIGITS if behaviour.brand == "amex" else 3
        if cvc and (not cvc.isdigit() or len(cvc) not in (3, digits)):
            return _card_error("invalid_cvc", "Your card's security code is invalid.", f"{where}[cvc]")
        return Method(
            new_id("pm"), self._desk.now(), behaviour.name, behaviour.brand, behaviour.funding, behaviour.country,
            number[:6], number[-4:], month, year, fingerprint(number), bool(cvc), billing,
        )  # fmt: skip

    def from_name(self, name: str, billing: dict[str, object]) -> Method | None:
        """Return a payment method for a test card's name such as ``visa``, or None."""
        behaviour = cards.by_name(name)
        if behaviour is None:
            return None
        year = dt.datetime.fromtimestamp(self._desk.now(), dt.UTC).year + 1
        number = behaviour.number
        return Method(
            new_id("pm"), self._desk.now(), behaviour.name, behaviour.brand, behaviour.funding, behaviour.country,
            number[:6], number[-4:], 12, year, fingerprint(number), cvc_given=True, billing=billing,
        )  # fmt: skip

    def from_data(self, data: dict[str, Any], where: str) -> Method | Refusal:
        """Return a payment method for ``payment_method_data``."""
        kind = data.get("type", "card")
        if kind == debits.KIND:
            return debits.from_iban(self._desk, data, where)
        if kind == transfers.KIND:
            return transfers.from_data(self._desk, data)
        if kind != "card":
            return invalid(
                f"The payment method type provided: {kind} is invalid. This sandbox takes cards, SEPA debits and bank "
                "transfers only.",
                code="payment_intent_invalid_parameter",
                param=f"{where}[type]",
            )
        billing = data.get("billing_details")
        details = billing if isinstance(billing, dict) else {}
        card = data.get("card")
        if not isinstance(card, dict):
            return missing_param(f"{where}[card]")
        token = card.get("token")
        if isinstance(token, str):
            named = self.from_name(token.removeprefix("tok_"), details)
            return named if named is not None else missing_object("token", token, param=f"{where}[card][token]")
        return self.from_card(card, details, f"{where}[card]")

    def find(self, method_id: str, param: str) -> Method | Refusal:
        """Return a kept payment method, or a new one for a test name such as ``pm_card_visa``."""
        if method_id.startswith("pm_card_"):
            named = self.from_name(method_id.removeprefix("pm_card_"), {})
            if named is not None:
                return named
        kept = self._desk.store.get(method_id, Method)
        if kept is None:
            payment = self._desk.store.get(f"pi_{method_id[3:]}", Payment)
            kept = payment.method if payment is not None else None
            kept = kept if kept is not None and kept.id == method_id else None
        return kept if kept is not None else missing_object("PaymentMethod", method_id, param=param, status=400)

    def chosen(self, call: Call, payment: Payment | None = None) -> Method | Refusal | None:
        """Return the payment method a request names, None when it names none.

        The first card given in a payment's own request takes its id from the payment: it needs no row of its own.
        """
        method_id = call.text("payment_method")
        if method_id is not None:
            found = self.find(method_id, "payment_method")
            wrong = self._not_usable(found, call, payment) if isinstance(found, Method) else None
            if wrong is not None:
                return wrong
        elif call.tree("payment_method_data"):
            found = self.from_data(call.tree("payment_method_data"), "payment_method_data")
            if payment is not None and payment.method is None and isinstance(found, Method):
                found.id = f"pm_{payment.id[3:]}"
                return found
        else:
            return None
        if isinstance(found, Method):
            self._desk.store.put(found.id, found)
        return found

    def unknown_customer(self, call: Call) -> Refusal | None:
        """Return the complaint about a customer that does not exist, or None."""
        customer = call.text("customer")
        if not customer or self._desk.store.get(customer, Customer) is not None:
            return None
        return missing_object("customer", customer, param="customer", status=400)

    def _not_usable(self, method: Method, call: Call, payment: Payment | None) -> Refusal | None:
        """Return why a kept method may not be used: another's, or nobody's and used before."""
        asks = call.text("customer") or (None if payment is None else payment.customer)
        if method.customer is not None:
            if method.customer == asks:
                return None
            return invalid(
                f"The PaymentMethod {method.id} belongs to the Customer {method.customer}. Please include the Customer "
                "in the `customer` parameter.",
                param="payment_method",
            )
        first = self._desk.store.get(f"pi_{method.id[3:]}", Payment)
        if first is None or (payment is not None and payment.id == first.id):
            return None
        return invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )

    # -- endpoints -------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Answer:
        """POST /v1/payment_methods."""
        made = self.from_data(dict(call.form), "")
        if isinstance(made, Refusal):
            return made
        made.metadata = merge_metadata({}, call.form.get("metadata"))
        self._desk.store.put(made.id, made)
        return Shown(rendering.payment_method(made))

    def retrieve(self, call: Call, method_id: str) -> Answer:
        """GET /v1/payment_methods/{id}."""
        del call
        found = self.find(method_id, "payment_method")
        if isinstance(found, Refusal):
            return missing_object("PaymentMethod", method_id, param="payment_method")
        return Shown(rendering.payment_method(found))

    def attach(self, call: Call, method_id: str) -> Answer:
        """POST /v1/payment_methods/{id}/attach."""
        customer = call.text("customer")
        if customer is None:
            return missing_param("customer")
        if self._desk.store.get(customer, Customer) is None:
            return missing_object("customer", customer, param="customer", status=400)
        found = self.find(method_id, "payment_method")
        if isinstance(found, Refusal):
            return found
        behaviour = cards.behaviour(found.card_name)
        if not behaviour.attaches:
            return Refusal(
                status=402, type="card_error", message="Your card was declined.", code=behaviour.code,
                decline_code=behaviour.decline_code, param="", keep=True,
            )  # fmt: skip
        found.customer = customer
        self._desk.store.put(found.id, found)
        shown = rendering.payment_method(found)
        self._desk.emit("payment_method.attached", shown, call)
        return Shown(shown)

    def detach(self, call: Call, method_id: str) -> Answer:
        """POST /v1/payment_methods/{id}/detach."""
        found = self.find(method_id, "payment_method")
        if isinstance(found, Refusal):
            return found
        found.customer = None
        self._desk.store.put(found.id, found)
        shown = rendering.payment_method(found)
        self._desk.emit("payment_method.detached", shown, call)
        return Shown(shown)

    def create_customer(self, call: Call) -> Answer:
        """POST /v1/customers."""
        customer = Customer(
            new_id("cus"), self._desk.now(), call.text("email"), call.text("name"), call.text("description"),
            merge_metadata({}, call.form.get("metadata")),
        )  # fmt: skip
        self._desk.store.put(customer.id, customer)
        return Shown(rendering.customer(customer))

    def retrieve_customer(self, call: Call, customer_id: str) -> Answer:
        """GET /v1/customers/{id}."""
        del call
        found = self._desk.store.get(customer_id, Customer)
        if found is None:
            return missing_object("customer", customer_id)
        return Shown(rendering.customer(found))
