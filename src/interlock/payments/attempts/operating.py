"""Operations on a payment that exists: capture, increment, void and refund at the gateway that holds it.

Called by the intents, charges and refunds services. Begins the attempt durably with whatever else the caller must make
durable (the refund, the intent's claim), sends it, inquires when unknown; the caller settles.
"""

from typing import Any

import msgspec

from interlock.base.context import RequestContext
from interlock.base.crashpoints import reach
from interlock.base.ids import new_id
from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.gateways.transport import Execution
from interlock.payments.attempts.requests import follow_on_request
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.types import ATTEMPTS, BEGUN, Attempt
from interlock.payments.charges.types import Charge
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.work import Change, Work


class FollowOn(msgspec.Struct, frozen=True, kw_only=True):
    """An operation to be done: on which charge, how much, and what the connector needs to know."""

    operation: Operation
    subject_id: str
    charge: Charge
    payment_attempt: Attempt
    amount_minor: int
    sequence: int
    detail: dict[str, Any] = {}


class Operator:
    """Performs follow-on operations."""

    def __init__(self, work: Work, runner: Runner, budget_ms: int, lease_ms: int) -> None:
        """Give a request ``budget_ms``; recovery takes over after ``lease_ms``."""
        self._work = work
        self._runner = runner
        self._budget_ms = budget_ms
        self._lease_ms = lease_ms

    def new_attempt(self, asked: FollowOn) -> Attempt:
        """Return the attempt for ``asked``, stamped with the payment's gateway and the release that carries it out."""
        stamp = self._runner.stamp(asked.payment_attempt)
        now_ms = self._work.clock.now_ms()
        charge, payment = asked.charge, asked.payment_attempt
        return Attempt(
            account_id=charge.account_id,
            id=new_id("at", now_ms),
            livemode=charge.livemode,
            version=1,
            created_at_ms=now_ms,
            subject_id=asked.subject_id,
            intent_id=charge.payment_intent_id,
            charge_id=charge.id,
            operation=asked.operation,
            stage=asked.operation,
            state=BEGUN,
            sequence=asked.sequence,
            gateway_id=payment.gateway_id,
            connector=payment.connector,
            release_id=stamp.release_id,
            arm=stamp.arm,
            share_ppm=stamp.share_ppm,
            payer=payment.payer,
            amount_minor=asked.amount_minor,
            currency=charge.currency,
            payment_method_id=charge.payment_method_id,
            network=payment.network,
            country=payment.country,
            bin=payment.bin,
            next_inquiry_at_ms=now_ms + self._lease_ms,
            detail={"payment_reference": charge.gateway_reference or "", **asked.detail},
        )

    async def begin(self, ctx: RequestContext, attempt: Attempt, change: Change, resource_id: str) -> Problem | None:
        """Make the attempt durable together with ``change``; None when it is."""
        change.insert(ATTEMPTS, attempt)
        rejected = await self._work.begin(ctx, change, resource_id)
        if rejected is not None:
            return refused_commit(rejected)
        reach(f"{attempt.operation}.begun")
        return None

    async def send(self, attempt: Attempt) -> Execution:
        """Send the durable attempt and return what came of it, inquired where unknown."""
        deadline_ms = self._work.clock.now_ms() + self._budget_ms
        execution = await self._runner.run_to_certainty(attempt, follow_on_request(attempt), deadline_ms)
        reach(f"{attempt.operation}.answered")
        return execution
