"""How to find out what became of an operation at Stripe whose answer was lost. Called by the Stripe connector only.

In order of certainty:

1. The object's id is known: retrieve it (read-after-write consistent).
2. The very same request can be sent again: Stripe answers a known Idempotency-Key with its first answer for at least
   24 hours, and executes an unknown one, which is what the merchant asked for. A kept 5xx answer is no knowledge, nor
   is a refusal: it may be of the question alone (a key used with other parameters, an account restricted since, a door
   that turns everything away), so the objects themselves are looked at then.
3. Else look for our reference: the search index is quick but lags (documented: under a minute, longer in an outage), so
   an empty search is followed by the list of that window of time, which is consistent. An exhausted list, older than
   the manifest's consistency delay, proves that nothing was executed. A busy shop's list is too long to exhaust: there
   an empty search counts once the index is seen to have passed that time, minutes ago.

A refusal of the *inquiry* (401, 429 …) proves nothing about the payment and stays ``unknown``, however often it comes.
"""

from collections.abc import Callable, Generator
from typing import Protocol
from urllib.parse import quote

import msgspec

from interlock.base.money import from_provider
from interlock.gateways.contract import (
    UNREADABLE,
    CompleteRequest,
    ConnectorConfig,
    FollowOnRequest,
    HttpRequest,
    HttpResponse,
    InquireRequest,
    Operation,
    PaymentRequest,
    Tables,
)
from interlock.gateways.outcomes import Outcome, Result, not_sent, unknown

from .answers import (
    capture_answer,
    customer_id,
    increment_answer,
    payment_answer,
    read_failure,
    refund_answer,
    releases,
    setup_answer,
    unreadable,
    void_answer,
)
from .forms import REFERENCE_KEY, wants_customer
from .http import get, path_part
from .objects import (
    INTENT,
    INTENTS,
    REFUNDS,
    SETUPS,
    Intent,
    IntentPage,
    RefundPage,
    SetupPage,
)

_WINDOW_BEFORE_S = 120
_WINDOW_AFTER_S = 600
_PAGES = 4
_PAGE_SIZE = 100
_SEARCH_TRUSTED_MS = 3_600_000
_SEARCH_PASSED_MS = 300_000  # five times the index's documented lag
_SENT_WITHIN_S = 60  # a request's budget, and as much again for clocks that differ
WAITS = "status_requires_confirmation"
"""The code of an intent that waits to be confirmed after its challenge."""
_CROWDED = "too_many_to_list"
_OK = 200
_SERVER_ERROR = 500
_ABOUT_US = frozenset({401, 403, 409, 429})

_FOLLOW_ON_ANSWERS: dict[Operation, Callable[[HttpResponse, Tables, FollowOnRequest], Result]] = {
    Operation.CAPTURE: capture_answer,
    Operation.INCREMENT: increment_answer,
    Operation.VOID: void_answer,
    Operation.REFUND: refund_answer,
}

Inquiry = Generator[HttpRequest, HttpResponse, Result]
_Page = IntentPage | SetupPage | RefundPage


class Builder(Protocol):
    """What an inquiry needs of the connector: the requests to send again."""

    def payment_request(
        self, config: ConnectorConfig, request: PaymentRequest, *, capture: bool, customer: str | None = None
    ) -> HttpRequest | Result:
        """Return the request that pays."""
        ...

    def customer_request(self, config: ConnectorConfig, request: PaymentRequest) -> HttpRequest:
        """Return the request that makes the customer a stored card belongs to."""
        ...

    def setup_request(
        self, config: ConnectorConfig, request: PaymentRequest, *, customer: str | None = None
    ) -> HttpRequest | Result:
        """Return the request that checks a card."""
        ...

    def confirm_request(self, config: ConnectorConfig, request: CompleteRequest, reference: str) -> HttpRequest:
        """Return the request that confirms after a challenge."""
        ...

    def capture_request(self, config: ConnectorConfig, request: FollowOnRequest) -> HttpRequest | Result:
        """Return the request that captures."""
        ...

    def increment_request(self, config: ConnectorConfig, request: FollowOnRequest) -> HttpRequest | Result:
        """Return the request that increments."""
        ...

    def void_request(self, config: ConnectorConfig, request: FollowOnRequest) -> HttpRequest:
        """Return the request that voids."""
        ...

    def refund_request(self, config: ConnectorConfig, request: FollowOnRequest) -> HttpRequest | Result:
        """Return the request that refunds."""
        ...


