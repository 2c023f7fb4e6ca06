"""The load generator: create-and-confirm payments over kept HTTP/1.1 connections, as the official SDK sends them.

A process of its own, started by ``run``. Two shapes:

- *closed*: ``--in-flight`` requests always on their way; tells throughput and cost per payment.
- *open*: requests are due at Poisson times whether or not earlier ones were answered, and each latency counts from the
  time its request was *due*. A generator that waits before it sends hides exactly the queueing it should show.

The protocol with ``run``: after warming up it prints ``ready``, waits for a line on its standard input, sends the
measured requests and prints one line of JSON. What is measured is therefore bracketed exactly.
"""

import argparse
import asyncio
import gc
import json
import random
import sys
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

_BODY = (
    "amount={amount}&currency=usd&payment_method=pm_card_visa&confirm=true"
    "&return_url=https%3A%2F%2Fshop.example%2Forders%2F{order}%2Freturn&metadata[order_id]={order}"
)
# Byte for byte what stripe-python 16.1 sends, but for what differs per request.
_HEAD = (
    "POST /v1/payment_intents HTTP/1.1\r\n"
    "Host: {host}\r\n"
    "User-Agent: Stripe/v1 PythonBindings/16.1.0\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Accept: */*\r\n"
    "Connection: keep-alive\r\n"
    'X-Stripe-Client-User-Agent: {{"bindings_version": "16.1.0", "lang": "python", "httplib": "requests", '
    '"telemetry_id": "6a5127316e9e61fbf8cb2e0f44b39ec4", "lang_version": "3.11.7", '
    '"platform": "Linux-6.8.0-x86_64-with-glibc2.36"}}\r\n'
    "Authorization: Bearer {key}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n"
    "Stripe-Version: 2026-10-28.endive\r\n"
)
_SUCCEEDED = b'"status":"succeeded"'
_LATE_AFTER_S = 60.0


class Requests:
    """Seeded requests: the same seed sends the same amounts, orders and keys."""

    def __init__(self, url: str, key: str, seed: int) -> None:
        """Send to the API at ``url`` with the secret ``key``."""
        self._random = random.Random(seed)
        self._head = _HEAD.format(host=urlsplit(url).netloc, key=key)

    def next(self) -> bytes:
        """Return the next request."""
        bits = self._random.getrandbits(128)
        body = _BODY.format(amount=100 + (bits >> 8) % 50_000, order=10_000_000 + (bits >> 40) % 89_999_999)
        text = f"{bits:032x}"
        key = f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
        return f"{self._head}Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


class Connection(asyncio.Protocol):
    """One kept connection with at most one request on its way."""

    def __init__(self, answered: Callable[["Connection", bool], None], failed: Callable[[str], None]) -> None:
        """Tell ``answered`` of each answer and whether the payment succeeded, ``failed`` why one did not."""
        self._answered = answered
        self._failed = failed
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._missing = 0
        self.due_at = 0.0
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due_at: float) -> None:
        """Send ``request``, due at ``due_at`` of the loop's clock."""
        assert self._transport is not None
        self.due_at = due_at
        self.busy = True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take in what came; tell when the answer is complete."""
        buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = buffer
            return
        at = buffer.find(b"content-length: ", 0, end) + 16
        if len(buffer) < end + 4 + int(buffer[at : buffer.find(b"\r\n", at)]):
            self._buffer = buffer
            return
        self._buffer = b""
        self.busy = False
        good = buffer.startswith(b"HTTP/1.1 200") and _SUCCEEDED in buffer
        if not good:
            self._failed(buffer[:12].decode("latin-1") + " " + buffer[end + 4 : end + 200].decode("latin-1"))
        self._answered(self, good)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the request on its way as failed."""
        if self.busy:
            self.busy = False
            self._failed(f"connection lost: {exc!r}")
            self._answered(self, False)  # noqa: FBT003 - a callback of ours

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


