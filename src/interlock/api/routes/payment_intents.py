"""Endpoints of payment intents."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from interlock.api import public
from interlock.api.authentication import Access
from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.parameters import payment_intents as p
from interlock.api.parameters.base import Search
from interlock.api.router import Endpoint
from interlock.api.routes.common import (
    CARD_OPTIONS,
    check_client_secret,
    details_of,
    mandate_of,
    method_data,
    money_of,
    one_instrument,
    options_of,
    options_of_browser,
    or_none,
    page_of,
    show_one,
    show_page,
    ways_to_pay,
)
from interlock.api.routes.searching import search
from interlock.base.problems import Problem, invalid
from interlock.payments.intents.types import (
    INTENTS,
    CancelIntent,
    CaptureIntent,
    ConfirmIntent,
    CreateIntent,
    IncrementIntent,
    Intent,
    IntentView,
    UpdateIntent,
)
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.representation.payment_intent import payment_intent as show_intent
from interlock.payments.representation.payment_intent import payment_intent_json
from interlock.payments.representation.payment_method import payment_method as show_method
from interlock.payments.work import Answer, Respond

_DESCRIPTIVE = (
    "amount_details",
    "description",
    "payment_details",
    "payment_method_types",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_ON_CONFIRM = ("amount_details", "payment_details", "payment_method_types", "receipt_email", "shipping")
_ON_CAPTURE = ("amount_details", "payment_details", "statement_descriptor", "statement_descriptor_suffix")
_ON_INCREMENT = ("amount_details", "description", "payment_details", "statement_descriptor")


def _show_view(view: IntentView) -> bytes:
    return payment_intent_json(view.intent)


def _show_public(view: IntentView | Intent) -> Shown:
    intent = view.intent if isinstance(view, IntentView) else view
    return public.payment_intent(show_intent(intent))


def _known(view: IntentView) -> Mapping[str, Shown]:
    known: dict[str, Shown] = {}
    if view.charge is not None:
        known[view.charge.id] = show_charge(view.charge)
    if view.payment_method is not None:
        known[view.payment_method.id] = show_method(view.payment_method)
    return known


def _respond(call: Call[Any]) -> Respond:
    render = _show_public if call.context.publishable else _show_view
    respond = call.responder(render, _known)
    intents = call.services.rooms.intents
    call.resume = lambda context, intent_id: intents.resume(context, intent_id, respond)
    return respond


def _respond_to_follow_on(call: Call[Any]) -> Respond:
    """Return the responder of a capture, cancel or increment, which a retry resumes from its own attempt."""
    respond, follow_ons = _respond(call), call.services.rooms.follow_ons
    call.resume = lambda context, attempt_id: follow_ons.resume(context, attempt_id, respond)
    return respond


def _capture_method(given: p.CaptureMethod | UnsetType, options: Any) -> str | UnsetType:
    """Return the capture method; the card's own ``capture_method=manual`` wins."""
    card = UNSET if options is UNSET else options.card
    if card is not UNSET and card is not None and card.capture_method == "manual":
        return "manual"
    return given


def _future_usage(given: str | UnsetType | None, options: Any) -> str | UnsetType | None:
    """Return ``setup_future_usage``; the card's own, where given, wins."""
    card = UNSET if options is UNSET else options.card
    if card is UNSET or card is None or card.setup_future_usage is UNSET:
        return given
    return None if card.setup_future_usage == "none" else card.setup_future_usage


def _usage_given_up(intent: Intent, usage: str | UnsetType | None) -> Problem | None:
    """Return the refusal of a browser that takes back how the shop will use the card later, as the published API does.

    The shopper has agreed to what the shop's server asked for: more may be agreed to in the page, but not less.
    """
    kept = intent.setup_future_usage
    if usage is UNSET or kept is None or usage in {kept, "off_session"}:
        return None
    return invalid(
        f"setup_future_usage is {kept}: with a publishable API key it can only be changed from on_session to "
        "off_session.",
        code="secret_key_required",
        param="setup_future_usage",
    )


