"""What a test card does when it is charged, authenticated or saved by the simulated Stripe."""

from typing import Any

from interlock.sandbox import cards
from interlock.sandbox.cards import TestCard
from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.desk import Call, Desk
from interlock.sandbox.stripe.errors import DECLINE_MESSAGES, Refusal
from interlock.sandbox.stripe.state import Attempt, Method, Payment

ALWAYS_ASK = ("any", "challenge")
_DISPUTE_DELAY_MS = 50


def must_authenticate(card: TestCard, method: Method, *, asked: str, off_session: bool) -> bool:
    """Return True when the shopper has to authenticate before ``method`` can be charged.

    The bank lets an off-session payment pass for a payment method that was set up. The same card given again in clear
    is another payment method, of which nobody has told the bank that its owner agreed.
    """
    if asked in ALWAYS_ASK and card.three_d_secure != "":
        return card.three_d_secure not in ("supported_error", "lookup_error")
    if card.three_d_secure == "required":
        return True
    if card.three_d_secure == "unless_set_up":
        return not (off_session and method.set_up)
    if card.three_d_secure == "already_set_up":
        return not off_session
    return False


def remember_set_up(desk: Desk, method: Method, customer: str | None) -> None:
    """Write down that the cardholder agreed to later payments; the method is the customer's from now on, if there is
    one."""
    method.set_up = True
    method.customer = customer or method.customer
    desk.store.put(method.id, method)


def charge_id(payment_id: str, attempt: int) -> str:
    """Return the id of a payment's n-th charge: the payment's own, so that neither needs an index."""
    return f"ch_{payment_id[3:]}{attempt}"


def payment_of(charge: str) -> str:
    """Return the payment intent a charge id belongs to."""
    return f"pi_{charge[3:27]}"


def decline(payment: Payment, code: str, decline_code: str, *, param: str = "") -> Refusal:
    """Return the 402 for a declined attempt, the intent inside; the intent goes back to wait for another card."""
    method = payment.method
    attempt = payment.attempts[-1].id if payment.attempts else None
    message = DECLINE_MESSAGES.get(decline_code, "Your card was declined.")
    refusal = Refusal(
        status=402, type="card_error", message=message, code=code, charge=attempt, param=param or None,
        decline_code=decline_code if code in ("card_declined", "authentication_required") else None, keep=True,
        attached={} if method is None else {"payment_method": rendering.payment_method(method)},
    )  # fmt: skip
    payment.last_error = refusal.error()
    payment.status = "requires_payment_method"
    return refusal


def authentication_failed(payment: Payment) -> None:
    """Let the shopper fail: the intent waits for another payment method."""
    error: dict[str, Any] = {
        "code": "payment_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a "
        "new PaymentMethod to attempt to fulfill this PaymentIntent again.",
        "type": "invalid_request_error",
    }
    if payment.method is not None:
        error["payment_method"] = rendering.payment_method(payment.method)
    payment.last_error = error
    payment.status = "requires_payment_method"
    payment.method = None


class Charging:
    """Charges payments and books what happened."""

    def __init__(self, desk: Desk) -> None:
        """Work at ``desk``."""
        self._desk = desk

    def confirm(self, payment: Payment, call: Call) -> Refusal | None:
        """Take the next step with ``payment``: ask for authentication, or charge. The caller stores it."""
        method = payment.method
        if method is None:
            return None
        if payment.authenticated:
            payment.authenticated = False
            return self.charge(payment, call, authenticated=True)
        card = cards.behaviour(method.card_name)
        options = payment.options.get("card")
        asked = str(options.get("request_three_d_secure", "")) if isinstance(options, dict) else ""
        if must_authenticate(card, method, asked=asked, off_session=payment.off_session):
            if payment.off_session or call.flag("error_on_requires_action"):
                return self.refuse(payment, call, "authentication_required", "authentication_required")
            payment.status = "requires_action"
            shown = rendering.payment_intent(payment, self._desk.context.base_url)
            self._desk.emit("payment_intent.requires_action", shown, call)
            return None
        return self.charge(payment, call, authenticated=False)

    def charge(self, payment: Payment, call: Call | None, *, authenticated: bool) -> Refusal | None:
        """Charge now; returns the decline, or None when it was approved."""
        method = payment.method
        card = cards.behaviour(method.card_name if method is not None else "")
        code, decline_code = card.code, card.decline_code
        forced = self._desk.context.forced_decline
        if forced is not None:
            self._desk.context.forced_decline = None
            code, decline_code = forced
        if code:
            return self.refuse(payment, call, code, decline_code)
        attempt = Attempt(
            charge_id(payment.id, len(payment.attempts)), self._desk.now(), payment.amount, True,  # noqa: FBT003 - positional struct
            authenticated=authenticated, dispute=card.dispute,
        )  # fmt: skip
        payment.attempts = [*payment.attempts, attempt]
        payment.last_error = None
        self._desk.book("authorisation", payment, attempt.id, payment.amount, call)
        if method is not None and payment.setup_future_usage:
            remember_set_up(self._desk, method, payment.customer)
        if payment.capture_method == "manual":
            payment.status = "requires_capture"
            payment.amount_capturable = payment.amount
            self._events(payment, attempt, call, "payment_intent.amount_capturable_updated")
        else:
            self.capture(payment, attempt, payment.amount, call)
            payment.status = "succeeded"
            self._events(payment, attempt, call, "payment_intent.succeeded")
        if card.dispute:
            due = self._desk.context.clock.now_ms() + _DISPUTE_DELAY_MS
            self._desk.store.add_timer(due, "dispute", attempt.id)
        return None

    def capture(self, payment: Payment, attempt: Attempt, amount: int, call: Call | None) -> None:
        """Take ``amount`` of an authorised attempt."""
        attempt.captured = True
        attempt.amount_captured += amount
        payment.amount_received += amount
        self._desk.book("capture", payment, attempt.id, amount, call)

    def refuse(self, payment: Payment, call: Call | None, code: str, decline_code: str) -> Refusal:
        """Book a declined attempt and return the 402."""
        attempt = Attempt(
            charge_id(payment.id, len(payment.attempts)), self._desk.now(), payment.amount, False,  # noqa: FBT003 - positional struct
            code=code, decline_code=decline_code,
            message=DECLINE_MESSAGES.get(decline_code, "Your card was declined."),
        )  # fmt: skip
        payment.attempts = [*payment.attempts, attempt]
        self._desk.book(
            "authorisation", payment, attempt.id, payment.amount, call, status="declined", code=decline_code or code
        )
        refusal = decline(payment, code, decline_code)
        if self._desk.listens("charge.failed"):
            self._desk.emit("charge.failed", rendering.charge(payment, attempt), call)
        if self._desk.listens("payment_intent.payment_failed"):
            shown = rendering.payment_intent(payment, self._desk.context.base_url)
            self._desk.emit("payment_intent.payment_failed", shown, call)
        return refusal

    def _events(self, payment: Payment, attempt: Attempt, call: Call | None, kind: str) -> None:
        if self._desk.listens("charge.succeeded"):
            self._desk.emit("charge.succeeded", rendering.charge(payment, attempt), call)
        if self._desk.listens(kind):
            self._desk.emit(kind, rendering.payment_intent(payment, self._desk.context.base_url), call)
