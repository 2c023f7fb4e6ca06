"""Use cases of checkout sessions: create, read, update, expire, list; and the end of a session, however it comes.

A session is over when its intent says so: whoever looks at an open session (a shop, the page, the worker's sweep)
settles it first, so that a shopper who never comes back from the bank's page leaves nothing open.
"""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id, new_secret
from interlock.base.problems import Problem
from interlock.base.redaction import exception_text
from interlock.payments import metadata
from interlock.payments.checkout.goals import Goal, GoalState
from interlock.payments.checkout.pricing import line_items, made_inline, total
from interlock.payments.checkout.rules import LIVES_MS, UI_MODES, check_create, is_due, not_open
from interlock.payments.checkout.types import (
    CHECKOUT_SESSIONS,
    PRICES,
    PRODUCTS,
    CheckoutSession,
    CreateSession,
    LineItem,
    Price,
    Product,
    SessionStatus,
    UpdateSession,
)
from interlock.payments.customers.contact import check_contact
from interlock.payments.customers.service import Customers
from interlock.payments.customers.types import CUSTOMERS
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments.refusals import no_such
from interlock.payments.instruments.types import PAYMENT_METHODS
from interlock.payments.representation.checkout_session import checkout_session as shown
from interlock.payments.representation.checkout_session import price as shown_price
from interlock.payments.representation.checkout_session import product as shown_product
from interlock.payments.rotation import Rotation
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.pages import Page, PageResult
from interlock.storage.queries import load_queries

replace = msgspec.structs.replace
_QUERIES = load_queries(__package__)
_SECRET_CHARACTERS = 40
_BATCH = 500
_log = logging.getLogger(__name__)


