"""Use cases of payment methods: create, read, update, attach, detach, list."""

import msgspec
from msgspec import UNSET

from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem, invalid
from interlock.payments import metadata
from interlock.payments.customers.types import CUSTOMERS, Customer
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments import attachment
from interlock.payments.instruments.card_rules import check_expiry, full_year
from interlock.payments.instruments.making import Maker
from interlock.payments.instruments.refusals import no_such
from interlock.payments.instruments.types import (
    PAYMENT_METHODS,
    CardFacts,
    Facts,
    PaymentMethod,
    PaymentMethodData,
    UpdatePaymentMethod,
)
from interlock.payments.representation.customer import customer as shown_customer
from interlock.payments.representation.differences import previous_attributes
from interlock.payments.representation.payment_method import payment_method as shown
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.pages import Page, PageResult

replace = msgspec.structs.replace
MAX_PER_CUSTOMER = 500


class PaymentMethods:
    """What may be done with payment methods."""

    def __init__(self, work: Work, maker: Maker) -> None:
        """Commit through ``work``; make new methods with ``maker``."""
        self._work = work
        self._maker = maker

    async def create(self, ctx: RequestContext, data: PaymentMethodData, respond: Respond) -> Answer | Problem:
        """Make a payment method that belongs to nobody yet."""
        made = await self._maker.from_data(ctx.scope, data, "")
        if isinstance(made, Problem):
            return made
        change = Change(ctx.scope)
        change.insert(PAYMENT_METHODS, made.payment_method)
        change.extend(made.writes)
        return await self._commit(ctx, change, made.payment_method, respond)

    async def get(self, scope: Scope, payment_method_id: str) -> PaymentMethod | Problem:
        """Return a payment method; a test card's name makes a fresh one, as every use of it does."""
        loaded = await self._load(scope, payment_method_id)
        if isinstance(loaded, Problem):
            return loaded
        method, is_new = loaded
        if is_new:
            change = Change(scope)
            change.insert(PAYMENT_METHODS, method)
            await self._work.record(change)
        return method

    async def get_of_customer(self, scope: Scope, customer_id: str, payment_method_id: str) -> PaymentMethod | Problem:
        """Return a payment method of a customer; another's is as good as absent."""
        customer = await self._customer(scope, customer_id, 404)
        if isinstance(customer, Problem):
            return customer
        method = await self._work.database.get(PAYMENT_METHODS, scope, payment_method_id)
        if method is None or method.customer_id != customer_id:
            return no_such("PaymentMethod", payment_method_id, param="payment_method", status=404)
        return method

    async def update(
        self, ctx: RequestContext, payment_method_id: str, command: UpdatePaymentMethod, respond: Respond
    ) -> Answer | Problem:
        """Change what may be changed of a payment method: its billing details, expiry, metadata."""
        loaded = await self._load(ctx.scope, payment_method_id)
        if isinstance(loaded, Problem):
            return loaded
        before, is_new = loaded
        after = apply_update(before, command, self._work.clock.now_ms())
        if isinstance(after, Problem):
            return after
        change = Change(ctx.scope)
        put(change, after, is_new=is_new)
        rendered = shown(after)
        change.event("payment_method.updated", rendered, previous_attributes(shown(before), rendered))
        return await self._commit(ctx, change, after, respond)

    async def attach(
        self, ctx: RequestContext, payment_method_id: str, customer_id: str, respond: Respond
    ) -> Answer | Problem:
        """Give a payment method to a customer."""
        loaded = await self._load(ctx.scope, payment_method_id)
        if isinstance(loaded, Problem):
            return loaded
        method, is_new = loaded
        customer = await self._customer(ctx.scope, customer_id, 400)
        if isinstance(customer, Problem):
            return customer
        mine = attachment.attach(method, customer_id)
        if isinstance(mine, Problem):
            return mine
        full = await self._work.database.find(
            PAYMENT_METHODS, ctx.scope, Page(limit=MAX_PER_CUSTOMER - 1), where={"customer_id": customer_id}
        )
        if full.has_more:
            return invalid(
                f"The customer has reached the limit of {MAX_PER_CUSTOMER} payment methods. Detach some first.",
                code="customer_max_payment_methods",
                param="customer",
            )
        change = Change(ctx.scope)
        put(change, mine, is_new=is_new)
        change.event("payment_method.attached", shown(mine))
        return await self._commit(ctx, change, mine, respond)

    async def detach(self, ctx: RequestContext, payment_method_id: str, respond: Respond) -> Answer | Problem:
        """Take a payment method from its customer for good; it also stops being a default of the customer."""
        loaded = await self._load(ctx.scope, payment_method_id)
        if isinstance(loaded, Problem):
            return loaded
        before, _ = loaded
        after = attachment.detach(before)
        if isinstance(after, Problem):
            return after
        change = Change(ctx.scope)
        change.update(PAYMENT_METHODS, after)
        change.event("payment_method.detached", shown(after), {"customer": before.customer_id})
        customer = await self._work.database.get(CUSTOMERS, ctx.scope, before.customer_id or "")
        if customer is not None:
            forget_default(change, customer, before.id)
        return await self._commit(ctx, change, after, respond)

    async def list(
        self,
        scope: Scope,
        page: Page,
        *,
        customer_id: str | None = None,
        kind: str | None = None,
        allow_redisplay: str | None = None,
    ) -> PageResult[PaymentMethod] | Problem:
        """Return payment methods, newest first, of a customer or of the whole account."""
        where: dict[str, object] = {}
        if customer_id is not None:
            customer = await self._customer(scope, customer_id, 400)
            if isinstance(customer, Problem):
                return customer
            where["customer_id"] = customer_id
        if kind is not None:
            where["type"] = kind
        if allow_redisplay is not None:
            where["allow_redisplay"] = allow_redisplay
        return await self._work.database.find(PAYMENT_METHODS, scope, page, where=where)

    async def list_of_customer(
        self, scope: Scope, customer_id: str, page: Page, *, kind: str | None = None, allow_redisplay: str | None = None
    ) -> PageResult[PaymentMethod] | Problem:
        """Return the payment methods of the customer that the path names."""
        customer = await self._customer(scope, customer_id, 404)
        if isinstance(customer, Problem):
            return customer
        return await self.list(scope, page, customer_id=customer_id, kind=kind, allow_redisplay=allow_redisplay)

    async def _load(self, scope: Scope, reference: str) -> tuple[PaymentMethod, bool] | Problem:
        fresh = self._maker.from_name(scope, reference)
        if fresh is not None:
            return fresh, True
        stored = await self._work.database.get(PAYMENT_METHODS, scope, reference)
        if stored is None:
            return no_such("PaymentMethod", reference, param="payment_method", status=404)
        return stored, False

    async def _customer(self, scope: Scope, customer_id: str, status: int) -> Customer | Problem:
        customer = await self._work.database.get(CUSTOMERS, scope, customer_id)
        if customer is None or customer.deleted:
            return no_such("customer", customer_id, param="customer", status=status)
        return customer

    async def _commit(
        self, ctx: RequestContext, change: Change, method: PaymentMethod, respond: Respond
    ) -> Answer | Problem:
        answer = await self._work.commit(ctx, change, method.id, respond, method)
        return answer if isinstance(answer, Answer) else refused_commit(answer)


