"""A listening switch: what gateways tell a house's payments, taken over real HTTP as in production."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import uvicorn
from tests.support.payment_house import House
from tests.support.sandboxes import Gateway

from interlock.api.routes.gateway_webhooks import with_gateway_webhooks
from interlock.webhooks.inbound.service import InboundNotifications


@asynccontextmanager
async def receiving(house: House, sandboxes: dict[str, Gateway], secrets: dict[str, str]) -> AsyncIterator[None]:
    """Take webhooks while the block runs.

    Args:
        house: whose payments they are about.
        sandboxes: simulated gateways by the name of their row in the house; each is aimed at the house.
        secrets: what each signs with.

    """

    async def nothing_else(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    inbound = InboundNotifications(house.database, house.clock, house.table, house.payments.notifications.apply)
    application = cast("Any", with_gateway_webhooks(nothing_else, inbound))
    server = uvicorn.Server(uvicorn.Config(application, port=0, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    for name, sandbox in sandboxes.items():
        url = f"{base}/gateways/{house.scope.account_id}/{house.gateways[name].id}/webhooks"
        sandbox.control("POST", "webhooks", {"url": url, "secret": secrets[name]})
    try:
        yield
    finally:
        for sandbox in sandboxes.values():
            sandbox.control("DELETE", "webhooks")
        await inbound.close()
        server.should_exit = True
        await serving
