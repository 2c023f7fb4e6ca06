"""Endpoints of setup intents and of their attempts."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from interlock.api import public
from interlock.api.authentication import Access
from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.parameters import setup_intents as p
from interlock.api.router import Endpoint
from interlock.api.routes.common import (
    SETUP_CARD_OPTIONS,
    check_client_secret,
    details_of,
    mandate_of,
    method_data,
    one_instrument,
    options_of,
    options_of_browser,
    or_none,
    page_of,
    show_one,
    show_page,
    ways_to_pay,
)
from interlock.base.problems import Problem
from interlock.payments.representation.payment_method import payment_method as show_method
from interlock.payments.representation.setup_intent import attempt_id_of, setup_attempt, setup_intent
from interlock.payments.setup.types import CancelSetup, ConfirmSetup, CreateSetup, SetupIntent, SetupView, UpdateSetup
from interlock.payments.work import Answer, Respond

_DESCRIPTIVE = ("description", "payment_method_types")


def _show(view: SetupView) -> Shown:
    return setup_intent(view.setup_intent)


def _show_public(view: SetupView | SetupIntent) -> Shown:
    value = view.setup_intent if isinstance(view, SetupView) else view
    return public.setup_intent(setup_intent(value))


def _known(view: SetupView) -> Mapping[str, Shown]:
    method = view.payment_method
    return {} if method is None else {method.id: show_method(method)}


def _respond(call: Call[Any]) -> Respond:
    respond = call.responder(_show_public if call.context.publishable else _show, _known)
    service = call.services.rooms.setup_intents
    call.resume = lambda context, intent_id: service.resume(context, intent_id, respond)
    return respond


async def create(call: Call[p.CreateSetupIntent]) -> Answer | Problem:
    """POST /v1/setup_intents."""
    asked = call.parameters
    problem = one_instrument(asked)
    if problem is not None:
        return problem
    details = {**details_of(asked, _DESCRIPTIVE, keep_unset=False), **ways_to_pay(asked, call.version)}
    options = options_of(asked.payment_method_options, SETUP_CARD_OPTIONS)
    if options is not None:
        details["payment_method_options"] = options
    confirm_with = None
    if asked.confirm:
        confirm_with = ConfirmSetup(
            payment_method=or_none(asked.payment_method),
            payment_method_data=method_data(asked.payment_method_data),
            confirmation_token=or_none(asked.confirmation_token),
            return_url=or_none(asked.return_url),
            use_stripe_sdk=asked.use_stripe_sdk,
            mandate_data=mandate_of(call, asked.mandate_data),
            client_ip=call.client_ip,
        )
    command = CreateSetup(
        customer=or_none(asked.customer),
        payment_method=or_none(asked.payment_method),
        payment_method_data=method_data(asked.payment_method_data),
        usage=asked.usage,
        metadata=or_none(asked.metadata),
        details=details,
        confirm=confirm_with,
    )
    return await call.services.rooms.setup_intents.create(call.context, command, _respond(call))


async def get(call: Call[p.GetSetupIntent]) -> Answer | Problem:
    """GET /v1/setup_intents/{intent}."""
    found = await call.services.rooms.setup_intents.get(call.scope, call.ids[0])
    if isinstance(found, Problem):
        return found
    problem = check_client_secret(call, call.parameters.client_secret, found.client_secret, "setup_intent", "intent")
    if problem is not None:
        return problem
    return await show_one(call, found, _show_public if call.context.publishable else setup_intent)


async def update(call: Call[p.UpdateSetupIntent]) -> Answer | Problem:
    """POST /v1/setup_intents/{intent}."""
    asked = call.parameters
    problem = one_instrument(asked)
    if problem is not None:
        return problem
    details = details_of(asked, _DESCRIPTIVE, keep_unset=True)
    options = options_of(asked.payment_method_options, SETUP_CARD_OPTIONS)
    if options is not None:
        details["payment_method_options"] = options
    command = UpdateSetup(
        customer=asked.customer,
        payment_method=asked.payment_method,
        payment_method_data=method_data(asked.payment_method_data),
        metadata=asked.metadata,
        details=details,
    )
    return await call.services.rooms.setup_intents.update(call.context, call.ids[0], command, _respond(call))


async def confirm(call: Call[p.ConfirmSetupIntent]) -> Answer | Problem:
    """POST /v1/setup_intents/{intent}/confirm."""
    asked = call.parameters
    service = call.services.rooms.setup_intents
    problem = one_instrument(asked)
    if problem is not None:
        return problem
    options = options_of(asked.payment_method_options, SETUP_CARD_OPTIONS)
    if call.context.publishable or asked.client_secret is not UNSET:
        found = await service.get(call.scope, call.ids[0])
        if isinstance(found, Problem):
            return found
        problem = check_client_secret(call, asked.client_secret, found.client_secret, "setup_intent", "intent")
        if problem is not None:
            return problem
        if call.context.publishable:
            kept = found.details.get("payment_method_options")
            options = options_of_browser(asked.payment_method_options, kept, SETUP_CARD_OPTIONS)
    command = ConfirmSetup(
        payment_method=or_none(asked.payment_method),
        payment_method_data=method_data(asked.payment_method_data),
        confirmation_token=or_none(asked.confirmation_token),
        return_url=or_none(asked.return_url),
        use_stripe_sdk=asked.use_stripe_sdk,
        mandate_data=mandate_of(call, asked.mandate_data),
        details={} if options is None else {"payment_method_options": options},
        client_ip=call.client_ip,
    )
    return await service.confirm(call.context, call.ids[0], command, _respond(call))


async def cancel(call: Call[p.CancelSetupIntent]) -> Answer | Problem:
    """POST /v1/setup_intents/{intent}/cancel."""
    command = CancelSetup(reason=or_none(call.parameters.cancellation_reason))
    return await call.services.rooms.setup_intents.cancel(call.context, call.ids[0], command, _respond(call))


async def list_(call: Call[p.ListSetupIntents]) -> Answer | Problem:
    """GET /v1/setup_intents."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    of = {"customer": or_none(asked.customer)}
    method = or_none(asked.payment_method)
    found = await call.services.rooms.setup_intents.list(call.scope, page, payment_method=method, **of)
    return await show_page(call, found, setup_intent, of)


