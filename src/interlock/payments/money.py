"""Books: the ledger postings that go with captures, refunds and disputes.

Called by the rooms that move money, inside the change that records why. The ledger knows no payment types; this is
where a charge becomes a posting.
"""

from collections.abc import Callable

import msgspec

from interlock.base.context import Scope
from interlock.ledger import postings
from interlock.ledger.times import PostingTimes
from interlock.ledger.types import Posting
from interlock.payments.charges.types import Charge
from interlock.payments.disputes.types import DisputeView
from interlock.payments.refunds.types import Refund
from interlock.payments.work import Change

replace = msgspec.structs.replace

AVAILABLE_AFTER_DAYS = 2
_BASIS = 10_000


class FeeTerms(msgspec.Struct, frozen=True):
    """What a gateway keeps of a charge: basis points of the amount plus a fixed sum, in the charge's currency."""

    basis_points: int = 0
    fixed_minor: int = 0

    def fee_minor(self, amount_minor: int) -> int:
        """Return the fee of ``amount_minor``, rounded half up and never more than the amount."""
        fee = (amount_minor * self.basis_points * 2 + _BASIS) // (2 * _BASIS) + self.fixed_minor
        return min(fee, amount_minor)


FindFees = Callable[[Scope, str], FeeTerms]


class Books:
    """Posts money to the ledger."""

    def __init__(
        self, find_fees: FindFees, times: PostingTimes, available_after_days: int = AVAILABLE_AFTER_DAYS
    ) -> None:
        """Ask ``find_fees`` for a gateway's terms; money is available ``available_after_days`` after capture.

        ``times`` tells how late a posting must be at least.
        """
        self._find_fees = find_fees
        self._times = times
        self._available_after_days = available_after_days

    def post_capture(self, change: Change, charge: Charge, taken_minor: int, now_ms: int) -> Charge:
        """Post ``taken_minor`` just captured; the charge remembers its first balance transaction."""
        scope = Scope(charge.account_id, charge.livemode)
        posting = postings.charge(
            scope,
            gateway_id=charge.gateway_id,
            amount_minor=taken_minor,
            fee_minor=self._find_fees(scope, charge.gateway_id).fee_minor(taken_minor),
            currency=charge.currency,
            source_id=charge.id,
            now_ms=self._times.at(now_ms),
            available_at_ms=postings.available_after(now_ms, self._available_after_days),
            description=charge.details.get("description"),
        )
        change.extend(posting.writes())
        return replace(charge, balance_transaction_id=charge.balance_transaction_id or posting.id)

    def post_refund(self, change: Change, charge: Charge, refund: Refund, now_ms: int) -> Refund:
        """Post money that went back to the shopper."""
        posting = postings.refund(
            Scope(refund.account_id, refund.livemode),
            gateway_id=charge.gateway_id,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            source_id=refund.id,
            now_ms=self._times.at(now_ms),
        )
        change.extend(posting.writes())
        return replace(refund, balance_transaction_id=posting.id)

    def post_refund_failure(self, change: Change, charge: Charge, refund: Refund, now_ms: int) -> Refund:
        """Post the return of money whose refund failed after it had been booked."""
        posting = postings.refund_failure(
            Scope(refund.account_id, refund.livemode),
            gateway_id=charge.gateway_id,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            source_id=refund.id,
            now_ms=self._times.at(now_ms),
        )
        change.extend(posting.writes())
        return replace(refund, failure_balance_transaction_id=posting.id)

    def post_dispute(self, change: Change, shown: DisputeView, now_ms: int) -> DisputeView:
        """Post disputed money that the bank withdrew."""
        dispute = shown.dispute
        posting = postings.dispute_withdrawn(
            Scope(dispute.account_id, dispute.livemode),
            gateway_id=dispute.gateway_id,
            amount_minor=dispute.amount_minor,
            fee_minor=0,
            currency=dispute.currency,
            source_id=dispute.id,
            now_ms=self._times.at(now_ms),
        )
        return _with_posting(change, shown, posting)

    def post_dispute_won(self, change: Change, shown: DisputeView, now_ms: int) -> DisputeView:
        """Post disputed money that came back."""
        dispute = shown.dispute
        posting = postings.dispute_reinstated(
            Scope(dispute.account_id, dispute.livemode),
            gateway_id=dispute.gateway_id,
            amount_minor=dispute.amount_minor,
            currency=dispute.currency,
            source_id=dispute.id,
            now_ms=self._times.at(now_ms),
        )
        return _with_posting(change, shown, posting)


def _with_posting(change: Change, shown: DisputeView, posting: Posting) -> DisputeView:
    change.extend(posting.writes())
    named = [*shown.dispute.balance_transaction_ids, posting.id]
    dispute = replace(shown.dispute, balance_transaction_ids=named)
    return DisputeView(dispute, (*shown.transactions, posting.transaction))
