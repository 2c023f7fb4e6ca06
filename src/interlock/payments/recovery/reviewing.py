"""Looks again at what a release wrote down that has been taken back: the gateway is asked, by the release that serves
now, and wrong states are put right.

Called by ``releases`` after a rollback. What was read as a refusal may have been money taken; what was read as an
approval may have been none. Putting right goes the ways that late news go: money nobody wants is given back, money that
never came is withdrawn, an outcome nobody knew is written down.
"""

from enum import StrEnum

import msgspec

from interlock.base.context import Scope
from interlock.gateways.contract import Notification, NotificationKind, Operation
from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.finishing import trusted_result
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.strays import Strays
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.disputes.service import Disputes
from interlock.payments.intents.follow_ons import FollowOns
from interlock.payments.recovery.dispatch import Dispatch
from interlock.payments.recovery.lost_captures import LostCaptures
from interlock.payments.recovery.rebuilding import Rebuilder
from interlock.payments.work import Work
from interlock.routing.table import RoutingTable

_BUDGET_MS = 20_000
_TAKES_MONEY = frozenset({Operation.SALE, Operation.AUTHORISE})
_NOTHING_DONE = frozenset({Outcome.DECLINED, Outcome.REFUSED, Outcome.NOT_SENT})


class Repair(StrEnum):
    """What became of an attempt that was looked at again."""

    RIGHT = "right"
    SETTLED = "settled"
    GIVEN_BACK = "given_back"
    WITHDRAWN = "withdrawn"
    RELEASED = "released"
    OTHER_MONEY = "other_money"
    NOT_TOLD = "not_told"
    NOT_PROVEN = "not_proven"
    OPEN = "open"


MEANINGS = {
    Repair.RIGHT: "the gateway says what was written down",
    Repair.SETTLED: "nobody knew; now it is written down",
    Repair.GIVEN_BACK: "money was taken for an order that was told it failed; it is being given back",
    Repair.WITHDRAWN: "no money came for an order that was told it is paid; it is withdrawn as a dispute",
    Repair.RELEASED: "nothing is held for an order that was told it is; its hold is ended",
    Repair.OTHER_MONEY: "the gateway holds another amount or currency: void or refund it there, by hand",
    Repair.NOT_TOLD: "the gateway does not tell yet; recovery goes on asking",
    Repair.NOT_PROVEN: "the release that serves now is not proven to read this payment: look at its gateway",
    Repair.OPEN: "what the gateway says differs and could not be written down; look at it by hand",
}


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt, what it was thought to be, what the gateway says, and what was done about it."""

    attempt_id: str
    intent_id: str | None
    was: str
    found: str | None
    repair: Repair

    @property
    def meaning(self) -> str:
        """Return the repair in words."""
        return MEANINGS[self.repair]


class Reviewer:
    """Reviews attempts. One per process."""

    def __init__(
        self,
        work: Work,
        runner: Runner,
        table: RoutingTable,
        rebuilder: Rebuilder,
        dispatch: Dispatch,
        strays: Strays,
        disputes: Disputes,
        follow_ons: FollowOns,
    ) -> None:
        """Wire the rooms."""
        self._work = work
        self._runner = runner
        self._table = table
        self._rebuilder = rebuilder
        self._dispatch = dispatch
        self._strays = strays
        self._lost_captures = LostCaptures(work, disputes)
        self._follow_ons = follow_ons

    async def review(self, scope: Scope, attempt_id: str) -> Review | None:
        """Ask the gateway about an attempt and put right what was written down; None when there is no such attempt.

        Raises:
            StorageError: the database cannot be reached.

        """
        attempt = await self._work.database.get(ATTEMPTS, scope, attempt_id)
        if attempt is None:
            return None
        if not self._table.takes_over(scope, attempt.gateway_id, attempt.release_id):
            return _review(attempt, None, Repair.NOT_PROVEN)
        original = await self._rebuilder.rebuild(scope, attempt)
        deadline_ms = self._work.clock.now_ms() + _BUDGET_MS
        execution = await self._runner.inquire(attempt, original.request, deadline_ms)
        if execution.echo_mismatch:
            return _review(attempt, execution.result.outcome.value, Repair.OTHER_MONEY)
        result = trusted_result(execution)
        return _review(attempt, result.outcome.value, await self._put_right(scope, attempt, result, execution))

    async def _put_right(self, scope: Scope, attempt: Attempt, result: Result, execution: Execution) -> Repair:
        outcome = result.outcome
        if outcome in {Outcome.UNKNOWN, Outcome.PENDING, Outcome.CHALLENGE}:
            return Repair.RIGHT if outcome.value == attempt.state else Repair.NOT_TOLD
        if attempt.is_open:
            return Repair.SETTLED if await self._dispatch.apply(attempt, result, execution) else Repair.OPEN
        was_approved = attempt.state == Outcome.APPROVED
        if was_approved == (outcome is Outcome.APPROVED):
            return Repair.RIGHT
        if not was_approved:
            return await self._money_taken(attempt, result, execution)
        return await self._money_missing(scope, attempt, result)

    async def _money_taken(self, attempt: Attempt, result: Result, execution: Execution) -> Repair:
        if attempt.operation in _TAKES_MONEY:
            if "stray_approval" in attempt.detail:
                return Repair.RIGHT
            return Repair.GIVEN_BACK if await self._strays.approved(attempt, result) else Repair.OPEN
        if attempt.operation is Operation.CAPTURE:
            return Repair.SETTLED if await self._follow_ons.captured_after_all(attempt, result) else Repair.OPEN
        if attempt.operation is Operation.VERIFY:
            return Repair.RIGHT  # a card that is stored there and not here harms nobody
        return Repair.SETTLED if await self._dispatch.apply(attempt, result, execution) else Repair.OPEN

    async def _money_missing(self, scope: Scope, attempt: Attempt, result: Result) -> Repair:
        if result.outcome not in _NOTHING_DONE:
            return Repair.OPEN
        if attempt.operation is Operation.AUTHORISE and attempt.intent_id is not None:
            ended = await self._follow_ons.expire(scope, attempt.intent_id, gateway_knows=True)
            return Repair.RELEASED if ended else Repair.OPEN
        if attempt.operation not in {Operation.SALE, Operation.CAPTURE}:
            return Repair.OPEN
        told = Notification(
            kind=NotificationKind.CAPTURE,
            notification_id=f"review:{attempt.id}",
            occurred_at_ms=self._work.clock.now_ms(),
            reference=attempt.id,
            gateway_reference=attempt.gateway_reference,
            result=msgspec.structs.replace(result, outcome=Outcome.DECLINED),
        )
        return Repair.WITHDRAWN if await self._lost_captures.hear(attempt, told) else Repair.OPEN


def _review(attempt: Attempt, found: str | None, repair: Repair) -> Review:
    return Review(attempt_id=attempt.id, intent_id=attempt.intent_id, was=attempt.state, found=found, repair=repair)