async def create(call: Call[p.CreatePaymentIntent]) -> Answer | Problem:
    """POST /v1/payment_intents."""
    asked = call.parameters
    problem = one_instrument(asked)
    if problem is not None:
        return problem
    amount = money_of(asked.amount, asked.currency)
    if isinstance(amount, Problem):
        return amount
    details = {**details_of(asked, _DESCRIPTIVE, keep_unset=False), **ways_to_pay(asked, call.version)}
    options = options_of(asked.payment_method_options, CARD_OPTIONS)
    if options is not None:
        details["payment_method_options"] = options
    elif asked.payment_method_types is not UNSET and "card" not in asked.payment_method_types:
        details["payment_method_options"] = {kind: {} for kind in asked.payment_method_types}
    capture = _capture_method(asked.capture_method, asked.payment_method_options)
    usage = _future_usage(asked.setup_future_usage, asked.payment_method_options)
    command = CreateIntent(
        amount=amount,
        customer=or_none(asked.customer),
        payment_method=or_none(asked.payment_method),
        payment_method_data=method_data(asked.payment_method_data),
        confirmation_token=or_none(asked.confirmation_token),
        capture_method="automatic_async" if capture is UNSET else capture,
        confirmation_method="automatic" if asked.confirmation_method is UNSET else asked.confirmation_method,
        setup_future_usage=or_none(usage),
        metadata=or_none(asked.metadata),
        details=details,
        confirm=_confirm_at_once(call) if asked.confirm else None,
    )
    return await call.services.rooms.intents.create(call.context, command, _respond(call))


def _confirm_at_once(call: Call[p.CreatePaymentIntent]) -> ConfirmIntent:
    asked = call.parameters
    return ConfirmIntent(
        payment_method=or_none(asked.payment_method),
        payment_method_data=method_data(asked.payment_method_data),
        confirmation_token=or_none(asked.confirmation_token),
        return_url=or_none(asked.return_url),
        off_session=bool(asked.off_session),
        error_on_requires_action=asked.error_on_requires_action,
        use_stripe_sdk=asked.use_stripe_sdk,
        mandate=or_none(asked.mandate),
        mandate_data=mandate_of(call, asked.mandate_data),
        client_ip=call.client_ip,
    )


async def get(call: Call[p.GetPaymentIntent]) -> Answer | Problem:
    """GET /v1/payment_intents/{intent}."""
    found = await call.services.rooms.intents.get(call.scope, call.ids[0])
    if isinstance(found, Problem):
        return found
    problem = check_client_secret(call, call.parameters.client_secret, found.client_secret, "payment_intent", "intent")
    if problem is not None:
        return problem
    return await show_one(call, found, _show_public if call.context.publishable else show_intent)


async def update(call: Call[p.UpdatePaymentIntent]) -> Answer | Problem:
    """POST /v1/payment_intents/{intent}."""
    asked = call.parameters
    problem = one_instrument(asked)
    if problem is not None:
        return problem
    details = details_of(asked, _DESCRIPTIVE, keep_unset=True)
    options = options_of(asked.payment_method_options, CARD_OPTIONS)
    if options is not None:
        details["payment_method_options"] = options
    command = UpdateIntent(
        amount=asked.amount,
        currency=asked.currency if asked.currency is UNSET else asked.currency.lower(),
        customer=asked.customer,
        payment_method=asked.payment_method,
        payment_method_data=method_data(asked.payment_method_data),
        capture_method=_capture_method(asked.capture_method, asked.payment_method_options),
        setup_future_usage=_future_usage(asked.setup_future_usage, asked.payment_method_options),
        metadata=asked.metadata,
        details=details,
    )
    return await call.services.rooms.intents.update(call.context, call.ids[0], command, _respond(call))


async def confirm(call: Call[p.ConfirmPaymentIntent]) -> Answer | Problem:
    """POST /v1/payment_intents/{intent}/confirm."""
    asked = call.parameters
    intents = call.services.rooms.intents
    problem = one_instrument(asked)
    if problem is not None:
        return problem
    options = options_of(asked.payment_method_options, CARD_OPTIONS)
    if call.context.publishable or asked.client_secret is not UNSET:
        found = await intents.get(call.scope, call.ids[0])
        if isinstance(found, Problem):
            return found
        problem = check_client_secret(call, asked.client_secret, found.client_secret, "payment_intent", "intent")
        if problem is None and call.context.publishable:
            problem = _usage_given_up(found, _future_usage(asked.setup_future_usage, asked.payment_method_options))
            kept = found.details.get("payment_method_options")
            options = options_of_browser(asked.payment_method_options, kept, CARD_OPTIONS)
        if problem is not None:
            return problem
    details = details_of(asked, _ON_CONFIRM, keep_unset=True)
    if options is not None:
        details["payment_method_options"] = options
    command = ConfirmIntent(
        payment_method=or_none(asked.payment_method),
        payment_method_data=method_data(asked.payment_method_data),
        confirmation_token=or_none(asked.confirmation_token),
        return_url=or_none(asked.return_url),
        off_session=bool(asked.off_session),
        setup_future_usage=_future_usage(asked.setup_future_usage, asked.payment_method_options),
        capture_method=_capture_method(asked.capture_method, asked.payment_method_options),
        error_on_requires_action=asked.error_on_requires_action,
        use_stripe_sdk=asked.use_stripe_sdk,
        mandate=or_none(asked.mandate),
        mandate_data=mandate_of(call, asked.mandate_data),
        details=details,
        client_ip=call.client_ip,
    )
    return await intents.confirm(call.context, call.ids[0], command, _respond(call))


