"""Verifies and reads Adyen's Standard webhooks. Pure; called by the Adyen connector only.

Each item carries ``additionalData.hmacSignature``: base64 of HMAC-SHA256, under the hex key, of eight fields joined by
colons, with backslashes and colons escaped. One item that does not verify condemns the whole body. Only those eight
fields are signed: money, references, event and success are taken from them; the rest only explains.
"""

import base64
import binascii
import hmac

from interlock.base.money import from_provider
from interlock.gateways.contract import (
    UNREADABLE,
    ConnectorConfig,
    Notification,
    NotificationKind,
    SignatureInvalid,
    Tables,
    epoch_ms,
)
from interlock.gateways.outcomes import Outcome, Result

from .answers import decline_code, text_of
from .objects import NOTIFICATION, NotificationItem

_MAX_ITEMS = 100
_Kind = NotificationKind

# Every event code of the published document. Where success matters, ``success: false`` is what _result makes of it.
EVENT_KINDS: dict[str, NotificationKind] = {
    "ACH_NOTIFICATION_OF_CHANGE": _Kind.IGNORED,
    "AUTHENTICATION": _Kind.IGNORED,
    "AUTHORISATION": _Kind.PAYMENT,
    "AUTHORISATION_ADJUSTMENT": _Kind.INCREMENT,
    "AUTORESCUE": _Kind.IGNORED,
    "CANCELLATION": _Kind.VOID,
    "CANCEL_AUTORESCUE": _Kind.IGNORED,
    "CANCEL_OR_REFUND": _Kind.VOID,
    "CAPTURE": _Kind.CAPTURE,
    "CAPTURE_FAILED": _Kind.CAPTURE,
    "CHARGEBACK": _Kind.DISPUTE_OPENED,
    "CHARGEBACK_REVERSED": _Kind.DISPUTE_WON,
    "DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION": _Kind.IGNORED,
    "DISPUTE_DEFENSE_PERIOD_ENDED": _Kind.DISPUTE_UPDATED,
    "EXPIRE": _Kind.EXPIRED,
    "HANDLED_EXTERNALLY": _Kind.IGNORED,
    "INFORMATION_SUPPLIED": _Kind.DISPUTE_UPDATED,
    "ISSUER_COMMENTS": _Kind.DISPUTE_UPDATED,
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": _Kind.DISPUTE_WON,
    "MANUAL_REVIEW_ACCEPT": _Kind.IGNORED,
    "MANUAL_REVIEW_REJECT": _Kind.IGNORED,
    "NOTIFICATION_OF_CHARGEBACK": _Kind.DISPUTE_OPENED,
    "NOTIFICATION_OF_FRAUD": _Kind.IGNORED,
    "OFFER_CLOSED": _Kind.IGNORED,
    "ORDER_CLOSED": _Kind.IGNORED,
    "ORDER_OPENED": _Kind.IGNORED,
    "PAIDOUT_REVERSED": _Kind.IGNORED,
    "PAYOUT_DECLINE": _Kind.IGNORED,
    "PAYOUT_EXPIRE": _Kind.IGNORED,
    "PAYOUT_THIRDPARTY": _Kind.IGNORED,
    "POSTPONED_REFUND": _Kind.REFUND,
    "PREARBITRATION_ACCEPTED": _Kind.DISPUTE_LOST,
    "PREARBITRATION_DECLINED": _Kind.DISPUTE_UPDATED,
    "PREARBITRATION_ISSUER_WITHDRAWN": _Kind.DISPUTE_WON,
    "PREARBITRATION_LOST": _Kind.DISPUTE_LOST,
    "PREARBITRATION_OPEN": _Kind.DISPUTE_UPDATED,
    "PREARBITRATION_WON": _Kind.DISPUTE_WON,
    "RECURRING_CONTRACT": _Kind.IGNORED,
    "REFUND": _Kind.REFUND,
    "REFUNDED_REVERSED": _Kind.REFUND,
    "REFUND_FAILED": _Kind.REFUND,
    "REFUND_WITH_DATA": _Kind.IGNORED,
    "REPORT_AVAILABLE": _Kind.IGNORED,
    "REQUEST_FOR_INFORMATION": _Kind.DISPUTE_OPENED,
    "SCHEME_ARBITRATION": _Kind.DISPUTE_UPDATED,
    "SCHEME_ARBITRATION_LOST": _Kind.DISPUTE_LOST,
    "SCHEME_ARBITRATION_WON": _Kind.DISPUTE_WON,
    "SECOND_CHARGEBACK": _Kind.DISPUTE_LOST,
    "TECHNICAL_CANCEL": _Kind.VOID,
    "VOID_PENDING_REFUND": _Kind.IGNORED,
}
_INQUIRY = "REQUEST_FOR_INFORMATION"
# What says that the bank took the money. The rest is told of requests for information and of chargebacks alike.
_CHARGEBACKS = frozenset(
    {
        "CHARGEBACK",
        "CHARGEBACK_REVERSED",
        "NOTIFICATION_OF_CHARGEBACK",
        "PREARBITRATION_LOST",
        "PREARBITRATION_WON",
        "SCHEME_ARBITRATION_LOST",
        "SCHEME_ARBITRATION_WON",
        "SECOND_CHARGEBACK",
    }
)
_DISPUTES = frozenset({_Kind.DISPUTE_OPENED, _Kind.DISPUTE_UPDATED, _Kind.DISPUTE_WON, _Kind.DISPUTE_LOST})

