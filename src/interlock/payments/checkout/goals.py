"""What a session is there to reach: a payment or a stored card, each through the use cases of its own room.

A session never touches an intent's table: it begins one, confirms it, looks at it, gives it up.
"""

from typing import Protocol

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.errors import InvariantError
from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.payments.checkout.types import CheckoutSession, ConfirmPage
from interlock.payments.intents.types import (
    CancelIntent,
    ConfirmIntent,
    CreateIntent,
    Intent,
    IntentStatus,
    IntentView,
)
from interlock.payments.setup.types import (
    CancelSetup,
    ConfirmSetup,
    CreateSetup,
    SetupIntent,
    SetupStatus,
    SetupView,
)
from interlock.payments.work import Answer, Respond

_REASON = "abandoned"
_INTENT_DETAILS = (
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


class GoalState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the goal is. ``reached`` ends the session; ``over`` means it can be reached no more; ``awaiting`` that
    the shopper has done their part and a bank takes its time."""

    intent: Intent | SetupIntent
    reached: bool
    over: bool
    payment_status: str
    payment_method_id: str | None
    customer_id: str | None
    awaiting: bool = False


class Goal(Protocol):
    """One kind of goal."""

    async def begin(self, ctx: RequestContext, session: CheckoutSession) -> str | Problem:
        """Create the intent, unconfirmed, and return its id."""
        ...

    async def confirm(self, ctx: RequestContext, intent_id: str, command: ConfirmPage) -> Problem | None:
        """Confirm the intent with what the shopper chose; a decline is a problem, a challenge is not."""
        ...

    async def state(self, scope: Scope, intent_id: str) -> GoalState | Problem:
        """Return how far the intent is."""
        ...

    async def abandon(self, ctx: RequestContext, intent_id: str) -> Problem | None:
        """Cancel the intent, or tell why it cannot be."""
        ...


class PaymentUseCases(Protocol):
    """What this room needs of payment intents."""

    async def create(self, ctx: RequestContext, command: CreateIntent, respond: Respond) -> Answer | Problem:
        """Create an intent."""
        ...

    async def confirm(
        self, ctx: RequestContext, intent_id: str, options: ConfirmIntent, respond: Respond
    ) -> Answer | Problem:
        """Confirm it."""
        ...

    async def get(self, scope: Scope, intent_id: str) -> Intent | Problem:
        """Return it."""
        ...

    async def awaits_bank(self, intent: Intent) -> bool:
        """Return True while only a bank's answer is missing."""
        ...


class PaymentCancelling(Protocol):
    """What this room needs to give an intent up."""

    async def cancel(
        self, ctx: RequestContext, intent_id: str, command: CancelIntent, respond: Respond
    ) -> Answer | Problem:
        """Cancel it."""
        ...


class SetupUseCases(Protocol):
    """What this room needs of setup intents."""

    async def create(self, ctx: RequestContext, command: CreateSetup, respond: Respond) -> Answer | Problem:
        """Create a setup intent."""
        ...

    async def confirm(
        self, ctx: RequestContext, setup_id: str, options: ConfirmSetup, respond: Respond
    ) -> Answer | Problem:
        """Confirm it."""
        ...

    async def cancel(
        self, ctx: RequestContext, setup_id: str, command: CancelSetup, respond: Respond
    ) -> Answer | Problem:
        """Cancel it."""
        ...

    async def get(self, scope: Scope, setup_id: str) -> SetupIntent | Problem:
        """Return it."""
        ...


class _Seen:
    """A responder that keeps what an inner use case answered with; the session's own answer is made later."""

    def __init__(self) -> None:
        self.view: object = None

    async def __call__(self, view: object) -> Answer:
        self.view = view
        return Answer(200, b"")

    def problem(self, answer: Answer | Problem) -> Problem | None:
        """Return the problem the use case came to, whether it answered with one or showed one."""
        if isinstance(answer, Problem):
            return answer
        return self.view if isinstance(self.view, Problem) else None


def inner(ctx: RequestContext) -> RequestContext:
    """Return ``ctx`` for a use case inside another: the idempotency key belongs to the outer one alone."""
    return msgspec.structs.replace(ctx, idempotency_key=None, fingerprint="")


class PaymentGoal:
    """Taking a payment."""

    def __init__(self, intents: PaymentUseCases, cancelling: PaymentCancelling) -> None:
        """Use the use cases of payment intents."""
        self._intents = intents
        self._cancelling = cancelling

    async def begin(self, ctx: RequestContext, session: CheckoutSession) -> str | Problem:
        """Create the payment intent of ``session``."""
        if session.amount_total_minor is None or session.currency is None:
            raise InvariantError(f"session {session.id} is to take a payment and has no amount")
        given = session.details.get("payment_intent_data") or {}
        details = {name: given[name] for name in _INTENT_DETAILS if given.get(name) is not None}
        details["checkout_session"] = session.id
        details["payment_method_types"] = session.details.get("payment_method_types") or ["card"]
        if session.details.get("payment_method_options"):
            details["payment_method_options"] = session.details["payment_method_options"]
        command = CreateIntent(
            amount=Money(session.amount_total_minor, session.currency),
            customer=session.customer_id,
            capture_method=given.get("capture_method") or "automatic_async",
            setup_future_usage=given.get("setup_future_usage"),
            metadata=given.get("metadata") or {},
            details=details,
        )
        seen = _Seen()
        problem = seen.problem(await self._intents.create(inner(ctx), command, seen))
        if problem is not None:
            return problem
        assert isinstance(seen.view, IntentView)
        return seen.view.intent.id

    async def confirm(self, ctx: RequestContext, intent_id: str, command: ConfirmPage) -> Problem | None:
        """Confirm the payment intent; whoever pays by debit on the page agrees there to the mandate it shows."""
        online = {"ip_address": command.client_ip, "user_agent": command.user_agent}
        options = ConfirmIntent(
            payment_method=command.payment_method,
            payment_method_data=command.payment_method_data,
            return_url=command.return_url,
            mandate_data={"customer_acceptance": {"type": "online", "online": online}},
            client_ip=command.client_ip,
        )
        seen = _Seen()
        return seen.problem(await self._intents.confirm(inner(ctx), intent_id, options, seen))

    async def state(self, scope: Scope, intent_id: str) -> GoalState | Problem:
        """Return how far the payment is; an authorisation to be captured later, or a debit that
        a bank has yet to pay, completes a session unpaid."""
        intent = await self._intents.get(scope, intent_id)
        if isinstance(intent, Problem):
            return intent
        paid = intent.status is IntentStatus.SUCCEEDED
        awaiting = intent.status is IntentStatus.PROCESSING and await self._intents.awaits_bank(intent)
        return GoalState(
            intent=intent,
            reached=paid or awaiting or intent.status is IntentStatus.REQUIRES_CAPTURE,
            awaiting=awaiting,
            over=intent.status is IntentStatus.CANCELED,
            payment_status="paid" if paid else "unpaid",
            payment_method_id=intent.payment_method_id,
            customer_id=intent.customer_id,
        )

    async def abandon(self, ctx: RequestContext, intent_id: str) -> Problem | None:
        """Cancel the payment intent."""
        seen = _Seen()
        return seen.problem(await self._cancelling.cancel(inner(ctx), intent_id, CancelIntent(reason=_REASON), seen))


class SetupGoal:
    """Storing a card."""

    def __init__(self, setups: SetupUseCases) -> None:
        """Use the use cases of setup intents."""
        self._setups = setups

    async def begin(self, ctx: RequestContext, session: CheckoutSession) -> str | Problem:
        """Create the setup intent of ``session``."""
        given = session.details.get("setup_intent_data") or {}
        details = {"checkout_session": session.id}
        if given.get("description") is not None:
            details["description"] = given["description"]
        command = CreateSetup(customer=session.customer_id, metadata=given.get("metadata") or {}, details=details)
        seen = _Seen()
        problem = seen.problem(await self._setups.create(inner(ctx), command, seen))
        if problem is not None:
            return problem
        assert isinstance(seen.view, SetupView)
        return seen.view.setup_intent.id

    async def confirm(self, ctx: RequestContext, intent_id: str, command: ConfirmPage) -> Problem | None:
        """Confirm the setup intent."""
        options = ConfirmSetup(
            payment_method=command.payment_method,
            payment_method_data=command.payment_method_data,
            return_url=command.return_url,
            client_ip=command.client_ip,
        )
        seen = _Seen()
        return seen.problem(await self._setups.confirm(inner(ctx), intent_id, options, seen))

    async def state(self, scope: Scope, intent_id: str) -> GoalState | Problem:
        """Return how far the set-up is."""
        intent = await self._setups.get(scope, intent_id)
        if isinstance(intent, Problem):
            return intent
        return GoalState(
            intent=intent,
            reached=intent.status is SetupStatus.SUCCEEDED,
            over=intent.status is SetupStatus.CANCELED,
            payment_status="no_payment_required",
            payment_method_id=intent.payment_method_id,
            customer_id=intent.customer_id,
        )

    async def abandon(self, ctx: RequestContext, intent_id: str) -> Problem | None:
        """Cancel the setup intent."""
        seen = _Seen()
        return seen.problem(await self._setups.cancel(inner(ctx), intent_id, CancelSetup(reason=_REASON), seen))
