"""Card sources: the older way to store a card with a customer, still used by many shops and by the official CLI."""

from typing import Any

import msgspec
from msgspec import UNSET

from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem, invalid
from interlock.payments import metadata
from interlock.payments.customers.service import Customers
from interlock.payments.customers.types import CUSTOMERS, CardSource, Customer, DeletedSource
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments import attachment
from interlock.payments.instruments.payment_methods import apply_update, forget_default
from interlock.payments.instruments.refusals import no_such
from interlock.payments.instruments.types import (
    PAYMENT_METHODS,
    CardData,
    PaymentMethod,
    UpdatePaymentMethod,
    UpdateSource,
)
from interlock.payments.representation.customer import customer as shown_customer
from interlock.payments.representation.differences import previous_attributes
from interlock.payments.representation.payment_method import card_source as shown
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.pages import Page, PageResult

replace = msgspec.structs.replace


class Sources:
    """What may be done with the card sources of a customer."""

    def __init__(self, work: Work, customers: Customers) -> None:
        """Commit through ``work``; ``customers`` adds sources the same way as on creation."""
        self._work = work
        self._customers = customers

    async def create(
        self,
        ctx: RequestContext,
        customer_id: str,
        source: str | CardData | None,
        added: dict[str, str] | None,
        respond: Respond,
    ) -> Answer | Problem:
        """Store the card of a token with a customer; the first one becomes the default.

        Args:
            ctx: who asks.
            customer_id: the customer.
            source: a token, or a card in clear.
            added: metadata of the new source.
            respond: makes the answer.

        """
        if source is None:
            return invalid("Missing required param: source.", code="parameter_missing", param="source")
        customer = await self._customers.get_known(ctx.scope, customer_id, status=404)
        if isinstance(customer, Problem):
            return customer
        pairs = metadata.merge({}, added or {})
        if isinstance(pairs, Problem):
            return pairs
        change = Change(ctx.scope)
        card = await self._customers.add_source(ctx.scope, change, customer_id, source, pairs)
        if isinstance(card, Problem):
            return card
        if customer.default_source is None:
            _make_default(change, customer, card.id)
        return await self._commit(ctx, change, card.id, CardSource(card), respond)

    async def get(self, scope: Scope, customer_id: str, source_id: str) -> CardSource | Problem:
        """Return a card source of a customer."""
        card = await self._card(scope, customer_id, source_id)
        return card if isinstance(card, Problem) else CardSource(card)

    async def list(self, scope: Scope, customer_id: str, page: Page) -> PageResult[PaymentMethod] | Problem:
        """Return the card sources of a customer, newest first."""
        customer = await self._customers.get_known(scope, customer_id, status=404)
        if isinstance(customer, Problem):
            return customer
        return await self._customers.sources_of(scope, customer_id, page)

    async def update(
        self, ctx: RequestContext, customer_id: str, source_id: str, command: UpdateSource, respond: Respond
    ) -> Answer | Problem:
        """Change name, address, expiry or metadata of a card source."""
        before = await self._card(ctx.scope, customer_id, source_id)
        if isinstance(before, Problem):
            return before
        after = apply_update(before, _as_method_update(before, command), self._work.clock.now_ms())
        if isinstance(after, Problem):
            return after
        change = Change(ctx.scope)
        change.update(PAYMENT_METHODS, after)
        rendered = shown(after)
        change.event("customer.source.updated", rendered, previous_attributes(shown(before), rendered))
        return await self._commit(ctx, change, after.id, CardSource(after), respond)

    async def delete(self, ctx: RequestContext, customer_id: str, source_id: str, respond: Respond) -> Answer | Problem:
        """Take a card source from a customer for good."""
        before = await self._card(ctx.scope, customer_id, source_id)
        if isinstance(before, Problem):
            return before
        after = attachment.detach(before)
        if isinstance(after, Problem):
            return after
        change = Change(ctx.scope)
        change.update(PAYMENT_METHODS, after)
        change.event("customer.source.deleted", shown(before))
        customer = await self._work.database.get(CUSTOMERS, ctx.scope, customer_id)
        if customer is not None:
            forget_default(change, customer, source_id)
        return await self._commit(ctx, change, source_id, DeletedSource(source_id), respond)

    async def _card(self, scope: Scope, customer_id: str, source_id: str) -> PaymentMethod | Problem:
        card = await self._work.database.get(PAYMENT_METHODS, scope, source_id)
        if card is None or card.customer_id != customer_id:
            return no_such("source", source_id, status=404)
        return card

    async def _commit(
        self, ctx: RequestContext, change: Change, source_id: str, view: object, respond: Respond
    ) -> Answer | Problem:
        answer = await self._work.commit(ctx, change, source_id, respond, view)
        return answer if isinstance(answer, Answer) else refused_commit(answer)


def _make_default(change: Change, customer: Customer, source_id: str) -> None:
    after = replace(customer, version=customer.version + 1, default_source=source_id)
    change.update(CUSTOMERS, after)
    rendered = shown_customer(after)
    change.event("customer.updated", rendered, previous_attributes(shown_customer(customer), rendered))


def _as_method_update(before: PaymentMethod, command: UpdateSource) -> UpdatePaymentMethod:
    billing: dict[str, Any] = {}
    if command.address:
        billing["address"] = {**(before.billing_details.get("address") or {}), **command.address}
    if command.name is not UNSET:
        billing["name"] = command.name
    return UpdatePaymentMethod(
        billing_details=billing, exp_month=command.exp_month, exp_year=command.exp_year, metadata=command.metadata
    )
