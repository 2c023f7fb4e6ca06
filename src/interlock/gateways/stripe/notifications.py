"""Verifies and reads Stripe's webhooks. Pure; called by the Stripe connector only.

``Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>…]``: HMAC-SHA256 of ``t.body`` under the endpoint's secret, compared
in constant time; several ``v1`` while a secret is rolled. Whatever is not verified says nothing.
"""

import hmac
from collections.abc import Callable, Mapping

from interlock.base.money import Money, from_provider
from interlock.gateways.contract import (
    UNREADABLE,
    ConnectorConfig,
    Notification,
    NotificationKind,
    SignatureInvalid,
    Tables,
)
from interlock.gateways.outcomes import Outcome, Result

from .answers import intent_result, refund_result, setup_result
from .forms import REFERENCE_KEY
from .objects import CHARGE, DISPUTE, EVENT, INTENT, REFUND, SETUP, Event

_MAX_SIGNATURES = 16
_MAX_HEADER = 4096

# Every payment, charge, refund and setup event of the published list. Charges repeat what intents say, except for
# captures, expiry and disputes.
EVENT_KINDS: dict[str, NotificationKind] = {
    "payment_intent.amount_capturable_updated": NotificationKind.PAYMENT,
    "payment_intent.canceled": NotificationKind.VOID,
    "payment_intent.created": NotificationKind.IGNORED,
    "payment_intent.partially_funded": NotificationKind.PAYMENT,
    "payment_intent.payment_failed": NotificationKind.PAYMENT,
    "payment_intent.processing": NotificationKind.PAYMENT,
    "payment_intent.requires_action": NotificationKind.IGNORED,
    "payment_intent.succeeded": NotificationKind.PAYMENT,
    "setup_intent.canceled": NotificationKind.PAYMENT,
    "setup_intent.created": NotificationKind.IGNORED,
    "setup_intent.requires_action": NotificationKind.IGNORED,
    "setup_intent.setup_failed": NotificationKind.PAYMENT,
    "setup_intent.succeeded": NotificationKind.PAYMENT,
    "charge.captured": NotificationKind.CAPTURE,
    "charge.expired": NotificationKind.EXPIRED,
    "charge.failed": NotificationKind.IGNORED,
    "charge.pending": NotificationKind.IGNORED,
    "charge.refunded": NotificationKind.IGNORED,
    "charge.succeeded": NotificationKind.IGNORED,
    "charge.updated": NotificationKind.IGNORED,
    "charge.refund.updated": NotificationKind.REFUND,
    "charge.dispute.created": NotificationKind.DISPUTE_OPENED,
    "charge.dispute.updated": NotificationKind.DISPUTE_UPDATED,
    "charge.dispute.funds_withdrawn": NotificationKind.DISPUTE_UPDATED,
    "charge.dispute.funds_reinstated": NotificationKind.DISPUTE_UPDATED,
    "charge.dispute.closed": NotificationKind.DISPUTE_UPDATED,
    "refund.created": NotificationKind.REFUND,
    "refund.updated": NotificationKind.REFUND,
    "refund.failed": NotificationKind.REFUND,
}

# How a closed dispute ended; an inquiry that is closed, or a dispute that was prevented, cost nothing.
_CHARGEBACKS = frozenset({"needs_response", "under_review", "won", "lost"})
DISPUTE_ENDS: dict[str, NotificationKind] = {
    "won": NotificationKind.DISPUTE_WON,
    "warning_closed": NotificationKind.DISPUTE_WON,
    "prevented": NotificationKind.DISPUTE_WON,
    "lost": NotificationKind.DISPUTE_LOST,
}
_EXPIRED = frozenset({"automatic", "expired"})


def parse(
    tables: Tables, config: ConnectorConfig, headers: Mapping[str, str], body: bytes, now_ms: int
) -> list[Notification] | SignatureInvalid:
    """Return what a webhook says, or why it may not be believed."""
    invalid = _verify(tables, config, headers.get("stripe-signature", ""), body, now_ms)
    if invalid:
        return SignatureInvalid(invalid)
    try:
        event = EVENT.decode(body)
        if event.livemode is not None and event.livemode is not config.livemode:
            return SignatureInvalid("the event is of the other mode")
        kind = EVENT_KINDS.get(event.type, NotificationKind.IGNORED)
        if kind is NotificationKind.IGNORED:
            return [Notification(kind=kind, notification_id=event.id, occurred_at_ms=event.created * 1000)]
        return [_READERS[event.type.split(".")[-2]](tables, config, event, kind)]
    except UNREADABLE:
        return SignatureInvalid("the body is signed but cannot be read")


