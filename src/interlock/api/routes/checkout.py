"""Endpoints of checkout sessions, and their hosted pages."""

from typing import Any

from msgspec import UNSET

from interlock.api import answers
from interlock.api.authentication import Access
from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.parameters import checkout as p
from interlock.api.parameters.base import given
from interlock.api.router import Endpoint
from interlock.api.routes.catalogue import unit_amount
from interlock.api.routes.common import (
    CARD_OPTIONS,
    details_of,
    method_data,
    no_such_cursor,
    options_of,
    or_none,
    page_of,
    show_one,
    show_page,
)
from interlock.base.problems import Problem
from interlock.payments.checkout.types import (
    CheckoutSession,
    ConfirmPage,
    CreateSession,
    LineItemData,
    PaymentPage,
    PriceData,
    UpdateSession,
)
from interlock.payments.representation.checkout_session import (
    checkout_session,
    line_item,
    payment_page,
)
from interlock.payments.work import Answer

_DETAILS = (
    "after_expiration",
    "allow_promotion_codes",
    "billing_address_collection",
    "cancel_url",
    "consent_collection",
    "custom_fields",
    "custom_text",
    "customer_creation",
    "customer_update",
    "integration_identifier",
    "locale",
    "origin_context",
    "payment_intent_data",
    "payment_method_collection",
    "payment_method_data",
    "payment_method_types",
    "permissions",
    "phone_number_collection",
    "redirect_on_completion",
    "return_url",
    "saved_payment_method_options",
    "setup_intent_data",
    "shipping_address_collection",
    "submit_type",
    "success_url",
    "ui_mode",
    "wallet_options",
)


def _show(call: Call[Any], session: CheckoutSession) -> Shown:
    return checkout_session(session, call.services.rooms.checkout_base_url)


def _line(index: int, line: p.SessionLine) -> LineItemData | Problem:
    if line.price_data is UNSET:
        return LineItemData(quantity=line.quantity, price=or_none(line.price))
    data = line.price_data
    amount = unit_amount(data.unit_amount, data.unit_amount_decimal, f"line_items[{index}][price_data][unit_amount]")
    if isinstance(amount, Problem):
        return amount
    price_data = PriceData(
        currency=data.currency.lower(),
        unit_amount=amount,
        product=or_none(data.product),
        product_data=None if data.product_data is UNSET else given(data.product_data),
        tax_behavior="unspecified" if data.tax_behavior is UNSET else data.tax_behavior,
    )
    return LineItemData(quantity=line.quantity, price=or_none(line.price), price_data=price_data)


async def create(call: Call[p.CreateSession]) -> Answer | Problem:
    """POST /v1/checkout/sessions."""
    asked = call.parameters
    lines: list[LineItemData] = []
    for index, line in enumerate(asked.line_items):
        item = _line(index, line)
        if isinstance(item, Problem):
            return item
        lines.append(item)
    details = details_of(asked, _DETAILS, keep_unset=False)
    options = options_of(asked.payment_method_options, CARD_OPTIONS)
    if options is not None:
        details["payment_method_options"] = options
    command = CreateSession(
        mode=asked.mode,
        line_items=lines,
        currency=or_none(asked.currency),
        customer=or_none(asked.customer),
        customer_email=or_none(asked.customer_email),
        client_reference_id=or_none(asked.client_reference_id),
        expires_at_ms=None if asked.expires_at is UNSET else asked.expires_at * 1000,
        metadata=or_none(asked.metadata),
        details=details,
    )
    service = call.services.rooms.sessions
    return await service.create(call.context, command, call.responder(lambda view: _show(call, view)))


async def get(call: Call[Any]) -> Answer | Problem:
    """GET /v1/checkout/sessions/{session}."""
    found = await call.services.rooms.sessions.get(call.scope, call.ids[0])
    return await show_one(call, found, lambda session: _show(call, session))


