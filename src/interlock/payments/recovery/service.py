"""Settles every attempt that is orphaned, unknown, pending too long, or must be sent again.

Called by ``worker``. Discovery is a plain read over accounts; each attempt is then taken by moving its next look into
the future under its version (whoever loses that race leaves it alone), so several workers never ask twice at once.
"""

import asyncio

import msgspec

from interlock.base.context import Scope
from interlock.base.crashpoints import reach
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome
from interlock.gateways.transport import Execution
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.types import ATTEMPTS, BEGUN, Attempt
from interlock.payments.recovery.dispatch import Dispatch
from interlock.payments.recovery.rebuilding import Rebuilder
from interlock.payments.work import Change, Work
from interlock.storage.queries import load_queries

replace = msgspec.structs.replace

_QUERIES = load_queries(__package__)
_BATCH = 200
_AT_ONCE = 16
_BUDGET_MS = 20_000
_TAKEN_FOR_MS = 45_000
_RESENT = frozenset({Outcome.REFUSED.value, Outcome.NOT_SENT.value})


class Recovery:
    """Asks gateways about attempts and writes down what they say."""

    def __init__(self, work: Work, runner: Runner, rebuilder: Rebuilder, dispatch: Dispatch) -> None:
        """Wire the parts."""
        self._work = work
        self._runner = runner
        self._rebuilder = rebuilder
        self._dispatch = dispatch

    async def sweep(self, now_ms: int) -> int:
        """Look at every attempt that is due and return how many were settled."""
        rows = await self._work.database.fetch(_QUERIES["due_attempts"], now_ms, _BATCH)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(account_id: str, attempt_id: str, *, livemode: bool) -> bool:
            async with gate:
                return await self.recover(Scope(account_id, livemode), attempt_id)

        found = await asyncio.gather(*(one(row["account_id"], row["id"], livemode=row["livemode"]) for row in rows))
        return sum(found)

    async def recover(self, scope: Scope, attempt_id: str) -> bool:
        """Settle one attempt if the gateway tells; return whether it did."""
        attempt = await self._take(scope, attempt_id)
        if attempt is None:
            return False
        deadline_ms = self._work.clock.now_ms() + _BUDGET_MS
        execution = await self._ask(scope, attempt, deadline_ms)
        reach("recovery.inquired")
        await self._dispatch.apply(attempt, execution.result, execution)
        return execution.result.outcome.is_settled

    async def _take(self, scope: Scope, attempt_id: str) -> Attempt | None:
        now_ms = self._work.clock.now_ms()
        attempt = await self._work.database.get(ATTEMPTS, scope, attempt_id)
        if attempt is None or attempt.next_inquiry_at_ms is None or attempt.next_inquiry_at_ms > now_ms:
            return None
        taken = replace(
            attempt,
            version=attempt.version + 1,
            inquiries=attempt.inquiries + 1,
            next_inquiry_at_ms=now_ms + _TAKEN_FOR_MS,
        )
        if attempt.state in _RESENT:
            # Answered with a refusal: the gateway keeps that answer under the old key, so the new send has its own.
            taken = replace(taken, state=BEGUN, detail={**attempt.detail, "sends": taken.inquiries})
        change = Change(scope)
        change.update(ATTEMPTS, taken)
        return taken if await self._work.record(change) is None else None

    async def _ask(self, scope: Scope, attempt: Attempt, deadline_ms: int) -> Execution:
        original = await self._rebuilder.rebuild(scope, attempt)
        if attempt.detail.get("sends") == attempt.inquiries and original is not None:
            # Never sent under this key, or answered with a refusal: this is a send, not a question.
            return await self._runner.run(attempt, original, deadline_ms)
        identical = attempt.operation not in {Operation.SALE, Operation.AUTHORISE, Operation.VERIFY}
        return await self._runner.inquire(attempt, original, deadline_ms, identical=identical)