def put(change: Change, method: PaymentMethod, *, is_new: bool) -> None:
    """Add a method to ``change`` as a new row (whatever its version) or as the next version of its row."""
    if is_new:
        change.insert(PAYMENT_METHODS, method)
    else:
        change.update(PAYMENT_METHODS, method)


def forget_default(change: Change, customer: Customer, payment_method_id: str) -> None:
    """Add to ``change`` that the customer has lost a default, where ``payment_method_id`` was one."""
    after = replace(
        customer,
        version=customer.version + 1,
        default_payment_method=_unless(customer.default_payment_method, payment_method_id),
        default_source=_unless(customer.default_source, payment_method_id),
    )
    rendered, previous = shown_customer(after), shown_customer(customer)
    if rendered != previous:
        change.update(CUSTOMERS, after)
        change.event("customer.updated", rendered, previous_attributes(previous, rendered))


def _unless(current: str | None, gone: str) -> str | None:
    return None if current == gone else current


def apply_update(before: PaymentMethod, command: UpdatePaymentMethod, now_ms: int) -> PaymentMethod | Problem:
    """Return the next version of a payment method with ``command`` applied, or what is wrong. Pure."""
    pairs = metadata.merge(before.metadata, command.metadata)
    if isinstance(pairs, Problem):
        return pairs
    card = _updated_card(before, command, now_ms)
    if isinstance(card, Problem):
        return card
    billing = {**before.billing_details, **command.billing_details}
    return replace(
        before,
        version=before.version + 1,
        metadata=pairs,
        card=card,
        billing_details={key: value for key, value in billing.items() if value},
        # What a gateway keeps shows the card as it was: with its new expiry it is sent, and stored, again.
        credentials=before.credentials if _same_expiry(before.card, card) else {},
        allow_redisplay=before.allow_redisplay if command.allow_redisplay is UNSET else command.allow_redisplay,
    )


def _same_expiry(before: Facts | None, after: Facts | None) -> bool:
    if not isinstance(before, CardFacts) or not isinstance(after, CardFacts):
        return True
    return (before.exp_month, before.exp_year) == (after.exp_month, after.exp_year)


def _updated_card(before: PaymentMethod, command: UpdatePaymentMethod, now_ms: int) -> Facts | Problem | None:
    card = before.card
    if not isinstance(card, CardFacts):
        given = (command.exp_month, command.exp_year, command.preferred_network)
        if all(value is UNSET for value in given):
            return card
        return invalid(f"You may not update card of a payment method of type {before.type}.", param="card")
    month = card.exp_month if command.exp_month is UNSET else command.exp_month
    year = card.exp_year if command.exp_year is UNSET else full_year(command.exp_year)
    if (month, year) != (card.exp_month, card.exp_year):
        problem = check_expiry(month, year, now_ms)
        if problem is not None:
            return problem
    preferred = card.preferred_network if command.preferred_network is UNSET else command.preferred_network
    return replace(card, exp_month=month, exp_year=year, preferred_network=preferred)
