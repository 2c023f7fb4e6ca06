"""Which exchanges with gateways are kept, redacted: every one that did not simply succeed, and a sample of the rest.

Kept exchanges explain failures and feed later replays. What is kept is bounded per attempt and scrubbed here, on the
way into the change, so that no clear text ever becomes a row.
"""

from zlib import crc32

import msgspec

from interlock.base.ids import new_id
from interlock.gateways.outcomes import Outcome
from interlock.gateways.transport import Execution
from interlock.payments.attempts.types import EXCHANGES, Attempt, Exchange
from interlock.payments.work import Change

SAMPLE_ONE_IN = 1024
_KEPT_MAX = 4


def keep_exchanges(change: Change, attempt: Attempt, execution: Execution, now_ms: int) -> None:
    """Add the exchanges worth keeping to ``change``."""
    if execution.result.outcome is Outcome.APPROVED and not _sampled(attempt.id):
        return
    for exchange in execution.exchanges[:_KEPT_MAX]:
        kept = Exchange(
            account_id=attempt.account_id,
            id=new_id("exc", now_ms),
            livemode=attempt.livemode,
            created_at_ms=now_ms,
            attempt_id=attempt.id,
            exchange=msgspec.to_builtins(exchange.redacted()),
        )
        change.insert(EXCHANGES, kept)


def _sampled(attempt_id: str) -> bool:
    # The id's last characters are random; no other randomness is needed, and the choice can be recomputed.
    return crc32(attempt_id.encode()) % SAMPLE_ONE_IN == 0
