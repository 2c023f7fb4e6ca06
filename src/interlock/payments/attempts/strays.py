"""Money that was taken although nobody wants it any more: given back at the gateway, until the gateway confirms.

That happens when an attempt that was given up (a challenge left behind, a call that seemed not to have been sent) turns
out approved after all. No charge ever existed for it, so only attempts tell the story: the stray one and the undoing.
"""

import logging

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import ALREADY_CAPTURED, Outcome, Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.finishing import trusted_result
from interlock.payments.attempts.settling import next_inquiry_ms, settle_attempt
from interlock.payments.attempts.types import ATTEMPTS, BEGUN, Attempt
from interlock.payments.work import Change, Work

replace = msgspec.structs.replace

_SENDS_MAX = 40
_log = logging.getLogger(__name__)


def undoing(attempt: Attempt, gateway_reference: str, operation: Operation, now_ms: int) -> Attempt:
    """Return the attempt that gives back what ``attempt`` took; recovery sends it at once.

    Args:
        attempt: the stray payment attempt, or an undoing of it that the gateway declined.
        gateway_reference: the payment at the gateway.
        operation: void or refund.
        now_ms: epoch milliseconds.

    """
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
        detail={
            "stray": attempt.detail.get("stray", attempt.id),
            "payment_reference": gateway_reference,
            "sends": 1,
            "reverse": True,
        },
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
        # Void, whatever it was to be: the challenge is open as far as we know. Passed meanwhile, the void is declined.
        change.insert(ATTEMPTS, undoing(attempt, attempt.gateway_reference, Operation.VOID, now_ms))


def refund_captured(change: Change, void: Attempt, now_ms: int) -> bool:
    """Add to ``change`` the refund of money that ``void`` came too late for; False when that is not what happened.

    Args:
        change: to add to.
        void: a void as its outcome leaves it.
        now_ms: epoch milliseconds.

    """
    reference = void.detail.get("payment_reference")
    if void.operation is not Operation.VOID or void.code != ALREADY_CAPTURED or not reference:
        return False
    change.insert(ATTEMPTS, undoing(void, reference, Operation.REFUND, now_ms))
    return True


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
        operation = Operation.REFUND if attempt.operation is Operation.SALE else Operation.VOID
        change.insert(ATTEMPTS, undoing(attempt, reference, operation, now_ms))
        return await self._work.record(change) is None

    async def apply(self, attempt: Attempt, result: Result, execution: Execution | None = None) -> bool:
        """Write down what became of an undoing; one that was not done is sent again, a late void becomes a refund."""
        now_ms = self._work.clock.now_ms()
        if execution is not None:
            result = trusted_result(execution)
        settled = settle_attempt(attempt, result, now_ms, execution)
        change = Change(Scope(attempt.account_id, attempt.livemode))
        if result.outcome.is_technical_failure and attempt.inquiries < _SENDS_MAX:
            due_ms = now_ms + next_inquiry_ms(attempt.inquiries)
            settled = replace(settled, settled_at_ms=None, next_inquiry_at_ms=due_ms)
        elif result.outcome.is_technical_failure:
            _log.error("%s %s was given up: its gateway keeps money nobody wants", attempt.operation, attempt.id)
        elif result.outcome is Outcome.DECLINED:
            refund_captured(change, settled, now_ms)
        change.update(ATTEMPTS, settled)
        return await self._work.record(change) is None
