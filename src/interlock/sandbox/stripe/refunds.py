"""/v1/refunds of the simulated Stripe."""

from interlock.base.ids import new_id
from interlock.sandbox import cards
from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.charging import payment_of
from interlock.sandbox.stripe.desk import Answer, Call, Desk, Shown, merge_metadata, reference_of
from interlock.sandbox.stripe.errors import Refusal, invalid, missing_object
from interlock.sandbox.stripe.state import Attempt, Payment, Refund

SETTLE_MS = 1_000


def _too_much(attempt: Attempt, amount: int) -> Refusal | None:
    left = attempt.amount_captured - attempt.amount_refunded
    if left <= 0:
        return invalid(
            f"Charge {attempt.id} has already been refunded.", code="charge_already_refunded", param="charge"
        )
    if amount > left:
        return invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
    return None


class Refunds:
    """Gives money back."""

    def __init__(self, desk: Desk) -> None:
        """Work at ``desk``."""
        self._desk = desk

    def _payment(self, call: Call) -> Payment | Refusal:
        charge, intent = call.text("charge"), call.text("payment_intent")
        wanted = intent if intent is not None else payment_of(charge or "")
        payment = self._desk.store.get(wanted, Payment)
        if payment is not None:
            return payment
        if intent is None and charge is None:
            return invalid("You must provide one of `charge` or `payment_intent`.", code="parameter_missing")
        if intent is None:
            return missing_object("charge", charge or "", param="charge")
        return missing_object("payment_intent", intent, param="payment_intent")

    def create(self, call: Call) -> Answer:
        """POST /v1/refunds."""
        payment = self._payment(call)
        if isinstance(payment, Refusal):
            return payment
        attempt = payment.attempts[-1] if payment.attempts else None
        if attempt is None or not attempt.captured:
            return invalid(
                f"This PaymentIntent ({payment.id}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state" if attempt is None else "charge_not_refundable",
                param="payment_intent",
            )
        amount = call.number("amount")
        amount = attempt.amount_captured - attempt.amount_refunded if amount is None else amount
        wrong = _too_much(attempt, amount)
        if wrong is not None:
            return wrong
        if attempt.disputed:
            return invalid(f"Charge {attempt.id} has been charged back; cannot issue a refund.", code="charge_disputed")
        return self._give_back(payment, attempt, amount, call)

    def _give_back(self, payment: Payment, attempt: Attempt, amount: int, call: Call) -> Answer:
        card = cards.behaviour(payment.method.card_name if payment.method is not None else "")
        metadata = merge_metadata({}, call.form.get("metadata"))
        refund = Refund(
            new_id("re", self._desk.context.clock.now_ms()), self._desk.now(), payment.id, attempt.id, amount,
            payment.currency, "pending" if card.refund == "pending" else "succeeded", call.text("reason"), metadata,
        )  # fmt: skip
        attempt.amount_refunded += amount
        payment.refunds = [*payment.refunds, refund.id]
        self._desk.store.put(payment.id, payment)
        self._desk.store.put(refund.id, refund)
        for name, value in metadata.items():
            self._desk.store.tag(f"refund.metadata.{name}", value, refund.id)
        self._desk.book("refund", payment, refund.id, amount, call, reference=reference_of(metadata))
        if card.refund:
            self._desk.store.add_timer(self._desk.context.clock.now_ms() + SETTLE_MS, "refund", refund.id)
        shown = rendering.refund(refund, payment.method)
        if self._desk.context.notify is not None:
            self._desk.emit("refund.created", shown, call)
            self._desk.emit("charge.refunded", rendering.charge(payment, attempt), call)
        return Shown(shown)

    def retrieve(self, call: Call, refund_id: str) -> Answer:
        """GET /v1/refunds/{id}."""
        del call
        refund = self._desk.store.get(refund_id, Refund)
        return missing_object("refund", refund_id) if refund is None else self._shown(refund)

    def update(self, call: Call, refund_id: str) -> Answer:
        """POST /v1/refunds/{id}: metadata only."""
        refund = self._desk.store.get(refund_id, Refund)
        if refund is None:
            return missing_object("refund", refund_id)
        refund.metadata = merge_metadata(refund.metadata, call.form.get("metadata"))
        self._desk.store.put(refund.id, refund)
        return self._shown(refund)

    def _shown(self, refund: Refund) -> Shown:
        payment = self._desk.store.get(refund.payment, Payment)
        return Shown(rendering.refund(refund, payment.method if payment is not None else None))

    def settle(self, refund_id: str) -> None:
        """Let a refund of a test card succeed or fail, some time after it was accepted."""
        refund = self._desk.store.get(refund_id, Refund)
        payment = self._desk.store.get(refund.payment, Payment) if refund is not None else None
        if refund is None or payment is None or payment.method is None:
            return
        if cards.behaviour(payment.method.card_name).refund == "fails":
            refund.status = "failed"
            refund.failure_reason = "expired_or_canceled_card"
            attempt = payment.attempts[-1]
            attempt.amount_refunded -= refund.amount
            self._desk.store.put(payment.id, payment)
            self._desk.book(
                "refund_reversal", payment, refund.id, refund.amount, None, reference=reference_of(refund.metadata)
            )
        else:
            refund.status = "succeeded"
        self._desk.store.put(refund.id, refund)
        shown = rendering.refund(refund, payment.method)
        self._desk.emit("refund.failed" if refund.status == "failed" else "refund.updated", shown)
        self._desk.emit("charge.refund.updated", shown)
