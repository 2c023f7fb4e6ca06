"""Drives connectors for attempts: picks the release, runs the operation, asks again when nobody knows what happened.

A new payment goes through the very release it is stamped with, and only while that may still be sent to; whatever
follows (completion, capture, refund, inquiry) goes by the stamped release or by the one proven to finish its payments.

Called by the services that take, complete, capture, void and refund, and by recovery. Holds no transaction and writes
nothing: what comes back is an :class:`Execution` for the pure settling functions.
"""

import asyncio
import random
from itertools import chain, repeat

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.errors import StorageError
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
from interlock.routing.table import RoutingTable
from interlock.routing.types import CANDIDATE, HOLDBACK, STABLE, ReadyGateway

Request = PaymentRequest | CompleteRequest | FollowOnRequest

_INQUIRY_PAUSES_MS = (200, 800, 2_000)
_INQUIRY_EVERY_MS = 3_000
_JITTER = 0.2
_INQUIRY_MIN_MS = 1_500

_ON_TRIAL = frozenset({CANDIDATE, HOLDBACK})
_BEGINNINGS = frozenset({Operation.AUTHORISE, Operation.SALE, Operation.VERIFY})


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Which release carries an attempt out, as which arm, and the share of the trial it belongs to."""

    release_id: str
    arm: str
    share_ppm: int


class Runner:
    """Runs operations at gateways."""

    def __init__(self, transport: Transport, table: RoutingTable, clock: Clock) -> None:
        """Use ``transport`` for the wire and ``table`` for what is configured now."""
        self._transport = transport
        self._table = table
        self._clock = clock

    async def gateway(self, attempt: Attempt) -> ReadyGateway | None:
        """Return the gateway and release that go on with ``attempt``, or None when there is none."""
        try:
            return await self._table.finishing(_scope(attempt), attempt.gateway_id, attempt.release_id)
        except StorageError:
            return None

    def stamp(self, payment: Attempt) -> Stamp:
        """Return what a follow-on of ``payment`` is stamped with: the release that will carry it out.

        Where *stable* finishes what another release began, it does so in its own name, outside of any comparison. The
        share is that of the trial that is running and that the payment belongs to, 0 when it belongs to none.
        """
        scope = _scope(payment)
        release_id = self._table.finisher(scope, payment.gateway_id, payment.release_id)
        if release_id != payment.release_id:
            return Stamp(release_id=release_id, arm=STABLE, share_ppm=0)
        share_ppm = 0
        if payment.share_ppm:
            share_ppm = self._table.trial_share_ppm(scope, payment.gateway_id, release_id, payment.created_at_ms)
        return Stamp(release_id=release_id, arm=payment.arm, share_ppm=share_ppm)

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
        if operation in _BEGINNINGS:
            return await self._begin(attempt, operation, request, deadline_ms)
        gateway = await self.gateway(attempt)
        if gateway is None:
            return _gateway_gone(attempt, Outcome.UNKNOWN if operation is Operation.COMPLETE else Outcome.NOT_SENT)
        return await self._transport.execute(
            gateway.loaded, gateway.config, operation, request, deadline_ms=self._left(deadline_ms)
        )

    async def _begin(self, attempt: Attempt, operation: Operation, request: Request, deadline_ms: int) -> Execution:
        scope, gateway_id, release_id = _scope(attempt), attempt.gateway_id, attempt.release_id
        on_trial = attempt.arm in _ON_TRIAL
        try:
            gateway = await self._table.exactly(scope, gateway_id, release_id)
        except StorageError:
            gateway = None
        if gateway is None:
            return _gateway_gone(attempt, Outcome.NOT_SENT)
        return await self._transport.execute(
            gateway.loaded,
            gateway.config,
            operation,
            request,
            deadline_ms=self._left(deadline_ms),
            may_send=(lambda: self._table.may_send(scope, gateway_id, release_id)) if on_trial else None,
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
        gateway = await self.gateway(attempt)
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

    def _left(self, deadline_ms: int) -> int:
        return max(1, deadline_ms - self._clock.now_ms())


def _scope(attempt: Attempt) -> Scope:
    return Scope(attempt.account_id, attempt.livemode)


def _gateway_gone(attempt: Attempt, outcome: Outcome) -> Execution:
    result = Result(
        outcome=outcome,
        code="gateway_not_configured",
        message=f"gateway {attempt.gateway_id} is not configured any more",
    )
    return Execution(result=result, phase=Phase.BUILD)
