"""A shop's webhook receiver over real HTTP on loopback, with every way to misbehave a test needs."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

Behaviour = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


class Received(msgspec.Struct, frozen=True):
    """One delivery as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, object]:
        """Return the event."""
        decoded: dict[str, object] = msgspec.json.decode(self.body)
        return decoded


async def answer_ok(_request: web.Request, _body: bytes) -> web.StreamResponse:
    """Answer 200 with a short body."""
    return web.Response(text="ok")


class WebhookReceiver:
    """``async with WebhookReceiver() as receiver``; ``behaviour`` may be exchanged at any time."""

    def __init__(self, behaviour: Behaviour = answer_ok) -> None:
        """Answer by ``behaviour``."""
        self.behaviour = behaviour
        self.received: list[Received] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Start on a free port."""
        application = web.Application(client_max_size=2**24)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        assert self._runner is not None
        await self._runner.cleanup()

    def url(self, path: str = "/hooks") -> str:
        """Return where to send to."""
        return f"http://127.0.0.1:{self.port}{path}"

    def event_ids(self) -> list[str]:
        """Return the ids of the events received, in order, repeats included."""
        return [str(one.event["id"]) for one in self.received]

    async def wait_for(self, count: int, within_s: float = 20.0) -> None:
        """Wait until ``count`` different events have arrived."""
        async with asyncio.timeout(within_s):
            while len(set(self.event_ids())) < count:  # noqa: ASYNC110 - arrivals come from outside this loop's tasks
                await asyncio.sleep(0.02)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.received.append(Received(request.path, dict(request.headers), body))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self.behaviour(request, body)
        finally:
            self.in_flight -= 1