class CheckoutSessions:
    """What may be done with checkout sessions."""

    def __init__(self, work: Work, customers: Customers, goals: Mapping[str, Goal], page_base_url: str) -> None:
        """Wire the parts.

        Args:
            work: to commit through.
            customers: to look customers up.
            goals: session mode (``payment``, ``setup``) → how it is reached.
            page_base_url: where the hosted page is served; a session's ``url`` begins so.

        """
        self._work = work
        self._customers = customers
        self._goals = goals
        self._page_base_url = page_base_url
        self._due = Rotation("expires_at_ms", _BATCH)
        self._awaiting = Rotation("created_at_ms", _BATCH)

    async def create(self, ctx: RequestContext, command: CreateSession, respond: Respond) -> Answer | Problem:
        """Open a session; its intent is created only when the shopper pays."""
        now_ms = self._work.clock.now_ms()
        problem = check_create(command, now_ms) or check_contact(email=command.customer_email)
        if problem is None and command.customer is not None:
            problem = await self._customers.must_exist(ctx.scope, command.customer)
        if problem is not None:
            return problem
        items = await line_items(self._work.database, ctx.scope, command.line_items, now_ms)
        if isinstance(items, Problem):
            return items
        session = _new_session(ctx.scope, command, items, now_ms)
        if isinstance(session, Problem):
            return session
        made = made_inline(session, command.line_items)
        if isinstance(made, Problem):
            return made
        change = Change(ctx.scope)
        for one in made:
            _insert(change, one)
        change.insert(CHECKOUT_SESSIONS, session)
        answer = await self._work.commit(ctx, change, session.id, respond, session)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def get(self, scope: Scope, session_id: str) -> CheckoutSession | Problem:
        """Return a session as it truly is: one whose intent is done, or whose time is over, is ended first."""
        session = await self._work.database.get(CHECKOUT_SESSIONS, scope, session_id)
        if session is None:
            return no_such("checkout.session", session_id, param="session", status=404)
        return await self.settle(session)

    async def list(
        self,
        scope: Scope,
        page: Page,
        *,
        customer: str | None = None,
        payment_intent: str | None = None,
        status: str | None = None,
    ) -> PageResult[CheckoutSession]:
        """Return sessions, newest first."""
        given = {"customer_id": customer, "payment_intent_id": payment_intent, "status": status}
        where: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        return await self._work.database.find(CHECKOUT_SESSIONS, scope, page, where=where)

    async def update(
        self, ctx: RequestContext, session_id: str, command: UpdateSession, respond: Respond
    ) -> Answer | Problem:
        """Change metadata and what was collected."""
        before = await self.get(ctx.scope, session_id)
        if isinstance(before, Problem):
            return before
        pairs = metadata.merge(before.metadata, command.metadata)
        if isinstance(pairs, Problem):
            return pairs
        after = replace(
            before, version=before.version + 1, metadata=pairs, details={**before.details, **command.details}
        )
        change = Change(ctx.scope)
        change.update(CHECKOUT_SESSIONS, after)
        answer = await self._work.commit(ctx, change, after.id, respond, after)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def expire(self, ctx: RequestContext, session_id: str, respond: Respond) -> Answer | Problem:
        """End an open session at the shop's wish; its intent is given up first, so that nobody pays into the void."""
        session = await self.get(ctx.scope, session_id)
        if isinstance(session, Problem):
            return session
        if session.status is not SessionStatus.OPEN:
            return not_open(session, "expired")
        problem = await self._abandon(ctx, session)
        if problem is not None:
            return problem
        change = Change(ctx.scope)
        expired = self._expire(change, session)
        answer = await self._work.commit(ctx, change, session.id, respond, expired)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def settle(self, session: CheckoutSession) -> CheckoutSession:
        """Return ``session`` after ending it, where its intent or its time has come to an end."""
        if session.awaiting:
            return await self._hear(session)
        if session.status is not SessionStatus.OPEN:
            return session
        scope = Scope(session.account_id, session.livemode)
        intent_id = session.payment_intent_id or session.setup_intent_id
        change = Change(scope)
        if intent_id is not None:
            state = await self.goal(session).state(scope, intent_id)
            if isinstance(state, GoalState) and state.reached:
                return await self._record(change, session, await self.complete(change, session, state))
        if not is_due(session, self._work.clock.now_ms()):
            return session
        ctx = RequestContext(scope=scope, request_id="", path="")
        if await self._abandon(ctx, session) is not None:
            return session  # a payment in flight: it decides
        return await self._record(change, session, self._expire(change, session))

    async def _hear(self, session: CheckoutSession) -> CheckoutSession:
        """Return a complete session as the bank's answer leaves it, which may come days later."""
        scope = Scope(session.account_id, session.livemode)
        state = await self.goal(session).state(scope, session.payment_intent_id or "")
        if isinstance(state, Problem) or state.awaiting:
            return session
        heard = replace(session, version=session.version + 1, awaiting=False, payment_status=state.payment_status)
        word = "succeeded" if state.payment_status == "paid" else "failed"
        change = Change(scope)
        change.update(CHECKOUT_SESSIONS, heard)
        change.event(f"checkout.session.async_payment_{word}", shown(heard, self._page_base_url))
        return await self._record(change, session, heard)

    async def sweep(self, now_ms: int) -> int:
        """End a batch of sessions that are over and a batch of waits, and return how many; for the worker.

        Sessions that cannot be ended yet are many in a busy shop, so each sweep goes on after the one before.
        """
        fetch, due, awaiting = self._work.database.fetch, self._due, self._awaiting
        over = await fetch(_QUERIES["due_sessions"], now_ms, due.limit, *due.after)
        due.read(over)
        waits = await fetch(_QUERIES["awaiting_sessions"], awaiting.limit, *awaiting.after)
        awaiting.read(waits)
        return sum([await self._end(Scope(row["account_id"], row["livemode"]), row["id"]) for row in (*over, *waits)])

    async def _end(self, scope: Scope, session_id: str) -> bool:
        """End one session if it is over; one that raises is told in the log and keeps up no other."""
        try:
            session = await self._work.database.get(CHECKOUT_SESSIONS, scope, session_id)
            if session is None:
                return False
            settled = await self.settle(session)
        except Exception as error:  # noqa: BLE001 - a bug with one session must not keep all others open
            _log.error("session %s could not be settled: %s", session_id, exception_text(error))
            return False
        return settled is not session and settled.status is not SessionStatus.OPEN

    def goal(self, session: CheckoutSession) -> Goal:
        """Return what the session is there to reach."""
        return self._goals[session.mode]

    async def complete(self, change: Change, session: CheckoutSession, state: GoalState) -> CheckoutSession:
        """Add the end of a session that reached its goal to ``change`` and return the session as it is then."""
        details = {**session.details, "customer_details": await self._customer_details(session, state)}
        done = replace(
            session,
            version=session.version + 1,
            status=SessionStatus.COMPLETE,
            payment_status=state.payment_status,
            awaiting=state.awaiting,
            customer_id=session.customer_id or state.customer_id,
            details=details,
        )
        change.update(CHECKOUT_SESSIONS, done)
        change.event("checkout.session.completed", shown(done, self._page_base_url))
        return done

    async def _customer_details(self, session: CheckoutSession, state: GoalState) -> dict[str, Any]:
        """Return who paid: what came with the card, then what the session and the customer already knew."""
        scope = Scope(session.account_id, session.livemode)
        database = self._work.database
        method = await database.get(PAYMENT_METHODS, scope, state.payment_method_id or "")
        customer = await database.get(CUSTOMERS, scope, session.customer_id or "")
        billing = {} if method is None else method.billing_details
        known = {} if customer is None else {name: getattr(customer, name) for name in ("email", "name", "phone")}
        return {
            "address": billing.get("address"),
            "email": billing.get("email") or session.customer_email or known.get("email"),
            "name": billing.get("name") or known.get("name"),
            "phone": billing.get("phone") or known.get("phone"),
        }

    async def _abandon(self, ctx: RequestContext, session: CheckoutSession) -> Problem | None:
        intent_id = session.payment_intent_id or session.setup_intent_id
        if intent_id is None:
            return None
        goal = self.goal(session)
        state = await goal.state(ctx.scope, intent_id)
        if isinstance(state, GoalState) and state.over:
            return None
        return await goal.abandon(ctx, intent_id)

    def _expire(self, change: Change, session: CheckoutSession) -> CheckoutSession:
        expired = replace(session, version=session.version + 1, status=SessionStatus.EXPIRED)
        change.update(CHECKOUT_SESSIONS, expired)
        change.event("checkout.session.expired", shown(expired, self._page_base_url))
        return expired

    async def _record(self, change: Change, before: CheckoutSession, after: CheckoutSession) -> CheckoutSession:
        """Commit ``change``; when somebody else ended the session first, return it as they left it."""
        if await self._work.record(change) is None:
            return after
        scope = Scope(before.account_id, before.livemode)
        return await self._work.database.get(CHECKOUT_SESSIONS, scope, before.id) or before


