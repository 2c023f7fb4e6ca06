"""Settles every attempt that is orphaned, unknown, pending too long, or must be sent again.

Called by ``worker``. Discovery is a plain read over accounts; each attempt is then taken by moving its next look into
the future under its version (whoever loses that race leaves it alone), so several workers never ask twice at once.
A gateway that keeps silent holds up nobody else's attempts: a pass goes on without the inquiries that hang, and until
it answers again one question at a time tries whether it is back. A question that never arrived teaches nothing, so it
does not lengthen the pause to the next: when the gateway is back, what waited for it is settled within seconds.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.base.context import Scope
from interlock.base.crashpoints import reach
from interlock.base.redaction import exception_text
from interlock.gateways.outcomes import Outcome
from interlock.gateways.transport import Execution
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.types import ATTEMPTS, BEGUN, Attempt
from interlock.payments.recovery.dispatch import Dispatch
from interlock.payments.recovery.rebuilding import ORPHANED, Rebuilder
from interlock.payments.recovery.silence import Silence, is_silence
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
_TRIES_PER_PASS = 50
_PATIENT_FOR_MS = 86_400_000
_RESENT = frozenset({Outcome.REFUSED.value, Outcome.NOT_SENT.value, Outcome.DECLINED.value})


class _Due(msgspec.Struct, frozen=True):
    """An attempt to look at; ``tries`` says that its question finds out whether a silent gateway is back."""

    scope: Scope
    attempt_id: str
    gateway_id: str
    tries: bool = False


class Recovery:
    """Asks gateways about attempts and writes down what they say."""

    def __init__(self, work: Work, runner: Runner, rebuilder: Rebuilder, dispatch: Dispatch) -> None:
        """Wire the parts."""
        self._work = work
        self._runner = runner
        self._rebuilder = rebuilder
        self._dispatch = dispatch
        self._asking: dict[str, asyncio.Task[bool]] = {}
        self._silence = Silence()

    async def sweep(self, now_ms: int) -> int:
        """Look at every attempt that is due and return how many were settled.

        Returns after a few seconds even when a gateway has not answered yet; what still asks goes on beside the next
        pass, which has as many places less.
        """
        until = time.monotonic() + _PASS_S
        due = deque(await self._due(now_ms))
        settled = 0
        while True:
            while due and len(self._asking) < _AT_ONCE:
                one = due.popleft()
                waits = self._silence.includes(one.gateway_id) and not one.tries
                if one.attempt_id not in self._asking and not waits:
                    self._asking[one.attempt_id] = asyncio.create_task(self._recover(one.scope, one.attempt_id))
            left_s = until - time.monotonic()
            if not self._asking or left_s <= 0:
                return settled
            done, _ = await asyncio.wait(self._asking.values(), timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            self._asking = {name: task for name, task in self._asking.items() if task not in done}
            settled += sum(task.result() for task in done)

    async def _due(self, now_ms: int) -> list[_Due]:
        """Return what is due: of gateways that answer all (up to a batch), of a silent one the one that tries it."""
        fetch = self._work.database.fetch
        due: list[_Due] = []
        for gateway_id in self._silence.to_try(now_ms)[:_TRIES_PER_PASS]:
            rows = await fetch(_QUERIES["due_attempt_at"], now_ms, gateway_id)
            if rows:
                self._silence.trying(gateway_id, now_ms)
            due += [_due_row(dict(row), tries=True) for row in rows]
        rows = await fetch(_QUERIES["due_attempts"], now_ms, _BATCH, self._silence.gateways())
        return due + [_due_row(dict(row)) for row in rows]

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
        await self._dispatch.apply(self._listen(attempt, execution), execution.result, execution)
        return execution.result.outcome.is_settled

    def _listen(self, attempt: Attempt, execution: Execution) -> Attempt:
        """Note whether the gateway answered; return the attempt without the inquiry when it taught nothing.

        A send counts unless it is certain that it did not arrive: the number of sends makes its key. What nobody has
        answered for a day goes back to the long pauses.
        """
        if not is_silence(execution):
            self._silence.heard(attempt.gateway_id)
            return attempt
        now_ms = self._work.clock.now_ms()
        self._silence.not_heard(attempt.gateway_id, now_ms)
        may_have_been_sent = _is_send(attempt) and execution.result.outcome is not Outcome.NOT_SENT
        if may_have_been_sent or now_ms - attempt.created_at_ms > _PATIENT_FOR_MS:
            return attempt
        return replace(attempt, inquiries=attempt.inquiries - 1)

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
            # Answered with a no: the gateway keeps that answer under the old key, so the new send has its own.
            taken = replace(taken, state=BEGUN, detail={**attempt.detail, "sends": taken.inquiries})
        elif attempt.state == BEGUN:
            taken = replace(taken, detail={**attempt.detail, ORPHANED: True})
        change = Change(scope)
        change.update(ATTEMPTS, taken)
        return taken if await self._work.record(change) is None else None

    async def _ask(self, scope: Scope, attempt: Attempt, deadline_ms: int) -> Execution:
        original = await self._rebuilder.rebuild(scope, attempt)
        if _is_send(attempt) and original.request is not None:
            return await self._runner.run(attempt, original.request, deadline_ms)
        return await self._runner.inquire(attempt, original.request, deadline_ms, identical=original.identical)


def _is_send(attempt: Attempt) -> bool:
    """Return True when a taken attempt was never sent under its key, or answered with a refusal: it is sent, not asked
    about."""
    return bool(attempt.detail.get("sends") == attempt.inquiries)


def _due_row(row: Mapping[str, Any], *, tries: bool = False) -> _Due:
    return _Due(Scope(row["account_id"], row["livemode"]), row["id"], row["gateway_id"], tries=tries)
