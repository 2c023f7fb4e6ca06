"""Limits on what clients may ask for: requests per key, body size, time to send it.

Called by the request pipeline. Each is counted per process and holds bounded memory.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from interlock.base.errors import InvariantError
from interlock.base.loops import running_loop
from interlock.base.problems import Problem, invalid

Receive = Callable[[], Awaitable[Any]]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is allowed; the defaults are generous, since a merchant runs this for itself."""

    body_bytes: int = 1 << 20
    upload_bytes: int = 6 << 20
    body_deadline_s: float = 10.0
    header_bytes: int = 32 << 10
    query_bytes: int = 16 << 10
    in_flight: int = 4_096
    requests_per_s: float = 5_000.0
    burst: float = 10_000.0
    failed_keys_per_s: float = 20.0
    failed_keys_burst: float = 100.0
    tracked_keys: int = 10_000


class RateLimiter:
    """Token buckets by name; the least recently used bucket goes when there are too many."""

    __slots__ = ("_buckets", "_burst", "_most", "_rate_per_s")

    def __init__(self, rate_per_s: float, burst: float, most: int) -> None:
        """Refill each bucket by ``rate_per_s`` up to ``burst``; remember ``most`` buckets."""
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[str, list[float]] = OrderedDict()

    def take(self, name: str, now_s: float) -> bool:
        """Take one token from ``name``'s bucket; False when it is empty.

        Args:
            name: whose bucket.
            now_s: a monotonic time in seconds.

        """
        buckets = self._buckets
        bucket = buckets.get(name)
        if bucket is None:
            if len(buckets) >= self._most:
                buckets.popitem(last=False)
            buckets[name] = [self._burst - 1, now_s]
            return self._burst >= 1
        buckets.move_to_end(name)
        tokens = min(self._burst, bucket[0] + (now_s - bucket[1]) * self._rate_per_s)
        bucket[1] = now_s
        if tokens < 1:
            bucket[0] = tokens
            return False
        bucket[0] = tokens - 1
        return True

    def give_back(self, name: str) -> None:
        """Put back a token that was taken for nothing."""
        bucket = self._buckets.get(name)
        if bucket is not None:
            bucket[0] = min(self._burst, bucket[0] + 1)


class Guess:
    """What a request whose key may be guessed takes of its address's bucket: one token, before anybody looks."""

    __slots__ = ("_limiter", "_name", "_taken")

    def __init__(self, limiter: RateLimiter, name: str) -> None:
        """Take from the bucket ``name`` of ``limiter``, once."""
        self._limiter = limiter
        self._name = name
        self._taken: bool | None = None

    def take(self) -> bool:
        """Return True when the token could be had; the answer stays."""
        if self._taken is None:
            self._taken = self._limiter.take(self._name, time.monotonic())
        return self._taken

    def was_right(self) -> None:
        """Give the token back: the key is known."""
        if self._taken:
            self._limiter.give_back(self._name)
            self._taken = None


class Disconnected(Exception):  # noqa: N818 - not an error: the client went away
    """The client left before its request was complete."""


TOO_LARGE = "The request body is too large: at most {} bytes are allowed."
_TOO_SLOW = invalid("The request body did not arrive in time.", status=408)


async def read_body(receive: Receive, limits: Limits, announced: bytes | None) -> bytes | Problem:
    """Return the whole body, or why it is not taken.

    Args:
        receive: the ASGI channel.
        limits: size and deadline.
        announced: the Content-Length header, if any.

    Raises:
        Disconnected: the client left.

    """
    if announced is not None and (not announced.isdigit() or len(announced) > 10 or int(announced) > limits.body_bytes):
        return invalid(TOO_LARGE.format(limits.body_bytes), status=413)
    message = await _first_message(receive, limits.body_deadline_s)
    if message is None:
        return _TOO_SLOW
    if not message.get("more_body", False):
        return await _collect(message, receive, limits.body_bytes)
    try:
        async with asyncio.timeout(limits.body_deadline_s):
            return await _collect(message, receive, limits.body_bytes)
    except TimeoutError:
        return _TOO_SLOW


async def _first_message(receive: Receive, deadline_s: float) -> Any:
    """Return the first message of the channel, None when the client is too slow.

    Nearly every request has arrived whole by now: a bare timer that seldom fires costs a third of ``asyncio.timeout``.
    """
    loop = running_loop()
    task = asyncio.current_task(loop)
    if task is None:
        raise InvariantError("bodies are read inside a task")
    late = False

    def give_up() -> None:
        nonlocal late
        late = True
        task.cancel()

    timer = loop.call_later(deadline_s, give_up)
    try:
        return await receive()
    except asyncio.CancelledError:
        if late and task.uncancel() == 0:
            return None
        raise
    finally:
        timer.cancel()


async def _collect(message: Any, receive: Receive, most: int) -> bytes | Problem:
    body = b""
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > most:
            return invalid(TOO_LARGE.format(most), status=413)
        if not message.get("more_body", False):
            return body
        message = await receive()
