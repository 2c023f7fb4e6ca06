"""``POST /gateways/{account_id}/{gateway_id}/webhooks``: where gateways send their notifications.

A small ASGI application of its own, put before the API's by :func:`with_gateway_webhooks`: no API key, no form body;
the signature is the authentication, checked by the connector over the exact bytes received.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from interlock.base.problems import Problem
from interlock.base.redaction import exception_text
from interlock.webhooks.inbound.service import InboundNotifications

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
ASGIApp = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

PREFIX = "/gateways/"
MAX_BODY = 1_048_576
READ_WITHIN_S = 10.0
IN_FLIGHT = 256
_PATH = re.compile(r"/gateways/([A-Za-z0-9_]{1,64})/([A-Za-z0-9_]{1,64})/webhooks/?")
_log = logging.getLogger("interlock.api")


class GatewayWebhooks:
    """The ASGI application for paths below ``/gateways/``."""

    def __init__(self, inbound: InboundNotifications) -> None:
        """Answer through ``inbound``."""
        self._inbound = inbound
        self._in_flight = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        found = _PATH.fullmatch(scope["path"])
        if found is None or scope["method"] != "POST":
            await _answer(send, 404 if found is None else 405, b"")
        elif self._in_flight >= IN_FLIGHT:
            # Not stored: the gateway sends it again, as it does after any answer but 200.
            await _answer(send, 503, b"")
        else:
            self._in_flight += 1
            try:
                await self._receive(found[1], found[2], scope, receive, send)
            finally:
                self._in_flight -= 1

    async def _receive(
        self, account_id: str, gateway_id: str, scope: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                body = await _read(receive)
        except TimeoutError:
            await _answer(send, 408, b"")
            return
        if body is None:
            await _answer(send, 413, b"")
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            result = await self._inbound.receive(account_id, gateway_id, headers, body)
        except Exception as error:  # noqa: BLE001 - the last line: the gateway must hear that nothing was stored
            _log.error("webhook of gateway %s failed: %s", gateway_id, exception_text(error))
            await _answer(send, 500, b"")
            return
        if isinstance(result, Problem):
            error_body = {"error": {"type": result.type, "message": result.message}}
            await _answer(send, result.status, msgspec.json.encode(error_body), b"application/json")
        else:
            await _answer(send, 200, result.body.encode())


def with_gateway_webhooks(application: ASGIApp, inbound: InboundNotifications) -> ASGIApp:
    """Return ``application`` with the gateways' paths served by ``inbound``."""
    webhooks = GatewayWebhooks(inbound)

    async def serve(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await webhooks(scope, receive, send)
        else:
            await application(scope, receive, send)

    return serve


async def _read(receive: Receive) -> bytes | None:
    """Return the body, or None when it is too long or the client went away."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, body: bytes, content_type: bytes = b"text/plain; charset=utf-8") -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
