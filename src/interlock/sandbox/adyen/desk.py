"""What the simulated Adyen's endpoints share: memory, clock, references, books, notifications."""

import datetime as dt
import secrets
from typing import Any

import msgspec

from interlock.sandbox.adyen.state import Payment
from interlock.sandbox.adyen.tables import EXPONENTS, brand
from interlock.sandbox.engine import Context, Facts
from interlock.sandbox.money import exponent, major
from interlock.sandbox.store import BookEntry

MERCHANT_ACCOUNT = "InterlockSandbox"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE = 36
_HALF = 8


def _base36(value: int) -> str:
    text = ""
    for _ in range(_HALF):
        value, rest = divmod(value, _BASE)
        text = _DIGITS[rest] + text
    return text


class Desk:
    """Memory, clock and books; given to each endpoint."""

    def __init__(self, context: Context) -> None:
        """Work with ``context``."""
        self.context = context
        self.store = context.store

    def now_ms(self) -> int:
        """Return the time in epoch milliseconds."""
        return self.context.clock.now_ms()

    def new_psp(self) -> str:
        """Return a new 16-character reference, the time first."""
        return _base36(self.now_ms()) + _base36(secrets.randbits(41))

    def book(self, kind: str, payment: Payment, entry_id: str, amount: int, key: str, **facts: str) -> None:
        """Append to the books.

        Args:
            kind: authorisation, capture, void, refund and so on.
            payment: whose money it is.
            entry_id: the reference of the payment or modification.
            amount: in Adyen's minor units.
            key: the idempotency key of the request that caused it.
            facts: ``status``, ``code`` and ``reference`` where they differ from approved, none and the payment's.

        """
        currency = payment.currency.lower()
        self.store.book(
            BookEntry(
                at_ms=self.now_ms(),
                kind=kind,
                status=facts.get("status", "approved"),
                payment_id=payment.psp,
                entry_id=entry_id,
                reference=facts.get("reference") or payment.reference,
                idempotency_key=key,
                currency=currency,
                amount_minor=amount,
                amount_major=major(amount, exponent(currency, EXPONENTS)),
                brand=payment.card.brand,
                bin=payment.card.bin,
                country=payment.card.country,
                code=facts.get("code", ""),
                metadata=msgspec.json.encode(payment.metadata).decode(),
            )
        )

    def notify(self, event: str, payment: Payment, psp: str, amount: int, **facts: Any) -> None:
        """Owe a standard notification.

        Args:
            event: the eventCode.
            payment: whose money it is.
            psp: the reference of what happened.
            amount: in Adyen's minor units.
            facts: ``success``, ``reason``, ``reference``, ``original``, ``additional`` where they apply.

        """
        notify = self.context.notify
        if notify is None:
            return
        moment = dt.datetime.fromtimestamp(self.now_ms() // 1000, dt.UTC).isoformat()
        item: dict[str, Any] = {
            "additionalData": facts.get("additional") or {},
            "amount": {"currency": payment.currency, "value": amount},
            "eventCode": event,
            "eventDate": moment,
            "merchantAccountCode": MERCHANT_ACCOUNT,
            "merchantReference": facts.get("reference") or payment.reference,
            "paymentMethod": brand(payment.card.brand),
            "pspReference": psp,
            "reason": facts.get("reason", ""),
            "success": "true" if facts.get("success", True) else "false",
        }
        if facts.get("original"):
            item["originalReference"] = facts["original"]
        elif event == "AUTHORISATION" and item["success"] == "true":
            item["operations"] = ["CANCEL", "CAPTURE", "REFUND"]
        known = Facts("", payment.card.brand, payment.currency.lower(), payment.card.country, payment.card.bin)
        notify(f"{event}:{psp}", event, msgspec.json.encode(item), known)
