"""Use cases of refunds. Called by ``api``, ``console`` and ``cli``.

The amount is set aside on the charge in the same commit that makes the attempt durable, so that refunds in parallel can
never give back more than was taken.
"""

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid, missing
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Result
from interlock.gateways.transport import Execution
from interlock.payments import metadata
from interlock.payments.attempts.finishing import FINISHING_TRIES, is_untouched, trusted_result
from interlock.payments.attempts.operating import FollowOn, Operator
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.charges.types import CHARGES, Charge, ChargeStatus
from interlock.payments.disputes.types import DISPUTES
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.intents.follow_ons import FollowOns
from interlock.payments.intents.types import INTENTS
from interlock.payments.intents.validation import settled_money
from interlock.payments.money import Books
from interlock.payments.refunds.machine import Trigger, is_held, next_status, refundable_minor, reserve, take_back
from interlock.payments.refunds.settling import announce_update, fail, failure_reason, settle_refund
from interlock.payments.refunds.types import REFUNDS, CreateRefund, Refund, RefundStatus, UpdateRefund
from interlock.payments.representation.amounts import front_amount
from interlock.payments.representation.refund import refund as show_refund
from interlock.payments.work import CONFLICT, Answer, Change, Respond, Work
from interlock.storage.database import Page, PageResult

replace = msgspec.structs.replace

_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
_RESERVE_TRIES = 5
_DISPUTES_LOOKED_AT = Page(limit=100)
_BANK_TRANSFER = "eu_bank_transfer"


