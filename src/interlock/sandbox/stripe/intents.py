"""/v1/payment_intents of the simulated Stripe."""

from typing import Any

import msgspec

from interlock.base.ids import new_id
from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.charging import Charging
from interlock.sandbox.stripe.debits import KIND as DEBIT
from interlock.sandbox.stripe.debits import Debits
from interlock.sandbox.stripe.desk import Answer, Call, Desk, Shown, client_secret, merge_metadata
from interlock.sandbox.stripe.errors import Refusal, invalid, missing_object, missing_param
from interlock.sandbox.stripe.methods import Methods
from interlock.sandbox.stripe.state import Payment
from interlock.sandbox.stripe.transfers import KIND as TRANSFER
from interlock.sandbox.stripe.transfers import Transfers

MAX_AMOUNT = 99_999_999
MINIMUM = {
    "usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "aud": 50, "cad": 50, "chf": 50, "dkk": 250, "nok": 300, "sek": 300,
    "mxn": 1000, "nzd": 50, "sgd": 50, "hkd": 400, "inr": 50, "brl": 50, "pln": 200, "czk": 1500,
}  # fmt: skip
THREE_DECIMALS = ("bhd", "jod", "kwd", "omr", "tnd")
CANCELABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
MAX_INCREMENTS = 10

_NO_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
    "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want "
    "to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)


