"""What an answer (or its absence) makes of an attempt. Pure.

Used by everything that learns an outcome: the request that sent it, recovery, and webhooks from the gateway.
"""

from typing import Any

import msgspec

from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.types import Attempt

replace = msgspec.structs.replace

_BACKOFF_MS = (2_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000)
_PENDING_FIRST_MS = 60_000
_TEXT_MAX = 500


def next_inquiry_ms(inquiries: int) -> int:
    """Return how long to wait before asking the gateway again, after ``inquiries`` inquiries."""
    return _BACKOFF_MS[min(inquiries, len(_BACKOFF_MS) - 1)]


def settle_attempt(attempt: Attempt, result: Result, now_ms: int, execution: Execution | None = None) -> Attempt:
    """Return the attempt's next version after ``result``.

    Args:
        attempt: the attempt as last written.
        result: what the gateway's answer means.
        now_ms: the time, epoch milliseconds.
        execution: how the exchange went on the wire; None when the news came by webhook.

    """
    changes: dict[str, Any] = {
        "version": attempt.version + 1,
        "state": result.outcome.value,
        "gateway_reference": result.gateway_reference or attempt.gateway_reference,
        "code": _short(result.code),
        "message": _short(result.message),
        "decline_code": result.decline_code,
        "settled_at_ms": now_ms if result.outcome.is_settled else None,
        "next_inquiry_at_ms": _next_look(attempt, result.outcome, now_ms),
    }
    if execution is not None:
        changes |= {
            "phase": execution.phase.value,
            "http_status": execution.status,
            "latency_ms": execution.latency_ms,
            "echo_mismatch": attempt.echo_mismatch or execution.echo_mismatch,
        }
    if result.transfer is not None:
        changes["detail"] = {**attempt.detail, "account": result.transfer.account}
    if result.challenge is not None:
        challenge = msgspec.to_builtins(result.challenge)
        changes["detail"] = {**attempt.detail, "challenge": challenge}
    return replace(attempt, **changes)


def _next_look(attempt: Attempt, outcome: Outcome, now_ms: int) -> int | None:
    if outcome is Outcome.UNKNOWN:
        return now_ms + next_inquiry_ms(attempt.inquiries)
    if outcome is Outcome.PENDING:
        return now_ms + max(_PENDING_FIRST_MS, next_inquiry_ms(attempt.inquiries))
    return None


def _short(text: str | None) -> str | None:
    return None if text is None else text[:_TEXT_MAX]
