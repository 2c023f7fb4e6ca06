"""Webhooks out: queued in the store with the payment they tell of, signed and delivered in the background, retried."""

import asyncio

import msgspec

from interlock.sandbox.engine import Context, Facts, Provider
from interlock.sandbox.faults import Faults, FaultSpec
from interlock.sandbox.sender import Sender, Target, target_of

SENDERS = 16
MAX_IN_HAND = 1_000
POLL_S = 0.02
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
        self._target: Target | None = None
        self._owed = 0
        self._in_hand: set[int] = set()
        self._queue: asyncio.Queue[tuple[int, int, bytes]] = asyncio.Queue()
        self.delivered = 0
        self.failed = 0

    def load(self) -> None:
        """Take up the endpoint and the debts of before a restart."""
        stored = self._context.store.setting("webhooks")
        if stored is not None:
            self._aim(msgspec.json.decode(stored, type=Endpoint | None))
        self._owed = self._context.store.waiting_deliveries()

    def configure(self, endpoint: Endpoint | None) -> str | None:
        """Send to ``endpoint`` from now on, None stops; returns what is wrong with its URL, if anything."""
        if endpoint is not None and target_of(endpoint.url) is None:
            return f"url: {endpoint.url!r} is no http or https address"
        self._context.store.set_setting("webhooks", msgspec.json.encode(endpoint))
        self._aim(endpoint)
        return None

    def _aim(self, endpoint: Endpoint | None) -> None:
        self.endpoint = endpoint
        self._target = target_of(endpoint.url) if endpoint is not None else None
        self._context.notify = self.notify if endpoint is not None else None
        self._context.events = frozenset(endpoint.events) if endpoint is not None else frozenset()

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
        if any(spec.kind == "webhook_respaced" for spec in specs):
            body = msgspec.json.format(body, indent=3)  # what is signed is what is sent, byte by byte
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
        workers = [asyncio.create_task(self._work()) for _ in range(SENDERS)]
        try:
            while True:
                if self._owed > len(self._in_hand) and self._target is not None:
                    self._take_due()
                await asyncio.sleep(POLL_S)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def _take_due(self) -> None:
        limit = len(self._in_hand) + MAX_IN_HAND
        for number, attempts, body in self._context.store.due_deliveries(self._context.clock.now_ms(), limit):
            if len(self._in_hand) >= MAX_IN_HAND:
                return
            if number not in self._in_hand:
                self._in_hand.add(number)
                self._queue.put_nowait((number, attempts, body))

    async def _work(self) -> None:
        sender = Sender()
        while True:
            number, attempts, body = await self._queue.get()
            sent = await self._send(sender, msgspec.msgpack.decode(body, type=Delivery), attempts)
            self._settle(number, attempts, sent=sent)

    async def _send(self, sender: Sender, delivery: Delivery, attempts: int) -> bool:
        endpoint, target = self.endpoint, self._target
        if endpoint is None or target is None:
            return False
        # Only the first try is forged: a provider that finds its webhook refused sends it again, rightly signed.
        forged = delivery.bad_signature and not attempts
        secret = endpoint.secret + "wrong" if forged else endpoint.secret
        headers, body = self._provider.sign(delivery.body, secret, self._context.clock.now_ms())
        return await sender.post(target, headers, body)

    def _settle(self, number: int, attempts: int, *, sent: bool) -> None:
        store = self._context.store
        if sent or attempts + 1 >= MAX_ATTEMPTS:
            store.write("DELETE FROM deliveries WHERE id = ?", (number,))
            self._owed -= 1
            self.delivered += sent
            self.failed += not sent
        else:
            due_ms = self._context.clock.now_ms() + min(FIRST_RETRY_MS * 2 ** min(attempts, 10), MAX_RETRY_MS)
            store.write("UPDATE deliveries SET due_ms = ?, attempts = attempts + 1 WHERE id = ?", (due_ms, number))
        self._in_hand.discard(number)
