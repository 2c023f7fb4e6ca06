"""Drives connectors for attempts: picks the gateway's configuration and release, runs the operation, asks again when
nobody knows what happened.

Called by the services that take, complete, capture, void and refund, and by recovery. Holds no transaction and writes
nothing: what comes back is an :class:`Execution` for the pure settling functions.
"""

import asyncio
import random
from collections.abc import Callable
from itertools import chain, repeat

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.money import Money
from interlock.gateways.contract import (
    CompleteRequest,
    FollowOnRequest,
    InquireRequest,
    Operation,
    PaymentRequest,
)
from interlock.gateways.outcomes import Outcome, Phase, Result
from interlock.gateways.transport import Execution, Transport
from interlock.payments.attempts.types import Attempt
from interlock.routing.types import ReadyGateway

Request = PaymentRequest | CompleteRequest | FollowOnRequest

_INQUIRY_PAUSES_MS = (200, 800, 2_000)
_INQUIRY_EVERY_MS = 3_000
_JITTER = 0.2
_INQUIRY_MIN_MS = 1_500

FindGateway = Callable[[Scope, str], ReadyGateway | None]


class Runner:
    """Runs operations at gateways."""

    def __init__(self, transport: Transport, find_gateway: FindGateway, clock: Clock) -> None:
        """Use ``transport`` for the wire and ``find_gateway`` for what is configured now."""
        self._transport = transport
        self._find_gateway = find_gateway
        self._clock = clock

    def gateway(self, scope: Scope, gateway_id: str) -> ReadyGateway | None:
        """Return the gateway as configured now, or None when it is gone."""
        return self._find_gateway(scope, gateway_id)

    async def run(self, attempt: Attempt, request: Request, deadline_ms: int) -> Execution:
        """Perform the attempt's operation once.

        Args:
            attempt: durable already.
            request: what the connector is to build from.
            deadline_ms: epoch milliseconds after which nobody waits for the answer any more.

        """
        return await self._send(attempt, attempt.stage, request, deadline_ms)

    async def fund(self, attempt: Attempt, request: FollowOnRequest, deadline_ms: int) -> Execution:
        """Let a test transfer arrive on the account that the attempt waits at.

        Args:
            attempt: pending, for money by transfer.
            request: how much, and which account.
            deadline_ms: epoch milliseconds after which nobody waits for the answer any more.

        """
        return await self._send(attempt, Operation.FUND, request, deadline_ms)

    async def _send(self, attempt: Attempt, operation: Operation, request: Request, deadline_ms: int) -> Execution:
        gateway = self._find(attempt)
        if gateway is None:
            return _gateway_gone(attempt, Outcome.NOT_SENT)
        return await self._transport.execute(
            gateway.loaded, gateway.config, operation, request, deadline_ms=self._left(deadline_ms)
        )

    async def inquire(
        self, attempt: Attempt, original: Request | None, deadline_ms: int, *, identical: bool = False
    ) -> Execution:
        """Ask the gateway, the way its provider documents, what became of the attempt.

        Args:
            attempt: whose outcome is not known.
            original: the request as it was, or rebuilt; None when it cannot be.
            deadline_ms: epoch milliseconds.
            identical: True when ``original`` is the very request that was sent.

        """
        gateway = self._find(attempt)
        if gateway is None:
            return _gateway_gone(attempt, Outcome.UNKNOWN)
        now_ms = self._clock.now_ms()
        question = InquireRequest(
            operation=attempt.stage,
            reference=attempt.id,
            idempotency_key=attempt.outbound_key,
            amount=Money(attempt.amount_minor, attempt.currency),
            gateway_reference=attempt.gateway_reference,
            original=original,
            identical=identical,
            age_ms=now_ms - attempt.created_at_ms,
            sent_at_ms=attempt.created_at_ms,
        )
        return await self._transport.execute(
            gateway.loaded, gateway.config, Operation.INQUIRE, question, deadline_ms=self._left(deadline_ms)
        )

    async def run_to_certainty(self, attempt: Attempt, request: Request, deadline_ms: int) -> Execution:
        """Run the operation; while the outcome is unknown, inquire until the deadline.

        Only here is the request still whole (a security code is never stored), so only here can it be sent again as it
        was: whoever gave up early would leave a gateway that comes back a moment later to the slow ways of asking.
        """
        execution = await self.run(attempt, request, deadline_ms)
        if execution.result.outcome is not Outcome.UNKNOWN:
            return execution
        for nominal_ms in chain(_INQUIRY_PAUSES_MS, repeat(_INQUIRY_EVERY_MS)):
            pause_ms = nominal_ms * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - jitter, not a secret
            if deadline_ms - self._clock.now_ms() < pause_ms + _INQUIRY_MIN_MS:
                break
            await asyncio.sleep(pause_ms / 1000)
            answer = await self.inquire(attempt, request, deadline_ms, identical=True)
            if answer.result.outcome is not Outcome.UNKNOWN:
                return answer
        return execution

    def _find(self, attempt: Attempt) -> ReadyGateway | None:
        return self._find_gateway(Scope(attempt.account_id, attempt.livemode), attempt.gateway_id)

    def _left(self, deadline_ms: int) -> int:
        return max(1, deadline_ms - self._clock.now_ms())


def _gateway_gone(attempt: Attempt, outcome: Outcome) -> Execution:
    result = Result(
        outcome=outcome,
        code="gateway_not_configured",
        message=f"gateway {attempt.gateway_id} is not configured any more",
    )
    return Execution(result=result, phase=Phase.BUILD)
