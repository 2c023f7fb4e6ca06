"""Fan-out: turns outbox rows into deliveries, each exactly once. Run by ``worker``.

Work is discovered by a plain read, account by account, and done under the account's lease (design 7.4, 7.5). A crash at
any point leaves either the outbox row or its deliveries, because one statement swaps them. Where nobody listens there
are no rows at all (``payments.events.types``).
"""

from collections.abc import Callable, Sequence

from interlock.base.clock import Clock
from interlock.storage.leases import Leases
from interlock.webhooks.outbound.schedule import GIVE_UP_AFTER_MS
from interlock.webhooks.outbound.store import OutboundStore
from interlock.webhooks.outbound.subscriptions import wants
from interlock.webhooks.outbound.types import EventFacts, NewDelivery, Subscriber

_ACCOUNTS_PER_PASS = 64
_BATCHES_PER_ACCOUNT = 20
_OUTBOX_ROWS = 500


def plan_deliveries(events: Sequence[EventFacts], subscribers: Sequence[Subscriber]) -> list[NewDelivery]:
    """Return the deliveries that ``events`` need. Pure."""
    planned: list[NewDelivery] = []
    listeners: dict[tuple[str, bool], list[str]] = {}
    for event in events:
        key = (event.type, event.livemode)
        ids = listeners.get(key)
        if ids is None:
            heard = (
                one for one in subscribers if one.livemode == event.livemode and wants(one.enabled_events, event.type)
            )
            ids = listeners[key] = [one.id for one in heard]
        planned.extend(NewDelivery(event.outbox_id, event.id, one, event.livemode, len(ids)) for one in ids)
    return planned


class FanOut:
    """The loop body. One per worker process."""

    def __init__(
        self,
        store: OutboundStore,
        leases: Leases,
        clock: Clock,
        wake: Callable[[str, str], None],
        retry_for_ms: int = GIVE_UP_AFTER_MS,
    ) -> None:
        """Call ``wake(account_id, endpoint_id)`` for every endpoint that got deliveries."""
        self._store = store
        self._leases = leases
        self._clock = clock
        self._wake = wake
        self._retry_for_ms = retry_for_ms
        self._cursor = ""

    async def run_once(self) -> int:
        """Fan out what waits, fairly over accounts; return how many outbox rows went."""
        done = 0
        came_round = False
        for _ in range(_ACCOUNTS_PER_PASS):
            account_id = await self._store.next_outbox_account(self._cursor)
            if account_id is None:
                at_start, self._cursor = not self._cursor, ""
                # Once round is enough: an account that another worker holds would be found again and again.
                if at_start or done or came_round:
                    break
                came_round = True
                continue
            self._cursor = account_id
            if await self._leases.take(account_id):
                done += await self._drain(account_id)
        return done

    async def _drain(self, account_id: str) -> int:
        done = 0
        for _ in range(_BATCHES_PER_ACCOUNT):
            if not self._leases.holds(account_id):
                break
            moved = await self._batch(account_id)
            done += moved
            if moved < _OUTBOX_ROWS:
                break
        return done

    async def _batch(self, account_id: str) -> int:
        # Rows before endpoints: an endpoint that was there before an event we read is then always seen with it.
        batch = await self._store.outbox_batch(account_id, _OUTBOX_ROWS)
        if not batch:
            return 0
        subscribers = await self._store.subscribers(account_id)
        planned = plan_deliveries([event for row in batch for event in row.events()], subscribers)
        now_ms = self._clock.now_ms()
        ids = [row.id for row in batch]
        await self._store.fan_out(account_id, ids, planned, now_ms=now_ms, retry_until_ms=now_ms + self._retry_for_ms)
        for endpoint_id in {delivery.endpoint_id for delivery in planned}:
            self._wake(account_id, endpoint_id)
        return len(batch)
