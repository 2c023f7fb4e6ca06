"""Use cases of customers: create, read, update, delete, list."""

from typing import Any

import msgspec
from msgspec import UNSET

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem
from interlock.payments import metadata
from interlock.payments.customers.contact import check_contact
from interlock.payments.customers.types import CUSTOMERS, CreateCustomer, Customer, UpdateCustomer
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments import attachment
from interlock.payments.instruments.making import Maker
from interlock.payments.instruments.payment_methods import put
from interlock.payments.instruments.refusals import no_such
from interlock.payments.instruments.types import PAYMENT_METHODS, CardData, PaymentMethod
from interlock.payments.representation.customer import customer as shown
from interlock.payments.representation.customer import known_customer
from interlock.payments.representation.differences import previous_attributes
from interlock.payments.representation.payment_method import card_source
from interlock.payments.representation.payment_method import payment_method as shown_method
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.pages import Page, PageResult

replace = msgspec.structs.replace
_DETACHED_AT_ONCE = 1_000
_DEFAULT_METHOD = "invoice_settings[default_payment_method]"


class Customers:
    """What may be done with customers."""

    def __init__(self, work: Work, maker: Maker) -> None:
        """Commit through ``work``; make cards given with a customer with ``maker``."""
        self._work = work
        self._maker = maker

    async def create(self, ctx: RequestContext, command: CreateCustomer, respond: Respond) -> Answer | Problem:
        """Make a customer, with a payment method or a source if one is given."""
        new = self._new_customer(ctx.scope, command)
        if isinstance(new, Problem):
            return new
        change, attached = Change(ctx.scope), Change(ctx.scope)
        if command.payment_method is not None:
            method = await self._attach(ctx.scope, attached, new.id, command.payment_method)
            if isinstance(method, Problem):
                return method
            if command.default_payment_method in {command.payment_method, method.id}:
                new = replace(new, default_payment_method=method.id)
        if command.default_payment_method is not None and new.default_payment_method is None:
            return attachment.not_of_customer(command.default_payment_method, _DEFAULT_METHOD)
        if command.source is not None:
            source = await self.add_source(ctx.scope, attached, new.id, command.source)
            if isinstance(source, Problem):
                return source
            new = replace(new, default_source=source.id)
        change.insert(CUSTOMERS, new)
        change.event("customer.created", shown(new))
        change.writes += attached.writes
        change.facts += attached.facts
        return await self._commit(ctx, change, new, respond)

    def _new_customer(self, scope: Scope, command: CreateCustomer) -> Customer | Problem:
        problem = check_contact(
            email=command.email, name=command.name, phone=command.phone, description=command.description
        )
        pairs = metadata.merge({}, command.metadata or {})
        if problem is not None or isinstance(pairs, Problem):
            return problem or pairs  # type: ignore[return-value]  # one of the two is a problem here
        now_ms = self._work.clock.now_ms()
        return Customer(
            account_id=scope.account_id,
            id=new_id("cus", now_ms),
            livemode=scope.livemode,
            version=1,
            created_at_ms=now_ms,
            email=command.email,
            name=command.name,
            phone=command.phone,
            description=command.description,
            metadata=pairs,
            details={key: value for key, value in command.details.items() if value is not None},
        )

    async def get(self, scope: Scope, customer_id: str) -> Customer | Problem:
        """Return a customer; a deleted one is returned as such (``deleted`` is True)."""
        customer = await self._work.database.get(CUSTOMERS, scope, customer_id)
        return no_such("customer", customer_id, status=404) if customer is None else customer

    async def get_known(
        self, scope: Scope, customer_id: str, param: str = "customer", *, status: int = 400
    ) -> Customer | Problem:
        """Return a customer that a request names; a deleted one is as good as absent.

        Args:
            scope: account and mode.
            customer_id: the name.
            param: what carried it.
            status: 404 where the path names it, 400 where a parameter does.

        """
        customer = await self._work.database.get(CUSTOMERS, scope, customer_id)
        if customer is None or customer.deleted:
            return no_such("customer", customer_id, param=param, status=status)
        return customer

    async def must_exist(self, scope: Scope, customer_id: str, param: str = "customer") -> Problem | None:
        """Return the problem of naming a customer that does not exist, or None."""
        customer = await self.get_known(scope, customer_id, param)
        return customer if isinstance(customer, Problem) else None

    async def list(self, scope: Scope, page: Page, *, email: str | None = None) -> PageResult[Customer]:
        """Return customers, newest first, without deleted ones; ``email`` matches exactly."""
        where: dict[str, object] = {"deleted": False}
        if email is not None:
            where["email"] = email
        return await self._work.database.find(CUSTOMERS, scope, page, where=where)

    async def sources_of(self, scope: Scope, customer_id: str, page: Page) -> PageResult[PaymentMethod]:
        """Return the card sources of a customer, newest first (what ``expand[]=sources`` shows)."""
        where: dict[str, object] = {"customer_id": customer_id, "is_source": True}
        return await self._work.database.find(PAYMENT_METHODS, scope, page, where=where)

    async def update(
        self, ctx: RequestContext, customer_id: str, command: UpdateCustomer, respond: Respond
    ) -> Answer | Problem:
        """Change a customer."""
        before = await self._live(ctx.scope, customer_id)
        if isinstance(before, Problem):
            return before
        after = apply_update(before, command)
        if isinstance(after, Problem):
            return after
        problem = await self._check_defaults(ctx.scope, after, command)
        if problem is not None:
            return problem
        change = Change(ctx.scope)
        if command.source is not None:
            source = await self.add_source(ctx.scope, change, customer_id, command.source)
            if isinstance(source, Problem):
                return source
            after = replace(after, default_source=source.id)
        change.update(CUSTOMERS, after)
        rendered = shown(after)
        change.event("customer.updated", rendered, previous_attributes(shown(before), rendered))
        return await self._commit(ctx, change, after, respond)

    async def delete(self, ctx: RequestContext, customer_id: str, respond: Respond) -> Answer | Problem:
        """Delete a customer: nothing of the person is kept, and nobody can be charged through it any more."""
        before = await self._live(ctx.scope, customer_id)
        if isinstance(before, Problem):
            return before
        change = Change(ctx.scope)
        gone = Customer(
            account_id=before.account_id,
            id=before.id,
            livemode=before.livemode,
            version=before.version + 1,
            created_at_ms=before.created_at_ms,
            deleted=True,
        )
        change.update(CUSTOMERS, gone)
        methods = await self._work.database.find(
            PAYMENT_METHODS, ctx.scope, Page(limit=_DETACHED_AT_ONCE), where={"customer_id": customer_id}
        )
        for method in methods.items:
            detached = attachment.detach(method)
            if not isinstance(detached, Problem):
                change.update(PAYMENT_METHODS, detached)
        change.event("customer.deleted", known_customer(before))
        return await self._commit(ctx, change, gone, respond)

    async def add_source(
        self,
        scope: Scope,
        change: Change,
        customer_id: str,
        given: str | CardData,
        pairs: dict[str, str] | None = None,
    ) -> PaymentMethod | Problem:
        """Add to ``change`` a card source with its event, and return it.

        Args:
            scope: account and mode.
            change: what the source is written with.
            customer_id: whose it will be.
            given: a token, or a card in clear.
            pairs: its metadata.

        """
        if isinstance(given, CardData):
            made = self._maker.source_of(scope, given)
        else:
            made = await self._maker.from_token(scope, given, param="source", as_source=True)
        if isinstance(made, Problem):
            return made
        source = replace(made.payment_method, customer_id=customer_id, metadata=pairs or {})
        change.insert(PAYMENT_METHODS, source)
        change.extend(made.writes)
        change.event("customer.source.created", card_source(source))
        return source

    async def _attach(self, scope: Scope, change: Change, customer_id: str, reference: str) -> PaymentMethod | Problem:
        fresh = self._maker.from_name(scope, reference)
        stored = fresh or await self._work.database.get(PAYMENT_METHODS, scope, reference)
        if stored is None:
            return no_such("PaymentMethod", reference, param="payment_method")
        mine = attachment.attach(stored, customer_id)
        if isinstance(mine, Problem):
            return mine
        put(change, mine, is_new=fresh is not None)
        change.event("payment_method.attached", shown_method(mine))
        return mine

    async def _check_defaults(self, scope: Scope, after: Customer, command: UpdateCustomer) -> Problem | None:
        """Return the problem of a new default that the customer does not have, or None."""
        asked: dict[str, Any] = {
            _DEFAULT_METHOD: command.default_payment_method,
            "default_source": command.default_source,
        }
        for param, reference in asked.items():
            if not isinstance(reference, str):
                continue
            method = await self._work.database.get(PAYMENT_METHODS, scope, reference)
            if method is None:
                return no_such("PaymentMethod" if param == _DEFAULT_METHOD else "source", reference, param=param)
            if method.customer_id != after.id:
                return attachment.not_of_customer(reference, param)
        return None

    async def _live(self, scope: Scope, customer_id: str) -> Customer | Problem:
        customer = await self._work.database.get(CUSTOMERS, scope, customer_id)
        if customer is None or customer.deleted:
            return no_such("customer", customer_id, status=404)
        return customer

    async def _commit(
        self, ctx: RequestContext, change: Change, customer: Customer, respond: Respond
    ) -> Answer | Problem:
        answer = await self._work.commit(ctx, change, customer.id, respond, customer)
        return answer if isinstance(answer, Answer) else refused_commit(answer)


def apply_update(before: Customer, command: UpdateCustomer) -> Customer | Problem:
    """Return the next version of a customer with ``command`` applied, or what is wrong. Pure."""
    contact = {name: getattr(command, name) for name in ("email", "name", "phone", "description")}
    problem = check_contact(**contact)
    if problem is not None:
        return problem
    pairs = metadata.merge(before.metadata, command.metadata)
    if isinstance(pairs, Problem):
        return pairs
    changed: dict[str, Any] = {
        **contact,
        "default_source": command.default_source,
        "default_payment_method": command.default_payment_method,
    }
    details = dict(before.details)
    for key, value in command.details.items():
        nested = key == "invoice_settings" and isinstance(value, dict)
        details[key] = {**(details.get(key) or {}), **value} if nested else value
    return replace(
        before,
        version=before.version + 1,
        metadata=pairs,
        details={key: value for key, value in details.items() if value is not None},
        **{name: value for name, value in changed.items() if value is not UNSET},
    )
