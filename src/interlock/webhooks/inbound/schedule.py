"""When a notification that could not be applied is tried again, and when it is given up. Pure.

After the n-th try the wait is ``1 s x 2^(n-1)``, at most one hour, spread by +-20 %, for seven days.
"""

import msgspec

from interlock.payments.recovery.notifications import Verdict
from interlock.webhooks.inbound.types import GatewayNotification, NotificationState

FIRST_DELAY_MS = 1_000
LONGEST_DELAY_MS = 3_600_000
GIVE_UP_AFTER_MS = 7 * 24 * 3_600_000
JITTER = 0.2
_LONGEST_NOTE = 300


def delay_ms(attempts: int, draw: float) -> int:
    """Return the wait after ``attempts`` tries (1 or more); ``draw`` is a random number in [0, 1)."""
    nominal = min(FIRST_DELAY_MS * 2 ** min(attempts - 1, 30), LONGEST_DELAY_MS)
    return int(nominal * (1 - JITTER + 2 * JITTER * draw))


def after_try(
    row: GatewayNotification, verdict: Verdict, *, now_ms: int, draw: float, note: str | None = None
) -> GatewayNotification:
    """Return the next version of ``row``, given what came of applying it; ``note`` says why it failed, if it did."""
    attempts = row.attempts + 1
    state, next_ms = NotificationState.APPLIED, None
    if verdict is Verdict.IGNORED:
        state = NotificationState.IGNORED
    elif verdict is Verdict.NOT_YET:
        again_ms = now_ms + delay_ms(attempts, draw)
        given_up = again_ms > row.created_at_ms + GIVE_UP_AFTER_MS
        state = NotificationState.FAILED if given_up else NotificationState.WAITING
        next_ms = None if given_up else again_ms
    return msgspec.structs.replace(
        row,
        version=row.version + 1,
        state=state,
        attempts=attempts,
        next_attempt_at_ms=next_ms,
        note=None if note is None else note[:_LONGEST_NOTE],
    )
