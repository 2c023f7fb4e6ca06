"""Use cases of disputes: the bank opens and decides them (by webhook), the shop answers with evidence.

Called by ``api`` and ``console``; :meth:`Disputes.notified` by inbound webhooks. Gateways decide disputes; only in test
mode does the evidence text decide, with the words the API documents, so that a shop can rehearse both ends.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid, missing
from interlock.gateways.contract import Notification, NotificationKind
from interlock.ledger.service import Ledger
from interlock.payments import metadata
from interlock.payments.charges.types import CHARGES, Charge
from interlock.payments.disputes.machine import Trigger, is_inquiry, next_status
from interlock.payments.disputes.types import DISPUTES, Dispute, DisputeStatus, DisputeView, UpdateDispute
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.intents.types import INTENTS
from interlock.payments.money import Books
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.representation.differences import previous_attributes
from interlock.payments.representation.dispute import dispute as show_dispute
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.database import Page, PageResult

replace = msgspec.structs.replace

_log = logging.getLogger(__name__)

WINNING_EVIDENCE = "winning_evidence"
LOSING_EVIDENCE = "losing_evidence"
_REHEARSAL_FRESH_MS = 2_000
_REHEARSAL_PAUSE_S = 0.05
_REHEARSAL_LOOKS = 30
_OPEN_TO_EVIDENCE = frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.WARNING_NEEDS_RESPONSE})
_TRIGGERS = {
    NotificationKind.DISPUTE_WON: Trigger.WIN,
    NotificationKind.DISPUTE_LOST: Trigger.LOSE,
}


class Disputes:
    """Read, answer and close disputes; hear of them from gateways."""

    def __init__(self, work: Work, books: Books, ledger: Ledger) -> None:
        """Wire the parts."""
        self._work = work
        self._books = books
        self._ledger = ledger

    async def get(self, scope: Scope, dispute_id: str) -> DisputeView | Problem:
        """Return one dispute."""
        found = (await self.get_many(scope, (dispute_id,))).get(dispute_id)
        return missing("dispute", dispute_id) if found is None else found

    async def get_many(self, scope: Scope, ids: Sequence[str]) -> dict[str, DisputeView]:
        """Return the disputes that exist among ``ids``, by id."""
        found = await self._work.database.get_many(DISPUTES, scope, ids)
        return {shown.dispute.id: shown for shown in await self._shown(scope, list(found.values()))}

    async def _shown(self, scope: Scope, disputes: Sequence[Dispute]) -> list[DisputeView]:
        """Return ``disputes`` with their balance transactions, read together."""
        wanted = [named for dispute in disputes for named in dispute.balance_transaction_ids]
        posted = await self._ledger.get_many(scope, wanted)
        return [
            DisputeView(each, tuple(posted[named] for named in each.balance_transaction_ids if named in posted))
            for each in disputes
        ]

    async def list(
        self, scope: Scope, page: Page, *, charge: str | None = None, payment_intent: str | None = None
    ) -> PageResult[DisputeView]:
        """Return disputes, newest first, of a charge or an intent when given."""
        found = await self._list(scope, page, charge, payment_intent)
        return PageResult(await self._shown(scope, found.items), found.has_more, found.cursor_found)

    async def _list(
        self, scope: Scope, page: Page, charge: str | None, payment_intent: str | None
    ) -> PageResult[Dispute]:
        """Return the page as stored.

        In test mode a cardholder disputes at once and programs that rehearse it do not poll: the list of a payment made
        a moment ago waits for the gateway to say so.
        """
        given = {"charge_id": charge, "payment_intent_id": payment_intent}
        where = {name: value for name, value in given.items() if value is not None}
        found = await self._work.database.find(DISPUTES, scope, page, where=where)
        looks = 0 if found.items or scope.livemode or not where else _REHEARSAL_LOOKS
        if looks and not await self._is_fresh(scope, charge, payment_intent):
            return found
        while looks and not found.items:
            looks -= 1
            await asyncio.sleep(_REHEARSAL_PAUSE_S)
            found = await self._work.database.find(DISPUTES, scope, page, where=where)
        return found

    async def _is_fresh(self, scope: Scope, charge_id: str | None, intent_id: str | None) -> bool:
        """Return True for a payment so young that its dispute may be on the way."""
        database = self._work.database
        if charge_id is None and intent_id is not None:
            intent = await database.get(INTENTS, scope, intent_id)
            charge_id = None if intent is None else intent.latest_charge_id
        charge = None if charge_id is None else await database.get(CHARGES, scope, charge_id)
        return (
            charge is not None
            and charge.captured
            and self._work.clock.now_ms() - charge.created_at_ms < _REHEARSAL_FRESH_MS
        )

    async def update(
        self, ctx: RequestContext, dispute_id: str, command: UpdateDispute, respond: Respond
    ) -> Answer | Problem:
        """Add evidence and, unless told otherwise, submit it."""
        found = await self.get(ctx.scope, dispute_id)
        if isinstance(found, Problem):
            return found
        before, dispute = found, found.dispute
        merged = metadata.merge(dispute.metadata, command.metadata)
        if isinstance(merged, Problem):
            return merged
        changed = replace(dispute, version=dispute.version + 1, metadata=merged)
        if command.evidence is not None:
            if dispute.status not in _OPEN_TO_EVIDENCE:
                return invalid(f"Dispute {dispute_id} is {dispute.status}: evidence can no longer be given.")
            changed = replace(changed, evidence={**dispute.evidence, **command.evidence})
        change = Change(ctx.scope)
        if command.submit and changed.evidence and dispute.status in _OPEN_TO_EVIDENCE:
            status = next_status(dispute.status, Trigger.SUBMIT) or dispute.status
            changed = replace(changed, status=status, submission_count=dispute.submission_count + 1)
            found = await self._rehearse(ctx.scope, change, replace(found, dispute=changed))
        else:
            found = replace(found, dispute=changed)
        change.update(DISPUTES, found.dispute)
        self._announce_update(change, before, found)
        answer = await self._work.commit(ctx, change, dispute.id, respond, found)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def close(self, ctx: RequestContext, dispute_id: str, respond: Respond) -> Answer | Problem:
        """Accept the dispute: it is lost."""
        found = await self.get(ctx.scope, dispute_id)
        if isinstance(found, Problem):
            return found
        if next_status(found.dispute.status, Trigger.LOSE) is None:
            return invalid(f"Dispute {dispute_id} is already closed.", code="status_transition_invalid")
        change = Change(ctx.scope)
        lost = await self._decide(ctx.scope, change, _next(found), Trigger.LOSE)
        change.update(DISPUTES, lost.dispute)
        answer = await self._work.commit(ctx, change, dispute_id, respond, lost)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def notified(self, gateway_id: str, charge: Charge, notification: Notification) -> bool:
        """Write down what a gateway says of a dispute; False when another writer was first.

        A message that is older than what is known changes nothing: a decided dispute is never reopened. Whatever says
        of an inquiry that the money was taken makes it a chargeback: gateways need not open it a second time.
        """
        scope = Scope(charge.account_id, charge.livemode)
        reference = notification.dispute_reference or notification.notification_id
        where = {"gateway_id": gateway_id, "gateway_dispute_reference": reference}
        found = await self._work.database.find(DISPUTES, scope, Page(limit=1), where=where)
        change = Change(scope)
        if found.items:
            (known,) = await self._shown(scope, found.items)
            shown = _next(known)
        else:
            shown = self._open(change, charge, gateway_id, reference, notification)
        triggers = [Trigger.ESCALATE] if notification.inquiry is False and is_inquiry(shown.dispute.status) else []
        triggers += [_TRIGGERS[notification.kind]] if notification.kind in _TRIGGERS else []
        changes = not found.items
        for trigger in triggers:
            if next_status(shown.dispute.status, trigger) is not None:
                shown = await self._decide(scope, change, shown, trigger)
                changes = True
        if not changes:
            return True
        if found.items:
            change.update(DISPUTES, shown.dispute)
        else:
            change.insert(DISPUTES, shown.dispute)
        return await self._work.record(change) is None

    def _open(
        self, change: Change, charge: Charge, gateway_id: str, reference: str, notification: Notification
    ) -> DisputeView:
        now_ms = self._work.clock.now_ms()
        warning = notification.inquiry is True
        dispute = Dispute(
            account_id=charge.account_id,
            id=new_id("dp", now_ms),
            livemode=charge.livemode,
            version=1,
            created_at_ms=now_ms,
            status=DisputeStatus.WARNING_NEEDS_RESPONSE if warning else DisputeStatus.NEEDS_RESPONSE,
            charge_id=charge.id,
            payment_intent_id=charge.payment_intent_id,
            amount_minor=_disputed_minor(charge, notification),
            currency=charge.currency,
            reason=notification.dispute_reason or "general",
            gateway_id=gateway_id,
            gateway_dispute_reference=reference,
            evidence_due_at_ms=notification.evidence_due_at_ms,
            details=_paid_with(charge),
        )
        opened = DisputeView(dispute)
        self._announce(change, "created", opened)
        return opened if warning else self._withdraw(change, opened, charge, now_ms)

    def _announce(self, change: Change, what: str, shown: DisputeView) -> None:
        change.event(f"charge.dispute.{what}", show_dispute(shown, self._work.clock.now_ms()))

    def _announce_update(self, change: Change, before: DisputeView, after: DisputeView) -> None:
        now_ms = self._work.clock.now_ms()
        rendered = show_dispute(after, now_ms)
        change.event("charge.dispute.updated", rendered, previous_attributes(show_dispute(before, now_ms), rendered))

    def _withdraw(self, change: Change, shown: DisputeView, charge: Charge, now_ms: int) -> DisputeView:
        taken = replace(shown, dispute=replace(shown.dispute, funds_withdrawn=True))
        withdrawn = self._books.post_dispute(change, taken, now_ms)
        disputed = replace(charge, version=charge.version + 1, disputed=True)
        change.update(CHARGES, disputed)
        self._announce(change, "funds_withdrawn", withdrawn)
        rendered = show_charge(disputed)
        change.event("charge.updated", rendered, previous_attributes(show_charge(charge), rendered))
        return withdrawn

    async def _decide(self, scope: Scope, change: Change, shown: DisputeView, trigger: Trigger) -> DisputeView:
        """Add what ``trigger`` makes of the dispute, its money and its events to ``change``."""
        now_ms = self._work.clock.now_ms()
        dispute = replace(shown.dispute, status=next_status(shown.dispute.status, trigger) or shown.dispute.status)
        decided = replace(shown, dispute=dispute)
        if trigger is Trigger.ESCALATE:
            charge = await self._work.database.get(CHARGES, scope, dispute.charge_id)
            return decided if charge is None else self._withdraw(change, decided, charge, now_ms)
        if trigger is Trigger.WIN and dispute.funds_withdrawn:
            returned = replace(decided, dispute=replace(dispute, funds_withdrawn=False))
            decided = self._books.post_dispute_won(change, returned, now_ms)
            self._announce(change, "funds_reinstated", decided)
        self._announce(change, "closed", decided)
        return decided

    async def _rehearse(self, scope: Scope, change: Change, shown: DisputeView) -> DisputeView:
        """In test mode the evidence text decides at once, as the API documents."""
        text = shown.dispute.evidence.get("uncategorized_text")
        if shown.dispute.livemode or text not in {WINNING_EVIDENCE, LOSING_EVIDENCE}:
            return shown
        return await self._decide(scope, change, shown, Trigger.WIN if text == WINNING_EVIDENCE else Trigger.LOSE)


def _next(shown: DisputeView) -> DisputeView:
    return replace(shown, dispute=replace(shown.dispute, version=shown.dispute.version + 1))


def _disputed_minor(charge: Charge, notification: Notification) -> int:
    """Return what is disputed, in the currency of ``charge``: in another one the gateway's number means nothing."""
    amount = notification.amount
    if amount is None:
        return charge.amount_captured_minor
    if amount.currency == charge.currency:
        return amount.amount_minor
    _log.error(
        "dispute %s of charge %s is in %s, the charge in %s: all that was not refunded is booked; look at the gateway",
        notification.dispute_reference,
        charge.id,
        amount.currency,
        charge.currency,
    )
    # Also where all was given back: the bank takes what it disputes, and the books must not look better than they are.
    return charge.amount_captured_minor - charge.amount_refunded_minor or charge.amount_captured_minor


def _paid_with(charge: Charge) -> dict[str, Any]:
    """Return what is shown with a dispute of the payment method it is about."""
    if "card" not in charge.details:
        return {"method_type": "sepa_debit" if "sepa_debit" in charge.details else "customer_balance"}
    return {"card_brand": charge.details["card"].get("brand")}
