"""The parts of Adyen's answers and notifications that this connector reads, typed; used by the Adyen connector only."""

import msgspec


class Amount(msgspec.Struct, frozen=True):
    """Money in Adyen's minor units."""

    value: int
    currency: str


class Action(msgspec.Struct, frozen=True):
    """What the shopper must do."""

    type: str
    url: str | None = None
    method: str = "GET"
    data: dict[str, str] = {}
    payment_data: str | None = msgspec.field(name="paymentData", default=None)


class PaymentAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of /payments and /payments/details."""

    result_code: str
    psp_reference: str | None = None
    merchant_reference: str | None = None
    amount: Amount | None = None
    refusal_reason: str | None = None
    refusal_reason_code: str | None = None
    action: Action | None = None
    additional_data: dict[str, object] = {}


class ModificationAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a capture, cancellation, refund or amount update."""

    psp_reference: str
    payment_psp_reference: str
    status: str
    amount: Amount | None = None
    reference: str | None = None


class ErrorAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What Adyen answers with a 4xx or 5xx status."""

    error_code: str
    message: str | None = None
    error_type: str | None = None
    psp_reference: str | None = None


class NotificationItem(msgspec.Struct, frozen=True, rename="camel"):
    """One fact of a Standard webhook. The fields without default are the signed ones, and the date."""

    psp_reference: str
    merchant_account_code: str
    merchant_reference: str
    event_code: str
    event_date: str
    amount: Amount
    success: str
    original_reference: str | None = None
    reason: str | None = None
    payment_method: str | None = None
    additional_data: dict[str, object] = {}


class NotificationWrapper(msgspec.Struct, frozen=True):
    """Adyen wraps each item once more."""

    item: NotificationItem = msgspec.field(name="NotificationRequestItem")


class NotificationBody(msgspec.Struct, frozen=True, rename="camel"):
    """A Standard webhook."""

    notification_items: list[NotificationWrapper]
    live: str = "false"


PAYMENT = msgspec.json.Decoder(PaymentAnswer)
MODIFICATION = msgspec.json.Decoder(ModificationAnswer)
ERROR = msgspec.json.Decoder(ErrorAnswer)
NOTIFICATION = msgspec.json.Decoder(NotificationBody)
