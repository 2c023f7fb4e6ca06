"""Endpoints of payment methods, tokens, confirmation tokens and mandates."""

from typing import Any

from msgspec import UNSET

from interlock.api.authentication import Access
from interlock.api.call import Call
from interlock.api.parameters import payment_methods as p
from interlock.api.parameters import tokens as t
from interlock.api.parameters.base import given
from interlock.api.router import Endpoint
from interlock.api.routes.common import (
    details_of,
    legacy_card,
    mandate_of,
    method_data,
    or_none,
    page_of,
    show_one,
    show_page,
)
from interlock.base.errors import InvariantError
from interlock.base.problems import Problem
from interlock.payments.instruments.types import CreateConfirmationToken, UpdatePaymentMethod
from interlock.payments.representation.confirmation_token import confirmation_token as show_confirmation_token
from interlock.payments.representation.mandate import mandate as show_mandate
from interlock.payments.representation.payment_method import payment_method as show_method
from interlock.payments.representation.token import token as show_token
from interlock.payments.work import Answer


async def create(call: Call[p.CreatePaymentMethod]) -> Answer | Problem:
    """POST /v1/payment_methods."""
    data = method_data(call.parameters)
    if data is None:
        raise InvariantError("parameters of a payment method without a payment method")
    return await call.services.rooms.payment_methods.create(call.context, data, call.responder(show_method))


async def get(call: Call[Any]) -> Answer | Problem:
    """GET /v1/payment_methods/{payment_method}."""
    return await show_one(call, await call.services.rooms.payment_methods.get(call.scope, call.ids[0]), show_method)


async def update(call: Call[p.UpdatePaymentMethod]) -> Answer | Problem:
    """POST /v1/payment_methods/{payment_method}."""
    asked = call.parameters
    card = None if asked.card is UNSET else asked.card
    command = UpdatePaymentMethod(
        billing_details={} if asked.billing_details is UNSET else given(asked.billing_details),
        exp_month=UNSET if card is None else card.exp_month,
        exp_year=UNSET if card is None else card.exp_year,
        preferred_network=UNSET if card is None or card.networks is UNSET else card.networks.preferred,
        allow_redisplay=asked.allow_redisplay,
        metadata=asked.metadata,
    )
    service = call.services.rooms.payment_methods
    return await service.update(call.context, call.ids[0], command, call.responder(show_method))


async def attach(call: Call[p.AttachPaymentMethod]) -> Answer | Problem:
    """POST /v1/payment_methods/{payment_method}/attach."""
    service = call.services.rooms.payment_methods
    return await service.attach(call.context, call.ids[0], call.parameters.customer, call.responder(show_method))


async def detach(call: Call[Any]) -> Answer | Problem:
    """POST /v1/payment_methods/{payment_method}/detach."""
    service = call.services.rooms.payment_methods
    return await service.detach(call.context, call.ids[0], call.responder(show_method))


async def list_(call: Call[p.ListPaymentMethods]) -> Answer | Problem:
    """GET /v1/payment_methods."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    found = await call.services.rooms.payment_methods.list(
        call.scope,
        page,
        customer_id=or_none(asked.customer),
        kind=or_none(asked.type),
        allow_redisplay=or_none(asked.allow_redisplay),
    )
    return await show_page(call, found, show_method)


async def create_token(call: Call[t.CreateToken]) -> Answer | Problem:
    """POST /v1/tokens."""
    asked = call.parameters.card
    card = None
    if asked is not UNSET:
        card = legacy_card(asked)
    service = call.services.rooms.tokens
    return await service.create(call.context, card, call.client_ip, call.responder(show_token))


async def get_token(call: Call[Any]) -> Answer | Problem:
    """GET /v1/tokens/{token}."""
    return await show_one(call, await call.services.rooms.tokens.get(call.scope, call.ids[0]), show_token)


async def create_confirmation_token(call: Call[t.CreateConfirmationToken]) -> Answer | Problem:
    """POST /v1/confirmation_tokens and /v1/test_helpers/confirmation_tokens."""
    asked = call.parameters
    details = details_of(asked, ("payment_method_options", "shipping"), keep_unset=False)
    mandate_data = mandate_of(call, asked.mandate_data)
    if mandate_data is not None:
        details["mandate_data"] = mandate_data
    command = CreateConfirmationToken(
        payment_method=or_none(asked.payment_method),
        payment_method_data=method_data(asked.payment_method_data),
        return_url=or_none(asked.return_url),
        setup_future_usage=or_none(asked.setup_future_usage),
        use_stripe_sdk=asked.use_stripe_sdk,
        details=details,
    )
    service = call.services.rooms.confirmation_tokens
    return await service.create(call.context, command, call.responder(show_confirmation_token))


async def get_confirmation_token(call: Call[Any]) -> Answer | Problem:
    """GET /v1/confirmation_tokens/{confirmation_token}."""
    found = await call.services.rooms.confirmation_tokens.get(call.scope, call.ids[0])
    return await show_one(call, found, show_confirmation_token)


async def get_mandate(call: Call[Any]) -> Answer | Problem:
    """GET /v1/mandates/{mandate}."""
    return await show_one(call, await call.services.rooms.mandates.get(call.scope, call.ids[0]), show_mandate)


_ALL = "/v1/payment_methods"
_ONE = "/v1/payment_methods/{payment_method}"
_KIND = "payment_method"
ENDPOINTS = (
    Endpoint(
        "POST", _ALL, create, _KIND, p.CreatePaymentMethod, access=Access.PUBLISHABLE, summary="Create a payment method"
    ),
    Endpoint("GET", _ALL, list_, _KIND, p.ListPaymentMethods, shape="list", summary="List payment methods"),
    Endpoint("GET", _ONE, get, _KIND, summary="Retrieve a payment method"),
    Endpoint("POST", _ONE, update, _KIND, p.UpdatePaymentMethod, summary="Update a payment method"),
    Endpoint("POST", _ONE + "/attach", attach, _KIND, p.AttachPaymentMethod, summary="Attach to a customer"),
    Endpoint("POST", _ONE + "/detach", detach, _KIND, summary="Detach from its customer"),
    Endpoint(
        "POST", "/v1/tokens", create_token, "token", t.CreateToken, access=Access.PUBLISHABLE, summary="Tokenise a card"
    ),
    Endpoint("GET", "/v1/tokens/{token}", get_token, "token", summary="Retrieve a token"),
    Endpoint(
        "POST",
        "/v1/confirmation_tokens",
        create_confirmation_token,
        "confirmation_token",
        t.CreateConfirmationToken,
        access=Access.PUBLISHABLE,
        summary="Create a confirmation token in a browser",
    ),
    Endpoint(
        "POST",
        "/v1/test_helpers/confirmation_tokens",
        create_confirmation_token,
        "confirmation_token",
        t.CreateConfirmationToken,
        summary="Create a confirmation token for a test",
    ),
    Endpoint(
        "GET",
        "/v1/confirmation_tokens/{confirmation_token}",
        get_confirmation_token,
        "confirmation_token",
        summary="Retrieve a confirmation token",
    ),
    Endpoint("GET", "/v1/mandates/{mandate}", get_mandate, "mandate", summary="Retrieve a mandate"),
)
