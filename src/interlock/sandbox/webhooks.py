"""Webhooks out: queued in the store with the payment they tell of, signed and delivered in the background, retried."""

import asyncio
import contextlib

import aiohttp
import msgspec

from interlock.sandbox.engine import Context, Facts, Provider
from interlock.sandbox.faults import Faults, FaultSpec

IN_FLIGHT = 32
POLL_S = 0.02
TIMEOUT_S = 10.0
MAX_ATTEMPTS = 60
FIRST_RETRY_MS = 200
MAX_RETRY_MS = 30_000


class Endpoint(msgspec.Struct, forbid_unknown_fields=True):
    """Where webhooks go. ``events`` empty means all of them."""

    url: str
    secret: str = ""
    events: list[str] = []
    delay_ms: int = 50


class Delivery(msgspec.Struct, array_like=True):
    """One webhook that is owed: the event's id and type, the unsigned body."""

    id: str
    event: str
    body: bytes
    bad_signature: bool = False


class Webhooks:
    """Queues, signs, sends and resends."""

    def __init__(self, context: Context, provider: Provider, faults: Faults) -> None:
        """Send what ``provider`` tells of; suffer ``faults``."""
        self._context = context
        self._provider = provider
        self._faults = faults
        self.endpoint: Endpoint | None = None
        self._owed = 0
        self._sending: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self.delivered = 0
        self.failed = 0

    def load(self) -> None:
        """Take up the endpoint and the debts of before a restart."""
        stored = self._context.store.setting("webhooks")
        if stored is not None:
            self.endpoint = msgspec.json.decode(stored, type=Endpoint | None)
        self._owed = self._context.store.waiting_deliveries()
        self._context.notify = self.notify if self.endpoint is not None else None

    def configure(self, endpoint: Endpoint | None) -> None:
        """Send to ``endpoint`` from now on; None stops."""
        self.endpoint = endpoint
        self._context.store.set_setting("webhooks", msgspec.json.encode(endpoint))
        self._context.notify = self.notify if endpoint is not None else None

    @property
    def owed(self) -> int:
        """How many webhooks are not delivered yet."""
        return self._owed

    def notify(self, event_id: str, event: str, body: bytes, facts: Facts) -> None:
        """Owe the endpoint a webhook."""
        endpoint = self.endpoint
        if endpoint is None or (endpoint.events and event not in endpoint.events):
            return
        now_ms = self._context.clock.now_ms()
        specs = self._faults.draw_webhook(facts, event, now_ms) if self._faults.any else []
        if any(spec.kind == "webhook_lost" for spec in specs):
            return
        delay_ms = float(endpoint.delay_ms)
        for spec in specs:
            delay_ms += self._extra_delay_ms(spec)
        bad = any(spec.kind == "webhook_bad_signature" for spec in specs)
        encoded = msgspec.msgpack.encode(Delivery(event_id, event, body, bad))
        self._owe(now_ms + int(delay_ms), encoded)
        for spec in specs:
            if spec.kind == "webhook_duplicate":
                self._owe(now_ms + int(delay_ms) + int(self._faults.uniform_ms(spec.ms)), encoded)

    def _owe(self, due_ms: int, body: bytes) -> None:
        self._context.store.add_delivery(due_ms, body)
        self._owed += 1

    def _extra_delay_ms(self, spec: FaultSpec) -> float:
        if spec.kind == "webhook_late":
            return self._faults.delay_ms(spec)
        return self._faults.uniform_ms(spec.ms) if spec.kind == "webhook_reordered" else 0.0

    async def run(self) -> None:
        """Deliver what is due, until cancelled."""
        connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            self._session = session
            while True:
                room = IN_FLIGHT - len(self._sending)
                if self._owed and self.endpoint is not None and room:
                    self._start_due(room)
                await asyncio.sleep(POLL_S)

    def _start_due(self, room: int) -> None:
        due = self._context.store.due_deliveries(self._context.clock.now_ms(), IN_FLIGHT * 2)
        for number, _, attempts, body in due:
            if number in self._sending:
                continue
            if room <= 0:
                break
            room -= 1
            self._sending.add(number)
            task = asyncio.create_task(self._deliver(number, attempts, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, number: int, attempts: int, body: bytes) -> None:
        sent = False
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            sent = await self._post(msgspec.msgpack.decode(body, type=Delivery))
        store = self._context.store
        if sent or attempts + 1 >= MAX_ATTEMPTS:
            store.write("DELETE FROM deliveries WHERE id = ?", (number,))
            self._owed -= 1
            self.delivered += sent
            self.failed += not sent
        else:
            due_ms = self._context.clock.now_ms() + min(FIRST_RETRY_MS * 2 ** min(attempts, 10), MAX_RETRY_MS)
            store.write("UPDATE deliveries SET due_ms = ?, attempts = attempts + 1 WHERE id = ?", (due_ms, number))
        self._sending.discard(number)

    async def _post(self, delivery: Delivery) -> bool:
        endpoint, session = self.endpoint, self._session
        if endpoint is None or session is None:
            return False
        secret = endpoint.secret + "wrong" if delivery.bad_signature else endpoint.secret
        headers, body = self._provider.sign(delivery.body, secret, self._context.clock.now_ms())
        async with session.post(endpoint.url, data=body, headers=headers) as response:
            await response.read()
            return response.ok
