"""Writes down what came of a card verification: setup intent, attempt, payment method, mandate and events at once.

Called by the confirming request, the return from a challenge, recovery and inbound webhooks.
"""

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem
from interlock.gateways.outcomes import Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.exchanges import keep_exchanges
from interlock.payments.attempts.finishing import FINISHING_TRIES, is_untouched, trusted_result
from interlock.payments.attempts.resuming import Resumption
from interlock.payments.attempts.settling import settle_attempt
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.instruments.mandates import new_mandate
from interlock.payments.instruments.types import MANDATES, PAYMENT_METHODS, PaymentMethod
from interlock.payments.intents.outcome import challenge_url
from interlock.payments.representation.payment_method import payment_method as show_payment_method
from interlock.payments.representation.setup_intent import setup_intent as show_setup
from interlock.payments.setup.machine import Trigger, next_status
from interlock.payments.setup.settling import SetupSettlement, settle_setup
from interlock.payments.setup.types import SETUP_INTENTS, SetupIntent, SetupStatus, SetupView
from interlock.payments.work import CONFLICT, Answer, Change, Respond, Work

replace = msgspec.structs.replace


class SetupOutcomes:
    """Settles verifications."""

    def __init__(self, work: Work, public_url: str) -> None:
        """Commit through ``work``; ``public_url`` is where shoppers reach us."""
        self._work = work
        self._public_url = public_url

    async def finish(
        self,
        ctx: RequestContext,
        intent: SetupIntent,
        attempt: Attempt,
        method: PaymentMethod,
        execution: Execution,
        respond: Respond,
    ) -> Answer | Problem:
        """Write the outcome down and answer the request that is waiting."""
        for _ in range(FINISHING_TRIES):
            change, settlement = self._settle(intent, attempt, method, trusted_result(execution), execution)
            view: object = SetupView(settlement.setup_intent, settlement.payment_method or method)
            if settlement.error is not None:
                view = failed_setup(settlement.setup_intent) or view
            answer = await self._work.finish(ctx, change, intent.id, respond, view)
            if isinstance(answer, Answer):
                return answer
            present = await self.reload(ctx.scope, attempt)
            if present is None:
                break
            intent, method = present
        return await self.answer_from_state(ctx, intent.id, respond)

    async def reload(self, scope: Scope, attempt: Attempt) -> tuple[SetupIntent, PaymentMethod] | None:
        """Return what the verification is about as stored by now, None when somebody else has written its outcome."""
        database = self._work.database
        intent = await database.get(SETUP_INTENTS, scope, attempt.subject_id)
        method = await database.get(PAYMENT_METHODS, scope, attempt.payment_method_id or "")
        is_ours = intent is not None and intent.active_attempt_id == attempt.id
        if intent is None or method is None or not is_ours or not await is_untouched(self._work, attempt):
            return None
        return intent, method

    async def answer_from_state(self, ctx: RequestContext, setup_id: str, respond: Respond) -> Answer | Problem:
        """Return the answer that the setup intent's present state makes for a confirm call."""
        intent = await self._work.database.get(SETUP_INTENTS, ctx.scope, setup_id)
        if intent is None:
            return CONFLICT
        return await respond(failed_setup(intent) or SetupView(intent))

    async def apply(self, attempt: Attempt, result: Result, execution: Execution | None = None) -> bool:
        """Write down an outcome nobody is waiting for; False when another writer was first."""
        scope = Scope(attempt.account_id, attempt.livemode)
        database = self._work.database
        intent = await database.get(SETUP_INTENTS, scope, attempt.subject_id)
        if intent is None or intent.active_attempt_id != attempt.id:
            return False
        method = await database.get(PAYMENT_METHODS, scope, attempt.payment_method_id or "")
        if execution is not None:
            result = trusted_result(execution)
        change, _ = self._settle(intent, attempt, method, result, execution)
        return await self._work.record(change) is None

    async def resume(self, attempt: Attempt, change: Change) -> Resumption | None:
        """Add the setup intent's return from a challenge to ``change``; None when the attempt is not its active one."""
        scope = Scope(attempt.account_id, attempt.livemode)
        intent = await self._work.database.get(SETUP_INTENTS, scope, attempt.subject_id)
        status = None if intent is None else next_status(intent.status, Trigger.RESUME)
        if intent is None or status is None or intent.active_attempt_id != attempt.id:
            return None
        change.update(SETUP_INTENTS, replace(intent, version=intent.version + 1, status=status, next_action=None))
        return Resumption.AT_ONCE

    async def landing(self, attempt: Attempt) -> dict[str, str]:
        """Return what the shop's return page is told."""
        scope = Scope(attempt.account_id, attempt.livemode)
        intent = await self._work.database.get(SETUP_INTENTS, scope, attempt.subject_id)
        if intent is None:
            return {}
        words = {
            SetupStatus.SUCCEEDED: "succeeded",
            SetupStatus.PROCESSING: "pending",
            SetupStatus.REQUIRES_ACTION: "pending",
        }
        return {
            "setup_intent": intent.id,
            "setup_intent_client_secret": intent.client_secret,
            "redirect_status": words.get(intent.status, "failed"),
        }

    def _settle(
        self,
        intent: SetupIntent,
        attempt: Attempt,
        method: PaymentMethod | None,
        result: Result,
        execution: Execution | None,
    ) -> tuple[Change, SetupSettlement]:
        now_ms = self._work.clock.now_ms()
        settlement = settle_setup(intent, attempt, method, result, challenge_url(self._public_url, attempt))
        settled = settle_attempt(attempt, result, now_ms, execution)
        change = Change(Scope(attempt.account_id, attempt.livemode))
        kept = settlement.payment_method
        if kept is not None:
            mandate = new_mandate(
                kept, attempt.detail.get("mandate_data"), now_ms, client_ip=attempt.detail.get("client_ip")
            )
            done = replace(settlement.setup_intent, mandate_id=mandate.id)
            settlement = replace(settlement, setup_intent=done)
            change.insert(MANDATES, mandate)
            if kept is not method:
                change.update(PAYMENT_METHODS, kept)
        change.update(SETUP_INTENTS, settlement.setup_intent)
        change.update(ATTEMPTS, settled)
        for kind in settlement.events:
            if kind.startswith("setup_intent."):
                change.event(kind, show_setup(settlement.setup_intent))
            elif kept is not None:
                change.event(kind, show_payment_method(kept))
        if execution is not None:
            keep_exchanges(change, settled, execution, now_ms)
        return change, settlement


def failed_setup(intent: SetupIntent) -> Problem | None:
    """Return the 402 a failed setup intent stands for, or None when it did not fail."""
    error = intent.last_setup_error
    if intent.status is not SetupStatus.REQUIRES_PAYMENT_METHOD or error is None:
        return None
    attached = {"setup_intent": show_setup(intent)}
    if "payment_method" in error:
        attached["payment_method"] = error["payment_method"]
    return Problem(
        status=402,
        type="card_error",
        code=error["code"],
        message=error["message"],
        decline_code=error.get("decline_code"),
        advice_code=error.get("advice_code"),
        attached=attached,
    )
