"""How an attempt goes on when the shopper is back from a challenge. Pure; used by payments and card set-ups."""

from enum import StrEnum

import msgspec

from interlock.gateways.contract import Operation
from interlock.payments.attempts.types import BEGUN, Attempt


class Resumption(StrEnum):
    """When it goes on: at once, or when the shop confirms again (``confirmation_method=manual``)."""

    AT_ONCE = "at_once"
    WHEN_CONFIRMED = "when_confirmed"


def resumed(attempt: Attempt, lease_until_ms: int) -> Attempt:
    """Return the attempt as it is while its completion is on the way.

    Args:
        attempt: challenged, with what the shopper brought back.
        lease_until_ms: when recovery takes over a completion that nobody has settled, epoch milliseconds.

    """
    return msgspec.structs.replace(
        attempt,
        version=attempt.version + 1,
        state=BEGUN,
        stage=Operation.COMPLETE,
        next_inquiry_at_ms=lease_until_ms,
    )
