"""Disputes of the simulated Stripe: opened by test cards, answered by evidence that says how it ends."""

from interlock.base.ids import new_id
from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.charging import payment_of
from interlock.sandbox.stripe.desk import Answer, Call, Desk, Shown, merge_metadata
from interlock.sandbox.stripe.errors import Refusal, invalid, missing_object
from interlock.sandbox.stripe.state import Dispute, Payment

_ANSWERABLE = ("needs_response", "warning_needs_response")
_REASONS = {"fraudulent": "fraudulent", "product_not_received": "product_not_received", "inquiry": "fraudulent",
            "several": "fraudulent"}  # fmt: skip


class Disputes:
    """Opens and settles disputes."""

    def __init__(self, desk: Desk) -> None:
        """Work at ``desk``."""
        self._desk = desk

    def open(self, charge_id: str) -> str | None:
        """Let the cardholder of a charge dispute it, in the way its test card says; returns why it cannot, if so."""
        payment = self._desk.store.get(payment_of(charge_id), Payment)
        attempt = next((one for one in payment.attempts if one.id == charge_id), None) if payment else None
        if payment is None or attempt is None or not attempt.captured:
            return f"payment: charge {charge_id} is not captured"
        if attempt.dispute == "warning":
            self._warn(payment, charge_id)
            return None
        inquiry = attempt.dispute == "inquiry"
        parts = 2 if attempt.dispute == "several" else 1
        for _ in range(parts):
            dispute = Dispute(
                new_id("dp", self._desk.context.clock.now_ms()), self._desk.now(), payment.id, charge_id,
                attempt.amount_captured // parts, payment.currency, _REASONS.get(attempt.dispute, "fraudulent"),
                "warning_needs_response" if inquiry else "needs_response",
            )  # fmt: skip
            self._desk.store.put(dispute.id, dispute)
            if not inquiry:
                attempt.disputed = True
                self._desk.book("dispute", payment, dispute.id, dispute.amount, None, code=dispute.reason)
            shown = rendering.dispute(dispute)
            self._desk.emit("charge.dispute.created", shown)
            if not inquiry:
                self._desk.emit("charge.dispute.funds_withdrawn", shown)
        self._desk.store.put(payment.id, payment)
        return None

    def _warn(self, payment: Payment, charge_id: str) -> None:
        self._desk.emit(
            "radar.early_fraud_warning.created",
            {
                "id": new_id("issfr"),
                "object": "radar.early_fraud_warning",
                "actionable": True,
                "charge": charge_id,
                "created": self._desk.now(),
                "fraud_type": "unauthorized_use_of_card",
                "livemode": False,
                "payment_intent": payment.id,
            },
        )

    def _find(self, dispute_id: str) -> Dispute | Refusal:
        dispute = self._desk.store.get(dispute_id, Dispute)
        return dispute if dispute is not None else missing_object("dispute", dispute_id, param="dispute")

    def retrieve(self, call: Call, dispute_id: str) -> Answer:
        """GET /v1/disputes/{id}."""
        del call
        found = self._find(dispute_id)
        return found if isinstance(found, Refusal) else Shown(rendering.dispute(found))

    def update(self, call: Call, dispute_id: str) -> Answer:
        """POST /v1/disputes/{id}: evidence; ``winning_evidence`` and ``losing_evidence`` decide at once."""
        dispute = self._find(dispute_id)
        if isinstance(dispute, Refusal):
            return dispute
        if dispute.status not in _ANSWERABLE:
            return invalid("This dispute is closed.", code="dispute_closed" if dispute.status == "lost" else None)
        dispute.metadata = merge_metadata(dispute.metadata, call.form.get("metadata"))
        dispute.evidence = {**dispute.evidence, **call.tree("evidence")}
        if call.form.get("submit") != "false" and call.tree("evidence"):
            text = str(dispute.evidence.get("uncategorized_text", ""))
            if text in ("winning_evidence", "losing_evidence"):
                return self._settle(dispute, won=text == "winning_evidence", call=call)
            dispute.status = "under_review"
        self._desk.store.put(dispute.id, dispute)
        shown = rendering.dispute(dispute)
        self._desk.emit("charge.dispute.updated", shown, call)
        return Shown(shown)

    def close(self, call: Call, dispute_id: str) -> Answer:
        """POST /v1/disputes/{id}/close: give in."""
        dispute = self._find(dispute_id)
        if isinstance(dispute, Refusal):
            return dispute
        if dispute.status not in _ANSWERABLE:
            return invalid("This dispute is already closed.")
        return self._settle(dispute, won=False, call=call)

    def _settle(self, dispute: Dispute, *, won: bool, call: Call) -> Answer:
        inquiry = dispute.status == "warning_needs_response"
        dispute.status = "warning_closed" if inquiry else ("won" if won else "lost")
        self._desk.store.put(dispute.id, dispute)
        payment = self._desk.store.get(dispute.payment, Payment)
        shown = rendering.dispute(dispute)
        if won and not inquiry and payment is not None:
            self._desk.book("dispute_won", payment, dispute.id, dispute.amount, call)
            self._desk.emit("charge.dispute.funds_reinstated", shown, call)
        self._desk.emit("charge.dispute.closed", shown, call)
        return Shown(shown)