class Refunds:
    """Create, read, change, cancel and list refunds."""

    def __init__(self, work: Work, operator: Operator, books: Books, follow_ons: FollowOns) -> None:
        """Wire the parts."""
        self._work = work
        self._operator = operator
        self._books = books
        self._follow_ons = follow_ons

    async def create(self, ctx: RequestContext, command: CreateRefund, respond: Respond) -> Answer | Problem:
        """Refund a charge, in part or in full."""
        problem = metadata.check(command.metadata or {}) or _reason_problem(command.reason)
        if problem is not None:
            return problem
        charge = await self._find_charge(ctx.scope, command)
        if isinstance(charge, Problem):
            return charge
        if command.charge is not None and is_held(charge):
            return await self._release(ctx, charge, command, respond)
        begun = await self._reserve(ctx, charge, command)
        if isinstance(begun, Problem):
            return begun
        return await self._finish(ctx, begun, respond)

    async def _finish(
        self, ctx: RequestContext, begun: tuple[Refund, Charge, Attempt], respond: Respond
    ) -> Answer | Problem:
        """Send the refund and write down what came of it, over whatever else changed meanwhile; answer."""
        refund, charge, attempt = begun
        execution = await self._operator.send(attempt)
        result = trusted_result(execution)
        for _ in range(FINISHING_TRIES):
            change = Change(ctx.scope)
            now_ms = self._work.clock.now_ms()
            settled = settle_refund(change, self._books, refund, charge, attempt, result, now_ms, execution)
            answer = await self._work.finish(ctx, change, refund.id, respond, settled)
            if isinstance(answer, Answer):
                return answer
            refund = await self._work.database.get(REFUNDS, ctx.scope, refund.id) or refund
            charge = await self._work.database.get(CHARGES, ctx.scope, charge.id) or charge
            if not await is_untouched(self._work, attempt):
                break
        # Somebody else (a webhook, recovery) wrote the outcome first: theirs stands, and is the answer.
        return await respond(refund)

    async def _release(
        self, ctx: RequestContext, charge: Charge, command: CreateRefund, respond: Respond
    ) -> Answer | Problem:
        """Give an authorisation back: its intent is cancelled, and the refund tells what came of that."""
        if command.amount is not None and command.amount != front_amount(charge.amount_minor, charge.currency):
            return invalid(
                f"Charge {charge.id} has not been captured: it can be refunded as a whole only. Capture a part to "
                "release the rest.",
                code="charge_not_refundable",
                param="amount",
            )
        now_ms = self._work.clock.now_ms()
        refund = _new_refund(charge, command, charge.amount_minor, new_id("re", now_ms), now_ms)
        return await self._follow_ons.release(ctx, refund, respond)

    async def _reserve(
        self, ctx: RequestContext, charge: Charge, command: CreateRefund
    ) -> tuple[Refund, Charge, Attempt] | Problem:
        """Make the refund durable; when another refund of the charge was faster, look again at what is left."""
        begun = await self._begin(ctx, charge, command)
        for _ in range(_RESERVE_TRIES - 1):
            if begun is not CONFLICT:
                break
            found = await self._find_charge(ctx.scope, command)
            if isinstance(found, Problem):
                return found
            begun = await self._begin(ctx, found, command)
        return begun

    async def _begin(
        self, ctx: RequestContext, charge: Charge, command: CreateRefund
    ) -> tuple[Refund, Charge, Attempt] | Problem:
        amount_minor = _amount(charge, command)
        if isinstance(amount_minor, Problem):
            return amount_minor
        if charge.disputed and await self._is_withheld(ctx.scope, charge):
            return invalid(
                f"Charge {charge.id} has been charged back; cannot issue a refund.",
                code="charge_disputed",
                param="charge",
            )
        payment = await self._work.database.get(ATTEMPTS, ctx.scope, charge.attempt_id)
        if payment is None:
            return missing("charge", charge.id, param="charge")
        now_ms = self._work.clock.now_ms()
        refund_id = new_id("re", now_ms)
        asked = FollowOn(
            operation=Operation.REFUND,
            subject_id=refund_id,
            charge=charge,
            payment_attempt=payment,
            amount_minor=amount_minor,
            sequence=1,
            detail={"reason": command.reason, "capture_reference": charge.capture_reference},
        )
        attempt = self._operator.new_attempt(asked)
        refund = replace(_new_refund(charge, command, amount_minor, refund_id, now_ms), attempt_id=attempt.id)
        reserved = reserve(charge, amount_minor)
        change = Change(ctx.scope)
        change.insert(REFUNDS, refund)
        change.update(CHARGES, reserved)
        change.event("refund.created", show_refund(refund))
        problem = await self._operator.begin(ctx, attempt, change, refund.id)
        return (refund, reserved, attempt) if problem is None else problem

    async def _is_withheld(self, scope: Scope, charge: Charge) -> bool:
        """Return True while a dispute holds money of the charge; ``disputed`` stays true after one was won."""
        disputes = await self._work.database.find(DISPUTES, scope, _DISPUTES_LOOKED_AT, where={"charge_id": charge.id})
        return any(dispute.funds_withdrawn for dispute in disputes.items) or disputes.has_more

    async def apply(self, attempt: Attempt, result: Result, execution: Execution | None = None) -> bool:
        """Write down a refund's outcome that nobody is waiting for; False when another writer was first."""
        scope = Scope(attempt.account_id, attempt.livemode)
        database = self._work.database
        refund = await database.get(REFUNDS, scope, attempt.subject_id)
        charge = await database.get(CHARGES, scope, attempt.charge_id or "")
        if refund is None or charge is None:
            return False
        if execution is not None:
            result = trusted_result(execution)
        change = Change(scope)
        now_ms = self._work.clock.now_ms()
        settle_refund(change, self._books, refund, charge, attempt, result, now_ms, execution)
        return await self._work.record(change) is None

    async def sent_back(self, attempt: Attempt, result: Result) -> bool:
        """Write down that a refund which had succeeded was sent back by the cardholder's bank."""
        scope = Scope(attempt.account_id, attempt.livemode)
        refund = await self._work.database.get(REFUNDS, scope, attempt.subject_id)
        charge = await self._work.database.get(CHARGES, scope, attempt.charge_id or "")
        if refund is None or charge is None:
            return False
        change = Change(scope)
        now_ms = self._work.clock.now_ms()
        failed = fail(change, self._books, refund, charge, failure_reason(result), now_ms)
        return failed is refund or await self._work.record(change) is None

    async def update(
        self, ctx: RequestContext, refund_id: str, command: UpdateRefund, respond: Respond
    ) -> Answer | Problem:
        """Change a refund's metadata."""
        refund = await self._work.database.get(REFUNDS, ctx.scope, refund_id)
        if refund is None:
            return missing("refund", refund_id)
        merged = metadata.merge(refund.metadata, command.metadata)
        if isinstance(merged, Problem):
            return merged
        updated = replace(refund, version=refund.version + 1, metadata=merged)
        change = Change(ctx.scope)
        change.update(REFUNDS, updated)
        announce_update(change, refund, updated, "refund.updated")
        answer = await self._work.commit(ctx, change, refund.id, respond, updated)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def cancel(self, ctx: RequestContext, refund_id: str, respond: Respond) -> Answer | Problem:
        """Cancel a refund that still waits for the shopper; one that a gateway has is past cancelling."""
        scope, database = ctx.scope, self._work.database
        refund = await database.get(REFUNDS, scope, refund_id)
        if refund is None:
            return missing("refund", refund_id)
        status = next_status(refund.status, Trigger.CANCEL)
        if refund.status is not RefundStatus.REQUIRES_ACTION or status is None:
            return invalid(
                f"Refund {refund_id} has a status of {refund.status} and cannot be canceled: only refunds that require "
                "action can be.",
                code="status_transition_invalid",
            )
        charge = await database.get(CHARGES, scope, refund.charge_id)
        canceled = replace(refund, version=refund.version + 1, status=status)
        change = Change(scope)
        change.update(REFUNDS, canceled)
        if charge is not None:
            change.update(CHARGES, take_back(charge, refund))
        announce_update(change, refund, canceled, "refund.updated")
        answer = await self._work.commit(ctx, change, refund.id, respond, canceled)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def get(self, scope: Scope, refund_id: str) -> Refund | Problem:
        """Return one refund."""
        refund = await self._work.database.get(REFUNDS, scope, refund_id)
        return missing("refund", refund_id) if refund is None else refund

    async def list(
        self, scope: Scope, page: Page, *, charge: str | None = None, payment_intent: str | None = None
    ) -> PageResult[Refund]:
        """Return refunds, newest first, of a charge or an intent when given."""
        given = {"charge_id": charge, "payment_intent_id": payment_intent}
        where = {name: value for name, value in given.items() if value is not None}
        return await self._work.database.find(REFUNDS, scope, page, where=where)

    async def resume(self, ctx: RequestContext, refund_id: str, respond: Respond) -> Answer | None:
        """Answer an interrupted create from the refund's state; None while its attempt has no outcome."""
        refund = await self._work.database.get(REFUNDS, ctx.scope, refund_id)
        attempt = None if refund is None else await self._work.database.get(ATTEMPTS, ctx.scope, refund.attempt_id)
        if refund is None or attempt is None or attempt.state == "begun":
            return None
        return await respond(refund)

    async def _find_charge(self, scope: Scope, command: CreateRefund) -> Charge | Problem:
        charge_id = command.charge
        if charge_id is None:
            if command.payment_intent is None:
                return invalid(
                    "One of the following params should be provided for this request: payment_intent or charge.",
                    code="parameter_missing",
                )
            intent = await self._work.database.get(INTENTS, scope, command.payment_intent)
            if intent is None:
                return missing("payment_intent", command.payment_intent, param="payment_intent")
            charge_id = intent.latest_charge_id
            if charge_id is None:
                return invalid(
                    f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
                    code="payment_intent_unexpected_state",
                    param="payment_intent",
                )
        charge = await self._work.database.get(CHARGES, scope, charge_id)
        return missing("charge", charge_id, param="charge") if charge is None else charge


