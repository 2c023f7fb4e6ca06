"""Writes down what came of a payment attempt: intent, attempt, charge, ledger, events and the kept answer, at once.

Called by the confirming request, by the shopper's return from a challenge, by recovery and by inbound webhooks.
"""

from typing import Any

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.crashpoints import reach
from interlock.base.problems import Problem
from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.exchanges import keep_exchanges
from interlock.payments.attempts.finishing import FINISHING_TRIES, is_untouched, trusted_result
from interlock.payments.attempts.resuming import Resumption
from interlock.payments.attempts.settling import settle_attempt
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.charges.types import CHARGES, Charge
from interlock.payments.instruments.attachment import stored
from interlock.payments.instruments.types import PAYMENT_METHODS, PaymentMethod
from interlock.payments.intents.machine import Trigger, next_status
from interlock.payments.intents.settling import PaymentState, Settlement, settle_payment
from interlock.payments.intents.types import INTENTS, MANUAL, Intent, IntentStatus, IntentView
from interlock.payments.money import Books
from interlock.payments.representation.payment_intent import payment_intent as show_intent
from interlock.payments.representation.payment_method import payment_method as show_payment_method
from interlock.payments.work import CONFLICT, Answer, Change, Respond, Work

replace = msgspec.structs.replace


class Outcomes:
    """Settles payment attempts."""

    def __init__(self, work: Work, books: Books, public_url: str) -> None:
        """Commit through ``work`` and post money to ``books``."""
        self._work = work
        self._books = books
        self._public_url = public_url

    async def finish(
        self, ctx: RequestContext, state: PaymentState, execution: Execution, respond: Respond
    ) -> Answer | Problem:
        """Write the outcome down and answer the request that is waiting."""
        result = trusted_result(execution)
        present: PaymentState | None = state
        for _ in range(FINISHING_TRIES):
            if present is None:
                break
            change, settlement = self._settle(present, result, self._work.clock.now_ms(), execution)
            view = self._view(present, settlement)
            answer = await self._work.finish(ctx, change, state.intent.id, respond, view)
            reach("payment.settled")
            if isinstance(answer, Answer):
                return answer
            present = await self.reload(present)
        # Somebody else (a webhook, recovery) wrote the outcome first: theirs stands, and is the answer.
        return await self.answer_from_state(ctx, state.intent.id, respond)

    async def reload(self, state: PaymentState) -> PaymentState | None:
        """Return ``state`` as stored by now, or None when somebody else has written what became of its attempt.

        A write that lost its race has met either: an outcome, which stands, or something else about the same objects
        (the shop's metadata, a card's new owner), over which this outcome has yet to be written.
        """
        scope = Scope(state.attempt.account_id, state.attempt.livemode)
        if not await is_untouched(self._work, state.attempt):
            return None
        return await self.load_state(scope, state.attempt)

    async def apply(self, attempt: Attempt, result: Result, execution: Execution | None = None) -> Settlement | None:
        """Write down an outcome nobody is waiting for; None when another writer was first or it no longer matters."""
        scope = Scope(attempt.account_id, attempt.livemode)
        state = await self.load_state(scope, attempt)
        if state is None:
            return None
        if execution is not None:
            result = trusted_result(execution)
        change, settlement = self._settle(state, result, self._work.clock.now_ms(), execution)
        return settlement if await self._work.record(change) is None else None

    async def resume(self, attempt: Attempt, change: Change) -> Resumption | None:
        """Add the intent's return from a challenge to ``change``; None when the attempt is not its active one."""
        scope = Scope(attempt.account_id, attempt.livemode)
        intent = await self._work.database.get(INTENTS, scope, attempt.subject_id)
        if intent is None or intent.active_attempt_id != attempt.id:
            return None
        by_hand = intent.confirmation_method == MANUAL
        status = next_status(intent.status, Trigger.RETURN if by_hand else Trigger.RESUME)
        if status is None:
            return None
        change.update(INTENTS, replace(intent, version=intent.version + 1, status=status, next_action=None))
        return Resumption.WHEN_CONFIRMED if by_hand else Resumption.AT_ONCE

    async def landing(self, attempt: Attempt) -> dict[str, str]:
        """Return what the shop's return page is told, as the API documents it."""
        scope = Scope(attempt.account_id, attempt.livemode)
        intent = await self._work.database.get(INTENTS, scope, attempt.subject_id)
        if intent is None:
            return {}
        done = {IntentStatus.SUCCEEDED: "succeeded", IntentStatus.REQUIRES_CAPTURE: "succeeded"}
        waits = (IntentStatus.PROCESSING, IntentStatus.REQUIRES_ACTION, IntentStatus.REQUIRES_CONFIRMATION)
        waiting = dict.fromkeys(waits, "pending")
        return {
            "payment_intent": intent.id,
            "payment_intent_client_secret": intent.client_secret,
            "redirect_status": done.get(intent.status) or waiting.get(intent.status) or "failed",
        }

    async def load_state(self, scope: Scope, attempt: Attempt) -> PaymentState | None:
        """Return the payment this attempt belongs to, or None when the attempt is no longer its active one."""
        database = self._work.database
        intent = await database.get(INTENTS, scope, attempt.subject_id)
        if intent is None or intent.active_attempt_id != attempt.id:
            return None
        payment_method = None
        if attempt.payment_method_id is not None:
            payment_method = await database.get(PAYMENT_METHODS, scope, attempt.payment_method_id)
        charge = None
        if intent.latest_charge_id is not None and intent.latest_charge_id == attempt.charge_id:
            charge = await database.get(CHARGES, scope, intent.latest_charge_id)
        detail = attempt.detail.get
        return PaymentState(
            intent=intent,
            attempt=attempt,
            payment_method=payment_method,
            may_challenge=not (detail("off_session") or detail("error_on_requires_action")),
            return_url=detail("return_url"),
            challenge_url=challenge_url(self._public_url, attempt),
            use_stripe_sdk=bool(detail("use_stripe_sdk")),
            charge=charge,
        )

    async def answer_from_state(self, ctx: RequestContext, intent_id: str, respond: Respond) -> Answer | Problem:
        """Return the answer that the intent's present state makes for a confirm call."""
        view = await self.view(ctx.scope, intent_id)
        if view is None:
            return CONFLICT
        return await respond(problem_from_state(view) or view)

    async def view(self, scope: Scope, intent_id: str) -> IntentView | None:
        """Return the intent with its charge and payment method as stored, or None when there is no such intent."""
        database = self._work.database
        intent = await database.get(INTENTS, scope, intent_id)
        if intent is None:
            return None
        charge = payment_method = None
        if intent.latest_charge_id is not None:
            charge = await database.get(CHARGES, scope, intent.latest_charge_id)
        if intent.payment_method_id is not None:
            payment_method = await database.get(PAYMENT_METHODS, scope, intent.payment_method_id)
        return IntentView(intent, charge, payment_method)

    def _settle(
        self, state: PaymentState, result: Result, now_ms: int, execution: Execution | None
    ) -> tuple[Change, Settlement]:
        settlement = settle_payment(state, result, now_ms)
        attempt = settle_attempt(state.attempt, result, now_ms, execution)
        change = Change(Scope(attempt.account_id, attempt.livemode))
        announce_creation(change, state.intent)
        change.update(ATTEMPTS, attempt)
        change.update(INTENTS, settlement.intent)
        charge = settlement.charge
        if charge is not None:
            if settlement.taken_minor:
                charge = self._books.post_capture(change, charge, settlement.taken_minor, now_ms)
                settlement = replace(settlement, charge=charge)
            if state.charge is None:
                change.insert(CHARGES, charge)
            else:
                change.update(CHARGES, charge)
        _remember_credential(change, state, result)
        _announce(change, settlement, charge)
        if execution is not None:
            keep_exchanges(change, attempt, execution, now_ms)
        return change, settlement

    def _view(self, state: PaymentState, settlement: Settlement) -> IntentView | Problem:
        if settlement.error is None:
            return IntentView(settlement.intent, settlement.charge, state.payment_method)
        return _declined(settlement.intent, settlement.error.as_dict(), settlement.charge, state.payment_method)


