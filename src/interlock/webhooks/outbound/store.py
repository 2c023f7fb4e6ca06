"""What outbound webhooks read and write; the only reader of their tables. Called by this room alone."""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from interlock.base.context import Scope
from interlock.base.redaction import exception_text
from interlock.payments.events.facts import DIGITS, announcement_of, event_id
from interlock.payments.events.reading import event_at, find_event
from interlock.payments.events.types import ANNOUNCEMENTS, Event
from interlock.payments.representation.event import event as render_event
from interlock.storage.database import Database
from interlock.storage.pages import Page, PageResult, as_like
from interlock.storage.queries import load_queries
from interlock.webhooks.outbound.types import Due, EventFacts, NewDelivery, SealedSecret, Subscriber, Tried

_QUERIES = load_queries("interlock.webhooks.outbound")
_log = logging.getLogger(__name__)
_AFTER_EVERY_ID = "~"
_END_OF_TIME_MS = 2**62
_encode = msgspec.json.Encoder().encode
_strings = msgspec.json.Decoder(tuple[str, ...]).decode
_secrets = msgspec.json.Decoder(tuple[SealedSecret, ...]).decode


class OutboxRow(msgspec.Struct, frozen=True):
    """One committed change, waiting to be fanned out, with the types of its events in order."""

    id: str
    livemode: bool
    types: tuple[str, ...]

    def events(self) -> list[EventFacts]:
        """Return what the fan-out must know of each event."""
        return [
            EventFacts(event_id(self.id, position), self.livemode, kind, self.id)
            for position, kind in enumerate(self.types)
        ]


class EndpointRow(msgspec.Struct, frozen=True):
    """What delivery reads of an endpoint."""

    url: str
    livemode: bool
    status: str
    secrets: tuple[SealedSecret, ...]