# These report a failure by existing: their success flag says only that the report is true.
_FAILURES = frozenset({"CAPTURE_FAILED", "REFUND_FAILED", "REFUNDED_REVERSED"})


def parse(tables: Tables, config: ConnectorConfig, body: bytes) -> list[Notification] | SignatureInvalid:
    """Return what a webhook says, or why it may not be believed."""
    keys = _keys(config.credentials.get("hmac_key", ""))
    if not keys:
        return SignatureInvalid("no usable HMAC key is configured")
    try:
        message = NOTIFICATION.decode(body)
    except UNREADABLE:
        return SignatureInvalid("the body cannot be read")
    items = [wrapper.item for wrapper in message.notification_items]
    if not 0 < len(items) <= _MAX_ITEMS:
        return SignatureInvalid("the body holds no items, or too many")
    if (message.live == "true") is not config.livemode:
        return SignatureInvalid("the notification is of the other mode")
    if not all(_genuine(item, keys) for item in items):
        return SignatureInvalid("an item's signature is absent or does not match")
    return [_read(tables, config, item) for item in items]


def signed_text(item: NotificationItem) -> str:
    """Return the text that Adyen signs."""
    fields = (
        item.psp_reference,
        item.original_reference or "",
        item.merchant_account_code,
        item.merchant_reference,
        str(item.amount.value),
        item.amount.currency,
        item.event_code,
        item.success,
    )
    return ":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in fields)


def _keys(configured: str) -> list[bytes]:
    """Return the keys, several while one is rolled; a malformed one counts as none."""
    try:
        return [binascii.unhexlify(key.strip()) for key in configured.split(",") if key.strip()]
    except (binascii.Error, ValueError):
        return []


def _genuine(item: NotificationItem, keys: list[bytes]) -> bool:
    signature = text_of(item.additional_data, "hmacSignature")
    if signature is None or not signature.isascii():
        return False
    text = signed_text(item).encode("utf-8", "replace")
    genuine = False
    for key in keys:
        expected = base64.b64encode(hmac.digest(key, text, "sha256")).decode("ascii")
        genuine |= hmac.compare_digest(expected, signature)
    return genuine


def _read(tables: Tables, config: ConnectorConfig, item: NotificationItem) -> Notification:
    kind = EVENT_KINDS.get(item.event_code, _Kind.IGNORED)
    if item.merchant_account_code != config.settings.get("merchant_account"):
        kind = _Kind.IGNORED
    if item.event_code == "CANCEL_OR_REFUND" and text_of(item.additional_data, "modification.action") == "refund":
        kind = _Kind.REFUND
    dispute = kind in _DISPUTES
    amount = from_provider(item.amount.value, item.amount.currency, tables.currency_exponents)
    return Notification(
        kind=kind,
        notification_id=f"{item.event_code}:{item.psp_reference}:{item.success}",
        occurred_at_ms=epoch_ms(item.event_date) or 0,
        reference=item.merchant_reference or None,
        gateway_reference=item.original_reference or item.psp_reference,
        result=None if dispute or kind is _Kind.IGNORED else _result(tables, item, kind),
        dispute_reference=item.psp_reference if dispute else None,
        dispute_reason=_dispute_reason(item) if dispute else None,
        inquiry=True if item.event_code == _INQUIRY else False if item.event_code in _CHARGEBACKS else None,
        amount=amount,
        evidence_due_at_ms=epoch_ms(text_of(item.additional_data, "defensePeriodEndsAt") or "") if dispute else None,
    )


def _result(tables: Tables, item: NotificationItem, kind: NotificationKind) -> Result:
    data = item.additional_data
    if item.event_code == "POSTPONED_REFUND":
        return Result(outcome=Outcome.PENDING, gateway_reference=item.psp_reference)
    if item.success != "true" or item.event_code in _FAILURES:
        payment = kind is _Kind.PAYMENT
        return Result(
            outcome=Outcome.DECLINED,
            gateway_reference=item.psp_reference,
            code=item.event_code,
            message=item.reason,
            decline_code=decline_code(tables, None, item.reason) if payment else None,
        )
    return Result(
        outcome=Outcome.APPROVED,
        gateway_reference=item.psp_reference,
        echo=from_provider(item.amount.value, item.amount.currency, tables.currency_exponents),
        network_transaction_id=text_of(data, "networkTxReference"),
        stored_credential_reference=text_of(data, "tokenization.storedPaymentMethodId"),
        authorisation_code=text_of(data, "authCode"),
        captured=True if kind is _Kind.CAPTURE else None,
    )


def _dispute_reason(item: NotificationItem) -> str | None:
    code = text_of(item.additional_data, "chargebackReasonCode")
    return code.strip() if code else item.reason or None