def inquire(builder: Builder, tables: Tables, config: ConnectorConfig, request: InquireRequest) -> Inquiry:
    """Return what became of ``request.operation``."""
    original = request.original
    if isinstance(original, FollowOnRequest):
        if request.age_ms < tables.resend_within_ms:
            return (yield from _resend_follow_on(builder, tables, config, request, original))
        return (yield from _look_at_follow_on(tables, config, request, original))
    reference = request.gateway_reference
    if reference is None and isinstance(original, CompleteRequest):
        reference = original.gateway_reference or original.continuation.get("id")
    if reference:
        result = yield from _retrieve(tables, config, request, reference)
        if result.code == WAITS and isinstance(original, CompleteRequest):
            return (yield from _confirm(builder, tables, config, original, reference))
        return result
    if isinstance(original, PaymentRequest) and request.identical and request.age_ms < tables.resend_within_ms:
        return (yield from _resend_payment(builder, tables, config, request, original))
    if request.operation in {Operation.CAPTURE, Operation.INCREMENT, Operation.VOID, Operation.REFUND}:
        return unknown("nothing_to_look_for", "neither the payment nor the original request is known")
    return (yield from _find(tables, config, request))


def _retrieve(tables: Tables, config: ConnectorConfig, request: InquireRequest, reference: str) -> Inquiry:
    if request.operation is Operation.REFUND:
        response = yield get(tables, config, f"/v1/refunds/{path_part(reference)}")
        return refund_answer(response, tables) if response.status == _OK else _nothing_proven(response)
    setup = request.operation is Operation.VERIFY or reference.startswith("seti_")
    collection, expand = ("setup_intents", "payment_method") if setup else ("payment_intents", "latest_charge")
    response = yield get(tables, config, f"/v1/{collection}/{path_part(reference)}?expand%5B0%5D={expand}")
    if response.status != _OK:
        return _nothing_proven(response)
    expected = None if request.operation is Operation.COMPLETE else request.reference
    if setup:
        return setup_answer(response, tables, config, expected)
    return payment_answer(response, tables, config, expected)


def _confirm(
    builder: Builder, tables: Tables, config: ConnectorConfig, original: CompleteRequest, reference: str
) -> Inquiry:
    """Send a completion that has not arrived: the intent still waits for it."""
    response = yield builder.confirm_request(config, original, reference)
    if response.status in _ABOUT_US or response.status >= _SERVER_ERROR:
        return _nothing_proven(response)
    return payment_answer(response, tables, config, None, after_challenge=True)


def _resend_payment(
    builder: Builder, tables: Tables, config: ConnectorConfig, request: InquireRequest, original: PaymentRequest
) -> Inquiry:
    customer = None
    if wants_customer(original):
        response = yield builder.customer_request(config, original)
        customer = customer_id(response)
        if customer is None:
            return _nothing_proven(response)
    checks_card = request.operation is Operation.VERIFY
    if checks_card:
        built: HttpRequest | Result = builder.setup_request(config, original, customer=customer)
    else:
        capture = request.operation is Operation.SALE
        built = builder.payment_request(config, original, capture=capture, customer=customer)
    if isinstance(built, Result):
        return built
    response = yield built
    if response.status in _ABOUT_US:
        return _nothing_proven(response)
    if response.status >= _SERVER_ERROR or _names_the_key(response):
        return (yield from _find(tables, config, request))
    read = setup_answer if checks_card else payment_answer
    result = read(response, tables, config, original.reference)
    if result.outcome is not Outcome.REFUSED:
        return result
    return _refused_if_absent(result, (yield from _find(tables, config, request)))