def _new_refund(charge: Charge, command: CreateRefund, amount_minor: int, refund_id: str, now_ms: int) -> Refund:
    """Return a refund that is about to begin; its attempt names itself."""
    return Refund(
        account_id=charge.account_id,
        id=refund_id,
        livemode=charge.livemode,
        version=1,
        created_at_ms=now_ms,
        status=RefundStatus.PENDING,
        charge_id=charge.id,
        payment_intent_id=charge.payment_intent_id,
        attempt_id="",
        amount_minor=amount_minor,
        currency=charge.currency,
        reason=command.reason,
        customer_id=charge.customer_id,
        payment_method_id=charge.payment_method_id,
        metadata=command.metadata or {},
        details=command.details if "card" in charge.details else {**command.details, "destination": _way_back(charge)},
    )


def _way_back(charge: Charge) -> str:
    """Return what money of a bank account is given back by."""
    kind: str = (charge.details.get("customer_balance") or {}).get("type") or _BANK_TRANSFER
    return kind


def _amount(charge: Charge, command: CreateRefund) -> int | Problem:
    if charge.status is ChargeStatus.PENDING:
        return invalid(
            f"Charge {charge.id} is pending: its money has not come yet, so there is nothing to refund.",
            code="charge_not_refundable",
            param="charge",
        )
    if charge.status is not ChargeStatus.SUCCEEDED or is_held(charge):
        return invalid(
            f"Charge {charge.id} has not been captured, so there is nothing to refund; cancel its PaymentIntent.",
            code="charge_not_refundable",
            param="charge",
        )
    left = refundable_minor(charge)
    if left <= 0:
        return invalid(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded", param="charge")
    if command.amount is None:
        return left
    money = settled_money(command.amount, charge.currency, "amount")
    if isinstance(money, Problem):
        return money
    if money.amount_minor <= 0:
        return invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if money.amount_minor > left:
        shown, unrefunded = front_amount(money.amount_minor, charge.currency), front_amount(left, charge.currency)
        return invalid(
            f"Refund amount ({shown}) is greater than unrefunded amount on charge ({unrefunded})", param="amount"
        )
    return money.amount_minor


def _reason_problem(reason: str | None) -> Problem | None:
    if reason is None or reason in _REASONS:
        return None
    return invalid("Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer", param="reason")
