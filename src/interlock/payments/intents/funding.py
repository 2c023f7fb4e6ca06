"""Money that arrives by bank transfer in test mode, because a shop's test or the official CLI lets it arrive.

The account is the gateway's, so the gateway is asked to let the transfer arrive there; what that makes of the payment
comes back as it always does, by webhook or inquiry. In live mode shoppers' banks do this and nobody can ask for it.
"""

import hashlib

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.money import Money
from interlock.base.problems import Problem, invalid
from interlock.gateways.contract import FollowOnRequest
from interlock.gateways.outcomes import Outcome
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.customers.service import Customers
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.intents.types import INTENTS, FundBalance, Funded, Intent, IntentStatus
from interlock.payments.intents.validation import front_money
from interlock.payments.representation.amounts import front_amount
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.pages import Page

_INSTRUCTIONS = "display_bank_transfer_instructions"
_LOOKED_AT = 100
_KEY_DIGITS = 32


class Fundings:
    """Lets test transfers arrive."""

    def __init__(self, work: Work, runner: Runner, customers: Customers, budget_ms: int) -> None:
        """Wire the parts; a gateway may take ``budget_ms``."""
        self._work = work
        self._runner = runner
        self._customers = customers
        self._budget_ms = budget_ms

    async def fund(
        self, ctx: RequestContext, customer_id: str, command: FundBalance, respond: Respond
    ) -> Answer | Problem:
        """Let a transfer arrive for the customer's payment that has waited longest, or that ``reference`` names."""
        problem = _test_mode_only(ctx.scope) or await self._customers.must_exist(ctx.scope, customer_id)
        if problem is not None:
            return problem
        money = front_money(command.amount, command.currency.lower(), "amount")
        if isinstance(money, Problem):
            return money
        intent = await self._waiting(ctx.scope, customer_id, money.currency, command.reference)
        if isinstance(intent, Problem):
            return intent
        problem = _amount_problem(intent, command.amount)
        if problem is not None:
            return problem
        funded = await self._arrive(ctx, intent, customer_id, money)
        if isinstance(funded, Problem) or ctx.idempotency_key is None:
            return funded if isinstance(funded, Problem) else await respond(funded)
        answer = await self._work.commit(ctx, Change(ctx.scope), funded.id, respond, funded)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def _waiting(self, scope: Scope, customer_id: str, currency: str, reference: str | None) -> Intent | Problem:
        where = {"customer_id": customer_id, "status": IntentStatus.REQUIRES_ACTION.value}
        page = await self._work.database.find(INTENTS, scope, Page(limit=_LOOKED_AT), where=where)
        waiting = [one for one in page.items if one.currency == currency and _INSTRUCTIONS in (one.next_action or {})]
        named = [one for one in waiting if (one.next_action or {})[_INSTRUCTIONS]["reference"] == reference]
        if not waiting:
            return invalid(
                f"No payment of this customer waits for a bank transfer in {currency}. Money is received for payments "
                "that wait for it (payment_method customer_balance); no cash balance is kept without one.",
                param="customer",
            )
        return (named or waiting)[-1]  # pages are newest first

    async def _arrive(self, ctx: RequestContext, intent: Intent, customer_id: str, money: Money) -> Funded | Problem:
        attempt = await self._work.database.get(ATTEMPTS, ctx.scope, intent.active_attempt_id or "")
        if attempt is None or not attempt.detail.get("account"):
            return invalid("The account of this payment is not known.", param="customer")
        now_ms = self._work.clock.now_ms()
        funding_id = new_id("ccsbtxn", now_ms)
        request = FollowOnRequest(
            reference=funding_id,
            idempotency_key=_outbound_key(attempt, ctx.idempotency_key or funding_id),
            amount=money,
            gateway_reference=attempt.detail["account"],
        )
        execution = await self._runner.fund(attempt, request, now_ms + self._budget_ms)
        if execution.result.outcome is not Outcome.APPROVED:
            return _not_arrived(execution.result.message)
        action = (intent.next_action or {})[_INSTRUCTIONS]
        return Funded(
            id=funding_id,
            livemode=ctx.livemode,
            created_at_ms=now_ms,
            customer_id=customer_id,
            money=money,
            kind=action["type"],
            reference=action["reference"],
        )


def _outbound_key(attempt: Attempt, key: str) -> str:
    """Return the gateway's key for a request under ``key``: sent again under it, one transfer arrives once."""
    return f"{attempt.id}-{hashlib.sha256(key.encode()).hexdigest()[:_KEY_DIGITS]}"


def _test_mode_only(scope: Scope) -> Problem | None:
    if not scope.livemode:
        return None
    return invalid("Test helpers can be used in test mode only.", code="testmode_charges_only")


def _amount_problem(intent: Intent, amount: int) -> Problem | None:
    remaining = (intent.next_action or {})[_INSTRUCTIONS]["amount_remaining"]
    if 0 < amount <= remaining:
        return None
    shown = front_amount(intent.amount_minor, intent.currency)
    return invalid(
        f"The payment that waits for this transfer ({intent.id} of {shown}) has {remaining} outstanding. Send at most "
        "that: what is more would lie on a cash balance, which is not kept.",
        code="parameter_invalid_integer",
        param="amount",
    )


def _not_arrived(message: str | None) -> Problem:
    return Problem(
        status=502,
        type="api_error",
        code="processing_error",
        message=f"The gateway did not let the transfer arrive: {message or 'no readable answer'}",
        retryable=True,
    )