async def capture(call: Call[p.CapturePaymentIntent]) -> Answer | Problem:
    """POST /v1/payment_intents/{intent}/capture."""
    asked = call.parameters
    command = CaptureIntent(
        amount=or_none(asked.amount_to_capture),
        final=asked.final_capture,
        metadata=asked.metadata,
        details=details_of(asked, _ON_CAPTURE, keep_unset=True),
    )
    respond = _respond_to_follow_on(call)
    return await call.services.rooms.follow_ons.capture(call.context, call.ids[0], command, respond)


async def cancel(call: Call[p.CancelPaymentIntent]) -> Answer | Problem:
    """POST /v1/payment_intents/{intent}/cancel."""
    command = CancelIntent(reason=or_none(call.parameters.cancellation_reason))
    respond = _respond_to_follow_on(call)
    return await call.services.rooms.follow_ons.cancel(call.context, call.ids[0], command, respond)


async def increment(call: Call[p.IncrementPaymentIntent]) -> Answer | Problem:
    """POST /v1/payment_intents/{intent}/increment_authorization."""
    asked = call.parameters
    command = IncrementIntent(
        amount=asked.amount, metadata=asked.metadata, details=details_of(asked, _ON_INCREMENT, keep_unset=True)
    )
    respond = _respond_to_follow_on(call)
    return await call.services.rooms.follow_ons.increment(call.context, call.ids[0], command, respond)


async def list_(call: Call[p.ListPaymentIntents]) -> Answer | Problem:
    """GET /v1/payment_intents."""
    page = page_of(call.parameters)
    if isinstance(page, Problem):
        return page
    of = {"customer": or_none(call.parameters.customer)}
    return await show_page(call, await call.services.rooms.intents.list(call.scope, page, **of), show_intent, of)


async def search_(call: Call[Search]) -> Answer | Problem:
    """GET /v1/payment_intents/search."""
    return await search(call, INTENTS, show_intent)


_ONE = "/v1/payment_intents/{intent}"
_KIND = "payment_intent"
ENDPOINTS = (
    Endpoint("POST", "/v1/payment_intents", create, _KIND, p.CreatePaymentIntent, summary="Create a payment intent"),
    Endpoint("GET", "/v1/payment_intents", list_, _KIND, p.ListPaymentIntents, shape="list", summary="List intents"),
    Endpoint("GET", "/v1/payment_intents/search", search_, _KIND, Search, shape="search", summary="Search intents"),
    Endpoint(
        "GET", _ONE, get, _KIND, p.GetPaymentIntent, access=Access.CLIENT_SECRET, summary="Retrieve a payment intent"
    ),
    Endpoint("POST", _ONE, update, _KIND, p.UpdatePaymentIntent, summary="Update a payment intent"),
    Endpoint(
        "POST",
        _ONE + "/confirm",
        confirm,
        _KIND,
        p.ConfirmPaymentIntent,
        access=Access.CLIENT_SECRET,
        summary="Confirm a payment intent",
    ),
    Endpoint("POST", _ONE + "/capture", capture, _KIND, p.CapturePaymentIntent, summary="Capture an authorisation"),
    Endpoint("POST", _ONE + "/cancel", cancel, _KIND, p.CancelPaymentIntent, summary="Cancel a payment intent"),
    Endpoint(
        "POST",
        _ONE + "/increment_authorization",
        increment,
        _KIND,
        p.IncrementPaymentIntent,
        summary="Raise an authorisation",
    ),
)