def _names_the_key(response: HttpResponse) -> bool:
    """Return True when Stripe knows the key from a request with other parameters: it came, and can be looked for."""
    failure = read_failure(response) if response.status != _OK else None
    return failure is not None and failure.type == "idempotency_error"


def _refused_if_absent(refusal: Result, looked: Result) -> Result:
    """Return what a look at the objects proved after a resend was refused: the refusal, where nothing is there."""
    return refusal if looked.outcome is Outcome.NOT_SENT else looked


def _resend_follow_on(
    builder: Builder, tables: Tables, config: ConnectorConfig, request: InquireRequest, original: FollowOnRequest
) -> Inquiry:
    build: dict[Operation, Callable[[ConnectorConfig, FollowOnRequest], HttpRequest | Result]] = {
        Operation.CAPTURE: builder.capture_request,
        Operation.INCREMENT: builder.increment_request,
        Operation.VOID: builder.void_request,
        Operation.REFUND: builder.refund_request,
    }
    if request.operation not in build:
        return unknown("nothing_to_look_for", f"{request.operation} is no follow-on operation")
    built = build[request.operation](config, original)
    if isinstance(built, Result):
        return built
    response = yield built
    if response.status in _ABOUT_US:
        return _nothing_proven(response)
    if response.status >= _SERVER_ERROR:
        return (yield from _look_at_follow_on(tables, config, request, original))
    result = _FOLLOW_ON_ANSWERS[request.operation](response, tables, original)
    if result.outcome is not Outcome.REFUSED:
        return result
    return _refused_if_absent(result, (yield from _look_at_follow_on(tables, config, request, original)))


def _look_at_follow_on(
    tables: Tables, config: ConnectorConfig, request: InquireRequest, original: FollowOnRequest
) -> Inquiry:
    """Settle a follow-on whose key Stripe may have forgotten by what the payment shows; nothing is sent again."""
    payment = path_part(original.gateway_reference)
    if request.operation is Operation.REFUND:
        found: str | Result | None = request.gateway_reference
        if found is None:
            path = f"/v1/refunds?payment_intent={payment}&limit={_PAGE_SIZE}"
            found = yield from _search_pages(tables, config, request, path, REFUNDS)
        if isinstance(found, Result):
            return found
        return (yield from _retrieve(tables, config, request, found))
    response = yield get(tables, config, f"/v1/payment_intents/{payment}?expand%5B0%5D=latest_charge")
    if response.status != _OK:
        return _nothing_proven(response)
    try:
        intent = INTENT.decode(response.body)
    except UNREADABLE:
        return unreadable(response)
    if not _shows(intent, tables, request.operation, original):
        return _not_found(tables, request)
    return _FOLLOW_ON_ANSWERS[request.operation](response, tables, original)


def _shows(intent: Intent, tables: Tables, operation: Operation, original: FollowOnRequest) -> bool:
    """Return True when the intent shows that the follow-on was executed."""
    if operation is Operation.VOID:
        return releases(intent, tables, original)
    amount = intent.amount if operation is Operation.INCREMENT else intent.amount_received
    money = from_provider(amount, intent.currency, tables.currency_exponents)
    if money is None or money.currency != original.amount.currency:
        return False
    before = original.captured_before_minor if operation is Operation.CAPTURE else 0
    return money.amount_minor >= before + original.amount.amount_minor


