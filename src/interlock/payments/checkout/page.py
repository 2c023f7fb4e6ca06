"""The page of a session: what it shows and what happens when the shopper pays. Also what the official CLI drives.

Paying takes several commits, each of which a retry can find: the intent is created, the session remembers it, the
intent is confirmed, the session ends. A session has one intent for all its tries, so it can never be paid twice.
"""

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem, invalid
from interlock.payments.checkout.goals import GoalState, inner
from interlock.payments.checkout.rules import not_open
from interlock.payments.checkout.service import CheckoutSessions
from interlock.payments.checkout.types import (
    CHECKOUT_SESSIONS,
    CheckoutSession,
    ConfirmPage,
    PaymentPage,
    SessionStatus,
)
from interlock.payments.customers.service import Customers
from interlock.payments.customers.types import CreateCustomer, Customer
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments.refusals import no_such
from interlock.payments.representation.amounts import front_amount
from interlock.payments.work import CONFLICT, Answer, Change, Respond, Work

replace = msgspec.structs.replace


class PaymentPages:
    """What a shopper's browser may do with a session."""

    def __init__(self, work: Work, sessions: CheckoutSessions, customers: Customers) -> None:
        """Commit through ``work``; end sessions with ``sessions``; make customers where a session wants one."""
        self._work = work
        self._sessions = sessions
        self._customers = customers

    async def get(self, scope: Scope, session_id: str) -> PaymentPage | Problem:
        """Return the page of a session."""
        session = await self._sessions.get(scope, session_id)
        if isinstance(session, Problem):
            return session
        state = await self._state(scope, session)
        return PaymentPage(session, None if state is None else state.intent)

    async def confirm(
        self, ctx: RequestContext, session_id: str, command: ConfirmPage, respond: Respond
    ) -> Answer | Problem:
        """Pay (or store the card), and end the session when that is done at once."""
        found = await self._work.database.get(CHECKOUT_SESSIONS, ctx.scope, session_id)
        if found is None:
            return no_such("checkout.session", session_id, param="session", status=404)
        session = await self._sessions.settle(found)
        if found.status is SessionStatus.OPEN and session.status is SessionStatus.COMPLETE:
            # An earlier call was cut off after it had paid: this one gets the answer that one never gave.
            return await self._answer(ctx, Change(ctx.scope), session, respond)
        problem = _check_confirm(session, command)
        if problem is not None:
            return problem
        prepared = await self._prepare(ctx, session)
        if isinstance(prepared, Problem):
            return prepared
        intent_id = prepared.payment_intent_id or prepared.setup_intent_id or ""
        back = command.return_url or prepared.details.get("return_url") or prepared.details.get("success_url")
        command = replace(command, return_url=_filled_in(back, prepared.id))
        problem = await self._sessions.goal(prepared).confirm(ctx, intent_id, command)
        if problem is not None:
            return problem
        return await self._finish(ctx, prepared, respond)

    async def _prepare(self, ctx: RequestContext, session: CheckoutSession) -> CheckoutSession | Problem:
        """Return the session with an intent that it remembers, and with a customer where it wants one."""
        if session.payment_intent_id is not None or session.setup_intent_id is not None:
            return session
        prepared = await self._with_customer(ctx, session)
        if isinstance(prepared, Problem):
            return prepared
        intent_id = await self._sessions.goal(prepared).begin(ctx, prepared)
        if isinstance(intent_id, Problem):
            return intent_id
        field = "payment_intent_id" if session.mode == "payment" else "setup_intent_id"
        prepared = replace(prepared, version=session.version + 1, **{field: intent_id})
        change = Change(ctx.scope)
        change.update(CHECKOUT_SESSIONS, prepared)
        return CONFLICT if await self._work.record(change) is not None else prepared

    async def _with_customer(self, ctx: RequestContext, session: CheckoutSession) -> CheckoutSession | Problem:
        keeps_card = (session.details.get("payment_intent_data") or {}).get("setup_future_usage") is not None
        if session.customer_id is not None or not (keeps_card or session.details.get("customer_creation") == "always"):
            return session
        made: list[object] = []

        async def keep(view: object) -> Answer:
            made.append(view)
            return Answer(200, b"")

        command = CreateCustomer(email=session.customer_email)
        answer = await self._customers.create(inner(ctx), command, keep)
        if isinstance(answer, Problem):
            return answer
        assert isinstance(made[0], Customer)
        return replace(session, customer_id=made[0].id)

    async def _finish(self, ctx: RequestContext, session: CheckoutSession, respond: Respond) -> Answer | Problem:
        """End the session where its goal is reached, and answer; a challenge or a pending payment leaves it open."""
        state = await self._state(ctx.scope, session)
        change = Change(ctx.scope)
        if state is not None and state.reached:
            session = await self._sessions.complete(change, session, state)
        return await self._answer(ctx, change, session, respond)

    async def _answer(
        self, ctx: RequestContext, change: Change, session: CheckoutSession, respond: Respond
    ) -> Answer | Problem:
        state = await self._state(ctx.scope, session)
        page = PaymentPage(session, None if state is None else state.intent)
        answer = await self._work.commit(ctx, change, session.id, respond, page)
        if isinstance(answer, Answer):
            return answer
        ended = await self._work.database.get(CHECKOUT_SESSIONS, ctx.scope, session.id)
        if ended is not None and ended.status is SessionStatus.COMPLETE:
            return await respond(PaymentPage(ended, page.intent))  # the sweep was first
        return refused_commit(answer)

    async def _state(self, scope: Scope, session: CheckoutSession) -> GoalState | None:
        intent_id = session.payment_intent_id or session.setup_intent_id
        if intent_id is None:
            return None
        state = await self._sessions.goal(session).state(scope, intent_id)
        return state if isinstance(state, GoalState) else None


def _check_confirm(session: CheckoutSession, command: ConfirmPage) -> Problem | None:
    if session.status is not SessionStatus.OPEN:
        return not_open(session, "confirmed")
    if command.payment_method is None and command.payment_method_data is None:
        return invalid("Missing required param: payment_method.", code="parameter_missing", param="payment_method")
    if command.expected_amount is None or session.amount_total_minor is None or session.currency is None:
        return None
    amount = front_amount(session.amount_total_minor, session.currency)
    if command.expected_amount != amount:
        return invalid(
            f"The amount of this session is {amount}, not the expected {command.expected_amount}. Reload the page.",
            param="expected_amount",
        )
    return None


def _filled_in(url: str | None, session_id: str) -> str | None:
    return None if url is None else url.replace("{CHECKOUT_SESSION_ID}", session_id)
