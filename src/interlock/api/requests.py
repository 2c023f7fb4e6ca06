"""One HTTP request as ASGI gives it: the few headers that matter, and the answer's headers.

Called by the request pipeline and by fixture mode. Raw ASGI, because this is on the path of every payment.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from interlock.base.ids import new_id
from interlock.payments.events.types import API_VERSION
from interlock.payments.work import Answer

Send = Callable[[Any], Awaitable[None]]
Header = tuple[bytes, bytes]

_WANTED = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"idempotency-key",
        b"origin",
        b"stripe-account",
        b"stripe-context",
        b"stripe-version",
        b"transfer-encoding",
        b"user-agent",
    }
)
_JSON: Header = (b"content-type", b"application/json")
_NO_CACHE: Header = (b"cache-control", b"no-cache, no-store")
_OWN_VERSION: Header = (b"stripe-version", API_VERSION.encode())
_CORS: tuple[Header, ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Request-Id, Stripe-Should-Retry, Idempotent-Replayed, Retry-After"),
)
_is_plain = re.compile(rb"[\x20-\x7e]{1,255}").fullmatch
_CALLERS_HEADERS = (
    b"authorization, content-type, idempotency-key, stripe-version, stripe-account, stripe-context, "
    b"x-stripe-client-user-agent, x-stripe-client-telemetry, x-requested-with"
)
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        _CALLERS_HEADERS,
    ),
    (b"access-control-max-age", b"300"),
)


class Incoming:
    """A request before anything is decided about it."""

    __slots__ = ("client_ip", "header_bytes", "headers", "method", "path", "query", "request_id")

    def __init__(self, scope: dict[str, Any]) -> None:
        """Read what is needed of an ASGI ``scope``."""
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        client = scope.get("client")
        self.client_ip: str | None = client[0] if client else None
        self.request_id = new_id("req")
        size = 0
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name in _WANTED:
                headers[name] = value
        self.headers = headers
        self.header_bytes = size


def answer_headers(request: Incoming, answer: Answer) -> list[Header]:
    """Return the headers of ``answer``, the caller's own echoed where the API does that."""
    asked = request.headers
    request_id = request.request_id.encode()
    headers: list[Header] = [] if "content-type" in answer.headers else [_JSON]
    headers += [
        (b"content-length", str(len(answer.body)).encode()),
        (b"request-id", request_id),
        _NO_CACHE,
    ]
    version = asked.get(b"stripe-version")
    headers.append(_OWN_VERSION if version is None or not _is_plain(version) else (b"stripe-version", version))
    key = asked.get(b"idempotency-key")
    if key is not None and request.method == "POST" and _is_plain(key):
        headers.append((b"idempotency-key", key))
        if "original-request" not in answer.headers:
            headers.append((b"original-request", request_id))
    for name, value in answer.headers.items():
        headers.append((name.lower().encode(), value.encode()))
    if b"origin" in asked:
        headers.extend(_CORS)
    return headers


async def send_answer(send: Send, request: Incoming, answer: Answer, more: Iterable[Header] = ()) -> None:
    """Send ``answer``."""
    headers = answer_headers(request, answer)
    headers.extend(more)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if request.method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


async def send_preflight(send: Send) -> None:
    """Answer a browser that asks whether it may call."""
    headers = [(b"content-length", b"0"), *_CORS, *_PREFLIGHT]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
