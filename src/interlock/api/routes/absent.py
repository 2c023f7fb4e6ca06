"""What the published API has and a payment switch has none of: its lists are empty, and each one asked for is missing.

Clients that mirror an account, or look before they pay, read these lists first and end at an address that is not
there. Only reading is answered: what would make one of them stays an unrecognised URL. The table is served beside
``api.endpoints`` and not shown in the document of the API.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import UNSET

from interlock.api import answers
from interlock.api.call import Call
from interlock.api.parameters.absent import AnyFilter
from interlock.api.router import Endpoint, Handler
from interlock.base.problems import Problem, missing
from interlock.payments.work import Answer

_KINDS = """
    apple_pay/domains/{domain} apple_pay_domain
    application_fees/{id} application_fee
    billing/alerts/{id} billing.alert
    billing/credit_balance_transactions/{id} billing.credit_balance_transaction
    billing/credit_grants/{id} billing.credit_grant
    billing/meters/{id} billing.meter
    billing_portal/configurations/{configuration} billing_portal.configuration
    climate/orders/{order} climate.order
    climate/products/{product} climate.product
    climate/suppliers/{supplier} climate.supplier
    country_specs/{country} country_spec
    coupons/{coupon} coupon
    credit_notes/{id} credit_note
    entitlements/active_entitlements/{id} entitlements.active_entitlement
    entitlements/features/{id} entitlements.feature
    exchange_rates/{rate_id} exchange_rate
    file_links/{link} file_link
    financial_connections/accounts/{account} financial_connections.account
    financial_connections/transactions/{transaction} financial_connections.transaction
    forwarding/requests/{id} forwarding.request
    identity/verification_reports/{report} identity.verification_report
    identity/verification_sessions/{session} identity.verification_session
    invoice_payments/{invoice_payment} invoice_payment
    invoice_rendering_templates/{template} invoice_rendering_template
    invoiceitems/{invoiceitem} invoiceitem
    invoices/{invoice} invoice
    issuing/authorizations/{authorization} issuing.authorization
    issuing/cardholders/{cardholder} issuing.cardholder
    issuing/cards/{card} issuing.card
    issuing/disputes/{dispute} issuing.dispute
    issuing/tokens/{token} issuing.token
    issuing/transactions/{transaction} issuing.transaction
    payment_links/{payment_link} payment_link
    payment_method_configurations/{configuration} payment_method_configuration
    payment_method_domains/{payment_method_domain} payment_method_domain
    payouts/{payout} payout
    plans/{plan} plan
    promotion_codes/{promotion_code} promotion_code
    quotes/{quote} quote
    radar/early_fraud_warnings/{early_fraud_warning} radar.early_fraud_warning
    radar/value_list_items/{item} radar.value_list_item
    radar/value_lists/{value_list} radar.value_list
    reporting/report_runs/{report_run} reporting.report_run
    reporting/report_types/{report_type} reporting.report_type
    reviews/{review} review
    shipping_rates/{shipping_rate_token} shipping_rate
    sigma/scheduled_query_runs/{scheduled_query_run} scheduled_query_run
    subscription_items/{item} subscription_item
    subscription_schedules/{schedule} subscription_schedule
    subscriptions/{subscription_exposed_id} subscription
    tax/registrations/{id} tax.registration
    tax_codes/{id} tax_code
    tax_ids/{id} tax_id
    tax_rates/{tax_rate} tax_rate
    terminal/configurations/{configuration} terminal.configuration
    terminal/locations/{location} terminal.location
    terminal/readers/{reader} terminal.reader
    test_helpers/test_clocks/{test_clock} test_helpers.test_clock
    topups/{topup} topup
    transfers/{transfer} transfer
    treasury/financial_accounts/{financial_account} treasury.financial_account
    treasury/transactions/{id} treasury.transaction
