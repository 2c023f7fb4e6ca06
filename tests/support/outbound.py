"""What tests of outbound webhooks share: events to send, endpoints to send them to, a worker's parts by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from interlock.base.clock import Clock, SystemClock
from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.payments.events.facts import EVENTS_MAX
from interlock.payments.work import Answer, Change, Work
from interlock.storage.database import Database
from interlock.storage.leases import Leases
from interlock.vault.envelope import Envelope
from interlock.vault.keys import generate_keys, parse_keys
from interlock.webhooks.outbound.delivery import Delivery, Limits
from interlock.webhooks.outbound.secrets import SecretSeal
from interlock.webhooks.outbound.service import CreateEndpoint, ShownEndpoint, WebhookEndpoints

TEST = Scope("acct_1", livemode=False)
LIVE = Scope("acct_1", livemode=True)


KEYS = generate_keys()
SEAL = SecretSeal(Envelope(parse_keys(KEYS)))


async def respond(view: object) -> Answer:
    """Answer with the view itself, as JSON."""
    if isinstance(view, ShownEndpoint):
        body = {"id": view.endpoint.id, "url": view.endpoint.url}
        if view.secret is not None:
            body["secret"] = view.secret
        return Answer(200, msgspec.json.encode(body))
    return Answer(200, msgspec.json.encode(view))


def request(scope: Scope = TEST, key: str | None = None, path: str = "/v1/webhook_endpoints") -> RequestContext:
    """Return a request context."""
    return RequestContext(scope=scope, request_id=new_id("req"), path=path, idempotency_key=key, fingerprint=key or "")


class Bench:
    """One process's outbound side without loops: tests call each step."""

    def __init__(self, database: Database, clock: Clock | None = None, limits: Limits | None = None) -> None:
        """Build on ``database``."""
        self.clock = clock or SystemClock()
        self.database = database
        self.work = Work(database, self.clock)
        self.endpoints = WebhookEndpoints(self.work, SEAL)
        self.leases = Leases(database, self.clock, name="webhooks", owner=new_id("wk"))
        self.delivery = Delivery(database, self.clock, self.leases, SEAL, limits)

    async def endpoint(
        self, url: str, *events: str, scope: Scope = TEST, api_version: str | None = None
    ) -> tuple[str, str]:
        """Make an endpoint and return its id and secret."""
        command = CreateEndpoint(url=url, enabled_events=events or ("*",), api_version=api_version)
        answer = await self.endpoints.create(request(scope), command, respond)
        assert isinstance(answer, Answer), answer
        made = msgspec.json.decode(answer.body)
        return made["id"], made["secret"]

    async def event(self, kind: str = "payment_intent.succeeded", scope: Scope = TEST, count: int = 1) -> None:
        """Commit ``count`` events, in as few changes as can hold them."""
        for first in range(0, count, EVENTS_MAX):
            change = Change(scope)
            for number in range(first, min(first + EVENTS_MAX, count)):
                change.event(kind, {"id": new_id("pi"), "object": "payment_intent", "amount": number, "name": "Zoë ✓"})
            assert await self.work.record(change) is None

    async def cycle(self) -> None:
        """Fan out, deliver what is due, and wait until nothing moves."""
        await self.delivery.fan_out.run_once()
        await self.delivery.run_once()
        await self.delivery.settled()

    @contextlib.asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Renew the leases meanwhile, as a worker does: a slow machine must not lose them in the middle."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(1)
                await self.leases.renew()

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def failed_tries(self) -> list[dict[str, object]]:
        """Return what is on record of tries that were not answered with 2xx."""
        tries = await self.database.fetch("SELECT event_id, attempt, status, error FROM webhook_tries")
        return [dict(one) for one in tries if one["status"] is None or one["status"] >= 300]

    async def states(self) -> dict[str, int]:
        """Return how many deliveries are in each state."""
        rows = await self.database.fetch("SELECT state, count(*) AS n FROM webhook_deliveries GROUP BY state")
        return {row["state"]: row["n"] for row in rows}

    async def close(self) -> None:
        """Close the delivery and give the leases back."""
        await self.delivery.close()
        await self.leases.release_all()