def _find(tables: Tables, config: ConnectorConfig, request: InquireRequest) -> Inquiry:
    """Look for our reference among payments or card checks whose id never came."""
    searched = False
    if request.operation is not Operation.VERIFY:
        query = quote(f"metadata['{REFERENCE_KEY}']:'{request.reference}'", safe="")
        response = yield get(tables, config, f"/v1/payment_intents/search?query={query}&limit=2")
        page = _page(response, INTENTS)
        found = _match(page, request.reference) if page else None
        if found:
            return (yield from _retrieve(tables, config, request, found))
        searched = page is not None
        if searched and request.age_ms >= _SEARCH_TRUSTED_MS:
            return _not_found(tables, request)
    if not request.sent_at_ms:
        return unknown("not_found_yet", "the search shows nothing, and no time was given to list by")
    sent = request.sent_at_ms // 1000
    # What is sent again under its key may have been executed at any time since.
    until = sent + (
        max(_WINDOW_AFTER_S, request.age_ms // 1000 + _SENT_WITHIN_S) if request.identical else _WINDOW_AFTER_S
    )
    window = f"created%5Bgte%5D={sent - _WINDOW_BEFORE_S}&created%5Blte%5D={until}&limit={_PAGE_SIZE}"
    if request.operation is Operation.VERIFY:
        outcome = yield from _search_pages(tables, config, request, f"/v1/setup_intents?{window}", SETUPS)
    else:
        outcome = yield from _search_pages(tables, config, request, f"/v1/payment_intents?{window}", INTENTS)
    if isinstance(outcome, Result):
        if outcome.code == _CROWDED and searched and (yield from _search_has_passed(tables, config, request)):
            return _not_found(tables, request)
        return outcome
    return (yield from _retrieve(tables, config, request, outcome))


def _search_has_passed(
    tables: Tables, config: ConnectorConfig, request: InquireRequest
) -> Generator[HttpRequest, HttpResponse, bool]:
    """Return True when the search index, minutes later, shows payments made after ``request`` could have been sent.

    Not for requests that are sent again: the last time may be now.
    """
    if request.identical or request.age_ms < _SEARCH_PASSED_MS:
        return False
    query = quote(f"created>{request.sent_at_ms // 1000 + _SENT_WITHIN_S}", safe="")
    response = yield get(tables, config, f"/v1/payment_intents/search?query={query}&limit=1")
    page = _page(response, INTENTS)
    return page is not None and bool(page.data)


def _search_pages(
    tables: Tables,
    config: ConnectorConfig,
    request: InquireRequest,
    path: str,
    decoder: msgspec.json.Decoder[IntentPage] | msgspec.json.Decoder[SetupPage] | msgspec.json.Decoder[RefundPage],
) -> Generator[HttpRequest, HttpResponse, str | Result]:
    """Return the id of the object that carries our reference, or what its absence proves."""
    cursor = ""
    for _ in range(_PAGES):
        response = yield get(tables, config, path + cursor)
        page = _page(response, decoder)
        if page is None:
            return _nothing_proven(response)
        found = _match(page, request.reference)
        if found:
            return found
        if not page.has_more or not page.data:
            return _not_found(tables, request)
        cursor = f"&starting_after={path_part(page.data[-1].id)}"
    return unknown(_CROWDED, f"not among the first {_PAGES * _PAGE_SIZE} of its time")


def _page(
    response: HttpResponse,
    decoder: msgspec.json.Decoder[IntentPage] | msgspec.json.Decoder[SetupPage] | msgspec.json.Decoder[RefundPage],
) -> _Page | None:
    if response.status != _OK:
        return None
    try:
        return decoder.decode(response.body)
    except UNREADABLE:
        return None


def _match(page: _Page, reference: str) -> str | None:
    for item in page.data:
        if item.metadata.get(REFERENCE_KEY) == reference:
            return item.id
    return None


def _not_found(tables: Tables, request: InquireRequest) -> Result:
    if request.age_ms < tables.inquiry_delay_ms:
        return unknown("not_found_yet", "younger than Stripe's consistency delay")
    return not_sent("not_found", "Stripe holds nothing under our reference")


def _nothing_proven(response: HttpResponse) -> Result:
    return unknown("inquiry_failed", f"HTTP {response.status}")
