"""Lanes: one queue per endpoint, so that no endpoint waits for another. Driven by ``delivery``.

A lane is *answering* or *failing*. Failing lanes send one delivery at a time through a pool of their own, so that any
number of dead endpoints takes nothing from living ones; one success makes a lane answer again. A lane reads due rows
from the database in small windows: memory does not grow with the backlog.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from interlock.base.clock import Clock
from interlock.base.ids import new_id
from interlock.storage.leases import Leases
from interlock.webhooks.outbound.recorder import Recorder
from interlock.webhooks.outbound.schedule import next_attempt_at_ms
from interlock.webhooks.outbound.sender import Sender
from interlock.webhooks.outbound.store import OutboundStore
from interlock.webhooks.outbound.types import DeliveryState, Due, Reply, Target, Tried

_LOG = logging.getLogger(__name__)
PER_ENDPOINT = 16
_WINDOW = 200
_FAILURES_IN_A_ROW = 5
_ABANDON_ROWS = 500
_GIVE_UP_ROWS = 5_000
_GIVE_UP_EVERY_MS = 10 * 60_000
_LAST_TRY_WITHIN_MS = 3_600_000

FindTarget = Callable[[str, str], Awaitable[Target | str]]
"""Returns the target of (account, endpoint), or why the endpoint wants nothing any more."""


class Pool:
    """A sender and how many sends it may have in flight."""

    def __init__(self, sender: Sender, slots: int) -> None:
        """Allow ``slots`` sends at a time through ``sender``."""
        self.sender = sender
        self.slots = asyncio.Semaphore(slots)


class Tools(msgspec.Struct, frozen=True):
    """What every lane of a process shares."""

    store: OutboundStore
    recorder: Recorder
    leases: Leases
    clock: Clock
    find_target: FindTarget
    answering: Pool
    failing: Pool


def judge(due: Due, endpoint_id: str, reply: Reply, *, now_ms: int, draw: float) -> Tried:
    """Return the record of a try: delivered, to be tried again, or failed for good. Pure but for the new id."""
    attempt = due.attempts + 1
    state, next_ms = DeliveryState.DELIVERED, now_ms
    if not reply.is_delivered:
        again_ms = next_attempt_at_ms(failures=attempt, retry_until_ms=due.retry_until_ms, now_ms=now_ms, draw=draw)
        state, next_ms = (DeliveryState.FAILED, now_ms) if again_ms is None else (DeliveryState.PENDING, again_ms)
    return Tried(
        id=new_id("wtry", now_ms),
        event_id=due.event_id,
        endpoint_id=endpoint_id,
        livemode=due.livemode,
        at_ms=now_ms,
        attempt=attempt,
        state=state,
        next_attempt_at_ms=next_ms,
        reply=reply,
    )


class Lane:
    """One endpoint's queue. ``_held`` are the events queued, in flight or not yet recorded: never taken twice."""

    def __init__(self, account_id: str, endpoint_id: str, tools: Tools) -> None:
        """Start idle."""
        self._account_id = account_id
        self._endpoint_id = endpoint_id
        self._tools = tools
        self._queue: deque[Due] = deque()
        self._held: set[str] = set()
        self._recorded_while_reading: set[str] = set()
        self._target: Target | None = None
        self._failures = 0
        self._gave_up_at_ms = 0
        self._couriers: set[asyncio.Task[None]] = set()
        self._more = False
        self._progress = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def is_idle(self) -> bool:
        """Return True when nothing is queued, in flight or unrecorded."""
        return (self._task is None or self._task.done()) and not self._held

    def wake(self) -> None:
        """Say that the endpoint has due deliveries."""
        self._more = True
        self._progress.set()
        if not self._closing and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name=f"webhook-lane-{self._endpoint_id}")

    async def close(self) -> None:
        """Begin nothing more; wait for what is in flight."""
        self._closing = True
        self._let_go()
        self._progress.set()
        if self._couriers:
            await asyncio.wait(set(self._couriers))
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while not self._closing:
                self._progress.clear()
                if not self._tools.leases.holds(self._account_id):
                    self._let_go()
                elif self._more and len(self._held) < _WINDOW // 2:
                    await self._fill()
                self._start_couriers()
                if self._held:
                    await self._progress.wait()
                elif not self._more:
                    return
        except Exception as error:  # noqa: BLE001 - whatever it was, the next discovery of due deliveries tries again
            _LOG.warning("webhook endpoint %s: cannot read deliveries: %s", self._endpoint_id, type(error).__name__)

    def _let_go(self) -> None:
        """Forget what is queued but not in flight; it stays pending in the database."""
        self._more = False
        while self._queue:
            self._held.discard(self._queue.popleft().event_id)

    async def _fill(self) -> None:
        tools = self._tools
        self._more = False
        target = await tools.find_target(self._account_id, self._endpoint_id)
        if isinstance(target, str):
            await self._abandon(target)
            return
        self._target = target
        now_ms = tools.clock.now_ms()
        if self._is_failing and now_ms - self._gave_up_at_ms >= _GIVE_UP_EVERY_MS:
            await self._give_up(now_ms)
        self._recorded_while_reading.clear()
        found = await tools.store.due(self._account_id, self._endpoint_id, now_ms=now_ms, limit=_WINDOW)
        if not found and not self._held:
            await tools.store.lose_events(self._account_id, self._endpoint_id, now_ms)
        if len(found) == _WINDOW:
            self._more = True
        for due in found:
            # What was recorded while we read may still look pending in what we read.
            if due.event_id not in self._held and due.event_id not in self._recorded_while_reading:
                self._held.add(due.event_id)
                self._queue.append(due)
        if found:
            tools.leases.keep(self._account_id)

    async def _give_up(self, now_ms: int) -> None:
        """Fail what could not be tried in its time, because too much waits for an endpoint that does not answer."""
        given_up = await self._tools.store.give_up(
            self._account_id,
            self._endpoint_id,
            now_ms=now_ms,
            ended_before_ms=now_ms - _LAST_TRY_WITHIN_MS,
            limit=_GIVE_UP_ROWS,
        )
        if given_up < _GIVE_UP_ROWS:
            self._gave_up_at_ms = now_ms
        if given_up:
            _LOG.warning("webhook endpoint %s: %d deliveries failed for good, untried", self._endpoint_id, given_up)

    async def _abandon(self, reason: str) -> None:
        self._let_go()
        now_ms = self._tools.clock.now_ms()
        given_up = await self._tools.store.abandon(
            self._account_id, self._endpoint_id, now_ms=now_ms, reason=reason, limit=_ABANDON_ROWS
        )
        self._more = self._more or given_up == _ABANDON_ROWS
        if given_up:
            _LOG.info("webhook endpoint %s: %d deliveries abandoned: %s", self._endpoint_id, given_up, reason)

    @property
    def _is_failing(self) -> bool:
        return self._failures >= _FAILURES_IN_A_ROW

    def _start_couriers(self) -> None:
        if self._target is None:
            return
        limit = 1 if self._is_failing else PER_ENDPOINT
        for _ in range(min(limit - len(self._couriers), len(self._queue))):
            courier = asyncio.create_task(self._carry(), name=f"webhook-courier-{self._endpoint_id}")
            self._couriers.add(courier)
            courier.add_done_callback(self._courier_done)

    def _courier_done(self, courier: "asyncio.Task[None]") -> None:
        self._couriers.discard(courier)
        self._progress.set()
        if not courier.cancelled() and courier.exception() is not None:
            _LOG.error("webhook courier of %s stopped", self._endpoint_id, exc_info=courier.exception())

    async def _carry(self) -> None:
        """Send from the queue until it is empty, or until there are too many couriers for a failing endpoint."""
        while self._queue and not self._closing:
            failing = self._is_failing
            if failing and len(self._couriers) > 1:
                return
            pool = self._tools.failing if failing else self._tools.answering
            async with pool.slots:
                if not self._tools.leases.holds(self._account_id):
                    self._let_go()
                target = self._target
                if not self._queue or target is None:
                    return
                await self._send(self._queue.popleft(), target, pool.sender)
            if self._more and len(self._held) < _WINDOW // 2:
                self._progress.set()

    async def _send(self, due: Due, target: Target, sender: Sender) -> None:
        try:
            reply = await sender.send(target, due)
        except BaseException:
            self._held.discard(due.event_id)
            raise
        self._failures = 0 if reply.is_delivered else self._failures + 1
        tools = self._tools
        draw = random.random()  # noqa: S311 - jitter, not a secret
        tried = judge(due, self._endpoint_id, reply, now_ms=tools.clock.now_ms(), draw=draw)
        if tried.state is DeliveryState.FAILED:
            _LOG.warning("webhook %s to %s failed for good: %s", due.event_id, self._endpoint_id, reply.error)
        tools.recorder.put(self._account_id, tried, self._recorded)

    def _recorded(self, tried: Tried) -> None:
        self._held.discard(tried.event_id)
        self._recorded_while_reading.add(tried.event_id)
        if not self._held or (self._more and len(self._held) < _WINDOW // 2):
            self._progress.set()
