"""One running simulated gateway: dispatches requests, lets timers happen, keeps the store's log short."""

import asyncio
import traceback
from collections.abc import Callable

import msgspec

from interlock.base.clock import SystemClock
from interlock.sandbox import books
from interlock.sandbox.engine import Context, Provider
from interlock.sandbox.http import Reply, Request, parse_pairs
from interlock.sandbox.options import Options
from interlock.sandbox.server import Answer, Server
from interlock.sandbox.store import Store
from interlock.sandbox.stripe.gateway import StripeGateway

TIMER_PERIOD_S = 0.1
CHECKPOINT_PERIOD_S = 2.0

PROVIDERS: dict[str, Callable[[Context], Provider]] = {"stripe": StripeGateway}


class Sandbox:
    """A simulated gateway on a port."""

    def __init__(self, options: Options) -> None:
        """Prepare; nothing is opened but the store."""
        self.options = options
        self.store = Store(options.data_dir)
        self.context = Context(self.store, SystemClock(), webhook_delay_ms=options.webhook_delay_ms)
        self.provider = PROVIDERS[options.provider](self.context)
        self.server = Server(self.dispatch, options.host)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the door and start the loops."""
        await self.server.open(self.options.port)
        self.context.base_url = f"http://{self.options.host}:{self.server.port}"
        self._tasks = [asyncio.create_task(self._timers()), asyncio.create_task(self._checkpoints())]

    async def stop(self) -> None:
        """Stop the loops and close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.server.shut()
        self.store.close()

    def dispatch(self, request: Request, answer: Answer) -> None:
        """Answer one request, after what it changed is durable."""
        try:
            reply = self._control(request) if request.path.startswith("/_sandbox") else self.provider.handle(request)
        except Exception:  # noqa: BLE001 - a bug here must look like a broken sandbox, not like a gateway's answer
            reply = Reply(599, traceback.format_exc().encode(), "text/plain")
        self.store.when_durable(lambda: answer(reply))

    def _control(self, request: Request) -> Reply:
        query = dict(parse_pairs(request.query))
        if request.path == "/_sandbox/books.csv":
            return books.export(self.store, query, as_csv=True)
        if request.path == "/_sandbox/books":
            return books.export(self.store, query, as_csv=query.get("format") == "csv")
        if request.path == "/_sandbox/books/totals":
            return Reply(200, msgspec.json.encode({"totals": books.totals(self.store)}))
        if request.path == "/_sandbox/health":
            return Reply(200, msgspec.json.encode({"status": "ok", "provider": self.provider.name}))
        return Reply(404, b'{"error":"no such control"}')

    async def _timers(self) -> None:
        while True:
            await asyncio.sleep(TIMER_PERIOD_S)
            for timer in self.store.due_timers(self.context.clock.now_ms()):
                self.provider.fire(timer.name, timer.subject)
                self.store.remove_timer(timer.id)
            self.store.flush()

    async def _checkpoints(self) -> None:
        while True:
            await asyncio.sleep(CHECKPOINT_PERIOD_S)
            await asyncio.to_thread(self.store.checkpoint)
