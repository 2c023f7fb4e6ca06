"""Use cases after an authorisation: capture, increment, cancel. Called by ``api`` and by charges (legacy capture).

One at a time per intent: the intent names the attempt in flight, so a second request finds the object locked.
"""

import logging
from typing import Any

import msgspec
from msgspec import UNSET

from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem, invalid, missing
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Execution
from interlock.payments import metadata
from interlock.payments.attempts.exchanges import keep_exchanges
from interlock.payments.attempts.finishing import FINISHING_TRIES, is_untouched, trusted_result
from interlock.payments.attempts.operating import FollowOn, Operator
from interlock.payments.attempts.settling import settle_attempt
from interlock.payments.attempts.strays import give_up
from interlock.payments.attempts.types import ATTEMPTS, BEGUN, Attempt
from interlock.payments.charges.types import CHARGES, Charge
from interlock.payments.declines import card_error
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.intents.cancellation import CANCELLABLE, cancel_change, void_settled
from interlock.payments.intents.follow_on import FollowOnSettlement, settle_capture, settle_increment
from interlock.payments.intents.machine import Trigger
from interlock.payments.intents.outcome import Outcomes
from interlock.payments.intents.service import with_intent
from interlock.payments.intents.types import (
    INTENTS,
    CancelIntent,
    CaptureIntent,
    IncrementIntent,
    Intent,
    IntentStatus,
    IntentView,
)
from interlock.payments.intents.validation import MAX_FRONT_AMOUNT, settled_money, unexpected_state
from interlock.payments.money import Books
from interlock.payments.refunds.machine import with_refund
from interlock.payments.refunds.settling import settle_release
from interlock.payments.refunds.types import REFUNDS, Refund
from interlock.payments.representation.amounts import front_amount
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.representation.payment_intent import payment_intent as show_intent
from interlock.payments.representation.refund import refund as show_refund
from interlock.payments.work import CONFLICT, Answer, Change, Respond, Work
from interlock.storage.database import Page

replace = msgspec.structs.replace

INCREMENTS_MAX = 10
_log = logging.getLogger(__name__)


class Held(msgspec.Struct, frozen=True):
    """An authorised intent with its charge, the attempt that authorised it, and the refund that releases it, if any."""

    intent: Intent
    charge: Charge
    payment_attempt: Attempt
    refund: Refund | None = None

    def asked_for(self, attempt: Attempt) -> str:
        """Return what a retry of the shop's request is answered from: its refund, or the attempt it began.

        Not from the intent: what became of one capture, increment or cancel cannot be read off it.
        """
        return attempt.id if self.refund is None else self.refund.id