async def list_(call: Call[p.ListSessions]) -> Answer | Problem:
    """GET /v1/checkout/sessions."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    if asked.payment_link is not UNSET or asked.subscription is not UNSET:
        return await call.show_list([], has_more=False)  # no session here is of either
    of = {"customer": or_none(asked.customer), "payment_intent": or_none(asked.payment_intent)}
    found = await call.services.rooms.sessions.list(call.scope, page, status=or_none(asked.status), **of)
    return await show_page(call, found, lambda session: _show(call, session), of)


async def update(call: Call[p.UpdateSession]) -> Answer | Problem:
    """POST /v1/checkout/sessions/{session}."""
    asked = call.parameters
    command = UpdateSession(
        metadata=asked.metadata, details=details_of(asked, ("collected_information",), keep_unset=True)
    )
    service = call.services.rooms.sessions
    return await service.update(call.context, call.ids[0], command, call.responder(lambda view: _show(call, view)))


async def expire(call: Call[Any]) -> Answer | Problem:
    """POST /v1/checkout/sessions/{session}/expire."""
    service = call.services.rooms.sessions
    return await service.expire(call.context, call.ids[0], call.responder(lambda view: _show(call, view)))


async def line_items(call: Call[p.ListLineItems]) -> Answer | Problem:
    """GET /v1/checkout/sessions/{session}/line_items."""
    asked = call.parameters
    found = await call.services.rooms.sessions.get(call.scope, call.ids[0])
    if isinstance(found, Problem):
        return found
    ids = [item.id for item in found.line_items]
    cursor = or_none(asked.starting_after) or or_none(asked.ending_before)
    if cursor is not None and cursor not in ids:
        return no_such_cursor(asked, call.context.path)
    start, end = 0, asked.limit
    if asked.starting_after is not UNSET:
        start = ids.index(asked.starting_after) + 1
        end = start + asked.limit
    elif asked.ending_before is not UNSET:
        end = ids.index(asked.ending_before)
        start = max(0, end - asked.limit)
    shown = [line_item(item, found) for item in found.line_items[start:end]]
    more = start > 0 if asked.ending_before is not UNSET else len(ids) > end
    return await call.show(answers.list_object(shown, call.context.path, has_more=more))


async def get_page(call: Call[Any]) -> Answer | Problem:
    """GET /v1/payment_pages/{session}."""
    found = await call.services.rooms.payment_pages.get(call.scope, call.ids[0])
    base_url = call.services.rooms.checkout_base_url
    return await show_one(call, found, lambda page: payment_page(page, base_url))


async def confirm_page(call: Call[p.ConfirmPage]) -> Answer | Problem:
    """POST /v1/payment_pages/{session}/confirm."""
    asked = call.parameters
    command = ConfirmPage(
        payment_method=or_none(asked.payment_method),
        payment_method_data=method_data(asked.payment_method_data),
        expected_amount=or_none(asked.expected_amount),
        return_url=or_none(asked.return_url),
        client_ip=call.client_ip,
        user_agent=call.user_agent,
    )

    def show(page: PaymentPage) -> Shown:
        return payment_page(page, call.services.rooms.checkout_base_url)

    return await call.services.rooms.payment_pages.confirm(call.context, call.ids[0], command, call.responder(show))


_ALL = "/v1/checkout/sessions"
_ONE = "/v1/checkout/sessions/{session}"
_KIND = "checkout.session"
_PAGE = "/v1/payment_pages/{session}"
ENDPOINTS = (
    Endpoint("POST", _ALL, create, _KIND, p.CreateSession, summary="Create a checkout session"),
    Endpoint("GET", _ALL, list_, _KIND, p.ListSessions, shape="list", summary="List checkout sessions"),
    Endpoint("GET", _ONE, get, _KIND, summary="Retrieve a checkout session"),
    Endpoint("POST", _ONE, update, _KIND, p.UpdateSession, summary="Update a checkout session"),
    Endpoint("POST", _ONE + "/expire", expire, _KIND, summary="Expire a checkout session"),
    Endpoint("GET", _ONE + "/line_items", line_items, "item", p.ListLineItems, shape="list", summary="List line items"),
    Endpoint("GET", _PAGE, get_page, _KIND, access=Access.PUBLISHABLE, summary="What a session's page shows"),
    Endpoint(
        "POST",
        _PAGE + "/confirm",
        confirm_page,
        _KIND,
        p.ConfirmPage,
        access=Access.PUBLISHABLE,
        summary="Pay on a session's page",
    ),
)