def _verify(tables: Tables, config: ConnectorConfig, header: str, body: bytes, now_ms: int) -> str | None:
    """Return why the signature does not hold, or None when it does."""
    secrets = [secret for secret in config.credentials.get("webhook_secret", "").split(",") if secret.strip()]
    if not secrets:
        return "no webhook secret is configured"
    if not header or len(header) > _MAX_HEADER or not header.isascii():
        return "the Stripe-Signature header is absent or malformed"
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"][:_MAX_SIGNATURES]
    if len(stamps) != 1 or not stamps[0].isdigit() or len(stamps[0]) > 12 or not signatures:
        return "the Stripe-Signature header is absent or malformed"
    signed = stamps[0].encode() + b"." + body
    genuine = False
    for secret in secrets:
        expected = hmac.digest(secret.encode(), signed, "sha256").hex()
        for signature in signatures:
            genuine |= hmac.compare_digest(expected, signature)
    if not genuine:
        return "no signature matches"
    if abs(now_ms - int(stamps[0]) * 1000) > tables.webhook_tolerance_ms:
        return "the timestamp is outside the tolerance"
    return None


def _intent(tables: Tables, config: ConnectorConfig, event: Event, kind: NotificationKind) -> Notification:
    intent = INTENT.decode(event.data.object)
    result = intent_result(intent, tables, config, None)
    if kind is NotificationKind.VOID:
        kind = NotificationKind.EXPIRED if intent.cancellation_reason in _EXPIRED else NotificationKind.VOID
        result = Result(outcome=Outcome.APPROVED, gateway_reference=intent.id, code=intent.cancellation_reason)
    return Notification(
        kind=kind,
        notification_id=event.id,
        occurred_at_ms=event.created * 1000,
        reference=intent.metadata.get(REFERENCE_KEY),
        gateway_reference=intent.id,
        result=result,
        amount=from_provider(intent.amount, intent.currency, tables.currency_exponents),
    )


def _setup(tables: Tables, config: ConnectorConfig, event: Event, kind: NotificationKind) -> Notification:
    setup = SETUP.decode(event.data.object)
    return Notification(
        kind=kind,
        notification_id=event.id,
        occurred_at_ms=event.created * 1000,
        reference=setup.metadata.get(REFERENCE_KEY),
        gateway_reference=setup.id,
        result=setup_result(setup, tables, config, None),
    )


def _charge(tables: Tables, _: ConnectorConfig, event: Event, kind: NotificationKind) -> Notification:
    charge = CHARGE.decode(event.data.object)
    amount = None
    if charge.amount_captured is not None and charge.currency:
        amount = from_provider(charge.amount_captured, charge.currency, tables.currency_exponents)
    captured = kind is NotificationKind.CAPTURE
    amount = amount if captured else None
    payment = charge.payment_intent
    return Notification(
        kind=kind,
        notification_id=event.id,
        occurred_at_ms=event.created * 1000,
        reference=charge.metadata.get(REFERENCE_KEY),
        gateway_reference=payment,
        result=Result(outcome=Outcome.APPROVED, gateway_reference=payment, echo=amount, captured=captured),
        amount=amount,
    )


def _refund(tables: Tables, _: ConnectorConfig, event: Event, kind: NotificationKind) -> Notification:
    refund = REFUND.decode(event.data.object)
    return Notification(
        kind=kind,
        notification_id=event.id,
        occurred_at_ms=event.created * 1000,
        reference=refund.metadata.get(REFERENCE_KEY),
        gateway_reference=refund.payment_intent,
        result=refund_result(refund, tables),
        amount=_money(refund.amount, refund.currency, tables),
    )


def _dispute(tables: Tables, _: ConnectorConfig, event: Event, kind: NotificationKind) -> Notification:
    dispute = DISPUTE.decode(event.data.object)
    if event.type == "charge.dispute.closed":
        kind = DISPUTE_ENDS.get(dispute.status, NotificationKind.DISPUTE_UPDATED)
    due = dispute.evidence_details.due_by if dispute.evidence_details else None
    return Notification(
        kind=kind,
        notification_id=event.id,
        occurred_at_ms=event.created * 1000,
        gateway_reference=dispute.payment_intent,
        dispute_reference=dispute.id,
        dispute_reason=dispute.reason,
        inquiry=_is_inquiry(dispute.status),
        amount=_money(dispute.amount, dispute.currency, tables),
        evidence_due_at_ms=due * 1000 if due is not None else None,
    )


def _is_inquiry(status: str) -> bool | None:
    """Return whether the bank only asks; None where the status is of both (``prevented``) or unknown."""
    return True if status.startswith("warning") else False if status in _CHARGEBACKS else None


def _money(amount: int, currency: str, tables: Tables) -> Money | None:
    return from_provider(amount, currency, tables.currency_exponents)


_READERS: dict[str, Callable[[Tables, ConnectorConfig, Event, NotificationKind], Notification]] = {
    "payment_intent": _intent,
    "setup_intent": _setup,
    "charge": _charge,
    "refund": _refund,
    "dispute": _dispute,
}
