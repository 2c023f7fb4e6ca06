"""The Adyen connector: which request each operation sends. Pure generators; see ``gateways.contract``.

Captures, cancellations and refunds are answered with "received": they are ``pending`` until their webhook. Adyen has no
retrieval of a payment by reference, so its documented inquiry is used: the same request under the same idempotency key
is answered with the first answer (keys are kept for at least seven days), and the webhook settles the rest. Where that
resend is refused there is nothing else to look at, so it is believed late: see :data:`REFUSAL_BELIEVED_AFTER_MS`.
"""

from collections.abc import Generator, Mapping

from interlock.gateways.contract import (
    Card,
    CompleteRequest,
    ConnectorConfig,
    FollowOnRequest,
    HttpRequest,
    HttpResponse,
    InquireRequest,
    Notification,
    Operation,
    PaymentRequest,
    SignatureInvalid,
    Step,
    Tables,
)
from interlock.gateways.outcomes import Outcome, Result, not_sent, unknown

from . import notifications
from .answers import PARTIALLY_AUTHORISED, modification_answer, payment_answer, read_payment
from .bodies import adyen_money, details_body, modification_body, payment_body
from .http import path_part, post

_INEXPRESSIBLE = "the amount cannot be expressed in Adyen's minor units"
_CARDS_ONLY = "this connector takes cards only"
_KEY_ROOM = 60
REFUSAL_BELIEVED_AFTER_MS = 86_400_000
"""How old an operation is before a refused resend counts as "nothing was executed": Adyen documents that a key answers
with what was done under it, not that it does so before it validates, and the first try's webhook takes its time."""
_VALIDATION = frozenset({400, 422})
_Answered = Generator[HttpRequest, HttpResponse, tuple[Result, int]]


