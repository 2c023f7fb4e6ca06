"""Endpoints of the account, its balance, balance transactions and attempt records."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from interlock.api.answers import list_object
from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.parameters import events as p
from interlock.api.router import Endpoint
from interlock.api.routes.common import no_such_cursor, or_none, page_of, show_one, show_page
from interlock.base.problems import Problem, missing
from interlock.ledger.types import BalanceTransaction
from interlock.payments.representation.account import account as show_account
from interlock.payments.representation.balance import balance as show_balance
from interlock.payments.representation.balance import balance_transaction
from interlock.payments.representation.payment_attempt_record import payment_attempt_record
from interlock.payments.work import Answer


async def get_account(call: Call[Any]) -> Answer | Problem:
    """GET /v1/account."""
    found = await call.services.rooms.find_account(call.context.account_id)
    return await show_one(call, found, show_account)


async def list_accounts(call: Call[p.ListAccounts]) -> Answer | Problem:
    """GET /v1/accounts: connected accounts, of which there are none; clients that mirror an account ask for them."""
    page = page_of(call.parameters)
    return page if isinstance(page, Problem) else await call.show_list([], has_more=False)


async def get_account_by_id(call: Call[Any]) -> Answer | Problem:
    """GET /v1/accounts/{account}: older clients name the account they are."""
    if call.ids[0] != call.context.account_id:
        return missing("account", call.ids[0], param="account")
    return await get_account(call)


async def get_balance(call: Call[Any]) -> Answer | Problem:
    """GET /v1/balance."""
    balances = await call.services.rooms.ledger.balance(call.scope)
    return await call.show(show_balance(balances, livemode=call.context.livemode))


def _show_transaction(call: Call[Any]) -> Callable[[BalanceTransaction], Shown]:
    now_ms = call.services.rooms.clock.now_ms()
    return lambda value: balance_transaction(value, now_ms)


async def get_transaction(call: Call[Any]) -> Answer | Problem:
    """GET /v1/balance_transactions/{id}."""
    found = await call.services.rooms.ledger.get(call.scope, call.ids[0])
    return await show_one(call, found or missing("balance_transaction", call.ids[0]), _show_transaction(call))


async def list_transactions(call: Call[p.ListBalanceTransactions]) -> Answer | Problem:
    """GET /v1/balance_transactions."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    found = await call.services.rooms.ledger.list_transactions(
        call.scope,
        page,
        kind=or_none(asked.type),
        source_id=or_none(asked.source),
        payout_id=or_none(asked.payout),
        currency=None if asked.currency is UNSET else asked.currency.lower(),
    )
    if not found.cursor_found:
        return no_such_cursor(asked, _TRANSACTIONS)
    render = _show_transaction(call)
    return await call.show(list_object([render(item) for item in found.items], _TRANSACTIONS, has_more=found.has_more))


async def get_attempt(call: Call[Any]) -> Answer | Problem:
    """GET /v1/payment_attempt_records/{id}."""
    found = await call.services.rooms.attempts.get(call.scope, call.ids[0])
    return await show_one(call, found, payment_attempt_record)


async def list_attempts(call: Call[p.ListAttemptRecords]) -> Answer | Problem:
    """GET /v1/payment_attempt_records."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    intent = or_none(asked.payment_intent) or or_none(asked.payment_record)
    return await show_page(
        call, await call.services.rooms.attempts.list(call.scope, page, intent=intent), payment_attempt_record
    )


_RECORDS = "/v1/payment_attempt_records"
_HISTORY = "/v1/balance/history"
_TRANSACTIONS = "/v1/balance_transactions"
ENDPOINTS = (
    Endpoint("GET", "/v1/account", get_account, "account", summary="Retrieve the account"),
    Endpoint(
        "GET",
        "/v1/accounts",
        list_accounts,
        "account",
        p.ListAccounts,
        shape="list",
        summary="List connected accounts (none)",
    ),
    Endpoint("GET", "/v1/accounts/{account}", get_account_by_id, "account", summary="Retrieve the account by its id"),
    Endpoint("GET", "/v1/balance", get_balance, "balance", summary="Retrieve the balance"),
    Endpoint(
        "GET",
        _TRANSACTIONS,
        list_transactions,
        "balance_transaction",
        p.ListBalanceTransactions,
        shape="list",
        summary="List balance transactions",
    ),
    Endpoint(
        "GET", _TRANSACTIONS + "/{id}", get_transaction, "balance_transaction", summary="Retrieve a balance transaction"
    ),
    Endpoint(
        "GET",
        _HISTORY,
        list_transactions,
        "balance_transaction",
        p.ListBalanceTransactions,
        shape="list",
        summary="List balance transactions (older address)",
    ),
    Endpoint("GET", _HISTORY + "/{id}", get_transaction, "balance_transaction", summary="Retrieve one (older address)"),
    Endpoint(
        "GET",
        _RECORDS,
        list_attempts,
        "payment_attempt_record",
        p.ListAttemptRecords,
        shape="list",
        summary="List tries at gateways",
    ),
    Endpoint("GET", _RECORDS + "/{id}", get_attempt, "payment_attempt_record", summary="Retrieve a try at a gateway"),
)
