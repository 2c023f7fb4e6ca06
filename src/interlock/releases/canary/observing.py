"""From rows of attempts to what the judge takes in. Pure.

A payment of a trial is *assigned* when its attempt is stored and gives its verdicts as they become known: at once for
what the answer itself says, later for what time says (too slow, no outcome). What is our own doing (a candidate taken
back before anything was sent) counts as good on the arm it was drawn to: left out, the arm would look as if its good
outcomes were missing, and an innocent release would be blamed for a controller that was slow.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from interlock.gateways.classification import WITHDRAWN
from interlock.gateways.outcomes import Outcome
from interlock.releases.canary.types import PPM, Assignment, Indicator
from interlock.routing.releases import TrialKind
from interlock.routing.types import CANDIDATE, HOLDBACK, STABLE

SLOW_MS = 5_000
"""An answer that takes longer than this is slow, whatever it says: the shopper has begun to press reload."""
OUTCOME_WITHIN_MS = 60_000
"""A payment without any outcome after this time (twice what a request waits) is missing, and pending too long."""
CHALLENGE_WITHIN_MS = 15 * 60_000
"""A challenge that nobody passed in this time counts as not approved. Shoppers leave some behind on either arm; a
release that sends them to a page nobody can pass would otherwise never get a verdict."""
FORGOTTEN_AFTER_MS = 3_600_000
"""After this nobody waits for further verdicts."""

_TECHNICAL = frozenset({Outcome.REFUSED.value, Outcome.NOT_SENT.value})
_ANSWERED = _TECHNICAL | {
    Outcome.APPROVED.value,
    Outcome.DECLINED.value,
    Outcome.CHALLENGE.value,
    Outcome.PENDING.value,
}
_DECIDED = _TECHNICAL | {Outcome.APPROVED.value, Outcome.DECLINED.value}
_NO_CARD = "no card"


class TrialAttempt(msgspec.Struct, frozen=True):
    """What is read of an attempt that was made while a release was on trial, column by column."""

    id: str
    created_at_ms: int
    intent_id: str | None
    operation: str
    state: str
    arm: str
    share_ppm: int
    payer: str | None
    network: str | None
    currency: str
    code: str | None
    latency_ms: int | None
    echo_mismatch: bool
    release_id: str
    settled_at_ms: int | None


class _Row(Protocol):
    """A database row."""

    def __getitem__(self, name: str, /) -> Any: ...


def read_attempt(row: _Row) -> TrialAttempt:
    """Return the values of a row."""
    return TrialAttempt(*(row[name] for name in TrialAttempt.__struct_fields__))


def assignment_of(attempt: TrialAttempt, kind: TrialKind) -> Assignment | None:
    """Return how the attempt was drawn, or None when it was not (a fallback, an arm of another trial).

    Args:
        attempt: of the trial's gateway.
        kind: in a canary the candidate is judged, in a hold-back the stable release.

    """
    if kind is TrialKind.CANARY and attempt.arm in {CANDIDATE, STABLE}:
        treated, share_ppm = attempt.arm == CANDIDATE, attempt.share_ppm
    elif kind is TrialKind.HOLDBACK and attempt.arm in {HOLDBACK, STABLE}:
        treated, share_ppm = attempt.arm == STABLE, PPM - attempt.share_ppm
    else:
        return None
    return Assignment(
        attempt_id=attempt.id,
        # Operations are compared each by itself: who paid once may refund once.
        payer=f"{attempt.operation}:{attempt.payer or attempt.intent_id or attempt.id}",
        treated=treated,
        share_ppm=share_ppm,
        stratum=f"{attempt.operation}·{attempt.network or _NO_CARD}·{attempt.currency}",
    )


def is_ours(attempt: TrialAttempt) -> bool:
    """Return True for an attempt whose outcome is the switch's own doing: it says nothing against a release."""
    return attempt.code == WITHDRAWN


def verdicts(attempt: TrialAttempt, now_ms: int) -> Iterator[tuple[Indicator, bool]]:
    """Yield what is known of the attempt by now: indicator and whether it is bad."""
    if is_ours(attempt):
        yield from ((indicator, False) for indicator in Indicator)
        return
    state, age_ms = attempt.state, now_ms - attempt.created_at_ms
    if attempt.echo_mismatch:
        yield Indicator.ECHO_MISMATCH, True
    elif state in _DECIDED:
        yield Indicator.ECHO_MISMATCH, False
    if state in _ANSWERED:
        yield Indicator.TECHNICAL, state in _TECHNICAL
    left_behind = state == Outcome.CHALLENGE and age_ms > CHALLENGE_WITHIN_MS
    if state in _DECIDED or left_behind:
        yield Indicator.APPROVAL, state != Outcome.APPROVED
    if attempt.latency_ms is not None and state not in _TECHNICAL:
        yield Indicator.SLOW, attempt.latency_ms > SLOW_MS
    if attempt.network is not None:  # a bank debit takes days: that is its nature and no fault
        if state in _DECIDED or state == Outcome.CHALLENGE:
            yield Indicator.PENDING_TOO_LONG, False
        elif age_ms > OUTCOME_WITHIN_MS:
            yield Indicator.PENDING_TOO_LONG, True


def has_arrived(attempt: TrialAttempt, now_ms: int) -> bool | None:
    """Return whether the attempt has a first outcome, once its time for one is over; None before."""
    if attempt.state in _ANSWERED:
        return True
    return False if now_ms - attempt.created_at_ms > OUTCOME_WITHIN_MS else None


def is_closed(attempt: TrialAttempt, now_ms: int) -> bool:
    """Return True when no verdict about the attempt is to be waited for any more."""
    return attempt.state in _DECIDED or now_ms - attempt.created_at_ms > FORGOTTEN_AFTER_MS
