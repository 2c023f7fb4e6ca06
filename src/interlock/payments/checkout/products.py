"""Use cases of products and prices: as much of them as line items need (one-time prices, per unit)."""

import msgspec
from msgspec import UNSET

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid
from interlock.payments import metadata
from interlock.payments.checkout.types import (
    PRICES,
    PRODUCTS,
    CreatePrice,
    CreateProduct,
    Price,
    Product,
    UpdatePrice,
    UpdateProduct,
)
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments.refusals import no_such
from interlock.payments.intents.validation import front_money
from interlock.payments.representation.checkout_session import price as shown_price
from interlock.payments.representation.checkout_session import product as shown_product
from interlock.payments.representation.differences import previous_attributes
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.pages import Page, PageResult

_MAX_NAME_CHARACTERS = 5_000
replace = msgspec.structs.replace


class Products:
    """What may be done with products."""

    def __init__(self, work: Work) -> None:
        """Commit through ``work``."""
        self._work = work

    async def create(self, ctx: RequestContext, command: CreateProduct, respond: Respond) -> Answer | Problem:
        """Make a product; an ``id`` of the shop's own must be new."""
        product = self.new(ctx.scope, command)
        if isinstance(product, Problem):
            return product
        if command.id is not None and await self._work.database.get(PRODUCTS, ctx.scope, command.id) is not None:
            return _exists(command.id)
        price = (
            None if command.default_price is None else new_price(product, command.default_price, product.created_at_ms)
        )
        if isinstance(price, Problem):
            return price
        change = Change(ctx.scope)
        if price is not None:
            product = replace(product, default_price=price.id)
            change.insert(PRICES, price)
        change.claim(PRODUCTS, product)
        change.event("product.created", shown_product(product))
        if price is not None:
            change.event("price.created", shown_price(price))
        answer = await self._work.commit(ctx, change, product.id, respond, product)
        if isinstance(answer, Answer):
            return answer
        return _exists(product.id) if answer.detail == PRODUCTS.name else refused_commit(answer)

    def new(self, scope: Scope, command: CreateProduct) -> Product | Problem:
        """Return the product that ``command`` describes, not stored yet, or what is wrong with it."""
        if not command.name or len(command.name) > _MAX_NAME_CHARACTERS:
            return invalid("A product needs a name of at most 5000 characters.", code="parameter_missing", param="name")
        pairs = metadata.merge({}, command.metadata or {})
        if isinstance(pairs, Problem):
            return pairs
        now_ms = self._work.clock.now_ms()
        return Product(
            account_id=scope.account_id,
            id=command.id or new_id("prod", now_ms),
            livemode=scope.livemode,
            version=1,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            name=command.name,
            active=command.active,
            metadata=pairs,
            details={key: value for key, value in command.details.items() if value is not None},
        )

    async def get(self, scope: Scope, product_id: str) -> Product | Problem:
        """Return a product."""
        product = await self._work.database.get(PRODUCTS, scope, product_id)
        return no_such("product", product_id, status=404) if product is None else product

    async def update(
        self, ctx: RequestContext, product_id: str, command: UpdateProduct, respond: Respond
    ) -> Answer | Problem:
        """Change a product; its default price must be one of its own."""
        before = await self.get(ctx.scope, product_id)
        if isinstance(before, Problem):
            return before
        pairs = metadata.merge(before.metadata, command.metadata)
        problem = pairs if isinstance(pairs, Problem) else await self._check_default(ctx.scope, before, command)
        if isinstance(pairs, Problem) or problem is not None:
            return problem or pairs  # type: ignore[return-value]  # one of the two is a problem here
        changed = {name: getattr(command, name) for name in ("name", "active", "default_price")}
        details = {**before.details, **command.details}
        after = replace(
            before,
            version=before.version + 1,
            updated_at_ms=self._work.clock.now_ms(),
            metadata=pairs,
            details={key: value for key, value in details.items() if value is not None},
            **{name: value for name, value in changed.items() if value is not UNSET},
        )
        change = Change(ctx.scope)
        change.update(PRODUCTS, after)
        rendered = shown_product(after)
        change.event("product.updated", rendered, previous_attributes(shown_product(before), rendered))
        answer = await self._work.commit(ctx, change, after.id, respond, after)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def _check_default(self, scope: Scope, product: Product, command: UpdateProduct) -> Problem | None:
        if command.name == "":
            return invalid("A product needs a name.", code="parameter_invalid_empty", param="name")
        if command.default_price is UNSET:
            return None
        price = await self._work.database.get(PRICES, scope, command.default_price)
        if price is not None and price.product_id == product.id:
            return None
        return no_such("price", command.default_price, param="default_price")

    async def delete(self, ctx: RequestContext, product_id: str, respond: Respond) -> Answer | Problem:
        """Delete a product that has no price."""
        product = await self.get(ctx.scope, product_id)
        if isinstance(product, Problem):
            return product
        priced = await self._work.database.find(PRICES, ctx.scope, Page(limit=1), where={"product_id": product.id})
        if priced.items:
            return invalid("This product cannot be deleted because it has one or more user-created prices.")
        change = Change(ctx.scope)
        change.delete(PRODUCTS, (ctx.account_id, product.id))
        change.event("product.deleted", shown_product(product))
        answer = await self._work.commit(ctx, change, product.id, respond, product)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def list(
        self, scope: Scope, page: Page, *, active: bool | None = None, ids: tuple[str, ...] | None = None
    ) -> PageResult[Product]:
        """Return products, newest first; those of ``ids`` when given."""
        given: dict[str, object] = {"active": active, "id": ids}
        where = {name: value for name, value in given.items() if value is not None}
        return await self._work.database.find(PRODUCTS, scope, page, where=where)


