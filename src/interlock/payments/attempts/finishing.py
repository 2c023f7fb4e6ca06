"""What whoever writes an attempt's outcome down must know: which answers are believed, and whose outcome stands.

Called by every room that sends attempts: payments, card set-ups, follow-ons, refunds, and the undoing of strays.
"""

import msgspec

from interlock.base.context import Scope
from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.work import Work

ECHO_MISMATCH = "echo_mismatch"
FINISHING_TRIES = 8
"""How often an outcome is written over other changes of the same objects before its request answers from the state."""


def trusted_result(execution: Execution) -> Result:
    """Return the result the switch believes: an answer that speaks of other money than was asked for is *unknown*."""
    if not execution.echo_mismatch or execution.result.outcome in {Outcome.REFUSED, Outcome.NOT_SENT}:
        return execution.result
    return msgspec.structs.replace(
        execution.result,
        outcome=Outcome.UNKNOWN,
        code=ECHO_MISMATCH,
        message="the gateway's answer speaks of another amount or currency than was asked for",
    )


async def is_untouched(work: Work, attempt: Attempt) -> bool:
    """Return True while nobody has written anything about ``attempt`` since it was sent."""
    stored_now = await work.database.get(ATTEMPTS, Scope(attempt.account_id, attempt.livemode), attempt.id)
    return stored_now is not None and stored_now.version == attempt.version