def amount_problem(amount: int, currency: str) -> Refusal | None:
    """Return what Stripe would say against ``amount``."""
    if amount > MAX_AMOUNT:
        return invalid(f"Amount must be no more than {MAX_AMOUNT}", code="amount_too_large", param="amount")
    if amount < MINIMUM.get(currency, 1):
        return invalid("Amount must convert to at least 50 cents.", code="amount_too_small", param="amount")
    if currency in THREE_DECIMALS and amount % 10:
        return invalid(
            f"Invalid {currency.upper()} amount: the last digit must be 0.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if currency in ("isk", "ugx") and amount % 100:
        return invalid(
            f"Invalid amount: {currency.upper()} amounts must be divisible by 100.",
            code="invalid_charge_amount",
            param="amount",
        )
    return None


def unexpected_state(payment: Payment, base_url: str, verb: str, allowed: str) -> Refusal:
    """Return the 400 for a step this intent's state does not allow."""
    return Refusal(
        message=f"This PaymentIntent could not be {verb} because it has a status of {payment.status}. Only a "
        f"PaymentIntent with one of the following statuses may be {verb}: {allowed}.",
        code="payment_intent_unexpected_state",
        attached={"payment_intent": rendering.payment_intent(payment, base_url)},
        keep=True,
    )


class Intents:
    """Creates payment intents and leads them through their states."""

    def __init__(self, desk: Desk, methods: Methods, charging: Charging, debits: Debits, transfers: Transfers) -> None:
        """Work at ``desk``."""
        self._desk = desk
        self._transfers = transfers
        self._ways = {DEBIT: debits.begin, TRANSFER: transfers.begin}
        self._methods = methods
        self._charging = charging

    def _shown(self, payment: Payment) -> Shown:
        self._desk.store.put(payment.id, payment)
        return Shown(rendering.payment_intent(payment, self._desk.context.base_url))

    def _refused(self, payment: Payment, refusal: Refusal) -> Refusal:
        """Store the intent as the refusal left it and show it inside the error."""
        shown = self._shown(payment).body
        attached = {"payment_intent": shown, **refusal.attached}
        return Refusal(
            status=refusal.status, type=refusal.type, message=refusal.message, code=refusal.code, keep=refusal.keep,
            param=refusal.param, decline_code=refusal.decline_code, charge=refusal.charge, attached=attached,
        )  # fmt: skip

    def find(self, payment_id: str) -> Payment | Refusal:
        """Return a copy of a payment intent (a refused change leaves the original alone), or the 404."""
        payment = self._desk.store.get(payment_id, Payment)
        if payment is None:
            return missing_object("payment_intent", payment_id, param="intent")
        return msgspec.structs.replace(payment)

    def create(self, call: Call) -> Answer:
        """POST /v1/payment_intents."""
        amount, currency = call.number("amount"), call.text("currency")
        if amount is None:
            return missing_param("amount")
        if currency is None:
            return missing_param("currency")
        currency = currency.lower()
        wrong = amount_problem(amount, currency)
        if wrong is not None:
            return wrong
        payment_id = new_id("pi", self._desk.context.clock.now_ms())
        payment = Payment(
            payment_id, self._desk.now(), client_secret(payment_id), amount, currency,
            call.text("capture_method") or "automatic_async",
        )  # fmt: skip
        payment.confirmation_method = call.text("confirmation_method") or "automatic"
        wrong = self._apply(payment, call)
        if wrong is not None:
            return wrong
        if payment.method is not None:
            payment.status = "requires_confirmation"
        confirm = call.flag("confirm")
        if confirm:
            wrong = self._cannot_confirm(payment, call)
            if wrong is not None:
                return wrong
        for name, value in payment.metadata.items():
            self._desk.store.tag(f"payment_intent.metadata.{name}", value, payment.id)
        if self._desk.listens("payment_intent.created"):
            shown = rendering.payment_intent(payment, self._desk.context.base_url)
            self._desk.emit("payment_intent.created", shown, call)
        return self._confirm(payment, call) if confirm else self._shown(payment)

    def _apply(self, payment: Payment, call: Call) -> Refusal | None:
        wrong = self._methods.unknown_customer(call)
        method = wrong or self._methods.chosen(call, payment)
        if isinstance(method, Refusal):
            return method
        if method is not None:
            payment.method, payment.authenticated = method, False
        form = call.form
        payment.metadata = merge_metadata(payment.metadata, form.get("metadata"))
        for name in (
            "customer", "description", "return_url", "setup_future_usage", "statement_descriptor", "receipt_email",
            "statement_descriptor_suffix", "transfer_group",
        ):  # fmt: skip
            if name in form:
                setattr(payment, name, call.text(name))
        options = call.tree("payment_method_options")
        if options:
            payment.options = shown_options(options)
        if call.tree("shipping"):
            payment.shipping = shown_shipping(call.tree("shipping"))
        if call.texts("payment_method_types"):
            payment.payment_method_types = call.texts("payment_method_types")
            payment.automatic = None
        automatic = call.tree("automatic_payment_methods")
        if automatic:
            enabled = automatic.get("enabled") == "true"
            redirects = automatic.get("allow_redirects") or "always"
            payment.automatic = {"allow_redirects": redirects, "enabled": enabled} if enabled else None
        elif payment.automatic is None and not call.texts("payment_method_types") and "amount" in form:
            payment.automatic = {"allow_redirects": "always", "enabled": True}
        return None

    def _cannot_confirm(self, payment: Payment, call: Call) -> Refusal | None:
        if payment.method is None:
            return invalid(
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update "
                "the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with "
                "a payment method or ConfirmationToken.",
                code="payment_intent_unexpected_state",
            )
        payment.off_session = call.form.get("off_session") not in (None, "", "false")
        payment.use_sdk = call.flag("use_stripe_sdk")
        automatic = payment.automatic
        redirects = automatic is not None and automatic.get("allow_redirects") != "never"
        if redirects and payment.return_url is None and not payment.off_session and not payment.use_sdk:
            return invalid(_NO_RETURN_URL)
        return None

    def _confirm(self, payment: Payment, call: Call) -> Answer:
        kind = payment.method.kind if payment.method is not None else "card"
        refusal = self._ways.get(kind, self._charging.confirm)(payment, call)
        return self._shown(payment) if refusal is None else self._refused(payment, refusal)

    def update(self, call: Call, payment_id: str) -> Answer:
        """POST /v1/payment_intents/{id}."""
        payment = self.find(payment_id)
        if isinstance(payment, Refusal):
            return payment
        amount = call.number("amount")
        if amount is not None:
            if payment.attempts and payment.status not in ("requires_payment_method", "requires_confirmation"):
                return unexpected_state(
                    payment, self._desk.context.base_url, "updated", "requires_payment_method, requires_confirmation"
                )
            wrong = amount_problem(amount, payment.currency)
            if wrong is not None:
                return wrong
            payment.amount = amount
        wrong = self._apply(payment, call)
        if wrong is not None:
            return wrong
        if payment.method is not None and payment.status == "requires_payment_method":
            payment.status = "requires_confirmation"
        for name, value in payment.metadata.items():
            self._desk.store.tag(f"payment_intent.metadata.{name}", value, payment.id)
        return self._shown(payment)

    def confirm(self, call: Call, payment_id: str) -> Answer:
        """POST /v1/payment_intents/{id}/confirm."""
        payment = self.find(payment_id)
        if isinstance(payment, Refusal):
            return payment
        if payment.status not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            return unexpected_state(
                payment, self._desk.context.base_url, "confirmed",
                "requires_payment_method, requires_confirmation, requires_action",
            )  # fmt: skip
        wrong = self._apply(payment, call) or self._cannot_confirm(payment, call)
        return wrong if wrong is not None else self._confirm(payment, call)

    def retrieve(self, call: Call, payment_id: str) -> Answer:
        """GET /v1/payment_intents/{id}."""
        payment = self.find(payment_id)
        if isinstance(payment, Refusal):
            return payment
        secret = call.text("client_secret")
        if secret is not None and secret != payment.secret:
            return invalid(
                "The client_secret provided does not match the client_secret associated with the PaymentIntent.",
                code="payment_intent_invalid_parameter",
                param="client_secret",
            )
        return Shown(rendering.payment_intent(payment, self._desk.context.base_url))

    def capture(self, call: Call, payment_id: str) -> Answer:
        """POST /v1/payment_intents/{id}/capture."""
        payment = self.find(payment_id)
        if isinstance(payment, Refusal):
            return payment
        if payment.status != "requires_capture":
            return unexpected_state(payment, self._desk.context.base_url, "captured", "requires_capture")
        amount = call.number("amount_to_capture")
        amount = payment.amount_capturable if amount is None else amount
        if amount < 1 or amount > payment.amount_capturable:
            return invalid(
                f"The provided capture amount ({amount}) is greater than the capturable amount "
                f"({payment.amount_capturable}).",
                code="amount_too_large",
                param="amount_to_capture",
            )
        attempt = payment.attempts[-1]
        self._charging.capture(payment, attempt, amount, call)
        payment.metadata = merge_metadata(payment.metadata, call.form.get("metadata"))
        left = payment.amount_capturable - amount
        if call.form.get("final_capture") == "false" and left:
            payment.amount_capturable = left
        else:
            payment.amount_capturable = 0
            payment.status = "succeeded"
            if left:
                self._desk.book("void", payment, attempt.id, left, call, code="partial_capture")
        shown = self._shown(payment)
        if self._desk.context.notify is not None:
            self._desk.emit("charge.captured", rendering.charge(payment, attempt), call)
            kind = "succeeded" if payment.status == "succeeded" else "amount_capturable_updated"
            self._desk.emit(f"payment_intent.{kind}", shown.body, call)
        return shown

    def cancel(self, call: Call, payment_id: str) -> Answer:
        """POST /v1/payment_intents/{id}/cancel."""
        payment = self.find(payment_id)
        if isinstance(payment, Refusal):
            return payment
        if payment.status not in CANCELABLE:
            return unexpected_state(payment, self._desk.context.base_url, "canceled", ", ".join(CANCELABLE))
        if payment.status == "requires_capture":
            attempt = payment.attempts[-1]
            self._desk.book("void", payment, attempt.id, payment.amount_capturable, call)
            attempt.amount_refunded = attempt.amount - attempt.amount_captured
        self._transfers.release(payment)
        self._end(payment, call.text("cancellation_reason"))
        shown = self._shown(payment)
        self._desk.emit(f"payment_intent.{payment.status}", shown.body, call)
        return shown

    def _end(self, payment: Payment, reason: str | None) -> None:
        """Release what is held; what was captured in part has succeeded with that."""
        payment.amount_capturable = 0
        if payment.amount_received:
            payment.status = "succeeded"
            return
        payment.status = "canceled"
        payment.canceled_at, payment.cancellation_reason = self._desk.now(), reason

    def expire(self, payment: Payment) -> str | None:
        """Let an authorisation run out; returns why it cannot, if so."""
        if payment.status != "requires_capture":
            return f"payment: {payment.id} is {payment.status}, nothing can expire"
        attempt = payment.attempts[-1]
        self._desk.book("void", payment, attempt.id, payment.amount_capturable, None, code="expired")
        attempt.amount_refunded = attempt.amount - attempt.amount_captured
        self._end(payment, "expired")
        shown = self._shown(payment)
        if payment.status == "canceled":
            self._desk.emit("charge.expired", rendering.charge(payment, attempt))
        self._desk.emit(f"payment_intent.{payment.status}", shown.body)
        return None

    def increment(self, call: Call, payment_id: str) -> Answer:
        """POST /v1/payment_intents/{id}/increment_authorization."""
        payment = self.find(payment_id)
        if isinstance(payment, Refusal):
            return payment
        amount = call.number("amount")
        if amount is None:
            return missing_param("amount")
        card = payment.options.get("card")
        granted = isinstance(card, dict) and card.get("request_incremental_authorization") == "if_available"
        if payment.status != "requires_capture" or not granted:
            return invalid(
                "This PaymentIntent is not eligible for incremental authorization.",
                code="payment_intent_unexpected_state",
            )
        if amount <= payment.amount or payment.increments >= MAX_INCREMENTS:
            return invalid(
                "The new amount must be greater than the amount already authorized.",
                code="parameter_invalid_integer",
                param="amount",
            )
        attempt = payment.attempts[-1]
        self._desk.book("increment", payment, attempt.id, amount - payment.amount, call)
        payment.amount_capturable += amount - payment.amount
        payment.amount = attempt.amount = amount
        payment.increments += 1
        shown = self._shown(payment)
        self._desk.emit("payment_intent.amount_capturable_updated", shown.body, call)
        return shown


def shown_options(options: dict[str, Any]) -> dict[str, object]:
    """Return ``payment_method_options`` as the intent shows them."""
    others = {name: given for name, given in options.items() if name != "card"}
    if others and "card" not in options:
        return others
    card = options.get("card")
    given = card if isinstance(card, dict) else {}
    shown: dict[str, object] = {
        "installments": None,
        "mandate_options": None,
        "network": given.get("network"),
        "request_three_d_secure": given.get("request_three_d_secure") or "automatic",
    }
    wanted = ("capture_method", "setup_future_usage")
    shown |= {name: value for name, value in given.items() if name.startswith("request_") or name in wanted}
    return {"card": shown, **others}


def shown_shipping(given: dict[str, Any]) -> dict[str, object]:
    """Return ``shipping`` as the intent shows it."""
    no_address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        "address": {**no_address, **(given.get("address") or {})},
        "carrier": given.get("carrier"),
        "name": given.get("name"),
        "phone": given.get("phone"),
        "tracking_number": given.get("tracking_number"),
    }