class Load:
    """Connections, requests and what came of them."""

    def __init__(self, url: str, requests: Requests) -> None:
        """Prepare to load the API at ``url``."""
        self._loop = asyncio.get_running_loop()
        self._host, self._port = urlsplit(url).hostname or "", urlsplit(url).port or 80
        self._requests = requests
        self._idle: deque[Connection] = deque()
        self._all: list[Connection] = []
        self._again = False
        self._left = 0
        self._open = 0
        self._done = asyncio.Event()
        self.latencies: list[float] = []
        self.failures: Counter[str] = Counter()
        self.late_sends = 0

    async def connect(self, count: int) -> None:
        """Open ``count`` connections."""
        for _ in range(count):
            await self._new()

    async def _new(self) -> None:
        made: Any = lambda: Connection(self._answered, self._failed)  # noqa: E731 - a factory of one expression
        _, connection = await self._loop.create_connection(made, self._host, self._port)
        self._all.append(connection)
        self._idle.append(connection)

    def _failed(self, why: str) -> None:
        self.failures[why] += 1

    def _answered(self, connection: Connection, good: bool) -> None:  # noqa: FBT001 - a callback
        now = self._loop.time()
        self._open -= 1
        if good:
            self.latencies.append(now - connection.due_at)
        if self._again and self._left > 0:
            self._left -= 1
            self._open += 1
            connection.send(self._requests.next(), now)
            return
        self._idle.append(connection)
        if self._left <= 0 and self._open <= 0:
            self._done.set()

    async def closed(self, count: int, in_flight: int) -> float:
        """Send ``count`` requests with ``in_flight`` on their way; return the seconds it took."""
        self.latencies.clear()
        self._done.clear()
        self._again = True
        started = self._loop.time()
        first = min(in_flight, count)
        self._left, self._open = count - first, first
        for _ in range(first):
            self._idle.popleft().send(self._requests.next(), self._loop.time())
        await self._done.wait()
        return self._loop.time() - started

    async def open(self, count: int, rate: float, seed: int) -> float:
        """Send ``count`` requests at Poisson times of ``rate`` per second; return the seconds it took."""
        self.latencies.clear()
        self._done.clear()
        self._again = False
        intervals = random.Random(seed)
        started = due = self._loop.time()
        self._left = count
        while self._left > 0:
            due += intervals.expovariate(rate)
            wait = due - self._loop.time()
            if wait > 0.0002:
                await asyncio.sleep(wait)
            if not self._idle:
                self.late_sends += 1
                await self._new()
            self._left -= 1
            self._open += 1
            self._idle.popleft().send(self._requests.next(), due)
        async with asyncio.timeout(_LATE_AFTER_S):
            await self._done.wait()
        return self._loop.time() - started

    def close(self) -> None:
        """Close every connection."""
        for connection in self._all:
            connection.close()


def percentile(ordered: list[float], share: float) -> float:
    """Return the value below which ``share`` of the ``ordered`` values lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def summary(load: Load, seconds: float) -> dict[str, Any]:
    """Return what ``run`` is told."""
    ordered = sorted(load.latencies) or [0.0]
    return {
        "payments": len(load.latencies),
        "seconds": seconds,
        "failures": sum(load.failures.values()),
        "why": load.failures.most_common(3),
        "late_sends": load.late_sends,
        "p50_ms": percentile(ordered, 0.5) * 1000,
        "p90_ms": percentile(ordered, 0.9) * 1000,
        "p99_ms": percentile(ordered, 0.99) * 1000,
        "max_ms": ordered[-1] * 1000,
    }


async def main(arguments: argparse.Namespace) -> None:
    """Warm up, wait for the word, send, report."""
    load = Load(arguments.url, Requests(arguments.url, arguments.key, arguments.seed))
    await load.connect(arguments.connections or arguments.in_flight)
    if arguments.warm:
        await load.closed(arguments.warm, arguments.in_flight)
    gc.collect()
    gc.disable()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    if arguments.rate:
        seconds = await load.open(arguments.count, arguments.rate, arguments.seed)
    else:
        seconds = await load.closed(arguments.count, arguments.in_flight)
    load.close()
    print(json.dumps(summary(load, seconds)), flush=True)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--connections", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(argv)


if __name__ == "__main__":
    uvloop.run(main(parse()))
