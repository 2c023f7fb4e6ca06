"""Endpoints of customers and of their legacy card sources."""

from typing import Any

from msgspec import UNSET

from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.parameters import customers as p
from interlock.api.parameters import payment_methods as methods
from interlock.api.parameters.base import Search, given
from interlock.api.router import Endpoint
from interlock.api.routes.common import FLAT_ADDRESS, details_of, or_none, page_of, show_one, show_page, source_of
from interlock.api.routes.searching import search
from interlock.base.problems import Problem
from interlock.payments.customers.types import (
    CUSTOMERS,
    CardSource,
    CreateCustomer,
    DeletedSource,
    UpdateCustomer,
)
from interlock.payments.instruments.types import UpdateSource
from interlock.payments.intents.types import FundBalance
from interlock.payments.representation.cash_balance_transaction import cash_balance_transaction as show_transfer
from interlock.payments.representation.customer import customer as show_customer
from interlock.payments.representation.customer import deleted_source
from interlock.payments.representation.payment_method import card_source
from interlock.payments.representation.payment_method import payment_method as show_method
from interlock.payments.work import Answer

_DETAILS = (
    "address",
    "business_name",
    "individual_name",
    "invoice_prefix",
    "next_invoice_sequence",
    "preferred_locales",
    "shipping",
    "tax_exempt",
)


def _details(asked: p.CreateCustomer | p.UpdateCustomer, *, keep_unset: bool) -> dict[str, Any]:
    details = details_of(asked, _DETAILS, keep_unset=keep_unset)
    if asked.invoice_settings is not UNSET:
        settings = given(asked.invoice_settings)
        settings.pop("default_payment_method", None)
        details["invoice_settings"] = settings
    return details


async def create(call: Call[p.CreateCustomer]) -> Answer | Problem:
    """POST /v1/customers."""
    asked = call.parameters
    settings = asked.invoice_settings
    command = CreateCustomer(
        email=or_none(asked.email),
        name=or_none(asked.name),
        phone=or_none(asked.phone),
        description=or_none(asked.description),
        payment_method=or_none(asked.payment_method),
        source=source_of(asked),
        default_payment_method=None if settings is UNSET else or_none(settings.default_payment_method),
        metadata=or_none(asked.metadata),
        details=_details(asked, keep_unset=False),
    )
    return await call.services.rooms.customers.create(call.context, command, call.responder(show_customer))


async def get(call: Call[Any]) -> Answer | Problem:
    """GET /v1/customers/{customer}."""
    return await show_one(call, await call.services.rooms.customers.get(call.scope, call.ids[0]), show_customer)


async def update(call: Call[p.UpdateCustomer]) -> Answer | Problem:
    """POST /v1/customers/{customer}."""
    asked = call.parameters
    settings = asked.invoice_settings
    command = UpdateCustomer(
        email=asked.email,
        name=asked.name,
        phone=asked.phone,
        description=asked.description,
        source=source_of(asked),
        default_source=asked.default_source,
        default_payment_method=UNSET if settings is UNSET else settings.default_payment_method,
        metadata=asked.metadata,
        details=_details(asked, keep_unset=True),
    )
    service = call.services.rooms.customers
    return await service.update(call.context, call.ids[0], command, call.responder(show_customer))


async def delete(call: Call[Any]) -> Answer | Problem:
    """DELETE /v1/customers/{customer}."""
    return await call.services.rooms.customers.delete(call.context, call.ids[0], call.responder(show_customer))


async def list_(call: Call[p.ListCustomers]) -> Answer | Problem:
    """GET /v1/customers."""
    page = page_of(call.parameters)
    if isinstance(page, Problem):
        return page
    found = await call.services.rooms.customers.list(call.scope, page, email=or_none(call.parameters.email))
    return await show_page(call, found, show_customer)


async def search_(call: Call[Search]) -> Answer | Problem:
    """GET /v1/customers/search."""
    return await search(call, CUSTOMERS, show_customer)


