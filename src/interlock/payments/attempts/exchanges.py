"""Which exchanges with gateways are kept, redacted: every one that did not simply succeed, the first few of every slice
in every hour (``sampling``), and a sample of the rest.

Kept exchanges explain failures and feed later replays. What is kept is bounded per attempt and scrubbed here, on the
way into the change, so that no clear text ever becomes a row. Beside the exchange stands what a replay cannot learn
from the rows of the payment, because they go on changing: which operation it was, under which key, how old the attempt
was when it was asked about, what was known of the stored card.
"""

from typing import Any
from zlib import crc32

import msgspec

from interlock.base.ids import new_id
from interlock.gateways.contract import Card, InquireRequest, PaymentRequest
from interlock.gateways.outcomes import Outcome
from interlock.gateways.transport import Asked, Execution, OperationRequest
from interlock.payments.attempts.sampling import FirstOfHour, slice_of
from interlock.payments.attempts.types import EXCHANGES, Attempt, Exchange
from interlock.payments.work import Change

SAMPLE_ONE_IN = 1024
_KEPT_MAX = 4
_first_of_hour = FirstOfHour()


def keep_exchanges(change: Change, attempt: Attempt, execution: Execution, now_ms: int) -> None:
    """Add the exchanges worth keeping to ``change``."""
    if execution.result.outcome is Outcome.APPROVED and not _chosen(attempt, execution, now_ms):
        return
    asked = None if execution.asked is None else msgspec.to_builtins(facts_of(execution.asked))
    for number, exchange in enumerate(execution.exchanges[:_KEPT_MAX]):
        kept = Exchange(
            account_id=attempt.account_id,
            id=new_id("exc", now_ms),
            livemode=attempt.livemode,
            created_at_ms=now_ms,
            attempt_id=attempt.id,
            exchange={
                **msgspec.to_builtins(exchange.redacted()),
                "number": number,
                "of": len(execution.exchanges),
                "outcome": execution.result.outcome.value,
                "asked": asked,
            },
        )
        change.insert(EXCHANGES, kept)


class AskedFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept beside an exchange of the request that the connector was given: never a card, an account, a person.

    ``stored_credential`` is the request's own, ``has_code`` tells whether its card had a security code. The rest is an
    inquiry's; ``has_original`` that it had the request it asked about, which then gives the first two.
    """

    operation: str
    idempotency_key: str = ""
    stored_credential: dict[str, Any] | None = None
    has_code: bool = False
    subject: str | None = None
    gateway_reference: str | None = None
    has_original: bool = False
    identical: bool = False
    age_ms: int = 0


def facts_of(asked: Asked) -> AskedFacts:
    """Return what may be kept of ``asked``."""
    request = asked.request
    if request is None:
        return AskedFacts(operation=asked.operation.value)
    stored, has_code = _credential_facts(request.original if isinstance(request, InquireRequest) else request)
    if not isinstance(request, InquireRequest):
        return AskedFacts(
            operation=asked.operation.value,
            idempotency_key=request.idempotency_key,
            stored_credential=stored,
            has_code=has_code,
        )
    return AskedFacts(
        operation=asked.operation.value,
        idempotency_key=request.idempotency_key,
        stored_credential=stored,
        has_code=has_code,
        subject=request.operation.value,
        gateway_reference=request.gateway_reference,
        has_original=request.original is not None,
        identical=request.identical,
        age_ms=request.age_ms,
    )


def _credential_facts(request: OperationRequest | None) -> tuple[dict[str, Any] | None, bool]:
    if not isinstance(request, PaymentRequest):
        return None, False
    card = request.instrument
    stored = request.stored_credential
    return None if stored is None else msgspec.to_builtins(stored), isinstance(card, Card) and card.cvc is not None


def _chosen(attempt: Attempt, execution: Execution, now_ms: int) -> bool:
    # The id's last characters are random; no other randomness is needed, and the choice can be recomputed.
    return _first_of_hour.takes(slice_of(attempt, execution), now_ms) or _sampled(attempt.id)


def _sampled(attempt_id: str) -> bool:
    return crc32(attempt_id.encode()) % SAMPLE_ONE_IN == 0
