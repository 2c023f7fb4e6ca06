"""One unit of work: what a use case changes, committed at once with its events, outbox row and kept answer.

Called by the services of every payments sub-room and by ``webhooks``. A use case collects writes in a
:class:`Change` and commits it through :class:`Work`; whatever must be durable together is in one change.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem
from interlock.ledger.times import PostingTimes
from interlock.payments.charges.types import Charge
from interlock.payments.events.facts import Fact, event_id, fact_of, fact_of_creation, fact_shown, keep, shows
from interlock.payments.events.types import ANNOUNCEMENTS, API_VERSION, OUTBOX, Announcement, OutboxEntry
from interlock.payments.idempotency.types import IDEMPOTENCY_KEYS, IdempotencyKey
from interlock.payments.intents.types import Intent
from interlock.storage.database import Database
from interlock.storage.tables import Table
from interlock.storage.writes import Claim, Delete, Insert, Rejected, Update, Write

_log = logging.getLogger(__name__)


class Answer(msgspec.Struct, frozen=True):
    """What the API answers and what the idempotency key keeps: HTTP status and exact body.

    ``headers`` is only set on a replay.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


NOT_KEPT = frozenset({409, 429})
"""Statuses that no idempotency key keeps: they tell to ask again, so that asking again must be able to tell more."""

Respond = Callable[[Any], Awaitable[Answer]]
"""Turns a view or a :class:`Problem` into the answer; given by the caller, so that both commit together."""


class Change:
    """Writes and events collected by a use case; order of writes does not matter, gates are sorted out by storage."""

    __slots__ = ("announcement_id", "facts", "scope", "writes")

    def __init__(self, scope: Scope) -> None:
        """Start an empty change in ``scope``."""
        self.scope = scope
        self.writes: list[Write] = []
        self.facts: list[Fact] = []
        self.announcement_id = ""

    def insert(self, table: Table[Any], value: msgspec.Struct) -> None:
        """Add a new row."""
        self.writes.append(Insert(table, value))

    def claim(self, table: Table[Any], value: msgspec.Struct) -> None:
        """Add a row whose existence already refuses the whole change."""
        self.writes.append(Claim(table, value))

    def update(self, table: Table[Any], value: msgspec.Struct) -> None:
        """Replace the row of which ``value`` is the next version; a lost race refuses the whole change."""
        self.writes.append(Update(table, value))

    def delete(self, table: Table[Any], key: tuple[Any, ...]) -> None:
        """Remove a row."""
        self.writes.append(Delete(table, key))

    def extend(self, writes: Sequence[Write]) -> None:
        """Add writes prepared by another room (ledger, vault, instruments)."""
        self.writes.extend(writes)

    def event(self, kind: str, rendered: Mapping[str, Any], previous: Mapping[str, Any] | None = None) -> None:
        """Announce a fact to the shop.

        Args:
            kind: the event type, e.g. ``payment_intent.succeeded``.
            rendered: the object as the API shows it, unexpanded, at this moment.
            previous: for ``*.updated``, the values before of the keys that changed.

        """
        self.facts.append(fact_shown(kind, rendered, previous))

    def event_of(self, kind: str, value: Intent | Charge) -> None:
        """Announce a fact about an intent or charge, as ``value`` is at this moment."""
        self.facts.append(fact_of(kind, value))

    def event_of_creation(self, intent: Intent) -> None:
        """Announce that ``intent`` was created; what happened to it since is not told."""
        self.facts.append(fact_of_creation(intent))


