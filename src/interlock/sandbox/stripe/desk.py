"""What the simulated Stripe's endpoints share: its memory, its clock, its books, one request's parameters."""

import hashlib
import secrets
from typing import Any

import msgspec

from interlock.base.ids import new_id
from interlock.sandbox.engine import Context, Facts
from interlock.sandbox.http import Form
from interlock.sandbox.money import exponent, major
from interlock.sandbox.store import BookEntry
from interlock.sandbox.stripe.errors import Refusal
from interlock.sandbox.stripe.state import Payment

EXPONENTS = {"isk": 2, "ugx": 2, "mga": 0}
REFERENCE_KEYS = ("interlock_attempt", "interlock_reference", "reference", "order_id")


class Shown(msgspec.Struct, frozen=True):
    """A successful answer: the object, before expansion."""

    body: dict[str, Any]


Answer = Shown | Refusal


class Call(msgspec.Struct, gc=False):
    """One API request: its parameters and what the books should say about where it came from."""

    form: Form
    request_id: str
    idempotency_key: str

    def text(self, name: str) -> str | None:
        """Return a parameter that is a text, None when absent or empty."""
        value = self.form.get(name)
        return value if isinstance(value, str) and value else None

    def number(self, name: str) -> int | None:
        """Return an integer parameter; the checks have seen to it that it is one."""
        value = self.form.get(name)
        return int(value) if isinstance(value, str) and value else None

    def flag(self, name: str) -> bool:
        """Return a boolean parameter, False when absent."""
        return self.form.get(name) == "true"

    def tree(self, name: str) -> dict[str, Any]:
        """Return a nested parameter, empty when absent."""
        value = self.form.get(name)
        return value if isinstance(value, dict) else {}

    def texts(self, name: str) -> list[str]:
        """Return a list parameter's texts."""
        value = self.form.get(name)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


class Desk:
    """Memory, clock and books; given to each endpoint."""

    def __init__(self, context: Context) -> None:
        """Work with ``context``."""
        self.context = context
        self.store = context.store

    def now(self) -> int:
        """Return the time as Stripe writes it: epoch seconds."""
        return self.context.clock.now_ms() // 1000

    def book(self, kind: str, payment: Payment, entry_id: str, amount: int, call: Call | None, **facts: str) -> None:
        """Append to the books.

        Args:
            kind: authorisation, capture, void, refund and so on.
            payment: whose money it is.
            entry_id: the charge or refund.
            amount: in Stripe's minor units.
            call: the request that caused it, None when it happened by itself.
            facts: ``status``, ``code`` and ``reference`` where they differ from approved, none and the payment's.

        """
        method = payment.method
        reference = facts.get("reference") or reference_of(payment.metadata)
        self.store.book(
            BookEntry(
                at_ms=self.context.clock.now_ms(),
                kind=kind,
                status=facts.get("status", "approved"),
                payment_id=payment.id,
                entry_id=entry_id,
                reference=reference,
                idempotency_key=call.idempotency_key if call is not None else "",
                currency=payment.currency,
                amount_minor=amount,
                amount_major=major(amount, exponent(payment.currency, EXPONENTS)),
                brand=method.brand if method is not None else "",
                bin=method.bin if method is not None else "",
                country=method.country if method is not None else "",
                code=facts.get("code", ""),
                metadata=msgspec.json.encode(payment.metadata).decode(),
            )
        )

    def listens(self, kind: str) -> bool:
        """Return True when the webhook endpoint wants events of this ``kind``."""
        context = self.context
        return context.notify is not None and (not context.events or kind in context.events)

    def emit(self, kind: str, shown: dict[str, Any], call: Call | None = None) -> None:
        """Send an event to the webhook endpoint, if there is one."""
        notify = self.context.notify
        if notify is None or not self.listens(kind):
            return
        request = None
        if call is not None:
            request = {"id": call.request_id, "idempotency_key": call.idempotency_key or None}
        event_id = new_id("evt")
        event = {
            "id": event_id,
            "object": "event",
            "api_version": "2026-05-27.dahlia",
            "created": self.now(),
            "data": {"object": shown},
            "livemode": False,
            "pending_webhooks": 1,
            "request": request,
            "type": kind,
        }
        notify(event_id, kind, msgspec.json.encode(event), Facts(currency=shown.get("currency") or ""))


def reference_of(metadata: dict[str, str]) -> str:
    """Return our reference among ``metadata``: a key known for it, else whatever was sent first."""
    for key in REFERENCE_KEYS:
        if key in metadata:
            return metadata[key]
    return next(iter(metadata.values()), "")


def merge_metadata(old: dict[str, str], new: object) -> dict[str, str]:
    """Return ``old`` updated as Stripe does: an empty value removes a key, an empty text clears everything."""
    if new == "":
        return {}
    if not isinstance(new, dict):
        return old
    merged = {**old, **{str(key): str(value) for key, value in new.items()}}
    return {key: value for key, value in merged.items() if value != ""}


def fingerprint(number: str) -> str:
    """Return a stable 16-character fingerprint of a card number."""
    return hashlib.blake2b(number.encode(), digest_size=12, key=b"sandbox").hexdigest()[:16]


def client_secret(object_id: str) -> str:
    """Return a new client secret."""
    return f"{object_id}_secret_{secrets.token_hex(12)}"
