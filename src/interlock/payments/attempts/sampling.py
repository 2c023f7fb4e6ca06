"""Which exchanges of payments that simply succeeded are kept: the first of every slice in every hour, and a few more.

A sample of one in a thousand holds plain sales with cards of two networks and next to nothing else. What a release
breaks is as a rule rare (a renewal without a network's id, yen, the third capture), so every slice has its own small
allowance, counted in this process and begun anew each hour. Asked for every payment: a look into one dictionary.
"""

from collections.abc import Hashable

from interlock.gateways.contract import PaymentRequest
from interlock.gateways.transport import Execution
from interlock.payments.attempts.types import Attempt

FIRST_OF_HOUR = 2
SLICES_MAX = 512
"""How many slices an hour may have; what comes after them that hour is left to chance."""

_HOUR_MS = 3_600_000


class FirstOfHour:
    """Counts what each slice has had this hour; at most ``slices`` of them are remembered."""

    __slots__ = ("_first", "_hour", "_seen", "_slices")

    def __init__(self, first: int = FIRST_OF_HOUR, slices: int = SLICES_MAX) -> None:
        """Let the ``first`` few of every slice pass in every hour."""
        self._first = first
        self._slices = slices
        self._hour = -1
        self._seen: dict[Hashable, int] = {}

    def __len__(self) -> int:
        """Return how many slices are remembered."""
        return len(self._seen)

    def takes(self, slice_of: Hashable, now_ms: int) -> bool:
        """Return True for the first few of ``slice_of`` within the hour of ``now_ms`` (epoch milliseconds)."""
        hour = now_ms // _HOUR_MS
        if hour != self._hour:
            self._hour = hour
            self._seen = {}
        count = self._seen.get(slice_of, 0)
        if count >= self._first or (not count and len(self._seen) >= self._slices):
            return False
        self._seen[slice_of] = count + 1
        return True


def slice_of(attempt: Attempt, execution: Execution) -> Hashable:
    """Return what makes two payments alike for a connector, as far as that is cheap to tell."""
    asked = execution.asked
    if asked is None:
        return attempt.gateway_id, attempt.operation, attempt.network, attempt.currency, attempt.release_id
    request = asked.request
    # An exact look at the type: one field's read for all the payments that store nothing.
    stored = request.stored_credential if type(request) is PaymentRequest else None
    if stored is None:
        return attempt.gateway_id, asked.operation, attempt.network, attempt.currency, attempt.release_id
    return (
        attempt.gateway_id,
        asked.operation,
        attempt.network,
        attempt.currency,
        attempt.release_id,
        stored.initiator,
        stored.store,
        stored.network_transaction_id is None,
        stored.reference is None,
    )