class Work:
    """Commits changes. One per process; shared by every service."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use ``database`` for reads and writes and ``clock`` for time; postings are dated by ``posting_times``."""
        self.database = database
        self.clock = clock
        self.posting_times = PostingTimes(database)

    async def begin(self, ctx: RequestContext, change: Change, resource_id: str) -> Rejected | None:
        """Make intents durable before anything is sent, and claim the caller's idempotency key.

        The key stays *started* until :meth:`finish`; ``resource_id`` lets a retry find what the first call began.
        Returns None when committed, else why nothing was written.
        """
        writes = self._prepare(ctx, change)
        if ctx.idempotency_key is not None:
            writes.append(Claim(IDEMPOTENCY_KEYS, self._key(ctx, resource_id, None)))
        return await self._commit(writes)

    async def finish(
        self, ctx: RequestContext, change: Change, resource_id: str, respond: Respond, view: object
    ) -> Answer | Rejected:
        """Commit the second half of a change that was begun, with the answer its idempotency key keeps.

        With an answer that is not kept the key stays *started*: a retry is answered from the object's state.
        """
        answer = await respond(view)
        writes = self._prepare(ctx, change)
        if ctx.idempotency_key is not None and answer.status not in NOT_KEPT:
            writes.append(Update(IDEMPOTENCY_KEYS, self._key(ctx, resource_id, answer, _event_showing(change, answer))))
        return await self._commit(writes) or answer

    async def commit(
        self, ctx: RequestContext, change: Change, resource_id: str, respond: Respond, view: object
    ) -> Answer | Rejected:
        """Commit a change that needs nothing but the database, claiming and finishing the key in one go."""
        answer = await respond(view)
        writes = self._prepare(ctx, change)
        if ctx.idempotency_key is not None:
            writes.append(Claim(IDEMPOTENCY_KEYS, self._key(ctx, resource_id, answer)))
        return await self._commit(writes) or answer

    async def record(self, change: Change) -> Rejected | None:
        """Commit a change nobody is waiting for over HTTP (recovery, notifications, expiry)."""
        ctx = RequestContext(scope=change.scope, request_id="", path="")
        return await self._commit(self._prepare(ctx, change))

    async def _commit(self, writes: list[Write]) -> Rejected | None:
        result = await self.database.commit(writes)
        if not isinstance(result, Rejected):
            return None
        if result.reason == "constraint":
            # Not a race: trying again will not help, and what came of a payment may be in it.
            _log.error("a change was refused by the schema: %s", result.detail)
        return result

    def _prepare(self, ctx: RequestContext, change: Change) -> list[Write]:
        writes = change.writes
        if change.facts:
            now_ms = self.clock.now_ms()
            scope = change.scope
            # The last character of an event's id is its position in the change.
            announcement_id = change.announcement_id = event_id(new_id("evt", now_ms), 0)
            announcement = Announcement(
                account_id=scope.account_id,
                id=announcement_id,
                livemode=scope.livemode,
                created_at_ms=now_ms,
                request_id=ctx.request_id or None,
                idempotency_key=ctx.idempotency_key,
                api_version=API_VERSION,
                types=f" {' '.join([fact.type for fact in change.facts])} ",
                facts=keep(change.facts),
            )
            writes.append(Insert(ANNOUNCEMENTS, announcement))
            writes.append(Insert(OUTBOX, OutboxEntry(scope.account_id, announcement_id, scope.livemode)))
        return writes

    def _key(
        self, ctx: RequestContext, resource_id: str, answer: Answer | None, event_id: str | None = None
    ) -> IdempotencyKey:
        return IdempotencyKey(
            account_id=ctx.account_id,
            livemode=ctx.livemode,
            key=ctx.kept_key or "",
            created_at_ms=self.clock.now_ms(),
            path=ctx.path,
            fingerprint=ctx.fingerprint,
            request_id=ctx.request_id,
            resource_id=resource_id,
            status=None if answer is None else answer.status,
            body=None if answer is None or event_id is not None else answer.body,
            event_id=event_id,
        )


def _event_showing(change: Change, answer: Answer) -> str | None:
    """Return the event of ``change`` whose object is, byte for byte, the answer; None when there is none."""
    for position, fact in enumerate(change.facts):
        if shows(fact, answer.body):
            return event_id(change.announcement_id, position)
    return None


CONFLICT = Problem(
    status=429,
    type="invalid_request_error",
    code="lock_timeout",
    message="This object cannot be accessed right now because another request is changing it. Retry the request.",
    retryable=True,
)
"""What a use case returns when a commit was refused by a concurrent change of the same object."""