class AdyenConnector:
    """Adyen's Checkout API."""

    def __init__(self, tables: Tables) -> None:
        """Keep the manifest's tables."""
        self._tables = tables

    def authorise(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Reserve money: a payment with manual capture."""
        result, _ = yield from self._pay(config, request, Operation.AUTHORISE)
        return result

    def sale(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Authorise, captured by Adyen at once."""
        result, _ = yield from self._pay(config, request, Operation.SALE)
        return result

    def verify(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Check and store a card: a payment of nothing."""
        result, _ = yield from self._pay(config, request, Operation.VERIFY)
        return result

    def _pay(self, config: ConnectorConfig, request: PaymentRequest, operation: Operation) -> _Answered:
        amount = adyen_money(self._tables, request.amount)
        if amount is None:
            return not_sent("amount_not_expressible", _INEXPRESSIBLE), 0
        card = request.instrument
        if not isinstance(card, Card):
            return not_sent("method_not_supported", _CARDS_ONLY), 0
        verify = operation is Operation.VERIFY
        capture = operation is Operation.SALE
        account = config.settings["merchant_account"]
        body = payment_body(request, card, amount, account, capture=capture, verify=verify)
        response = yield post(config, "/payments", request.idempotency_key, body)
        result = payment_answer(response, self._tables, request.reference, capture=None if verify else capture)
        answer = read_payment(response)
        if answer is not None and answer.result_code == PARTIALLY_AUTHORISED and answer.psp_reference:
            result = yield from self._release(config, request, answer.psp_reference, result)
        return result, response.status

    def _release(
        self, config: ConnectorConfig, request: PaymentRequest, payment: str, declined: Result
    ) -> Generator[HttpRequest, HttpResponse, Result]:
        """Give back a part that was authorised instead of the whole; the decline holds once Adyen took the order."""
        follow_on = FollowOnRequest(
            reference=request.reference,
            idempotency_key=f"{request.idempotency_key[:_KEY_ROOM]}-rel",
            amount=request.amount,
            gateway_reference=payment,
        )
        released = yield from self.void(config, follow_on)
        if released.outcome in {Outcome.PENDING, Outcome.APPROVED}:
            return declined
        return unknown("partially_authorised", "the authorised part could not be released", gateway_reference=payment)

    def complete(self, config: ConnectorConfig, request: CompleteRequest) -> Step:
        """Hand in what the shopper brought back from the challenge."""
        result, _ = yield from self._complete(config, request)
        if result.outcome is Outcome.REFUSED:
            return unknown(result.code or "refused", result.message, gateway_reference=request.gateway_reference)
        return result

    def _complete(self, config: ConnectorConfig, request: CompleteRequest) -> _Answered:
        body = details_body(request)
        if body is None:
            return unknown("no_return_parameters", gateway_reference=request.gateway_reference), 0
        # A key of its own: the payment's first request may have used the attempt's.
        key = f"{request.idempotency_key[:_KEY_ROOM]}-3ds"
        response = yield post(config, "/payments/details", key, body)
        return payment_answer(response, self._tables, None, capture=request.capture), response.status

    def capture(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Take all or part of an authorisation; Adyen releases the rest."""
        if not request.final:
            return not_sent("multicapture_unsupported", "Adyen would release what is left over")
        result, _ = yield from self._modify(config, request, Operation.CAPTURE)
        return result

    def increment(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Change an authorisation to a new total."""
        result, _ = yield from self._modify(config, request, Operation.INCREMENT)
        return result

    def void(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Release an authorisation."""
        result, _ = yield from self._modify(config, request, Operation.VOID)
        return result

    def refund(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Give back all or part of a capture."""
        result, _ = yield from self._modify(config, request, Operation.REFUND)
        return result

    def _modify(self, config: ConnectorConfig, request: FollowOnRequest, operation: Operation) -> _Answered:
        amount = None
        if operation is not Operation.VOID and not request.reverse:
            amount = adyen_money(self._tables, request.amount)
            if amount is None:
                return not_sent("amount_not_expressible", _INEXPRESSIBLE), 0
        account = config.settings["merchant_account"]
        refund = operation is Operation.REFUND and not request.reverse
        body = modification_body(request, account, amount, refund=refund)
        collection = _REVERSALS if request.reverse else _COLLECTIONS[operation]
        path = f"/payments/{path_part(request.gateway_reference)}/{collection}"
        response = yield post(config, path, request.idempotency_key, body)
        return modification_answer(response, self._tables, request.gateway_reference), response.status

    def inquire(self, config: ConnectorConfig, request: InquireRequest) -> Step:
        """Send the original again under its own key; without it, only the webhook can tell."""
        original = request.original
        if original is None or request.age_ms >= self._tables.resend_within_ms:
            return unknown("await_webhook", gateway_reference=request.gateway_reference)
        if isinstance(original, PaymentRequest):
            result, status = yield from self._pay(config, original, request.operation)
        elif isinstance(original, CompleteRequest):
            result, status = yield from self._complete(config, original)
        elif request.operation in _COLLECTIONS:
            result, status = yield from self._modify(config, original, request.operation)
        else:
            return unknown("nothing_to_look_for", gateway_reference=request.gateway_reference)
        believed = status in _VALIDATION and request.age_ms >= REFUSAL_BELIEVED_AFTER_MS
        if result.outcome is Outcome.REFUSED and not believed:
            return unknown(result.code or "inquiry_failed", result.message, gateway_reference=request.gateway_reference)
        return result

    def parse_notification(
        self, config: ConnectorConfig, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> list[Notification] | SignatureInvalid:
        """Verify each item's HMAC and read it. Adyen signs neither headers nor time, so those two are not used."""
        del headers, now_ms
        return notifications.parse(self._tables, config, body)


_REVERSALS = "reversals"
"""Cancels what is only held and refunds what was captured: documented for "not sure whether it has been captured", and
always of the whole payment."""

_COLLECTIONS = {
    Operation.CAPTURE: "captures",
    Operation.INCREMENT: "amountUpdates",
    Operation.VOID: "cancels",
    Operation.REFUND: "refunds",
}
