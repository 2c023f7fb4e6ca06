"""Money that was taken although nobody wants it any more: given back at the gateway, until the gateway confirms.

That happens when an attempt that was given up (a challenge left behind, a call that seemed not to have been sent) turns
out approved after all. No charge ever existed for it, so only attempts tell the story: the stray one and the undoing.
"""

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.settling import next_inquiry_ms, settle_attempt
from interlock.payments.attempts.types import ATTEMPTS, BEGUN, Attempt
from interlock.payments.work import Change, Work

replace = msgspec.structs.replace

_SENDS_MAX = 40


def undoing(attempt: Attempt, gateway_reference: str, now_ms: int) -> Attempt:
    """Return the attempt that gives back what ``attempt`` took; recovery sends it at once.

    Args:
        attempt: the stray payment attempt.
        gateway_reference: the payment at the gateway.
        now_ms: epoch milliseconds.

    """
    operation = Operation.REFUND if attempt.operation is Operation.SALE else Operation.VOID
    return replace(
        attempt,
        id=new_id("at", now_ms),
        version=1,
        created_at_ms=now_ms,
        charge_id=None,
        operation=operation,
        stage=operation,
        state=BEGUN,
        gateway_reference=None,
        phase=None,
        http_status=None,
        latency_ms=None,
        code=None,
        message=None,
        decline_code=None,
        echo_mismatch=False,
        settled_at_ms=None,
        inquiries=0,
        next_inquiry_at_ms=now_ms,
        detail={"stray": attempt.id, "payment_reference": gateway_reference, "sends": 1},
    )


def give_up(change: Change, attempt: Attempt, now_ms: int) -> None:
    """Add to ``change`` that a challenged attempt is left behind, and that the gateway is told."""
    left = replace(
        attempt,
        version=attempt.version + 1,
        state=Outcome.DECLINED.value,
        code="abandoned",
        settled_at_ms=now_ms,
        next_inquiry_at_ms=None,
    )
    change.update(ATTEMPTS, left)
    if attempt.gateway_reference is not None and attempt.operation is not Operation.VERIFY:
        undo = replace(
            undoing(attempt, attempt.gateway_reference, now_ms), operation=Operation.VOID, stage=Operation.VOID
        )
        change.insert(ATTEMPTS, undo)


class Strays:
    """Records stray approvals and what became of undoing them."""

    def __init__(self, work: Work) -> None:
        """Commit through ``work``."""
        self._work = work

    async def approved(self, attempt: Attempt, result: Result) -> bool:
        """Write down that an attempt counted as failed was approved, and start giving the money back."""
        reference = result.gateway_reference or attempt.gateway_reference
        if reference is None:
            return False
        now_ms = self._work.clock.now_ms()
        marked = replace(attempt, version=attempt.version + 1, detail={**attempt.detail, "stray_approval": reference})
        change = Change(Scope(attempt.account_id, attempt.livemode))
        change.update(ATTEMPTS, marked)
        change.insert(ATTEMPTS, undoing(attempt, reference, now_ms))
        return await self._work.record(change) is None

    async def apply(self, attempt: Attempt, result: Result, execution: Execution | None = None) -> bool:
        """Write down what became of an undoing; one that was not done is sent again."""
        now_ms = self._work.clock.now_ms()
        settled = settle_attempt(attempt, result, now_ms, execution)
        if result.outcome.is_technical_failure and attempt.inquiries < _SENDS_MAX:
            due_ms = now_ms + next_inquiry_ms(attempt.inquiries)
            settled = replace(settled, settled_at_ms=None, next_inquiry_at_ms=due_ms)
        change = Change(Scope(attempt.account_id, attempt.livemode))
        change.update(ATTEMPTS, settled)
        return await self._work.record(change) is None
