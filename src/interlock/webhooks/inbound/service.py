"""Notifications from gateways: verified, made durable, answered, applied. Called by ``api`` and ``worker``.

The gateway gets its 200 only when every fact in the request is a row of ours. Applying comes after: at once where this
process has room, else (or when it fails, or the process dies) by :meth:`InboundNotifications.run_once` in the worker.
A repeated notification finds its row and changes nothing. Order does not matter here: ``payments`` decides whether a
fact may still move its payment.
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence

import msgspec

from interlock.base.clock import Clock
from interlock.base.problems import Problem, invalid
from interlock.gateways.contract import Notification
from interlock.payments.recovery.notifications import Verdict
from interlock.routing.types import Gateway
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.writes import Claim, Committed, Update
from interlock.webhooks.inbound.parsing import Parser
from interlock.webhooks.inbound.schedule import after_try
from interlock.webhooks.inbound.types import (
    GATEWAY_NOTIFICATIONS,
    ApplyNotification,
    GatewayNotification,
    Gateways,
    NotificationState,
    Received,
    notification_row_id,
)

_LOG = logging.getLogger(__name__)
_QUERIES = load_queries("interlock.webhooks.inbound")
_AT_ONCE = 64
_GRACE_MS = 5_000
_CLAIM_MS = 60_000
_APPLY_WITHIN_S = 30.0
_ROWS = 200
_PARALLEL = 16


class InboundNotifications:
    """Receives and applies. One per process."""

    def __init__(
        self, database: Database, clock: Clock, gateways: Gateways, apply_notification: ApplyNotification
    ) -> None:
        """Look gateways up in ``gateways``; hand facts to ``apply_notification``."""
        self._database = database
        self._clock = clock
        self._gateways = gateways
        self._parser = Parser(database, gateways, clock)
        self._apply_notification = apply_notification
        self._applying: set[asyncio.Task[None]] = set()

    # Receive

    async def receive(
        self, account_id: str, gateway_id: str, headers: Mapping[str, str], body: bytes
    ) -> Received | Problem:
        """Verify and store a gateway's webhook.

        Args:
            account_id: from the URL.
            gateway_id: from the URL.
            headers: lower-case names.
            body: the exact bytes.

        """
        releases = [one for one in self._gateways.find(account_id, gateway_id) if one.loaded.manifest.webhook]
        if not releases:
            return invalid("No such gateway", code="resource_missing", param="gateway", status=404)
        found = releases[0]
        said = await self._parser.parse(releases, headers, body)
        if isinstance(said, Problem):
            return said
        now_ms = self._clock.now_ms()
        rows = [self._row(found.gateway, one, now_ms) for one in said]
        results = await asyncio.gather(
            *(self._database.commit([Claim(GATEWAY_NOTIFICATIONS, row)]) for row in rows), return_exceptions=True
        )
        fresh = []
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            if isinstance(result, Committed):
                fresh.append(row)
            elif result.reason != "exists":
                _LOG.error("gateway %s sent a notification that cannot be stored: %s", gateway_id, result.detail)
                return invalid("This notification cannot be stored")
        self._apply_soon(fresh)
        webhook = found.loaded.manifest.webhook
        return Received(
            body="" if webhook is None else webhook.acknowledge_body, stored=len(fresh), repeated=len(rows) - len(fresh)
        )

    def _row(
        self,
        gateway: Gateway,
        said: Notification,
        now_ms: int,
    ) -> GatewayNotification:
        # The grace keeps the worker away while this process applies it; without room here the worker may start at once.
        has_room = len(self._applying) < _AT_ONCE
        return GatewayNotification(
            account_id=gateway.account_id,
            id=notification_row_id(gateway.id, said.notification_id),
            livemode=gateway.livemode,
            version=1,
            created_at_ms=now_ms,
            gateway_id=gateway.id,
            notification_id=said.notification_id,
            notification=said,
            state=NotificationState.WAITING,
            attempts=0,
            next_attempt_at_ms=now_ms + _GRACE_MS if has_room else now_ms,
        )

    # Apply

    def _apply_soon(self, rows: Sequence[GatewayNotification]) -> None:
        if rows and len(self._applying) < _AT_ONCE:
            task = asyncio.create_task(self._apply_in_order(rows), name="apply-gateway-notifications")
            self._applying.add(task)
            task.add_done_callback(self._applied)

    def _applied(self, task: "asyncio.Task[None]") -> None:
        self._applying.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The rows are still waiting; the worker goes on with them.
            _LOG.warning("gateway notifications not applied at once: %s", type(error).__name__)

    async def _apply_in_order(self, rows: Sequence[GatewayNotification]) -> None:
        for row in rows:
            await self.apply(row)

    async def apply(self, row: GatewayNotification) -> NotificationState:
        """Apply one stored notification and write down what came of it."""
        note = None
        try:
            async with asyncio.timeout(_APPLY_WITHIN_S):
                verdict = await self._apply_notification(row.scope, row.gateway_id, row.notification)
        except Exception as error:  # noqa: BLE001 - a fact must survive any failure of applying it
            _LOG.exception("gateway notification %s could not be applied", row.id)
            verdict, note = Verdict.NOT_YET, f"failed with {type(error).__name__}"
        draw = random.random()  # noqa: S311 - jitter, not a secret
        changed = after_try(row, verdict, now_ms=self._clock.now_ms(), draw=draw, note=note)
        await self._database.commit([Update(GATEWAY_NOTIFICATIONS, changed)])
        if changed.state is NotificationState.FAILED:
            _LOG.error("gateway notification %s given up after a week: %s", row.id, changed.note)
        elif changed.state is NotificationState.IGNORED:
            _LOG.info("gateway notification %s changes nothing", row.id)
        return changed.state

    async def run_once(self) -> int:
        """Apply notifications whose time has come; return how many were tried."""
        now_ms = self._clock.now_ms()
        found = await self._database.fetch(_QUERIES["due"], now_ms, _ROWS)
        rows = [GATEWAY_NOTIFICATIONS.decode(row) for row in found]
        claims = [
            msgspec.structs.replace(row, version=row.version + 1, next_attempt_at_ms=now_ms + _CLAIM_MS) for row in rows
        ]
        results = await asyncio.gather(
            *(self._database.commit([Update(GATEWAY_NOTIFICATIONS, claim)]) for claim in claims)
        )
        mine = [claim for claim, result in zip(claims, results, strict=True) if isinstance(result, Committed)]
        slots = asyncio.Semaphore(_PARALLEL)

        async def follow(rows_of_one_payment: Sequence[GatewayNotification]) -> None:
            async with slots:
                await self._apply_in_order(rows_of_one_payment)

        await asyncio.gather(*(follow(group) for group in by_payment(mine)))
        return len(mine)

    async def close(self) -> None:
        """Wait a little for what is being applied; the rest is the worker's."""
        if self._applying:
            await asyncio.wait(set(self._applying), timeout=2)

    # Retention

    async def trim(self, before_ms: int, limit: int) -> int:
        """Delete up to ``limit`` settled notifications of each account that are older than ``before_ms``."""
        gone = 0
        account_id: str | None = await self._database.fetchval(_QUERIES["next_account"], "")
        while account_id is not None:
            tag = await self._database.execute(_QUERIES["trim"], account_id, before_ms, limit)
            gone += int(tag.rsplit(" ", 1)[-1])
            account_id = await self._database.fetchval(_QUERIES["next_account"], account_id)
        return gone


def by_payment(rows: Sequence[GatewayNotification]) -> list[list[GatewayNotification]]:
    """Return ``rows`` in groups of one payment each, the gateway's oldest fact first: fewer lost races. Pure."""
    groups: dict[tuple[str, str, str], list[GatewayNotification]] = {}
    for row in rows:
        said = row.notification
        reference = said.gateway_reference or said.reference or row.id
        groups.setdefault((row.account_id, row.gateway_id, reference), []).append(row)
    return [sorted(group, key=lambda row: row.notification.occurred_at_ms) for group in groups.values()]