async def payment_methods(call: Call[methods.ListCustomerPaymentMethods]) -> Answer | Problem:
    """GET /v1/customers/{customer}/payment_methods."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    found = await call.services.rooms.payment_methods.list_of_customer(
        call.scope, call.ids[0], page, kind=or_none(asked.type), allow_redisplay=or_none(asked.allow_redisplay)
    )
    return await show_page(call, found, show_method)


async def payment_method(call: Call[Any]) -> Answer | Problem:
    """GET /v1/customers/{customer}/payment_methods/{payment_method}."""
    found = await call.services.rooms.payment_methods.get_of_customer(call.scope, call.ids[0], call.ids[1])
    return await show_one(call, found, show_method)


def _show_source(view: CardSource | DeletedSource) -> Shown:
    return deleted_source(view) if isinstance(view, DeletedSource) else card_source(view.payment_method)


async def create_source(call: Call[p.CreateSource]) -> Answer | Problem:
    """POST /v1/customers/{customer}/sources."""
    asked = call.parameters
    return await call.services.rooms.sources.create(
        call.context, call.ids[0], source_of(asked), or_none(asked.metadata), call.responder(_show_source)
    )


async def get_source(call: Call[Any]) -> Answer | Problem:
    """GET /v1/customers/{customer}/sources/{id}."""
    found = await call.services.rooms.sources.get(call.scope, call.ids[0], call.ids[1])
    return await show_one(call, found, _show_source)


async def list_sources(call: Call[p.ListSources]) -> Answer | Problem:
    """GET /v1/customers/{customer}/sources."""
    page = page_of(call.parameters)
    if isinstance(page, Problem):
        return page
    found = await call.services.rooms.sources.list(call.scope, call.ids[0], page)
    if not isinstance(found, Problem) and call.parameters.object not in {UNSET, "card"}:
        return await call.show_list([], has_more=False)
    return await show_page(call, found, card_source)


async def update_source(call: Call[p.UpdateSource]) -> Answer | Problem:
    """POST /v1/customers/{customer}/sources/{id}."""
    asked = call.parameters
    address = {plain: value for flat, plain in FLAT_ADDRESS.items() if (value := getattr(asked, flat)) is not UNSET}
    command = UpdateSource(
        name=asked.name,
        address=address,
        exp_month=asked.exp_month,
        exp_year=asked.exp_year,
        metadata=asked.metadata,
    )
    service = call.services.rooms.sources
    return await service.update(call.context, call.ids[0], call.ids[1], command, call.responder(_show_source))


async def delete_source(call: Call[Any]) -> Answer | Problem:
    """DELETE /v1/customers/{customer}/sources/{id}."""
    service = call.services.rooms.sources
    return await service.delete(call.context, call.ids[0], call.ids[1], call.responder(_show_source))


async def fund(call: Call[p.FundCashBalance]) -> Answer | Problem:
    """POST /v1/test_helpers/customers/{customer}/fund_cash_balance."""
    asked = call.parameters
    command = FundBalance(amount=asked.amount, currency=asked.currency, reference=or_none(asked.reference))
    respond = call.responder(show_transfer)
    return await call.services.rooms.fundings.fund(call.context, call.ids[0], command, respond)


_ALL = "/v1/customers"
_ONE = "/v1/customers/{customer}"
_SOURCE = _ONE + "/sources/{id}"
ENDPOINTS = (
    Endpoint("POST", _ALL, create, "customer", p.CreateCustomer, summary="Create a customer"),
    Endpoint("GET", _ALL, list_, "customer", p.ListCustomers, shape="list", summary="List customers"),
    Endpoint("GET", _ALL + "/search", search_, "customer", Search, shape="search", summary="Search customers"),
    Endpoint("GET", _ONE, get, "customer", summary="Retrieve a customer"),
    Endpoint("POST", _ONE, update, "customer", p.UpdateCustomer, summary="Update a customer"),
    Endpoint("DELETE", _ONE, delete, "customer", summary="Delete a customer"),
    Endpoint(
        "GET",
        _ONE + "/payment_methods",
        payment_methods,
        "payment_method",
        methods.ListCustomerPaymentMethods,
        shape="list",
        summary="List a customer's payment methods",
    ),
    Endpoint(
        "GET",
        _ONE + "/payment_methods/{payment_method}",
        payment_method,
        "payment_method",
        summary="Retrieve a customer's payment method",
    ),
    Endpoint("POST", _ONE + "/sources", create_source, "card", p.CreateSource, summary="Store a token's card"),
    Endpoint("GET", _ONE + "/sources", list_sources, "card", p.ListSources, shape="list", summary="List card sources"),
    Endpoint("GET", _SOURCE, get_source, "card", summary="Retrieve a card source"),
    Endpoint("POST", _SOURCE, update_source, "card", p.UpdateSource, summary="Update a card source"),
    Endpoint("DELETE", _SOURCE, delete_source, "card", summary="Remove a card source"),
    Endpoint(
        "POST",
        "/v1/test_helpers/customers/{customer}/fund_cash_balance",
        fund,
        "customer_cash_balance_transaction",
        p.FundCashBalance,
        summary="Let a bank transfer arrive in test mode",
    ),
)
