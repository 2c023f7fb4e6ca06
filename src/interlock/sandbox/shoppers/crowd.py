"""The crowd: shoppers come at their own times, whatever the switch does (open loop), buy, and settle in the end."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Self

import msgspec

from interlock.base.clock import Clock, SystemClock
from interlock.sandbox.shoppers.buyer import Buyer, Shop
from interlock.sandbox.shoppers.client import Client, Patience
from interlock.sandbox.shoppers.journal import Journal
from interlock.sandbox.shoppers.orders import Mix, Order, arrivals, orders
from interlock.sandbox.shoppers.tally import Tally

_AT_ONCE = 24
_PAUSE_S = 1.0
_OPEN_INTENT = frozenset({"processing"})


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How many shoppers come, and how fast.

    ``day_s`` is how long a simulated day takes (no day curve without it); ``in_flight_max`` bounds how many buy at
    once: who comes when it is reached waits at the door.
    """

    seed: int = 0
    rate_per_s: float = 10.0
    count: int | None = None
    seconds: float | None = None
    day_s: float | None = None
    first: int = 1
    in_flight_max: int = 1_000
    mix: Mix = Mix()
    all_s: float = 180.0
    poll_s: float = 6.0
    see_gateways: bool = False


class Crowd:
    """Runs a plan against an API. ``broken`` is a bug of the shoppers themselves, told instead of hidden."""

    def __init__(
        self, plan: Plan, api_url: str, secret_key: str, journal: Journal, *, clock: Clock | None = None
    ) -> None:
        """Prepare; :meth:`run` opens connections."""
        self.plan = plan
        self.tally = Tally()
        self.journal = journal
        self.broken: BaseException | None = None
        self.in_flight = 0
        self.at_the_door = 0
        self.open: list[Buyer] = []
        self.all: list[Buyer] = []
        self._client = Client(api_url, secret_key, plan.seed)
        self._stop = asyncio.Event()
        self._shop = Shop(
            client=self._client,
            journal=journal,
            tally=self.tally,
            clock=clock or SystemClock(),
            run=secrets.token_hex(4),
            all_s=plan.all_s,
            poll_s=plan.poll_s,
            see_gateways=plan.see_gateways,
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open connections."""
        await self._client.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Send everybody home and close connections."""
        del error
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.journal.flush()
        await self._client.close()

    async def reaches_the_api(self) -> bool:
        """Return True when the API answers."""
        reply = await self._client.get("/v1/account", Patience(first_try_s=3.0, try_s=3.0, all_s=5.0))
        return reply.answered

    def stop(self) -> None:
        """Let nobody else in; those inside finish."""
        self._stop.set()

    async def run(self, *, keep: bool = True) -> None:
        """Let everybody come and buy; returns when the last has finished.

        Args:
            keep: remember every buyer, so that :meth:`settle` can look at all of them; without it, only those with
                something open.

        """
        plan = self.plan
        gate = asyncio.Semaphore(plan.in_flight_max)
        began = time.monotonic()
        times = arrivals(plan.seed, plan.rate_per_s, plan.day_s)
        for order, due_s in zip(orders(plan.seed, plan.count, plan.mix, plan.first), times, strict=False):
            if plan.seconds is not None and due_s > plan.seconds:
                break
            if await self._told_to_stop(began + due_s - time.monotonic()):
                break
            self.at_the_door += 1
            await gate.acquire()
            self.at_the_door -= 1
            self._let_in(order, gate, keep=keep)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.journal.flush()

    def _let_in(self, order: Order, gate: asyncio.Semaphore, *, keep: bool) -> None:
        buyer = Buyer(self._shop, order)
        self.tally.orders_begun += 1
        self.in_flight += 1

        async def visit() -> None:
            try:
                await buyer.buy()
            finally:
                self.in_flight -= 1
                self.tally.orders_done += 1
                gate.release()
            if keep:
                self.all.append(buyer)
            if buyer.unanswered or buyer.unsettled:
                self.open.append(buyer)

        task = asyncio.create_task(visit(), name=order.id)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._stop.set()
            error = task.exception()
            if error is not None:
                self.broken = error

    async def _told_to_stop(self, pause_s: float) -> bool:
        if pause_s > 0:
            try:
                await asyncio.wait_for(self._stop.wait(), pause_s)
            except TimeoutError:
                return False
            return True
        await asyncio.sleep(0)
        return self._stop.is_set()

    # -- settling --------------------------------------------------------------------------------------------------

    async def settle(
        self, within_s: float, *, everybody: bool = True, told: Callable[[int], None] | None = None
    ) -> int:
        """Ask until nothing is under way any more; return how many orders still are after ``within_s``.

        Calls that never got an answer are sent again under their keys, then every intent, setup and refund is read
        until it is neither processing nor pending; what was read last goes into the record as ``settled.…``.

        Args:
            within_s: for how long.
            everybody: look at every order, not only at those with something open.
            told: called with the number of orders still to be settled.

        """
        deadline = time.monotonic() + within_s
        left = list(self.all if everybody else self.open)
        while left:
            gate = asyncio.Semaphore(_AT_ONCE)
            rest: list[Buyer] = []

            async def look(buyer: Buyer, rest: list[Buyer] = rest, gate: asyncio.Semaphore = gate) -> None:
                async with gate:
                    if not await self._settled(buyer, last=time.monotonic() >= deadline):
                        rest.append(buyer)

            for batch in _batches(left, 500):
                await asyncio.gather(*(look(buyer) for buyer in batch))
                if told is not None:
                    told(len(left))
            left = rest
            if told is not None:
                told(len(left))
            if time.monotonic() >= deadline:
                break
            if left:
                await asyncio.sleep(_PAUSE_S * random.uniform(0.8, 1.2))
        self.journal.flush()
        return len(left)

    async def _settled(self, buyer: Buyer, *, last: bool) -> bool:
        """Look at one order; write its end into the record when it has come (or it is the last look)."""
        patience = Patience(first_try_s=30.0, all_s=30.0)
        for call in list(buyer.unanswered):
            if (await buyer.send_again(call)).answered:
                buyer.unanswered.remove(call)
        done = not buyer.unanswered
        for step, intent_id in buyer.intents.items():
            path = f"/v1/payment_intents/{intent_id}"
            intent = await self._client.get(path, patience)
            refunds = await self._client.get(f"/v1/refunds?payment_intent={intent_id}&limit=100", patience)
            moving = [one for one in refunds.get("data") or [] if one.get("status") == "pending"]
            settled = intent.ok and intent.get("status") not in _OPEN_INTENT and refunds.ok and not moving
            done = done and settled
            if settled or last:
                buyer.write(f"settled.{step}", "GET", path, intent)
                for one in refunds.get("data") or []:
                    shown = msgspec.structs.replace(refunds, body=one)
                    buyer.write(f"settled.refund.{step}", "GET", f"/v1/refunds/{one['id']}", shown)
        for step, setup_id in buyer.setups.items():
            path = f"/v1/setup_intents/{setup_id}"
            setup = await self._client.get(path, patience)
            settled = setup.ok and setup.get("status") not in _OPEN_INTENT
            done = done and settled
            if settled or last:
                buyer.write(f"settled.{step}", "GET", path, setup)
        return done


def _batches(buyers: list[Buyer], size: int) -> Iterator[list[Buyer]]:
    for at in range(0, len(buyers), size):
        yield buyers[at : at + size]
