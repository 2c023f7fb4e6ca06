"""Delivery: finds endpoints with due deliveries and drives their lanes. Run by ``worker``."""

import asyncio

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.storage.database import Database
from interlock.storage.leases import Leases
from interlock.webhooks.outbound.destinations import Policy
from interlock.webhooks.outbound.fan_out import FanOut
from interlock.webhooks.outbound.lanes import Lane, Pool, Tools
from interlock.webhooks.outbound.recorder import Recorder
from interlock.webhooks.outbound.schedule import GIVE_UP_AFTER_MS
from interlock.webhooks.outbound.secrets import SecretSeal
from interlock.webhooks.outbound.sender import TIMEOUT_S, Sender
from interlock.webhooks.outbound.store import OutboundStore
from interlock.webhooks.outbound.types import EndpointStatus, Target

_LANES_KEPT = 2_048
_CLOSE_WITHIN_S = 5.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much at once, how long, and where to."""

    answering_slots: int = 256
    failing_slots: int = 64
    timeout_s: float = TIMEOUT_S
    retry_for_ms: int = GIVE_UP_AFTER_MS
    policy: Policy = Policy()


class Delivery:
    """All lanes of this process, and the fan-out that feeds them."""

    def __init__(
        self, database: Database, clock: Clock, leases: Leases, seal: SecretSeal, limits: Limits | None = None
    ) -> None:
        """Prepare; nothing runs until called."""
        limits = limits or Limits()
        self._store = OutboundStore(database)
        self._clock = clock
        self._leases = leases
        self._seal = seal
        self._senders = [
            Sender(clock, limits.policy, timeout_s=limits.timeout_s),
            Sender(clock, limits.policy, timeout_s=limits.timeout_s),
        ]
        self._recorder = Recorder(self._store)
        self._tools = Tools(
            store=self._store,
            recorder=self._recorder,
            leases=leases,
            clock=clock,
            find_target=self._find_target,
            answering=Pool(self._senders[0], limits.answering_slots),
            failing=Pool(self._senders[1], limits.failing_slots),
        )
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._opened: dict[str, str] = {}
        self._closing = False
        self.fan_out = FanOut(self._store, leases, clock, self.wake, limits.retry_for_ms)

    def wake(self, account_id: str, endpoint_id: str) -> None:
        """Let an endpoint's lane look for due deliveries now."""
        if self._closing:
            return
        lane = self._lanes.get((account_id, endpoint_id))
        if lane is None:
            if len(self._lanes) >= _LANES_KEPT:
                self._lanes = {key: kept for key, kept in self._lanes.items() if not kept.is_idle}
            lane = self._lanes[account_id, endpoint_id] = Lane(account_id, endpoint_id, self._tools)
        lane.wake()

    async def run_once(self) -> int:
        """Wake the lane of every endpoint that has due deliveries; return how many there are."""
        found = 0
        for account_id, endpoint_id in await self._store.endpoints_with_due(self._clock.now_ms()):
            if await self._leases.take(account_id):
                self.wake(account_id, endpoint_id)
                found += 1
        return found

    async def settled(self) -> None:
        """Wait until no lane has anything to do; for tests and for the end of the process."""
        while any(not lane.is_idle for lane in self._lanes.values()):  # noqa: ASYNC110 - many lanes, no single event
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Finish what is in flight, write it down and close every connection."""
        self._closing = True
        lanes = list(self._lanes.values())
        if lanes:
            closing = [asyncio.create_task(lane.close()) for lane in lanes]
            _, late = await asyncio.wait(closing, timeout=_CLOSE_WITHIN_S)
            for task in late:
                task.cancel()
        await self._recorder.close(_CLOSE_WITHIN_S)
        for sender in self._senders:
            await sender.close()

    async def _find_target(self, account_id: str, endpoint_id: str) -> Target | str:
        row = await self._store.endpoint(account_id, endpoint_id)
        if row is None or row.status == EndpointStatus.DELETED:
            return "the endpoint was deleted"
        if row.status != EndpointStatus.ENABLED:
            return "the endpoint is disabled"
        scope = Scope(account_id, row.livemode)
        secrets = [(self._open(scope, endpoint_id, secret.sealed), secret.until_ms) for secret in row.secrets]
        return Target(endpoint_id=endpoint_id, livemode=row.livemode, url=row.url, secrets=tuple(secrets))

    def _open(self, scope: Scope, endpoint_id: str, sealed: str) -> str:
        opened = self._opened.get(sealed)
        if opened is None:
            if len(self._opened) >= _LANES_KEPT:
                self._opened.clear()
            opened = self._opened[sealed] = self._seal.open(scope, endpoint_id, sealed)
        return opened
