"""Shoppers for a fleet of API processes: they come at Poisson times, each pays once with a card of their own choice.

Open loop: who is due comes, whatever happened to those before. A shopper stays with the process that took the request,
as a connection does; one that is stopped keeps its shoppers waiting. Called by the measurements of rollbacks.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence

import aiohttp
import msgspec

_HEAD = {"content-type": "application/x-www-form-urlencoded"}
_WAITS_S = 60.0
_IN_FLIGHT_MAX = 2_000
_DECLINED = "visa_chargeDeclined"
_CARDS = (("visa", 58), ("mastercard", 26), ("amex", 8), (_DECLINED, 8))
"""Of a hundred shoppers; a shop's issuers decline about eight."""


class Visit(msgspec.Struct):
    """One shopper: when due, and what the answer was. ``failure`` is empty for what the card deserved."""

    due_s: float
    node: str
    seconds: float | None = None
    failure: str = ""

    def complaint(self) -> str:
        """Return what was wrong for the shopper, empty when nothing was."""
        return "no answer" if self.seconds is None else self.failure


class Shoppers:
    """Come until told to stop. Times are those of ``time.time``."""

    def __init__(self, urls: Sequence[tuple[str, str]], key: str, *, rate_per_s: float, seed: int) -> None:
        """Pay in turn at ``urls`` (name and address of each process) with the secret ``key``."""
        self._urls = list(urls)
        self._headers = {**_HEAD, "authorization": f"Bearer {key}"}
        self._rate_per_s = rate_per_s
        self._draw = random.Random(f"interlock rollback {seed}")
        self._session: aiohttp.ClientSession | None = None
        self._coming: asyncio.Task[None] | None = None
        self._inside: set[asyncio.Task[None]] = set()
        self.visits: list[Visit] = []

    @contextlib.asynccontextmanager
    async def coming(self) -> "AsyncIterator[Shoppers]":
        """Let them come while the block runs, and wait for those inside at its end."""
        await self._open()
        try:
            yield self
        finally:
            await self._close()

    async def _open(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_WAITS_S)
        connector = aiohttp.TCPConnector(limit=_IN_FLIGHT_MAX)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        self._coming = asyncio.create_task(self._come(), name="shoppers")

    async def _close(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.gather(self._coming, return_exceptions=True)
        if self._inside:
            await asyncio.wait(self._inside, timeout=_WAITS_S)
        if self._session is not None:
            await self._session.close()

    def between(self, since_s: float, until_s: float) -> list[Visit]:
        """Return those who were due from ``since_s`` to ``until_s``."""
        return [visit for visit in self.visits if since_s <= visit.due_s < until_s]

    async def answered(self, visits: Iterable[Visit], within_s: float) -> None:
        """Wait until all of ``visits`` are over; those that are not in ``within_s`` stay without an answer."""
        waiting = [visit for visit in visits if visit.seconds is None]
        deadline = time.monotonic() + within_s
        while waiting and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            waiting = [visit for visit in waiting if visit.seconds is None]

    async def _come(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        number = 0
        while True:
            due += self._draw.expovariate(self._rate_per_s)
            await asyncio.sleep(max(0.0, due - loop.time()))
            assert len(self._inside) < _IN_FLIGHT_MAX, "nobody is answered any more"
            number += 1
            node, url = self._urls[number % len(self._urls)]
            visit = Visit(due_s=time.time(), node=node)
            self.visits.append(visit)
            task = asyncio.create_task(self._pay(visit, url, number))
            self._inside.add(task)
            task.add_done_callback(self._inside.discard)

    async def _pay(self, visit: Visit, url: str, number: int) -> None:
        assert self._session is not None
        card = self._card()
        key = f"{self._draw.getrandbits(96):024x}"
        body = (
            f"amount={self._draw.randrange(100, 50_000)}&currency=usd&payment_method=pm_card_{card}&confirm=true"
            f"&return_url=https%3A%2F%2Fshop.example%2Freturn&metadata[node]={visit.node}&metadata[order]={number}"
        )
        began = time.monotonic()
        try:
            headers = {**self._headers, "idempotency-key": key}
            async with self._session.post(f"{url}/v1/payment_intents", data=body, headers=headers) as response:
                answer = await response.read()
            visit.failure = failure_of(response.status, answer, declines=card == _DECLINED)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            visit.failure = type(error).__name__
        visit.seconds = time.monotonic() - began

    def _card(self) -> str:
        (card,) = self._draw.choices([name for name, _ in _CARDS], [weight for _, weight in _CARDS])
        return card


def failure_of(status: int, answer: bytes, *, declines: bool) -> str:
    """Return what is wrong with an answer, empty for a payment that succeeded or a card that is declined as it must."""
    if declines:
        return "" if status == 402 and b'"card_declined"' in answer else f"{status} instead of a decline"
    if status != 200:
        return f"{status} {answer[:200].decode(errors='replace')}"
    found = msgspec.json.decode(answer)["status"]
    return "" if found == "succeeded" else str(found)