def announce_creation(change: Change, intent: Intent) -> None:
    """Announce an intent that was created and confirmed in one request, with the first change that follows.

    Its first version is written together with the first attempt and says nothing to anybody, so that the way to the
    gateway is as short as can be; whoever writes the second version (the request, recovery, a webhook) speaks for it.
    """
    if intent.version == 1 and intent.active_attempt_id is not None:
        change.event_of_creation(intent)


def challenge_url(public_url: str, attempt: Attempt) -> str:
    """Return the page of ours that sends the shopper on to the challenge."""
    token = attempt.detail.get("return_token", "")
    return f"{public_url}/payments/redirect/{attempt.account_id}/{attempt.id}/{token}"


def problem_from_state(view: IntentView) -> Problem | None:
    """Return the 402 a failed intent stands for, or None when it did not fail."""
    intent = view.intent
    if intent.status is not IntentStatus.REQUIRES_PAYMENT_METHOD or intent.last_payment_error is None:
        return None
    return _declined(intent, intent.last_payment_error, view.charge, None)


def _declined(
    intent: Intent, error: dict[str, Any], charge: Charge | None, payment_method: PaymentMethod | None
) -> Problem:
    shown_method = error.get("payment_method")
    if payment_method is not None:
        shown_method = show_payment_method(payment_method)
    attached: dict[str, Any] = {"payment_intent": show_intent(intent)}
    if shown_method is not None:
        attached["payment_method"] = shown_method
    return Problem(
        status=402,
        type="card_error",
        code=error["code"],
        message=error["message"],
        decline_code=error.get("decline_code"),
        advice_code=error.get("advice_code"),
        network_decline_code=error.get("network_decline_code"),
        charge=charge.id if charge is not None else intent.latest_charge_id,
        attached=attached,
    )


def _announce(change: Change, settlement: Settlement, charge: Charge | None) -> None:
    for kind in settlement.events:
        if kind.startswith("charge."):
            if charge is not None:
                change.event_of(kind, charge)
        else:
            change.event_of(kind, settlement.intent)


def _remember_credential(change: Change, state: PaymentState, result: Result) -> None:
    """Keep what the first stored use returned, and give the method to the customer it was stored for."""
    method, intent = state.payment_method, state.intent
    if method is None or result.outcome is not Outcome.APPROVED or intent.setup_future_usage is None:
        return
    kept = stored(
        method,
        intent.customer_id,
        state.attempt.gateway_id,
        network_transaction_id=result.network_transaction_id,
        reference=result.stored_credential_reference,
    )
    if kept is method:
        return
    change.update(PAYMENT_METHODS, kept)
    if kept.customer_id != method.customer_id:
        change.event("payment_method.attached", show_payment_method(kept))
