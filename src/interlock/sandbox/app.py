"""One running simulated gateway: dispatches requests through faults, lets timers happen, opens and shuts the door."""

import asyncio
import contextlib
import sys
import traceback
from collections.abc import Callable
from typing import TypeVar

from interlock.base.clock import SystemClock
from interlock.sandbox import specs
from interlock.sandbox.adyen.gateway import AdyenGateway
from interlock.sandbox.control import Control
from interlock.sandbox.engine import Context, Facts, Provider
from interlock.sandbox.faults import Faults, FaultSpec
from interlock.sandbox.http import Reply, Request
from interlock.sandbox.mischief import disfigure, executes
from interlock.sandbox.options import Options
from interlock.sandbox.server import Answer, Server
from interlock.sandbox.store import Store
from interlock.sandbox.stripe.gateway import StripeGateway
from interlock.sandbox.webhooks import Endpoint, Webhooks

TIMER_PERIOD_S = 0.02
CHECKPOINT_PERIOD_S = 1.0


T = TypeVar("T")

PROVIDERS: dict[str, Callable[[Context], Provider]] = {"stripe": StripeGateway, "adyen": AdyenGateway}


class Sandbox:
    """A simulated gateway on a port, its control API on the same port and on one of its own."""

    def __init__(self, options: Options) -> None:
        """Prepare; nothing is opened but the store."""
        self.options = options
        self.store = Store(options.data_dir)
        self.context = Context(self.store, SystemClock(), modification_delay_ms=options.modification_delay_ms)
        self.context.specs = specs.find(options.specs) if options.validate else None
        self.provider = PROVIDERS[options.provider](self.context)
        self.faults = Faults(options.seed)
        self.webhooks = Webhooks(self.context, self.provider, self.faults)
        self.control = Control(self.context, self.provider, self.faults, self.webhooks)
        self.server = Server(self.dispatch, options.host)
        self.control_server = Server(self.dispatch_control, options.host)
        self._busy: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the door and start the loops."""
        self.webhooks.load()
        if self.options.webhook_url:
            options = self.options
            events = list(options.webhook_events)
            wrong = self.webhooks.configure(
                Endpoint(options.webhook_url, options.webhook_secret, events, options.webhook_delay_ms)
            )
            if wrong is not None:
                raise ValueError(f"webhook-{wrong}")
        await self.server.open(self.options.port)
        await self.control_server.open(0)
        self.context.base_url = f"http://{self.options.host}:{self.server.port}"
        self.control.facts["port"] = self.server.port
        self.control.facts["control_port"] = self.control_server.port
        self.control.facts["checks"] = self.provider.checks
        self.control.facts["durable"] = self.options.data_dir is not None
        loops = (self._timers(), self._checkpoints(), self.webhooks.run(), self._door())
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        """Stop the loops and close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.server.shut()
        self.control_server.shut()
        self.store.close()

    # -- requests --------------------------------------------------------------------------------------------------

    def dispatch_control(self, request: Request, answer: Answer) -> None:
        """Answer a request of the control API."""
        reply = self._guarded(lambda: self.control.handle(request))
        self.store.when_durable(lambda: answer(reply))

    def dispatch(self, request: Request, answer: Answer) -> None:
        """Answer one request, after what it changed is durable."""
        if request.path.startswith("/_sandbox"):
            page = self._guarded(lambda: self.provider.page(request))
            if page is None:
                self.dispatch_control(request, answer)
            else:
                self.store.when_durable(lambda: answer(page))
            return
        specs: list[FaultSpec] = []
        if self.faults.any:
            facts = self._guarded(lambda: self.provider.facts(request))
            drawn = facts if isinstance(facts, Facts) else Facts()
            specs = self.faults.draw(drawn, request.path, self.context.clock.now_ms())
        if not specs and not self._busy:
            reply = self._guarded(lambda: self.provider.handle(request))
            self.store.when_durable(lambda: answer(reply))
        else:
            self._suffer(request, answer, specs)

    def _suffer(self, request: Request, answer: Answer, specs: list[FaultSpec]) -> None:
        key = self.provider.idempotency_key(request)
        if key and key in self._busy:
            answer(self.provider.in_progress())
            return
        delay_ms = sum(self.faults.delay_ms(spec) for spec in specs if spec.kind == "latency")
        fault = next((spec for spec in specs if spec.kind != "latency"), None)
        if delay_ms <= 0:
            self._execute(request, answer, fault)
            return
        self._busy.add(key)

        def later() -> None:
            self._busy.discard(key)
            self._execute(request, answer, fault)

        asyncio.get_running_loop().call_later(delay_ms / 1000, later)

    def _execute(self, request: Request, answer: Answer, fault: FaultSpec | None) -> None:
        if fault is not None and fault.kind == "decline":
            self.context.forced_decline = (fault.code or "card_declined", fault.decline_code or "generic_decline")
        if fault is not None and not executes(fault):
            reply = self._instead(fault)
        else:
            reply = self._guarded(lambda: self.provider.handle(request))
            self.context.forced_decline = None
            if fault is not None:
                reply = disfigure(fault, reply)
        self.store.when_durable(lambda: answer(reply))

    def _instead(self, fault: FaultSpec) -> Reply:
        if fault.kind != "refuse":
            return disfigure(fault, Reply(200))
        if fault.body is not None:
            return Reply(fault.status or 400, fault.body.encode())
        return self.provider.refusal(fault.status or 400, fault.code, fault.message)

    def _guarded(self, work: Callable[[], T]) -> T | Reply:
        try:
            return work()
        except Exception:  # noqa: BLE001 - a bug here must look like a broken sandbox, not like a gateway's answer
            trace = traceback.format_exc()
            sys.stderr.write(trace)
            return Reply(599, trace.encode(), "text/plain")

    # -- what happens by itself ------------------------------------------------------------------------------------

    async def _timers(self) -> None:
        while True:
            await asyncio.sleep(TIMER_PERIOD_S)
            if not self.store.has_timers:
                continue
            for timer in self.store.due_timers(self.context.clock.now_ms()):
                self.provider.fire(timer.name, timer.subject)
                self.store.remove_timer(timer.id)
            self.store.flush()

    async def _checkpoints(self) -> None:
        while True:
            await asyncio.sleep(CHECKPOINT_PERIOD_S)
            await asyncio.to_thread(self.store.checkpoint)
            self.store.restart_log()

    async def _door(self) -> None:
        """Shut the door while a ``down`` fault works, and open it again at the same port."""
        port = self.server.port
        while True:
            await asyncio.sleep(TIMER_PERIOD_S)
            down = self._is_down()
            if down and self.server.is_open:
                self.server.shut()
            elif not down and not self.server.is_open:
                with contextlib.suppress(OSError):  # the port may be busy for a moment; tried again in the next round
                    await self.server.open(port)

    def _is_down(self) -> bool:
        now_ms = self.context.clock.now_ms()
        for fault in self.faults.all():
            schedule = fault.spec.schedule
            age_s = (now_ms - fault.added_at_ms) / 1000
            until_s = schedule.until_s if schedule.until_s is not None else schedule.from_s + fault.spec.for_s
            if fault.spec.kind == "down" and schedule.from_s <= age_s < until_s:
                fault.hits = max(fault.hits, 1)
                return True
        return False
