"""The Stripe connector: which request each operation sends. Pure generators; see ``gateways.contract``.

Stripe remembers an Idempotency-Key for at least 24 hours, so the same operation sent again under the same key is
answered with the first answer. Raw cards need Stripe's raw-card permission on the account.

A card that is stored for later belongs to a Stripe customer of its own, made just before: Stripe uses no payment method
twice that belongs to nobody, and a raw card that comes again is a card its bank has never seen.
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
    PaymentRequest,
    SepaDebit,
    SignatureInvalid,
    Step,
    Tables,
)
from interlock.gateways.outcomes import Result, not_sent, unknown

from . import inquiry, notifications
from .answers import (
    capture_answer,
    customer_id,
    funding_answer,
    increment_answer,
    no_customer,
    payment_answer,
    refund_answer,
    setup_answer,
    void_answer,
)
from .forms import (
    REFERENCE_KEY,
    customer_form,
    debit_form,
    form,
    payment_form,
    provider_amount,
    setup_form,
    transfer_form,
    wants_customer,
)
from .http import get, path_part, post

_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
_VOID_REASONS = _REASONS | {"abandoned"}
_CARDS_ONLY = "only cards are checked and stored at Stripe"
_INEXPRESSIBLE = "the amount cannot be expressed in Stripe's minor units"


class StripeConnector:
    """Stripe's PaymentIntents API."""

    def __init__(self, tables: Tables) -> None:
        """Keep the manifest's tables."""
        self._tables = tables

    def authorise(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Reserve money: an intent with manual capture."""
        return self._pay(config, request, capture=False)

    def sale(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Authorise and capture: an intent with automatic capture."""
        return self._pay(config, request, capture=True)

    def _pay(self, config: ConnectorConfig, request: PaymentRequest, *, capture: bool) -> Step:
        built = self.payment_request(config, request, capture=capture)
        if isinstance(built, Result):
            return built
        simple = request.stored_credential is None and isinstance(request.instrument, Card)
        if not simple and wants_customer(request):
            response = yield self.customer_request(config, request)
            customer = customer_id(response)
            if customer is None:
                return no_customer(response, self._tables)
            built = self.payment_request(config, request, capture=capture, customer=customer)
            if isinstance(built, Result):
                return built
        response = yield built
        return payment_answer(response, self._tables, config, request.reference)

    def customer_request(self, config: ConnectorConfig, request: PaymentRequest) -> HttpRequest:
        """Return the request that makes the customer whom Stripe is to keep the card or receive a transfer for."""
        key = f"{request.idempotency_key}-customer"
        return post(self._tables, config, "/v1/customers", key, customer_form(request))

    def payment_request(
        self, config: ConnectorConfig, request: PaymentRequest, *, capture: bool, customer: str | None = None
    ) -> HttpRequest | Result:
        """Return the request that creates and confirms the intent, or why it cannot be built."""
        amount = provider_amount(self._tables, request.amount)
        if amount is None:
            return not_sent("amount_not_expressible", _INEXPRESSIBLE)
        instrument = request.instrument
        if isinstance(instrument, Card):
            body = payment_form(request, instrument, amount, capture=capture, customer=customer)
        elif not capture:
            return not_sent("method_not_supported", "money of a bank account cannot be held, only taken")
        elif isinstance(instrument, SepaDebit):
            body = debit_form(request, instrument, amount)
        else:
            body = transfer_form(request, instrument, amount, customer)
        return post(self._tables, config, "/v1/payment_intents", request.idempotency_key, body)

    def fund(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Let a transfer arrive on a payment's account, with Stripe's test helper."""
        amount = provider_amount(self._tables, request.amount)
        if amount is None:
            return not_sent("amount_not_expressible", _INEXPRESSIBLE)
        path = f"/v1/test_helpers/customers/{path_part(request.gateway_reference)}/fund_cash_balance"
        body = form([("amount", str(amount)), ("currency", request.amount.currency)])
        response = yield post(self._tables, config, path, request.idempotency_key, body)
        return funding_answer(response, self._tables)

    def verify(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Check and store a card: a confirmed SetupIntent."""
        if not isinstance(request.instrument, Card):
            return not_sent("method_not_supported", _CARDS_ONLY)
        customer = None
        if wants_customer(request):
            response = yield self.customer_request(config, request)
            customer = customer_id(response)
            if customer is None:
                return no_customer(response, self._tables)
        built = self.setup_request(config, request, customer=customer)
        if isinstance(built, Result):
            return built
        response = yield built
        return setup_answer(response, self._tables, config, request.reference)

    def setup_request(
        self, config: ConnectorConfig, request: PaymentRequest, *, customer: str | None = None
    ) -> HttpRequest | Result:
        """Return the request that creates and confirms the setup intent, or why it cannot be built."""
        card = request.instrument
        if not isinstance(card, Card):
            return not_sent("method_not_supported", _CARDS_ONLY)
        body = setup_form(request, card, customer)
        return post(self._tables, config, "/v1/setup_intents", request.idempotency_key, body)

    def complete(self, config: ConnectorConfig, request: CompleteRequest) -> Step:
        """Look at the intent after the shopper's challenge, and confirm it if Stripe waits for that."""
        reference = request.gateway_reference or request.continuation.get("id")
        if not reference:
            return unknown("no_reference", "the challenge left no intent to complete")
        if request.continuation.get("kind") == "setup_intent":
            path = f"/v1/setup_intents/{path_part(reference)}?expand%5B0%5D=payment_method"
            response = yield get(self._tables, config, path)
            return setup_answer(response, self._tables, config, None)
        path = f"/v1/payment_intents/{path_part(reference)}"
        response = yield get(self._tables, config, f"{path}?expand%5B0%5D=latest_charge")
        result = payment_answer(response, self._tables, config, None, after_challenge=True)
        if result.code != inquiry.WAITS:
            return result
        response = yield self.confirm_request(config, request, reference)
        return payment_answer(response, self._tables, config, None, after_challenge=True)

    def confirm_request(self, config: ConnectorConfig, request: CompleteRequest, reference: str) -> HttpRequest:
        """Return the request that confirms an intent which waits for that after its challenge."""
        # A key of its own: the payment's first request may have used the attempt's, and Stripe binds a key to its path.
        key = f"{request.idempotency_key}-confirm"
        path = f"/v1/payment_intents/{path_part(reference)}/confirm"
        return post(self._tables, config, path, key, form([("expand[0]", "latest_charge")]))

    def capture(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Take all or part of an authorisation."""
        built = self.capture_request(config, request)
        if isinstance(built, Result):
            return built
        response = yield built
        return capture_answer(response, self._tables, request)

    def capture_request(self, config: ConnectorConfig, request: FollowOnRequest) -> HttpRequest | Result:
        """Return the request that captures, or why it cannot be built."""
        amount = provider_amount(self._tables, request.amount)
        if amount is None:
            return not_sent("amount_not_expressible", _INEXPRESSIBLE)
        pairs = [("amount_to_capture", str(amount))]
        if not request.final:
            pairs.append(("final_capture", "false"))
        path = f"/v1/payment_intents/{path_part(request.gateway_reference)}/capture"
        return post(self._tables, config, path, request.idempotency_key, form(pairs))

    def increment(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Raise an authorisation to a new total."""
        built = self.increment_request(config, request)
        if isinstance(built, Result):
            return built
        response = yield built
        return increment_answer(response, self._tables, request)

    def increment_request(self, config: ConnectorConfig, request: FollowOnRequest) -> HttpRequest | Result:
        """Return the request that raises the authorisation, or why it cannot be built."""
        amount = provider_amount(self._tables, request.amount)
        if amount is None:
            return not_sent("amount_not_expressible", _INEXPRESSIBLE)
        path = f"/v1/payment_intents/{path_part(request.gateway_reference)}/increment_authorization"
        return post(self._tables, config, path, request.idempotency_key, form([("amount", str(amount))]))

    def void(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Release an authorisation: cancel the intent."""
        response = yield self.void_request(config, request)
        return void_answer(response, self._tables, request)

    def void_request(self, config: ConnectorConfig, request: FollowOnRequest) -> HttpRequest:
        """Return the request that cancels the intent."""
        pairs = [("cancellation_reason", request.reason)] if request.reason in _VOID_REASONS else []
        path = f"/v1/payment_intents/{path_part(request.gateway_reference)}/cancel"
        body = form([(name, value) for name, value in pairs if value])
        return post(self._tables, config, path, request.idempotency_key, body)

    def refund(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Give back all or part of what was captured."""
        built = self.refund_request(config, request)
        if isinstance(built, Result):
            return built
        response = yield built
        return refund_answer(response, self._tables)

    def refund_request(self, config: ConnectorConfig, request: FollowOnRequest) -> HttpRequest | Result:
        """Return the request that refunds, or why it cannot be built."""
        amount = provider_amount(self._tables, request.amount)
        if amount is None:
            return not_sent("amount_not_expressible", _INEXPRESSIBLE)
        pairs = [
            ("payment_intent", request.gateway_reference),
            ("amount", str(amount)),
            (f"metadata[{REFERENCE_KEY}]", request.reference),
        ]
        if request.reason in _REASONS:
            pairs.append(("reason", str(request.reason)))
        return post(self._tables, config, "/v1/refunds", request.idempotency_key, form(pairs))

    def inquire(self, config: ConnectorConfig, request: InquireRequest) -> Generator[HttpRequest, HttpResponse, Result]:
        """Find out what became of an operation; see :mod:`interlock.gateways.stripe.inquiry`."""
        return inquiry.inquire(self, self._tables, config, request)

    def parse_notification(
        self, config: ConnectorConfig, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> list[Notification] | SignatureInvalid:
        """Verify ``Stripe-Signature`` and read the event."""
        return notifications.parse(self._tables, config, headers, body, now_ms)
