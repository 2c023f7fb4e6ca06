"""The shop's webhook endpoint during a soak: takes every event, remembers its id, looks for card numbers in it."""

from aiohttp import web
from benchmarks.soak.pans import count_pans


class Receiver:
    """Listens on a free loopback port."""

    def __init__(self) -> None:
        """Listen to nothing yet."""
        self.events: set[str] = set()
        self.pans = 0
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen."""
        application = web.Application(client_max_size=4 << 20)
        application.router.add_post("/webhook", self._take)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/webhook"

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        start = body.find(b'"evt_')
        end = body.find(b'"', start + 1)
        if start >= 0 and end >= 0:
            self.events.add(body[start + 1 : end].decode())
        self.pans += count_pans(body)
        return web.Response(text="ok")