def _new_session(scope: Scope, command: CreateSession, items: list[LineItem], now_ms: int) -> CheckoutSession | Problem:
    money = total(items) if command.mode == "payment" else None
    if isinstance(money, Problem):
        return money
    ui_mode = UI_MODES[command.details.get("ui_mode") or "hosted_page"]
    session_id = new_id("cs_live" if scope.livemode else "cs_test", now_ms)
    secret = None if ui_mode == "hosted_page" else f"{session_id}_secret_{new_secret(_SECRET_CHARACTERS)}"
    amount_minor = None if money is None else money.amount_minor
    return CheckoutSession(
        account_id=scope.account_id,
        id=session_id,
        livemode=scope.livemode,
        version=1,
        created_at_ms=now_ms,
        expires_at_ms=now_ms + LIVES_MS if command.expires_at_ms is None else command.expires_at_ms,
        mode=command.mode,
        payment_status="unpaid" if command.mode == "payment" else "no_payment_required",
        currency=command.currency and command.currency.lower() if money is None else money.currency,
        amount_subtotal_minor=amount_minor,
        amount_total_minor=amount_minor,
        customer_id=command.customer,
        customer_email=command.customer_email,
        client_reference_id=command.client_reference_id,
        client_secret=secret,
        line_items=items,
        metadata=command.metadata or {},
        details={**{key: value for key, value in command.details.items() if value is not None}, "ui_mode": ui_mode},
    )


def _insert(change: Change, made: Product | Price) -> None:
    if isinstance(made, Product):
        change.insert(PRODUCTS, made)
        change.event("product.created", shown_product(made))
    else:
        change.insert(PRICES, made)
        change.event("price.created", shown_price(made))