async def attempts(call: Call[p.ListSetupAttempts]) -> Answer | Problem:
    """GET /v1/setup_attempts."""
    page = page_of(call.parameters)
    if isinstance(page, Problem):
        return page
    rooms = call.services.rooms
    intent = await rooms.setup_intents.get(call.scope, call.parameters.setup_intent)
    if isinstance(intent, Problem):
        return intent
    after, before = page.starting_after, page.ending_before
    page = msgspec.structs.replace(
        page,
        starting_after=None if after is None else attempt_id_of(after),
        ending_before=None if before is None else attempt_id_of(before),
    )
    found = await rooms.attempts.list(call.scope, page, intent=intent.id)
    methods = await rooms.attempts.methods(call.scope, found.items)
    return await show_page(
        call, found, lambda attempt: setup_attempt(attempt, intent, methods.get(attempt.payment_method_id or ""))
    )


_ONE = "/v1/setup_intents/{intent}"
_KIND = "setup_intent"
ENDPOINTS = (
    Endpoint("POST", "/v1/setup_intents", create, _KIND, p.CreateSetupIntent, summary="Create a setup intent"),
    Endpoint("GET", "/v1/setup_intents", list_, _KIND, p.ListSetupIntents, shape="list", summary="List setup intents"),
    Endpoint("GET", _ONE, get, _KIND, p.GetSetupIntent, access=Access.CLIENT_SECRET, summary="Retrieve a setup intent"),
    Endpoint("POST", _ONE, update, _KIND, p.UpdateSetupIntent, summary="Update a setup intent"),
    Endpoint(
        "POST",
        _ONE + "/confirm",
        confirm,
        _KIND,
        p.ConfirmSetupIntent,
        access=Access.CLIENT_SECRET,
        summary="Confirm a setup intent",
    ),
    Endpoint("POST", _ONE + "/cancel", cancel, _KIND, p.CancelSetupIntent, summary="Cancel a setup intent"),
    Endpoint(
        "GET",
        "/v1/setup_attempts",
        attempts,
        "setup_attempt",
        p.ListSetupAttempts,
        shape="list",
        summary="List the attempts of a setup intent",
    ),
)