class OutboundStore:
    """Named queries, typed."""

    def __init__(self, database: Database) -> None:
        """Use ``database``."""
        self._database = database

    # Fan-out

    async def next_outbox_account(self, after: str) -> str | None:
        """Return the first account after ``after`` that has rows in the outbox."""
        found: str | None = await self._database.fetchval(_QUERIES["next_outbox_account"], after)
        return found

    async def outbox_batch(self, account_id: str, limit: int) -> list[OutboxRow]:
        """Return the oldest outbox rows of the account; one whose announcement is gone has no events."""
        rows = await self._database.fetch(_QUERIES["outbox_batch"], account_id, limit)
        return [OutboxRow(row["id"], row["livemode"], tuple((row["types"] or "").split())) for row in rows]

    async def subscribers(self, account_id: str) -> list[Subscriber]:
        """Return the account's enabled endpoints, both modes."""
        rows = await self._database.fetch(_QUERIES["subscribers"], account_id)
        return [Subscriber(row["id"], row["livemode"], _strings(row["enabled_events"])) for row in rows]

    async def fan_out(
        self,
        account_id: str,
        outbox_ids: list[str],
        deliveries: Sequence[NewDelivery],
        *,
        now_ms: int,
        retry_until_ms: int,
    ) -> None:
        """Replace outbox rows by deliveries, in one statement."""
        await self._database.execute(
            _QUERIES["fan_out"],
            account_id,
            outbox_ids,
            now_ms,
            retry_until_ms,
            [delivery.outbox_id for delivery in deliveries],
            [delivery.event_id for delivery in deliveries],
            [delivery.endpoint_id for delivery in deliveries],
            [delivery.livemode for delivery in deliveries],
            [delivery.pending_webhooks for delivery in deliveries],
        )

    # Delivery

    async def endpoints_with_due(self, now_ms: int) -> list[tuple[str, str]]:
        """Return account and endpoint ids that have a delivery whose time has come."""
        rows = await self._database.fetch(_QUERIES["endpoints_with_due"], now_ms)
        return [(row["account_id"], row["id"]) for row in rows]

    async def endpoint(self, account_id: str, endpoint_id: str) -> EndpointRow | None:
        """Return what delivery needs of an endpoint."""
        row = await self._database.fetchrow(_QUERIES["endpoint"], account_id, endpoint_id)
        return (
            None if row is None else EndpointRow(row["url"], row["livemode"], row["status"], _secrets(row["secrets"]))
        )

    async def due(self, account_id: str, endpoint_id: str, *, now_ms: int, limit: int) -> list[Due]:
        """Return deliveries whose time has come, the longest waiting first, with the bytes to send.

        One whose event cannot be drawn fails for good and is told in the log: tried for ever, it would keep its
        endpoint from everything behind it.
        """
        rows = await self._database.fetch(_QUERIES["due"], account_id, endpoint_id, now_ms, limit)
        found, undrawable = [], []
        for row in rows:
            try:
                found.append(_due(row))
            except Exception as error:  # noqa: BLE001 - a bug with one event must not keep all others
                _log.error("webhook event %s cannot be drawn: %s", row["event_id"], exception_text(error))
                undrawable.append(row["event_id"])
        if undrawable:
            await self._database.execute(_QUERIES["fail_undrawable"], account_id, endpoint_id, undrawable, now_ms)
        return found

    async def record(self, account_id: str, tried: Sequence[Tried]) -> None:
        """Write finished tries: the new state of each delivery and a line of its log."""
        await self._database.execute(
            _QUERIES["record"],
            account_id,
            [one.id for one in tried],
            [one.event_id for one in tried],
            [one.endpoint_id for one in tried],
            [one.livemode for one in tried],
            [one.at_ms for one in tried],
            [one.attempt for one in tried],
            [one.state for one in tried],
            [one.next_attempt_at_ms for one in tried],
            [one.reply.status for one in tried],
            [one.reply.error for one in tried],
            [one.reply.latency_ms for one in tried],
            [one.reply.answer for one in tried],
        )

    async def abandon(self, account_id: str, endpoint_id: str, *, now_ms: int, reason: str, limit: int) -> int:
        """Give up due deliveries of an endpoint that wants none; return how many."""
        tag = await self._database.execute(_QUERIES["abandon"], account_id, endpoint_id, now_ms, reason, limit)
        return _affected(tag)

    async def give_up(self, account_id: str, endpoint_id: str, *, now_ms: int, ended_before_ms: int, limit: int) -> int:
        """Fail due deliveries whose time to try ended before ``ended_before_ms``; return how many."""
        tag = await self._database.execute(_QUERIES["give_up"], account_id, endpoint_id, now_ms, ended_before_ms, limit)
        return _affected(tag)

    async def lose_events(self, account_id: str, endpoint_id: str, now_ms: int) -> int:
        """Give up due deliveries whose event no longer exists; return how many."""
        return _affected(await self._database.execute(_QUERIES["lose_events"], account_id, endpoint_id, now_ms))

    # Use cases

    async def pending_counts(self, account_id: str, event_ids: Sequence[str]) -> dict[str, int]:
        """Return how many deliveries of each event are still pending; events without any are absent."""
        rows = await self._database.fetch(_QUERIES["pending_counts"], account_id, list(event_ids))
        return {row["event_id"]: row["pending"] for row in rows}

    async def events_by_delivery(
        self, scope: Scope, page: Page, types: Sequence[str], *, delivered: bool
    ) -> PageResult[Event]:
        """Return events of ``types`` (or all) that every endpoint told has taken, or that some endpoint has not."""
        backwards = page.ending_before is not None and page.starting_after is None
        query = f"{'delivered' if delivered else 'undelivered'}_{'oldest' if backwards else 'newest'}"
        rows = await self._database.fetch(
            _QUERIES[query],
            scope.account_id,
            scope.livemode,
            page.ending_before or "",
            page.starting_after or _AFTER_EVERY_ID,
            page.created_gte or 0,
            _END_OF_TIME_MS if page.created_lt is None else page.created_lt,
            [as_like(kind) for kind in types or ("*",)],
            DIGITS,
            page.limit + 1,
        )
        names = [announcement_of(row["event_id"]) for row in rows[: page.limit]]
        found = await self._database.get_many(ANNOUNCEMENTS, scope, {name for name, _ in names})
        events = [event_at(found[name], position) for name, position in names if name in found]
        shown = [event for event in events if event is not None]
        cursor = page.starting_after or page.ending_before
        exists = cursor is None or await find_event(self._database, scope, cursor) is not None
        return PageResult(shown[::-1] if backwards else shown, len(rows) > page.limit, exists)

    async def endpoint_count(self, scope: Scope) -> int:
        """Return how many endpoints there are."""
        return int(await self._database.fetchval(_QUERIES["endpoint_count"], scope.account_id, scope.livemode))

    async def resend(self, scope: Scope, event_id: str, endpoint_id: str, *, now_ms: int, retry_until_ms: int) -> None:
        """Make a delivery pending again, or for the first time."""
        await self._database.execute(
            _QUERIES["resend"], scope.account_id, event_id, endpoint_id, scope.livemode, now_ms, retry_until_ms
        )

    async def tries_of_event(self, scope: Scope, event_id: str, limit: int) -> list[dict[str, object]]:
        """Return the log of one event, oldest first."""
        rows = await self._database.fetch(_QUERIES["tries_of_event"], scope.account_id, scope.livemode, event_id, limit)
        return [dict(row) for row in rows]

    async def tries_of_endpoint(
        self, scope: Scope, endpoint_id: str, before: str, limit: int
    ) -> list[dict[str, object]]:
        """Return the log of one endpoint, newest first, of tries with ids below ``before``."""
        rows = await self._database.fetch(
            _QUERIES["tries_of_endpoint"], scope.account_id, scope.livemode, endpoint_id, before, limit
        )
        return [dict(row) for row in rows]

    # Retention

    async def next_delivery_account(self, after: str) -> str | None:
        """Return the first account after ``after`` that has deliveries."""
        found: str | None = await self._database.fetchval(_QUERIES["next_delivery_account"], after)
        return found

    async def trim(self, account_id: str, *, tries_before: str, deliveries_before: str, limit: int) -> int:
        """Delete up to ``limit`` old rows of each table; the cursors are event ids. Return how many went."""
        gone = _affected(await self._database.execute(_QUERIES["trim_tries"], account_id, tries_before, limit))
        gone += _affected(
            await self._database.execute(_QUERIES["trim_deliveries"], account_id, deliveries_before, limit)
        )
        return gone + _affected(await self._database.execute(_QUERIES["trim_endpoints"], account_id))


def _due(row: Any) -> Due:
    """Return what is sent of one row.

    Raises:
        LookupError: the change has no such event.
        Exception: whatever drawing what is stored may raise.

    """
    announcement = ANNOUNCEMENTS.decode([row[name] for name in ANNOUNCEMENTS.names])
    event = event_at(announcement, announcement_of(row["event_id"])[1])
    if event is None:
        raise LookupError("its change has no such event")
    return Due(
        event_id=event.id,
        livemode=event.livemode,
        attempts=row["attempts"],
        retry_until_ms=row["retry_until_ms"],
        body=_encode(render_event(event, row["pending_webhooks"])),
    )


def _affected(tag: str) -> int:
    """Return the number of rows in a command tag such as ``DELETE 5``."""
    return int(tag.rsplit(" ", 1)[-1])
