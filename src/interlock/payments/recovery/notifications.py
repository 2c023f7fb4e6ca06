"""What a gateway's webhook means for a payment. Order-proof: what is settled stays settled, whatever arrives late.

Called by ``webhooks.inbound`` with notifications whose signature was verified. *Not yet* asks it to come again: the
request that sent the attempt is still working on it and will write the outcome itself.
"""

import logging
from enum import StrEnum

import msgspec

from interlock.base.context import Scope
from interlock.gateways.contract import Notification, NotificationKind, Operation
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.attempts.strays import Strays
from interlock.payments.attempts.types import ATTEMPTS, BEGUN, Attempt
from interlock.payments.charges.types import CHARGES, Charge
from interlock.payments.disputes.service import Disputes
from interlock.payments.intents.follow_ons import FollowOns
from interlock.payments.intents.types import INTENTS, Intent, IntentStatus
from interlock.payments.recovery.dispatch import Dispatch
from interlock.payments.recovery.lost_captures import LostCaptures
from interlock.payments.refunds.service import Refunds
from interlock.payments.setup.types import SETUP_INTENTS, SetupIntent
from interlock.payments.work import Work
from interlock.storage.database import Page


class Verdict(StrEnum):
    """What became of a notification."""

    APPLIED = "applied"
    NOT_YET = "not_yet"
    IGNORED = "ignored"


OPERATIONS: dict[NotificationKind, frozenset[Operation]] = {
    NotificationKind.PAYMENT: frozenset({Operation.SALE, Operation.AUTHORISE, Operation.VERIFY}),
    NotificationKind.CAPTURE: frozenset({Operation.CAPTURE, Operation.SALE}),
    NotificationKind.INCREMENT: frozenset({Operation.INCREMENT}),
    NotificationKind.VOID: frozenset({Operation.VOID}),
    NotificationKind.REFUND: frozenset({Operation.REFUND}),
}
"""Which operations' attempts a kind of news settles; a kind that is missing leaves them open for ever."""

DISPUTES = frozenset(
    {
        NotificationKind.DISPUTE_OPENED,
        NotificationKind.DISPUTE_UPDATED,
        NotificationKind.DISPUTE_WON,
        NotificationKind.DISPUTE_LOST,
    }
)
_HELD = frozenset({IntentStatus.REQUIRES_CAPTURE, IntentStatus.PROCESSING})
_MATCHES_MAX = 20
_log = logging.getLogger(__name__)
_THOUGHT_UNDONE = frozenset({Outcome.REFUSED.value, Outcome.NOT_SENT.value})
_SENT_AGAIN = frozenset({Operation.REFUND, Operation.VOID})
_DONE = frozenset({Outcome.APPROVED, Outcome.PENDING})