class Prices:
    """What may be done with prices."""

    def __init__(self, work: Work, products: Products) -> None:
        """Commit through ``work``; make products named in ``product_data`` with ``products``."""
        self._work = work
        self._products = products

    async def create(self, ctx: RequestContext, command: CreatePrice, respond: Respond) -> Answer | Problem:
        """Make a one-time price of a product, or of one made with it."""
        change = Change(ctx.scope)
        product = await self._product(ctx.scope, change, command)
        if isinstance(product, Problem):
            return product
        price = new_price(product, command, self._work.clock.now_ms())
        if isinstance(price, Problem):
            return price
        change.insert(PRICES, price)
        change.event("price.created", shown_price(price))
        answer = await self._work.commit(ctx, change, price.id, respond, price)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def _product(self, scope: Scope, change: Change, command: CreatePrice) -> Product | Problem:
        if command.product_data is not None:
            made = self._products.new(scope, replace(command.product_data, id=None))
            if not isinstance(made, Problem):
                change.insert(PRODUCTS, made)
                change.event("product.created", shown_product(made))
            return made
        if command.product is None:
            return invalid("You must provide product or product_data.", code="parameter_missing", param="product")
        product = await self._work.database.get(PRODUCTS, scope, command.product)
        return no_such("product", command.product, param="product") if product is None else product

    async def get(self, scope: Scope, price_id: str) -> Price | Problem:
        """Return a price."""
        price = await self._work.database.get(PRICES, scope, price_id)
        return no_such("price", price_id, param="price", status=404) if price is None else price

    async def update(
        self, ctx: RequestContext, price_id: str, command: UpdatePrice, respond: Respond
    ) -> Answer | Problem:
        """Change what a price is called and whether it is offered; its amount stays."""
        before = await self.get(ctx.scope, price_id)
        if isinstance(before, Problem):
            return before
        pairs = metadata.merge(before.metadata, command.metadata)
        if isinstance(pairs, Problem):
            return pairs
        changed = {name: getattr(command, name) for name in ("active", "lookup_key", "nickname", "tax_behavior")}
        after = replace(
            before,
            version=before.version + 1,
            metadata=pairs,
            **{name: value for name, value in changed.items() if value is not UNSET},
        )
        change = Change(ctx.scope)
        change.update(PRICES, after)
        rendered = shown_price(after)
        change.event("price.updated", rendered, previous_attributes(shown_price(before), rendered))
        answer = await self._work.commit(ctx, change, after.id, respond, after)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def list(
        self,
        scope: Scope,
        page: Page,
        *,
        product: str | None = None,
        active: bool | None = None,
        currency: str | None = None,
        lookup_keys: tuple[str, ...] | None = None,
    ) -> PageResult[Price]:
        """Return prices, newest first, of one product, one currency or some lookup keys when given."""
        given: dict[str, object] = {
            "product_id": product,
            "active": active,
            "currency": currency,
            "lookup_key": lookup_keys,
        }
        where = {name: value for name, value in given.items() if value is not None}
        return await self._work.database.find(PRICES, scope, page, where=where)


def new_price(product: Product, command: CreatePrice, now_ms: int) -> Price | Problem:
    """Return the one-time price of ``product`` that ``command`` describes, not stored yet, or what is wrong. Pure."""
    money = front_money(command.unit_amount, command.currency, "unit_amount")
    if isinstance(money, Problem):
        return money
    if money.amount_minor < 0:
        return invalid("Invalid non-negative integer", code="parameter_invalid_integer", param="unit_amount")
    pairs = metadata.merge({}, command.metadata or {})
    if isinstance(pairs, Problem):
        return pairs
    return Price(
        account_id=product.account_id,
        id=new_id("price", now_ms),
        livemode=product.livemode,
        version=1,
        created_at_ms=now_ms,
        product_id=product.id,
        currency=money.currency,
        unit_amount_minor=money.amount_minor,
        active=command.active,
        lookup_key=command.lookup_key,
        nickname=command.nickname,
        tax_behavior=command.tax_behavior,
        metadata=pairs,
    )


def _exists(product_id: str) -> Problem:
    return invalid(f"Product already exists: {product_id}", code="resource_already_exists", param="id")