class FollowOns:
    """Captures, increments and cancels."""

    def __init__(self, work: Work, operator: Operator, outcomes: Outcomes, books: Books) -> None:
        """Wire the parts."""
        self._work = work
        self._operator = operator
        self._outcomes = outcomes
        self._books = books

    async def capture(
        self, ctx: RequestContext, intent_id: str, command: CaptureIntent, respond: Respond
    ) -> Answer | Problem:
        """Take all or part of what was authorised."""
        held = await self._held(ctx.scope, intent_id, "capture")
        if isinstance(held, Problem):
            return held
        intent = _described(held.intent, command.metadata, command.details)
        if isinstance(intent, Problem):
            return intent
        amount_minor = _amount_to_capture(intent, command)
        if isinstance(amount_minor, Problem):
            return amount_minor
        held = replace(held, intent=intent)
        return await self._operate(ctx, held, Operation.CAPTURE, amount_minor, {"final": command.final}, respond)

    async def increment(
        self, ctx: RequestContext, intent_id: str, command: IncrementIntent, respond: Respond
    ) -> Answer | Problem:
        """Raise the authorisation to a new total."""
        held = await self._held(ctx.scope, intent_id, "increment")
        if isinstance(held, Problem):
            return held
        intent = _described(held.intent, command.metadata, command.details)
        if isinstance(intent, Problem):
            return intent
        amount_minor = _amount_to_raise(intent, held.charge, command)
        if isinstance(amount_minor, Problem):
            return amount_minor
        if await self._increments_used_up(ctx.scope, intent):
            return invalid(f"A PaymentIntent can be incremented at most {INCREMENTS_MAX} times.", param="amount")
        held = replace(held, intent=intent)
        return await self._operate(ctx, held, Operation.INCREMENT, amount_minor, {}, respond)

    async def _increments_used_up(self, scope: Scope, intent: Intent) -> bool:
        """Return True when no more may be asked for; declined ones count, failovers and captures do not."""
        if intent.attempt_count <= INCREMENTS_MAX:
            return False
        where = {"intent_id": intent.id, "operation": Operation.INCREMENT.value}
        found = await self._work.database.find(ATTEMPTS, scope, Page(limit=INCREMENTS_MAX), where=where)
        return len(found.items) == INCREMENTS_MAX

    async def cancel(
        self, ctx: RequestContext, intent_id: str, command: CancelIntent, respond: Respond
    ) -> Answer | Problem:
        """Give up the intent; an authorisation is released at the gateway, by recovery if not at once."""
        intent = await self._work.database.get(INTENTS, ctx.scope, intent_id)
        if intent is None:
            return missing("payment_intent", intent_id, param="intent")
        if intent.status not in CANCELLABLE:
            return with_intent(_cannot_cancel(intent), intent)
        if intent.status is IntentStatus.REQUIRES_CAPTURE:
            held = await self._held(ctx.scope, intent_id, "cancel")
            if isinstance(held, Problem):
                return held
            detail = {"reason": command.reason}
            return await self._operate(ctx, held, Operation.VOID, intent.amount_capturable_minor, detail, respond)
        now_ms = self._work.clock.now_ms()
        change = Change(ctx.scope)
        if intent.active_attempt_id is not None:
            challenged = await self._work.database.get(ATTEMPTS, ctx.scope, intent.active_attempt_id)
            if challenged is not None:
                give_up(change, challenged, now_ms)
        canceled = cancel_change(change, intent, None, Trigger.CANCEL, command.reason, now_ms)
        answer = await self._work.commit(ctx, change, intent.id, respond, IntentView(canceled))
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def release(self, ctx: RequestContext, refund: Refund, respond: Respond) -> Answer | Problem:
        """Cancel the intent of an uncaptured charge because the shop refunds it (the older way to let a hold go).

        The cancellation is the one above; ``refund``, not stored yet, is begun with it and ends as it does.
        """
        held = await self._held(ctx.scope, refund.payment_intent_id or "", "cancel")
        if isinstance(held, Problem):
            return held
        detail = {"reason": refund.reason, "refund": refund.id}
        return await self._operate(
            ctx, replace(held, refund=refund), Operation.VOID, held.intent.amount_capturable_minor, detail, respond
        )

    async def _held(self, scope: Scope, intent_id: str, action: str) -> Held | Problem:
        database = self._work.database
        intent = await database.get(INTENTS, scope, intent_id)
        if intent is None:
            return missing("payment_intent", intent_id, param="intent")
        if intent.status is not IntentStatus.REQUIRES_CAPTURE:
            wanted = "Only a PaymentIntent with one of the following statuses may be {}: requires_capture."
            done = {"capture": "captured", "increment": "incremented", "cancel": "canceled"}[action]
            return with_intent(unexpected_state(intent, action, wanted.format(done)), intent)
        if intent.active_attempt_id is not None:
            return CONFLICT
        charge = await database.get(CHARGES, scope, intent.latest_charge_id or "")
        payment = None if charge is None else await database.get(ATTEMPTS, scope, charge.attempt_id)
        if charge is None or payment is None:
            return CONFLICT
        return Held(intent, charge, payment)

    async def _operate(
        self,
        ctx: RequestContext,
        held: Held,
        operation: Operation,
        amount_minor: int,
        detail: dict[str, Any],
        respond: Respond,
    ) -> Answer | Problem:
        asked = FollowOn(
            operation=operation,
            subject_id=held.intent.id,
            charge=held.charge,
            payment_attempt=held.payment_attempt,
            amount_minor=amount_minor,
            sequence=held.intent.attempt_count + 1,
            detail={**detail, "captured_before_minor": held.charge.amount_captured_minor},
        )
        attempt = self._operator.new_attempt(asked)
        intent = replace(
            held.intent,
            version=held.intent.version + 1,
            active_attempt_id=attempt.id,
            attempt_count=held.intent.attempt_count + 1,
        )
        change = Change(ctx.scope)
        change.update(INTENTS, intent)
        held = replace(held, intent=intent)
        if held.refund is not None:
            refund, charge = _begin_refund(change, held.refund, held.charge, attempt)
            held = replace(held, refund=refund, charge=charge)
        problem = await self._operator.begin(ctx, attempt, change, held.asked_for(attempt))
        if problem is not None:
            return problem
        execution = await self._operator.send(attempt)
        return await self._finish(ctx, held, attempt, execution, respond)

    async def _finish(
        self, ctx: RequestContext, held: Held, attempt: Attempt, execution: Execution, respond: Respond
    ) -> Answer | Problem:
        result = trusted_result(execution)
        asked_for = held.asked_for(attempt)
        for _ in range(FINISHING_TRIES):
            change, settled = self._settle(held, attempt, result, execution)
            view: object = IntentView(settled.intent, settled.charge)
            if settled.refund is not None:
                view = settled.refund
            elif settled.failed:
                view = _failed(settled.intent, result)
            answer = await self._work.finish(ctx, change, asked_for, respond, view)
            if isinstance(answer, Answer):
                return answer
            present = await self._reload(held, attempt)
            if present is None:
                break
            held = present
        if held.refund is not None:
            return await respond(await self._work.database.get(REFUNDS, ctx.scope, held.refund.id) or held.refund)
        answered = await self.resume(ctx, attempt.id, respond)
        return answered or await self._outcomes.answer_from_state(ctx, held.intent.id, respond)

    async def resume(self, ctx: RequestContext, attempt_id: str, respond: Respond) -> Answer | None:
        """Answer an interrupted capture, increment or cancel from what became of its attempt; None while nobody knows.

        Args:
            ctx: the request that came again.
            attempt_id: what its idempotency key was claimed for.
            respond: makes the answer.

        """
        attempt = await self._work.database.get(ATTEMPTS, ctx.scope, attempt_id)
        view = None if attempt is None else await self._outcomes.view(ctx.scope, attempt.subject_id)
        if attempt is None or view is None or attempt.state in {BEGUN, Outcome.UNKNOWN}:
            return None
        undone = attempt.state not in {Outcome.APPROVED, Outcome.PENDING}
        ended = attempt.operation is Operation.VOID and view.charge is not None and view.charge.released
        if undone and not ended:
            return await respond(_failed(view.intent, _result_of(attempt)))
        return await respond(view)

    async def _reload(self, held: Held, attempt: Attempt) -> Held | None:
        """Return ``held`` as stored by now, or None when somebody else has written what became of ``attempt``."""
        scope = Scope(attempt.account_id, attempt.livemode)
        intent = await self._work.database.get(INTENTS, scope, held.intent.id)
        charge = await self._work.database.get(CHARGES, scope, held.charge.id)
        is_ours = intent is not None and intent.active_attempt_id == attempt.id
        if intent is None or charge is None or not is_ours or not await is_untouched(self._work, attempt):
            return None
        return Held(intent, charge, held.payment_attempt, await self._refund_of(attempt))

    async def _refund_of(self, attempt: Attempt) -> Refund | None:
        """Return the refund that a void is for, if any."""
        refund_id = attempt.detail.get("refund")
        scope = Scope(attempt.account_id, attempt.livemode)
        return None if refund_id is None else await self._work.database.get(REFUNDS, scope, refund_id)

    async def apply(self, attempt: Attempt, result: Result, execution: Execution | None = None) -> bool:
        """Write down the outcome of a capture, increment or void that nobody is waiting for.

        Returns False when another writer was first; the caller may look again.
        """
        scope = Scope(attempt.account_id, attempt.livemode)
        database = self._work.database
        intent = await database.get(INTENTS, scope, attempt.subject_id)
        charge = await database.get(CHARGES, scope, attempt.charge_id or "")
        if intent is None or charge is None:
            return False
        if attempt.operation is not Operation.VOID and intent.active_attempt_id != attempt.id:
            return False
        if execution is not None:
            result = trusted_result(execution)
        held = Held(intent, charge, attempt, await self._refund_of(attempt))
        change, _ = self._settle(held, attempt, result, execution)
        return await self._work.record(change) is None

    async def captured_after_all(self, attempt: Attempt, result: Result) -> bool:
        """Write down that a capture counted as failed was carried out; False while another operation is in flight.

        An intent that has moved on meanwhile stays as it is: the log tells of money that the books of both sides differ
        by.
        """
        scope = Scope(attempt.account_id, attempt.livemode)
        held = await self._held(scope, attempt.subject_id, "capture")
        if held is CONFLICT:
            return False
        if isinstance(held, Problem) or held.intent.amount_capturable_minor < attempt.amount_minor:
            _log.error("capture %s was carried out although its intent has moved on", attempt.id)
            return True
        change, _ = self._settle(held, attempt, result, None)
        return await self._work.record(change) is None

    async def expire(self, scope: Scope, intent_id: str, *, gateway_knows: bool = False) -> bool:
        """Cancel an intent whose authorisation has run out; False when it changed.

        Args:
            scope: account and mode.
            intent_id: the intent.
            gateway_knows: True where the gateway has said so; otherwise recovery tells it.

        """
        held = await self._held(scope, intent_id, "cancel")
        if isinstance(held, Problem):
            return False
        now_ms = self._work.clock.now_ms()
        asked = FollowOn(
            operation=Operation.VOID,
            subject_id=intent_id,
            charge=held.charge,
            payment_attempt=held.payment_attempt,
            amount_minor=held.intent.amount_capturable_minor,
            sequence=held.intent.attempt_count + 1,
            detail={
                "expired": True,
                "reason": "automatic",
                "sends": 1,
                "captured_before_minor": held.charge.amount_captured_minor,
            },
        )
        attempt = replace(self._operator.new_attempt(asked), next_inquiry_at_ms=now_ms)
        change = Change(scope)
        cancel_change(change, held.intent, held.charge, Trigger.EXPIRE, "automatic", now_ms)
        if not gateway_knows:
            change.insert(ATTEMPTS, attempt)
        return await self._work.record(change) is None

    def _settle(
        self, held: Held, attempt: Attempt, result: Result, execution: Execution | None
    ) -> tuple[Change, FollowOnSettlement]:
        now_ms = self._work.clock.now_ms()
        change = Change(Scope(attempt.account_id, attempt.livemode))
        settled_attempt = settle_attempt(attempt, result, now_ms, execution)
        if attempt.operation is Operation.VOID:
            settled_attempt, settlement = void_settled(change, held.intent, held.charge, settled_attempt, now_ms)
            if held.refund is not None:
                refund = settle_release(change, held.refund, result, failed=settlement.failed)
                settlement = replace(settlement, refund=refund)
        else:
            settle = settle_capture if attempt.operation is Operation.CAPTURE else settle_increment
            settlement = settle(held.intent, held.charge, attempt, result)
            settlement = self._write(change, held, settlement, now_ms)
        change.update(ATTEMPTS, settled_attempt)
        if execution is not None:
            keep_exchanges(change, settled_attempt, execution, now_ms)
        return change, settlement

    def _write(self, change: Change, held: Held, settlement: FollowOnSettlement, now_ms: int) -> FollowOnSettlement:
        charge = settlement.charge
        if settlement.taken_minor:
            charge = self._books.post_capture(change, charge, settlement.taken_minor, now_ms)
        if charge.version != held.charge.version:
            change.update(CHARGES, charge)
        change.update(INTENTS, settlement.intent)
        for kind in settlement.events:
            shown = show_charge(charge) if kind.startswith("charge.") else show_intent(settlement.intent)
            change.event(kind, shown)
        return replace(settlement, charge=charge)


