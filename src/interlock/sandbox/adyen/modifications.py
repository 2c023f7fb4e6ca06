"""Captures, cancels, refunds, reversals and amount updates: received at once, carried out a moment later, notified."""

from typing import Any

from interlock.sandbox import cards
from interlock.sandbox.adyen.desk import MERCHANT_ACCOUNT, Desk
from interlock.sandbox.adyen.errors import NOT_FOUND, Failure, required
from interlock.sandbox.adyen.payments import Json, read_amount
from interlock.sandbox.adyen.state import Modification, Payment

NO_BALANCE = "Insufficient balance on payment"
NOT_AUTHORISED = "Transaction hasn't been authorised"
LATER_FAILURE_MS = 500
KINDS = {"captures": "capture", "cancels": "cancel", "refunds": "refund", "reversals": "reversal",
         "amountUpdates": "update"}  # fmt: skip
_EVENTS = {"capture": "CAPTURE", "cancel": "CANCELLATION", "refund": "REFUND", "reversal": "CANCEL_OR_REFUND",
           "update": "AUTHORISATION_ADJUSTMENT", "technical": "TECHNICAL_CANCEL"}  # fmt: skip


class Modifications:
    """Receives and carries out what happens to payments after authorisation."""

    def __init__(self, desk: Desk) -> None:
        """Work at ``desk``."""
        self._desk = desk

    def receive(self, kind: str, psp: str, body: Json, key: str) -> Json | Failure:
        """POST /payments/{psp}/captures and its like."""
        payment = self._desk.store.get(psp, Payment)
        if payment is None or payment.state == "redirected":
            return NOT_FOUND
        amount, currency = payment.amount, payment.currency
        if kind in ("capture", "refund", "update"):
            read = read_amount(body.get("amount"))
            if isinstance(read, Failure):
                return read
            amount, currency = read
            if currency != payment.currency:
                return Failure(422, "138", "Currency of the modification differs from the payment's")
        accepted = self._accept(kind, payment.psp, (amount, currency), body, key)
        shown: dict[str, Any] = {
            "merchantAccount": MERCHANT_ACCOUNT,
            "paymentPspReference": psp,
            "pspReference": accepted.psp,
            "status": "received",
        }
        if body.get("reference") or kind == "update":
            shown["reference"] = accepted.reference
        if kind in ("capture", "refund", "update"):
            shown["amount"] = {"currency": currency, "value": amount}
        if kind == "refund" and body.get("merchantRefundReason"):
            shown["merchantRefundReason"] = body["merchantRefundReason"]
        if kind == "refund" and body.get("capturePspReference"):
            shown["capturePspReference"] = body["capturePspReference"]
        if kind == "update" and body.get("industryUsage"):
            shown["industryUsage"] = body["industryUsage"]
        return shown

    def receive_by_reference(self, body: Json, key: str) -> Json | Failure:
        """POST /cancels: cancel by our own reference, for payments whose answer was lost."""
        reference = body.get("paymentReference")
        if not isinstance(reference, str) or not reference:
            return required("paymentReference")
        accepted = self._accept("technical", reference, (0, ""), body, key)
        shown: Json = {
            "merchantAccount": MERCHANT_ACCOUNT,
            "paymentReference": reference,
            "pspReference": accepted.psp,
            "status": "received",
        }
        if body.get("reference"):
            shown["reference"] = accepted.reference
        return shown

    def _accept(self, kind: str, payment: str, money: tuple[int, str], body: Json, key: str) -> Modification:
        desk = self._desk
        reference = str(body.get("reference") or "")
        accepted = Modification(
            desk.new_psp(), kind, payment, *money, reference, key, str(body.get("capturePspReference") or "")
        )
        desk.store.put(accepted.psp, accepted)
        desk.store.add_timer(desk.now_ms() + desk.context.modification_delay_ms, "modification", accepted.psp)
        return accepted

    # -- carried out -----------------------------------------------------------------------------------------------

    def carry_out(self, psp: str) -> None:
        """Do what was received under ``psp``, if the payment allows it, and notify."""
        asked = self._desk.store.get(psp, Modification)
        if asked is None:
            return
        if asked.kind == "technical":
            self._technical(asked)
            return
        payment = self._desk.store.get(asked.payment, Payment)
        if payment is None:
            return
        additional: dict[str, str] = {}
        if asked.kind == "reversal":
            additional["modification.action"] = "refund" if payment.captured else "cancel"
        reason = self._do(asked, payment)
        self._desk.store.put(payment.psp, payment)
        self._desk.notify(
            _EVENTS[asked.kind], payment, asked.psp, asked.amount, success=not reason, reason=reason,
            reference=asked.reference, original=payment.psp, additional=additional,
        )  # fmt: skip

    def _technical(self, asked: Modification) -> None:
        for psp in self._desk.store.tagged("reference", asked.payment):
            payment = self._desk.store.get(psp, Payment)
            if payment is None or payment.state == "refused":
                continue
            reason = self._void(asked, payment)
            self._desk.store.put(payment.psp, payment)
            self._desk.notify(
                "TECHNICAL_CANCEL", payment, asked.psp, payment.amount, success=not reason, reason=reason,
                reference=asked.reference, original=payment.psp,
            )  # fmt: skip

    def _do(self, asked: Modification, payment: Payment) -> str:
        if asked.kind == "capture":
            return self._capture(asked, payment)
        if asked.kind == "cancel":
            return self._void(asked, payment)
        if asked.kind == "update":
            return self._update(asked, payment)
        if asked.kind == "reversal" and not payment.captured:
            return self._void(asked, payment)
        if asked.kind == "reversal":
            asked.amount = payment.captured - payment.refunded
        return self._refund(asked, payment)

    def _capture(self, asked: Modification, payment: Payment) -> str:
        if payment.state != "authorised":
            return NOT_AUTHORISED
        if asked.amount < 1 or asked.amount > payment.amount - payment.captured:
            return NO_BALANCE
        payment.captured += asked.amount
        self._book("capture", asked, payment)
        if payment.card.holder_name.lower() == "capture failed":
            self._later("capture_failed", asked)
        return ""

    def _void(self, asked: Modification, payment: Payment) -> str:
        if payment.state != "authorised" or payment.captured:
            return "Transaction is captured already" if payment.captured else NOT_AUTHORISED
        payment.state = "cancelled"
        asked.amount = payment.amount
        self._book("void", asked, payment)
        return ""

    def _update(self, asked: Modification, payment: Payment) -> str:
        if payment.state != "authorised" or payment.captured:
            return NOT_AUTHORISED
        difference = asked.amount - payment.amount
        payment.amount = asked.amount
        self._book("increment", asked, payment, difference)
        return ""

    def _refund(self, asked: Modification, payment: Payment) -> str:
        if payment.state != "authorised" or not payment.captured:
            return NOT_AUTHORISED
        if asked.amount < 1 or asked.amount > payment.captured - payment.refunded:
            return NO_BALANCE
        payment.refunded += asked.amount
        self._book("refund", asked, payment)
        fails = cards.behaviour(payment.card.name).refund == "fails"
        if fails or payment.card.holder_name.lower() == "refund failed":
            self._later("refund_failed", asked)
        return ""

    def _book(self, kind: str, asked: Modification, payment: Payment, amount: int | None = None) -> None:
        self._desk.book(
            kind, payment, asked.psp, asked.amount if amount is None else amount, asked.idempotency_key,
            reference=asked.reference,
        )  # fmt: skip

    def _later(self, name: str, asked: Modification) -> None:
        self._desk.store.put(asked.psp, asked)
        self._desk.store.add_timer(self._desk.now_ms() + LATER_FAILURE_MS, name, asked.psp)

    # -- what test cards do afterwards -----------------------------------------------------------------------------

    def fail_later(self, name: str, psp: str) -> None:
        """Let a capture or refund that succeeded turn out to have failed."""
        asked = self._desk.store.get(psp, Modification)
        payment = self._desk.store.get(asked.payment, Payment) if asked is not None else None
        if asked is None or payment is None:
            return
        if name == "capture_failed":
            payment.captured -= asked.amount
        else:
            payment.refunded -= asked.amount
        self._book("capture_reversal" if name == "capture_failed" else "refund_reversal", asked, payment)
        self._desk.store.put(payment.psp, payment)
        self._desk.notify(
            name.upper(), payment, asked.psp, asked.amount, reason="Failed by test card", reference=asked.reference,
            original=payment.psp,
        )  # fmt: skip

    def expire(self, psp: str) -> str | None:
        """Let an authorisation run out; returns why it cannot, if so."""
        payment = self._desk.store.get(psp, Payment)
        if payment is None or payment.state != "authorised" or payment.captured:
            return f"payment: {psp} holds no uncaptured authorisation"
        payment.state = "cancelled"
        self._desk.store.put(psp, payment)
        self._desk.book("void", payment, psp, payment.amount, "", code="expired")
        self._desk.notify("EXPIRE", payment, self._desk.new_psp(), payment.amount, original=psp)
        return None

    def dispute(self, psp: str) -> str | None:
        """Let the cardholder dispute a captured payment; returns why it cannot, if so."""
        payment = self._desk.store.get(psp, Payment)
        if payment is None or not payment.captured:
            return f"payment: {psp} is not captured"
        kind = cards.behaviour(payment.card.name).dispute
        desk = self._desk
        reference = desk.new_psp()
        if kind == "warning":
            desk.notify("NOTIFICATION_OF_FRAUD", payment, reference, payment.amount, original=psp, reason="Fraud")
            return None
        if kind == "inquiry":
            desk.notify("REQUEST_FOR_INFORMATION", payment, reference, payment.amount, original=psp, reason="General")
            return None
        amount = payment.captured // 2 if kind == "several" else payment.captured
        for _ in range(2 if kind == "several" else 1):
            payment.disputes += 1
            code = "10.4" if kind == "fraudulent" else "13.1"
            additional = {"chargebackReasonCode": code, "chargebackSchemeCode": payment.card.brand}
            reference = desk.new_psp()
            desk.notify("NOTIFICATION_OF_CHARGEBACK", payment, reference, amount, original=psp, additional=additional,
                        reason="Other Fraud-Card Absent Environment")  # fmt: skip
            desk.book("dispute", payment, reference, amount, "", code=code)
            desk.notify("CHARGEBACK", payment, reference, amount, original=psp, additional=additional,
                        reason="Other Fraud-Card Absent Environment")  # fmt: skip
        desk.store.put(payment.psp, payment)
        return None