class Notifications:
    """Applies notifications."""

    def __init__(
        self,
        work: Work,
        dispatch: Dispatch,
        strays: Strays,
        refunds: Refunds,
        disputes: Disputes,
        follow_ons: FollowOns,
    ) -> None:
        """Wire the rooms."""
        self._work = work
        self._dispatch = dispatch
        self._strays = strays
        self._refunds = refunds
        self._disputes = disputes
        self._lost_captures = LostCaptures(work, disputes)
        self._follow_ons = follow_ons

    async def apply(self, scope: Scope, gateway_id: str, notification: Notification) -> Verdict:
        """Make of ``notification`` what is still to be made of it.

        Args:
            scope: account and mode of the gateway it came through.
            gateway_id: that gateway.
            notification: the verified fact.

        """
        kind = notification.kind
        if kind in DISPUTES:
            return await self._dispute(scope, gateway_id, notification)
        if kind is NotificationKind.EXPIRED:
            return await self._expired(scope, gateway_id, notification)
        operations = OPERATIONS.get(kind)
        if operations is None or notification.result is None:
            return Verdict.IGNORED
        attempt = await self._find(scope, gateway_id, notification, operations)
        if attempt is None:
            return Verdict.IGNORED
        return await self._apply(attempt, notification)

    async def _apply(self, attempt: Attempt, notification: Notification) -> Verdict:
        result = notification.result
        if result is None:
            return Verdict.IGNORED
        if notification.kind is NotificationKind.CAPTURE:
            heard = await self._lost_captures.hear(attempt, notification)
            if heard is not None:
                return Verdict.APPLIED if heard else Verdict.NOT_YET
            if attempt.operation is Operation.SALE:
                return Verdict.IGNORED  # captured by its gateway, as was asked for
        now_ms = self._work.clock.now_ms()
        if attempt.state == BEGUN and (attempt.next_inquiry_at_ms or 0) > now_ms:
            return Verdict.NOT_YET
        if attempt.is_open:
            no_news = result.outcome.value == attempt.state and result.transfer is None
            if no_news or result.outcome is Outcome.UNKNOWN:
                return Verdict.IGNORED
            if _speaks_of_other_money(attempt, notification):
                return Verdict.IGNORED
            if await self._dispatch.apply(attempt, result):
                return Verdict.APPLIED
            return await self._of_one_left(attempt, result) if await self._is_left(attempt) else Verdict.NOT_YET
        return await self._late(attempt, notification)

    async def _is_left(self, attempt: Attempt) -> bool:
        """Return True for an attempt that its intent has left for good, although nobody has given it up."""
        scope, database = Scope(attempt.account_id, attempt.livemode), self._work.database
        subject: Intent | SetupIntent | None = None
        if attempt.operation is Operation.VERIFY:
            subject = await database.get(SETUP_INTENTS, scope, attempt.subject_id)
        elif attempt.operation in {Operation.SALE, Operation.AUTHORISE}:
            subject = await database.get(INTENTS, scope, attempt.subject_id)
        if subject is None or subject.active_attempt_id == attempt.id:
            return False
        stored = await database.get(ATTEMPTS, scope, attempt.id)
        return stored is not None and stored.version == attempt.version

    async def _of_one_left(self, attempt: Attempt, result: Result) -> Verdict:
        """Make of news of an attempt that was left what is to be made of them: money goes back, the rest is nothing."""
        takes_money = attempt.operation is not Operation.VERIFY and "stray_approval" not in attempt.detail
        if result.outcome is not Outcome.APPROVED or not takes_money:
            return Verdict.IGNORED
        return Verdict.APPLIED if await self._strays.approved(attempt, result) else Verdict.NOT_YET

    async def _late(self, attempt: Attempt, notification: Notification) -> Verdict:
        """Look at news of a settled attempt: only a few kinds change anything, and none moves a payment backwards."""
        result = notification.result
        if result is None:
            return Verdict.IGNORED
        approved = result.outcome is Outcome.APPROVED
        if notification.kind is NotificationKind.REFUND and attempt.state == Outcome.APPROVED and not approved:
            if result.outcome is not Outcome.DECLINED:
                return Verdict.IGNORED
            if "stray" in attempt.detail:
                _log.error("%s came back: its gateway keeps money nobody wants", attempt.id)
                return Verdict.IGNORED
            return Verdict.APPLIED if await self._refunds.sent_back(attempt, result) else Verdict.NOT_YET
        if approved and attempt.operation is Operation.CAPTURE and attempt.state in _THOUGHT_UNDONE:
            return Verdict.APPLIED if await self._follow_ons.captured_after_all(attempt, result) else Verdict.NOT_YET
        undone = attempt.state in _THOUGHT_UNDONE or attempt.next_inquiry_at_ms is not None
        if attempt.operation in _SENT_AGAIN and undone and result.outcome in _DONE:
            # Carried out although its answer refused it: were that ignored, it would be sent a second time.
            if _speaks_of_other_money(attempt, notification):
                return Verdict.IGNORED
            return Verdict.APPLIED if await self._dispatch.apply(attempt, result) else Verdict.NOT_YET
        failed = attempt.state in {Outcome.DECLINED, Outcome.REFUSED, Outcome.NOT_SENT}
        takes_money = attempt.operation in {Operation.SALE, Operation.AUTHORISE}
        if approved and failed and takes_money and "stray_approval" not in attempt.detail:
            return Verdict.APPLIED if await self._strays.approved(attempt, result) else Verdict.NOT_YET
        return Verdict.IGNORED

    async def _find(
        self, scope: Scope, gateway_id: str, notification: Notification, operations: frozenset[Operation]
    ) -> Attempt | None:
        database = self._work.database
        if notification.reference is not None:
            named = await database.get(ATTEMPTS, scope, notification.reference)
            if named is not None and named.gateway_id == gateway_id and _is_meant(named, operations):
                return named
        charge = await self._charge(scope, gateway_id, notification)
        if charge is None:
            return None
        paying = await database.get(ATTEMPTS, scope, charge.attempt_id)
        return paying if paying is not None and paying.operation in operations else None

    async def _charge(self, scope: Scope, gateway_id: str, notification: Notification) -> Charge | None:
        if notification.gateway_reference is None:
            return None
        where = {"gateway_reference": notification.gateway_reference}
        found = await self._work.database.find(CHARGES, scope, Page(limit=_MATCHES_MAX), where=where)
        matching = [charge for charge in found.items if charge.gateway_id == gateway_id]
        return matching[0] if matching else None

    async def _dispute(self, scope: Scope, gateway_id: str, notification: Notification) -> Verdict:
        charge = await self._charge(scope, gateway_id, notification)
        if charge is None:
            return Verdict.NOT_YET
        if notification.amount is not None and notification.amount.amount_minor <= 0:
            notification = msgspec.structs.replace(notification, amount=None)  # no money is named: all of it
        if notification.amount is None and not charge.amount_captured_minor:
            return Verdict.NOT_YET
        applied = await self._disputes.notified(gateway_id, charge, notification)
        return Verdict.APPLIED if applied else Verdict.NOT_YET

    async def _expired(self, scope: Scope, gateway_id: str, notification: Notification) -> Verdict:
        charge = await self._charge(scope, gateway_id, notification)
        if charge is None or charge.payment_intent_id is None:
            return Verdict.IGNORED
        if await self._follow_ons.expire(scope, charge.payment_intent_id, gateway_knows=True):
            return Verdict.APPLIED
        intent = await self._work.database.get(INTENTS, scope, charge.payment_intent_id)
        # Lost against another change, or while a capture is under way: only what has ended is past expiring.
        held = intent is not None and intent.status in _HELD and intent.amount_capturable_minor > 0
        return Verdict.NOT_YET if held else Verdict.IGNORED


def _is_meant(attempt: Attempt, operations: frozenset[Operation]) -> bool:
    """Return True for an attempt of ``operations``; a reversal may turn out to have been either, void or refund."""
    if attempt.operation in operations:
        return True
    return attempt.operation in _SENT_AGAIN and bool(operations & _SENT_AGAIN) and _is_reversal(attempt)


def _is_reversal(attempt: Attempt) -> bool:
    return bool(attempt.detail.get("reverse"))


def _speaks_of_other_money(attempt: Attempt, notification: Notification) -> bool:
    """Return True when the notification names another amount or currency than was asked for: then only an inquiry,
    whose answer is compared too, may settle the attempt."""
    money = notification.amount or (notification.result.echo if notification.result else None)
    if money is None or attempt.operation is Operation.VERIFY or _is_reversal(attempt):
        return False
    return money.currency != attempt.currency or money.amount_minor != attempt.amount_minor