def _begin_refund(change: Change, refund: Refund, charge: Charge, attempt: Attempt) -> tuple[Refund, Charge]:
    begun, noted = replace(refund, attempt_id=attempt.id), with_refund(charge)
    change.insert(REFUNDS, begun)
    change.update(CHARGES, noted)
    change.event("refund.created", show_refund(begun))
    return begun, noted


def _described(
    intent: Intent,
    pairs: Any,
    details: dict[str, Any],
) -> Intent | Problem:
    merged = metadata.merge(intent.metadata, pairs)
    if isinstance(merged, Problem):
        return merged
    if pairs is UNSET and not details:
        return intent
    return replace(intent, metadata=merged, details={**intent.details, **details})


def _amount_to_capture(intent: Intent, command: CaptureIntent) -> int | Problem:
    if command.amount is None:
        return intent.amount_capturable_minor
    money = settled_money(command.amount, intent.currency, "amount_to_capture")
    if isinstance(money, Problem):
        return money
    if money.amount_minor > intent.amount_capturable_minor:
        capturable = front_amount(intent.amount_capturable_minor, intent.currency)
        return invalid(
            f"The provided amount_to_capture ({command.amount}) is greater than the PaymentIntent's "
            f"amount_capturable ({capturable}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    if money.amount_minor <= 0:
        return invalid("The amount to capture must be at least 1.", code="amount_too_small", param="amount_to_capture")
    return money.amount_minor


def _amount_to_raise(intent: Intent, charge: Charge, command: IncrementIntent) -> int | Problem:
    options = (intent.details.get("payment_method_options") or {}).get("card") or {}
    if options.get("request_incremental_authorization") != "if_available":
        return invalid(
            "This PaymentIntent does not support incremental authorization. Create it with "
            "`payment_method_options[card][request_incremental_authorization]=if_available`.",
            code="payment_intent_invalid_parameter",
        )
    if command.amount > MAX_FRONT_AMOUNT:
        return invalid("Amount must be no more than $999,999.99", code="amount_too_large", param="amount")
    money = settled_money(command.amount, intent.currency, "amount")
    if isinstance(money, Problem):
        return money
    if money.amount_minor <= charge.amount_minor:
        return invalid(
            "The amount must be greater than the currently authorized amount.",
            code="amount_too_small",
            param="amount",
        )
    return money.amount_minor


def _cannot_cancel(intent: Intent) -> Problem:
    return unexpected_state(
        intent,
        "cancel",
        "Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, "
        "requires_capture, requires_confirmation, requires_action.",
    )


def _result_of(attempt: Attempt) -> Result:
    """Return what is kept of the answer that settled ``attempt``."""
    return Result(
        outcome=Outcome(attempt.state),
        gateway_reference=attempt.gateway_reference,
        code=attempt.code,
        message=attempt.message,
        decline_code=attempt.decline_code,
    )


def _failed(intent: Intent, result: Result) -> Problem:
    error = card_error(result)
    expired = result.outcome is Outcome.DECLINED and result.decline_code == "expired_authorisation"
    return Problem(
        status=402 if not expired else 400,
        type="card_error" if not expired else "invalid_request_error",
        code="capture_charge_authorization_expired" if expired else error.code,
        message=error.message,
        decline_code=error.decline_code,
        charge=intent.latest_charge_id,
        attached={"payment_intent": show_intent(intent)},
    )
