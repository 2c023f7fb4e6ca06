"""Captures that were confirmed and failed after all: the card scheme rejected them, so their money never comes.

Adyen tells of them by webhook (``CAPTURE_FAILED``), and of those it gets through after all by a second ``CAPTURE``,
which is heard where it has a ``pspReference`` of its own (its reason, which tells it as well, is not signed). The API
we speak knows no intent that leaves *succeeded*; where Stripe learns so late that a bank did not pay, it opens a
dispute and withdraws the money. That is what shops have code for, so it is what they are told here.
"""

import msgspec

from interlock.base.context import Scope
from interlock.base.money import Money
from interlock.gateways.contract import Notification, NotificationKind, Operation
from interlock.gateways.outcomes import Outcome
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.charges.types import CHARGES
from interlock.payments.disputes.service import Disputes
from interlock.payments.work import Change, Work

replace = msgspec.structs.replace

REASON = "bank_cannot_process"
"""Stripe's reason of disputes that stand for money a bank did not pay."""

_FAILURES = "capture_failures"
_RECAPTURES = "recaptures"


class LostCaptures:
    """Books captures that fail after all, and their return."""

    def __init__(self, work: Work, disputes: Disputes) -> None:
        """Wire the rooms."""
        self._work = work
        self._disputes = disputes

    async def hear(self, attempt: Attempt, notification: Notification) -> bool | None:
        """Write down what news of a capture mean for money that counts as taken.

        Args:
            attempt: the capture, or the sale that its gateway captures by itself.
            notification: of kind ``capture``.

        Returns:
            None when the news are not of that sort, True when they are written down, False when they must come again.

        """
        outcome = None if notification.result is None else notification.result.outcome
        if outcome is Outcome.DECLINED and attempt.operation is Operation.SALE and attempt.is_open:
            return False
        failed, back = attempt.detail.get(_FAILURES, 0), attempt.detail.get(_RECAPTURES, 0)
        if attempt.state != Outcome.APPROVED or outcome not in {Outcome.DECLINED, Outcome.APPROVED}:
            return None
        if outcome is Outcome.DECLINED:
            return True if failed > back else await self._write(attempt, notification, _FAILURES, failed + 1)
        return await self._write(attempt, notification, _RECAPTURES, failed) if failed > back else None

    async def _write(self, attempt: Attempt, notification: Notification, mark: str, count: int) -> bool:
        """Open or win the dispute of the attempt's ``count``-th failure, then remember it with the attempt."""
        scope = Scope(attempt.account_id, attempt.livemode)
        charge = await self._work.database.get(CHARGES, scope, attempt.charge_id or "")
        if charge is None:
            return False
        lost = mark == _FAILURES
        told = replace(
            notification,
            kind=NotificationKind.DISPUTE_OPENED if lost else NotificationKind.DISPUTE_WON,
            dispute_reference=f"capture_failed:{attempt.id}:{count}",
            dispute_reason=REASON,
            amount=notification.amount or Money(attempt.amount_minor, attempt.currency),
        )
        if not await self._disputes.notified(attempt.gateway_id, charge, told):
            return False
        change = Change(scope)
        marked = replace(attempt, version=attempt.version + 1, detail={**attempt.detail, mark: count})
        change.update(ATTEMPTS, marked)
        return await self._work.record(change) is None
