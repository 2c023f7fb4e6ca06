"""Settles every attempt that is orphaned, unknown, pending too long, or must be sent again.

Called by ``worker``. Discovery is a plain read over accounts; each attempt is then taken by moving its next look into
the future under its version (whoever loses that race leaves it alone), so several workers never ask twice at once.
A gateway that keeps silent holds up nobody else's attempts: a pass goes on without the inquiries that hang.
"""

import asyncio
import logging
import time
from collections import deque

import msgspec

from interlock.base.context import Scope
from interlock.base.crashpoints import reach
from interlock.base.redaction import exception_text
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
_log = logging.getLogger(__name__)
_BATCH = 200
_AT_ONCE = 64
_PASS_S = 4.0
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
        self._asking: dict[str, asyncio.Task[bool]] = {}

    async def sweep(self, now_ms: int) -> int:
        """Look at every attempt that is due and return how many were settled.

        Returns after a few seconds even when a gateway has not answered yet; what still asks goes on beside the next
        pass, which has as many places less.
        """
        until = time.monotonic() + _PASS_S
        rows = await self._work.database.fetch(_QUERIES["due_attempts"], now_ms, _BATCH)
        due = deque((Scope(row["account_id"], row["livemode"]), row["id"]) for row in rows)
        settled = 0
        while True:
            while due and len(self._asking) < _AT_ONCE:
                scope, attempt_id = due.popleft()
                if attempt_id not in self._asking:
                    self._asking[attempt_id] = asyncio.create_task(self._recover(scope, attempt_id))
            left_s = until - time.monotonic()
            if not self._asking or left_s <= 0:
                return settled
            done, _ = await asyncio.wait(self._asking.values(), timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            self._asking = {name: task for name, task in self._asking.items() if task not in done}
            settled += sum(task.result() for task in done)

    async def _recover(self, scope: Scope, attempt_id: str) -> bool:
        """Settle one attempt; one that cannot be is told in the log and looked at again, it keeps up no other."""
        try:
            return await self.recover(scope, attempt_id)
        except Exception as error:  # noqa: BLE001 - a bug with one attempt must not stop the recovery of all others
            _log.error("recovery of %s failed: %s", attempt_id, exception_text(error))
            return False

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
