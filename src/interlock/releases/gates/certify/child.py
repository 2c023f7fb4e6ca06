"""The task ``certify`` of the isolation: everything that runs candidate code, in a confined process of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import msgspec
import uvloop

from interlock.releases.gates.certify.examining import examine
from interlock.releases.gates.certify.types import Examined, Order
from interlock.releases.gates.isolation import Report


class _OneByOne(ThreadPoolExecutor):
    """Runs at once, in the caller's thread: the confined child may start no thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - the caller is told, as an executor tells
            future.set_exception(error)
        return future


def certify(argument: bytes, report: Report) -> bytes:
    """Examine what the order in ``argument`` names; return what was found as JSON."""
    order = msgspec.msgpack.decode(argument, type=Order)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return msgspec.json.encode(runner.run(_examined(order, report)))


async def _examined(order: Order, report: Report) -> Examined:
    asyncio.get_running_loop().set_default_executor(_OneByOne(max_workers=1))
    return await examine(order, report)