"""
"""The address of one, which names the parameter that complaints name, and its kind."""

_OF_CUSTOMERS = """
    balance_transactions/{transaction} customer_balance_transaction
    bank_accounts/{id} bank_account
    cash_balance_transactions/{transaction} customer_cash_balance_transaction
    subscriptions/{subscription_exposed_id} subscription
    tax_ids/{id} tax_id
"""
_OF_THE_ACCOUNT = """
    capabilities/{capability} capability
    external_accounts/{id} bank_account
    persons/{person} person
"""
_SEARCHED = ("invoices", "subscriptions")
_SECOND_VERSION = ("core/accounts", "core/event_destinations", "core/events")


def _none(kind: str) -> Handler:
    async def listed(call: Call[AnyFilter]) -> Answer | Problem:
        asked = call.parameters
        for name, cursor in (("starting_after", asked.starting_after), ("ending_before", asked.ending_before)):
            if cursor is not UNSET:
                return missing(kind, cursor, param=name)
        return await call.show_list([], has_more=False)

    return listed


def _missing(kind: str, param: str) -> Handler:
    async def one(call: Call[AnyFilter]) -> Answer | Problem:
        return missing(kind, call.ids[-1], param=param)

    return one


async def _not_found(call: Call[AnyFilter]) -> Answer | Problem:
    return await call.show_search([], next_page=None)


async def _empty_page(_: Call[AnyFilter]) -> Answer | Problem:
    return answers.of_value({"data": [], "next_page_url": None, "previous_page_url": None})


async def _a_customer(call: Call[Any]) -> Problem | None:
    found = await call.services.rooms.customers.get(call.scope, call.ids[0])
    return found if isinstance(found, Problem) else None


async def _the_account(call: Call[Any]) -> Problem | None:
    asked = call.ids[0]
    return None if asked == call.context.account_id else missing("account", asked, param="account")


async def _a_product(call: Call[Any]) -> Problem | None:
    found = await call.services.rooms.products.get(call.scope, call.ids[0])
    return found if isinstance(found, Problem) else None


def _within(owner: Callable[[Call[Any]], Awaitable[Problem | None]], then: Handler) -> Handler:
    async def owned(call: Call[AnyFilter]) -> Answer | Problem:
        return await owner(call) or await then(call)

    return owned


_OWNERS = (("/v1/customers/", _a_customer), ("/v1/accounts/", _the_account))


def _pairs(table: str) -> list[tuple[str, str, str]]:
    """Return (address of the list, name of the placeholder, kind) for each line."""
    lines = (line.split() for line in table.strip().splitlines())
    return [(path.rpartition("/")[0], path.rpartition("{")[2][:-1], kind) for path, kind in lines]


def _read(path: str, handler: Handler, kind: str) -> Endpoint:
    return Endpoint("GET", path, handler, kind, AnyFilter, always_empty=True)


def _both(path: str, param: str, kind: str) -> tuple[Endpoint, Endpoint]:
    one, every = _missing(kind, param), _none(kind)
    owner = next((owner for start, owner in _OWNERS if path.startswith(start)), None)
    if owner is not None:
        one, every = _within(owner, one), _within(owner, every)
    return _read(path, every, kind), _read(f"{path}/{{{param}}}", one, kind)


ENDPOINTS: tuple[Endpoint, ...] = (
    *(each for path, param, kind in _pairs(_KINDS) for each in _both(f"/v1/{path}", param, kind)),
    *(
        each
        for path, param, kind in _pairs(_OF_CUSTOMERS)
        for each in _both(f"/v1/customers/{{customer}}/{path}", param, kind)
    ),
    *(
        each
        for path, param, kind in _pairs(_OF_THE_ACCOUNT)
        for each in _both(f"/v1/accounts/{{account}}/{path}", param, kind)
    ),
    _read("/v1/products/{product}/features", _within(_a_product, _none("product_feature")), "product_feature"),
    *(_read(f"/v1/{name}/search", _not_found, name) for name in _SEARCHED),
    *(_read(f"/v2/{name}", _empty_page, name) for name in _SECOND_VERSION),
)
