"""How expansion reads objects: by kind and ids, one read each; and lists that are shown on request only.

Called by the application factory. Each loader is made of a table and the function that renders its rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from interlock.api.answers import list_object
from interlock.api.expansion import Load, Shown
from interlock.api.services import Rooms
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.ledger.types import TRANSACTIONS
from interlock.payments.attempts.types import ATTEMPTS
from interlock.payments.charges.types import CHARGES
from interlock.payments.checkout.types import CHECKOUT_SESSIONS, PRICES, PRODUCTS
from interlock.payments.customers.types import CUSTOMERS
from interlock.payments.files.types import FILES
from interlock.payments.instruments.types import MANDATES, PAYMENT_METHODS
from interlock.payments.intents.types import INTENTS
from interlock.payments.refunds.types import REFUNDS
from interlock.payments.representation import (
    balance,
    charge,
    checkout_session,
    customer,
    dispute,
    file,
    mandate,
    payment_attempt_record,
    payment_intent,
    payment_method,
    refund,
    setup_intent,
)
from interlock.payments.setup.types import SETUP_INTENTS
from interlock.storage.database import Database
from interlock.storage.pages import Page
from interlock.storage.tables import Table

T = TypeVar("T", bound=msgspec.Struct)

_SHOWN_MAX = 10


def _rows(database: Database, table: Table[T], render: Callable[[T], Shown]) -> Load:
    async def load(scope: Scope, ids: Sequence[str]) -> Mapping[str, Shown]:
        found = await database.get_many(table, scope, ids)
        return {object_id: render(value) for object_id, value in found.items()}

    return load


def loaders(rooms: Rooms) -> dict[str, Load]:
    """Return kind → how to load rendered objects by id."""
    database = rooms.database
    base_url = rooms.checkout_base_url
    return {
        "balance_transaction": _rows(
            database, TRANSACTIONS, lambda value: balance.balance_transaction(value, rooms.clock.now_ms())
        ),
        "card": _rows(database, PAYMENT_METHODS, payment_method.card_source),
        "charge": _rows(database, CHARGES, charge.charge),
        "checkout.session": _rows(
            database, CHECKOUT_SESSIONS, lambda value: checkout_session.checkout_session(value, base_url)
        ),
        "customer": _rows(database, CUSTOMERS, customer.customer),
        "dispute": _disputes(rooms),
        "file": _rows(database, FILES, lambda value: file.file(value, rooms.files.public_url)),
        "mandate": _rows(database, MANDATES, mandate.mandate),
        "payment_attempt_record": _rows(database, ATTEMPTS, payment_attempt_record.payment_attempt_record),
        "payment_intent": _rows(database, INTENTS, payment_intent.payment_intent),
        "payment_method": _rows(database, PAYMENT_METHODS, payment_method.payment_method),
        "price": _rows(database, PRICES, checkout_session.price),
        "product": _rows(database, PRODUCTS, checkout_session.product),
        "refund": _rows(database, REFUNDS, refund.refund),
        "setup_attempt": _setup_attempts(rooms),
        "setup_intent": _rows(database, SETUP_INTENTS, setup_intent.setup_intent),
    }


def _disputes(rooms: Rooms) -> Load:
    """Disputes are shown with the balance transactions that they name."""

    async def load(scope: Scope, ids: Sequence[str]) -> Mapping[str, Shown]:
        found, now_ms = await rooms.disputes.get_many(scope, ids), rooms.clock.now_ms()
        return {dispute_id: dispute.dispute(shown, now_ms) for dispute_id, shown in found.items()}

    return load


def _setup_attempts(rooms: Rooms) -> Load:
    """Setup attempts are attempts under a public id, shown with facts of their setup intent and their card."""
    database = rooms.database

    async def load(scope: Scope, ids: Sequence[str]) -> Mapping[str, Shown]:
        attempts = await database.get_many(ATTEMPTS, scope, map(setup_intent.attempt_id_of, ids))
        intents = await database.get_many(SETUP_INTENTS, scope, {item.subject_id for item in attempts.values()})
        methods = await rooms.attempts.methods(scope, attempts.values())
        return {
            setup_intent.setup_attempt_id(item.id): setup_intent.setup_attempt(
                item, intents[item.subject_id], methods.get(item.payment_method_id or "")
            )
            for item in attempts.values()
            if item.subject_id in intents
        }

    return load


def included(rooms: Rooms) -> dict[tuple[str, str], Load]:
    """Return (kind, field) → how to load a field that is only shown on request, by its owners' ids."""
    page = Page(limit=_SHOWN_MAX)

    async def refunds(scope: Scope, ids: Sequence[str]) -> Mapping[str, Shown]:
        lists: dict[str, Shown] = {}
        for owner in ids:
            found = await rooms.refunds.list(scope, page, charge=owner)
            shown = [refund.refund(item) for item in found.items]
            lists[owner] = list_object(shown, f"/v1/charges/{owner}/refunds", has_more=found.has_more)
        return lists

    async def sources(scope: Scope, ids: Sequence[str]) -> Mapping[str, Shown]:
        lists: dict[str, Shown] = {}
        for owner in ids:
            found = await rooms.customers.sources_of(scope, owner, page)
            lists[owner] = customer.sources(owner, found.items, has_more=found.has_more)
        return lists

    async def attempts(scope: Scope, ids: Sequence[str]) -> Mapping[str, Shown]:
        lists: dict[str, Shown] = {}
        for owner in ids:
            found = await rooms.attempts.list(scope, page, intent=owner)
            shown = [payment_attempt_record.payment_attempt_record(item) for item in found.items]
            url = f"/v1/payment_attempt_records?payment_intent={owner}"
            lists[owner] = list_object(shown, url, has_more=found.has_more)
        return lists

    async def line_items(scope: Scope, ids: Sequence[str]) -> Mapping[str, Shown]:
        lists: dict[str, Shown] = {}
        for owner in ids:
            session = await rooms.sessions.get(scope, owner)
            if not isinstance(session, Problem):
                lists[owner] = checkout_session.line_items(session)
        return lists

    return {
        ("charge", "refunds"): refunds,
        ("checkout.session", "line_items"): line_items,
        ("customer", "sources"): sources,
        ("customer", "subscriptions"): _nothing("subscriptions"),
        ("customer", "tax_ids"): _nothing("tax_ids"),
        ("payment_intent", "payment_attempt_records"): attempts,
    }


def _nothing(name: str) -> Load:
    async def load(_scope: Scope, ids: Sequence[str]) -> Mapping[str, Shown]:
        return {owner: list_object([], f"/v1/customers/{owner}/{name}", has_more=False) for owner in ids}

    return load
