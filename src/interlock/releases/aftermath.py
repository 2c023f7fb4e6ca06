"""After the undo: every payment that a release touched, by how certain its outcome is, and putting right what it wrote.

Called by ``cli`` and ``api``. A rollback stops the harm; this says what is left of it: which payments may simply be
tried again, which must be asked about first, and which hold other money than they should.
"""

from collections import Counter
from collections.abc import AsyncIterator
from enum import StrEnum

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import first_id
from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome
from interlock.payments.attempts.types import BEGUN
from interlock.payments.recovery.reviewing import Review, Reviewer
from interlock.releases.store import ReleaseStore
from interlock.releases.types import Actor
from interlock.routing.journal import Entry
from interlock.routing.releases import Release
from interlock.storage.database import Database
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.releases")
_PAGE = 1_000
LISTED_MAX = 100_000


class Certainty(StrEnum):
    """What may be done about an affected payment.

    ``paid_elsewhere``: this try failed, another of the same payment succeeded; nothing is owed. ``safe_to_retry``: the
    gateway executed nothing. ``void_first``: it holds other money than was asked for. ``inquire``: the gateway must be
    asked, because this release may have read its answer wrongly or there was none.
    """

    PAID_ELSEWHERE = "paid_elsewhere"
    SAFE_TO_RETRY = "safe_to_retry"
    VOID_FIRST = "void_first"
    INQUIRE = "inquire"


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of the release, and what may be done about it."""

    attempt_id: str
    intent_id: str | None
    created_at_ms: int
    operation: str
    state: str
    amount_minor: int
    currency: str
    code: str | None
    intent_status: str | None
    certainty: Certainty


class Aftermath:
    """Use cases after a rollback. One per process."""

    def __init__(self, database: Database, reviewer: Reviewer) -> None:
        """Read from ``database``; ask gateways through ``reviewer``."""
        self._store = ReleaseStore(database)
        self._reviewer = reviewer

    async def affected(self, scope: Scope, release_id: str) -> list[Affected] | Problem:
        """Return every attempt made through a release, oldest first; at most :data:`LISTED_MAX`."""
        release = await self._store.release(scope, release_id)
        if isinstance(release, Problem):
            return release
        return [one async for one in self._attempts(release)]

    async def repair(self, scope: Scope, release_id: str, actor: Actor, now_ms: int) -> AsyncIterator[Review]:
        """Ask the gateway about every attempt whose outcome is not certain, put right what is wrong, and tell of each.

        Whoever calls it reads to the end; what was done is journalled then. Done again, it finds what is right by now.
        """
        release = await self._store.release(scope, release_id)
        if isinstance(release, Problem):
            return
        counts: Counter[str] = Counter()
        async for one in self._attempts(release):
            if one.certainty in {Certainty.SAFE_TO_RETRY, Certainty.PAID_ELSEWHERE} and one.state != Outcome.REFUSED:
                continue
            review = await self._reviewer.review(scope, one.attempt_id)
            if review is not None:
                counts[review.repair.value] += 1
                yield review
        entry = Entry(
            actor=actor.name,
            action="release.repaired",
            subject=release.id,
            why="what this release wrote down was compared with what the gateway says",
            facts=dict(counts),
        )
        await self._store.commit(scope, [], [entry], now_ms)

    async def _attempts(self, release: Release) -> AsyncIterator[Affected]:
        after, listed = first_id("at", release.created_at_ms), 0
        while listed < LISTED_MAX:
            rows = await self._store.database.fetch(
                _QUERIES["release_attempts"], release.account_id, release.gateway_id, release.id, after, _PAGE
            )
            for row in rows:
                yield _affected(dict(row))
            listed += len(rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1]["id"]


def certainty_of(operation: str, state: str, *, echo_mismatch: bool, paid_elsewhere: bool) -> Certainty:
    """Return what may be done about an attempt. Pure.

    Args:
        operation: what was asked of the gateway.
        state: what it was thought to have come to.
        echo_mismatch: the answer spoke of other money.
        paid_elsewhere: another attempt of the same payment succeeded.

    """
    if echo_mismatch:
        return Certainty.VOID_FIRST
    if state in {Outcome.REFUSED, Outcome.NOT_SENT}:
        return Certainty.PAID_ELSEWHERE if paid_elsewhere else Certainty.SAFE_TO_RETRY
    if operation == Operation.VERIFY and state != BEGUN:
        return Certainty.SAFE_TO_RETRY
    return Certainty.INQUIRE


def _affected(row: dict[str, object]) -> Affected:
    status, active = row["intent_status"], row["active_attempt_id"]
    elsewhere = status in {"succeeded", "requires_capture"} and active != row["id"]
    certainty = certainty_of(
        str(row["operation"]),
        str(row["state"]),
        echo_mismatch=bool(row["echo_mismatch"]),
        paid_elsewhere=elsewhere,
    )
    return msgspec.convert({**row, "attempt_id": row["id"], "certainty": certainty}, Affected)
