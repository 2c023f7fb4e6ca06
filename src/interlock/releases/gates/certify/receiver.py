"""Takes the simulated gateway's webhooks over HTTP and hands them to the shops they concern.

One simulated gateway plays the provider for several shops (accounts) of the run, where a real provider would have an
account and an address for each: a webhook is handed to the shop whose payment it names, or to all of them where it
names none that is known (a payment of somebody else, to them).
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.gateways.contract import Notification
from interlock.payments.recovery.notifications import Verdict
from interlock.routing.table import RoutingTable
from interlock.storage.database import Database
from interlock.webhooks.inbound.service import InboundNotifications

_TOKEN = re.compile(rb"[A-Za-z0-9_]{12,64}")
_BODY_BYTES_MAX = 1 << 20
_AGAIN_EVERY_S = 0.1
_LOOK_EVERY_S = 0.1
_HELD_MAX = 1_000
Apply = Callable[[Scope, str, Notification], Awaitable[Verdict]]
Shop = tuple[str, str]
"""Account and gateway."""


@dataclass(frozen=True, slots=True)
class Held:
    """Which webhooks are held back: those for a shop whose body holds ``text``, in lower case."""

    shop: Shop
    text: str = ""


class Receiver:
    """Receives, holds back where a case asks for it, and has notifications applied again that come too early."""

    def __init__(
        self, database: Database, clock: Clock, table: RoutingTable, apply: Apply, shop_of: Callable[[str], Shop | None]
    ) -> None:
        """Wire the parts.

        Args:
            database: where notifications are kept.
            clock: tells the time.
            table: what is configured.
            apply: what is made of a notification.
            shop_of: returns the shop of an attempt's or payment's reference, None for an unknown one.

        """
        self._apply_notification = apply
        self._shop_of = shop_of
        self.inbound = InboundNotifications(database, clock, table, self._apply)
        self.shops: list[Shop] = []
        self.received = 0
        self.refused = 0
        self.url = ""
        self._held: dict[Held, list[tuple[Shop, dict[str, str], bytes]]] = {}
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._again: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen on a free loopback port."""
        application = web.Application(client_max_size=_BODY_BYTES_MAX)
        application.router.add_post("/webhook", self._take)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
        await web.SockSite(self._runner, listening).start()
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/webhook"
        self._again = asyncio.create_task(self._apply_again(), name="apply-again")

    async def close(self) -> None:
        """Stop listening."""
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        await self.inbound.close()

    # Holding back

    def hold(self, held: Held) -> None:
        """Keep what arrives for ``held`` until :meth:`release`, as a slow network would."""
        self._held.setdefault(held, [])

    def kept(self, held: Held) -> list[tuple[dict[str, str], bytes]]:
        """Return headers and bodies of what is held back for ``held`` so far."""
        return [(headers, body) for _, headers, body in self._held.get(held, [])]

    async def release(self, held: Held) -> int:
        """Hand on what was held back; return how many webhooks that were."""
        kept = self._held.pop(held, [])
        for shop, headers, body in kept:
            await self._receive(shop, headers, body)
        self._tell()
        return len(kept)

    # Waiting

    async def until(self, done: Callable[[], Awaitable[bool]], within_s: float) -> bool:
        """Wait until ``done()``, looked at whenever a notification was applied; return whether it came about."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while True:
            changed = self._changed
            if await done():
                return True
            left_s = end - loop.time()
            if left_s <= 0:
                return False
            try:
                async with asyncio.timeout(min(left_s, _LOOK_EVERY_S)):
                    await changed.wait()
            except TimeoutError:
                continue

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _apply(self, scope: Scope, gateway_id: str, notification: Notification) -> Verdict:
        verdict = await self._apply_notification(scope, gateway_id, notification)
        self._tell()
        return verdict

    async def _apply_again(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN_EVERY_S)
            await self.inbound.run_once()

    # Receiving

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        status, text = await self.take(headers, await request.read())
        return web.Response(status=status, text=text)

    async def take(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """Receive one webhook; return the status and text it is answered with."""
        self.received += 1
        named = self._named(body)
        shops = self.shops if named is None else [named]
        answers = [await self._hand_to(shop, headers, body) for shop in shops]
        self._tell()
        accepted = [text for status, text in answers if status < 300]
        if accepted or not answers:
            return 200, accepted[0] if accepted else ""
        self.refused += 1
        return answers[0]

    def _named(self, body: bytes) -> Shop | None:
        """Return the shop whose payment is named first in ``body``."""
        for token in _TOKEN.findall(body):
            shop = self._shop_of(token.decode("ascii"))
            if shop is not None:
                return shop
        return None

    async def _hand_to(self, shop: Shop, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        whose = next((held for held in self._held if held.shop == shop and held.text.encode() in body.lower()), None)
        if whose is None:
            return await self._receive(shop, headers, body)
        if len(self._held[whose]) >= _HELD_MAX:
            return 503, "too many are held back"
        self._held[whose].append((shop, dict(headers), body))
        return 200, ""

    async def _receive(self, shop: Shop, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        said = await self.inbound.receive(*shop, headers, body)
        return (said.status, said.message) if isinstance(said, Problem) else (200, said.body)
