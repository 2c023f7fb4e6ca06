"""``python -m interlock.releases.gates.child``: one gate, in a process that may be killed. Started by ``gates.apart``.

Reads one order from standard input and writes a line of JSON for each step and one for the report. It ends when its
parent does: the pipe it read the order from closes then.
"""

import asyncio
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from interlock.base.redaction import install_redaction
from interlock.releases.gates.running import Registered, run_gate
from interlock.releases.gates.types import Gate, GateReport, Progress, Subject

PREFIX = 8
"""Bytes that hold the order's length."""
_NICENESS = 19


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is to do."""

    gate: Gate
    registered: Registered
    subject: Subject
    recordings: bytes | None = None
    gently: bool = False


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the child: a step, or the report."""

    what: str = ""
    done: int = 0
    total: int = 0
    report: GateReport | None = None


def encode_order(order: Order) -> bytes:
    """Return the order as the child reads it."""
    return msgspec.msgpack.encode(order, enc_hook=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be handed over")


def _rich(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return kind(value)
    raise TypeError(f"{kind.__name__} cannot be taken over")


def main() -> None:
    """Run the gate that the order names."""
    install_redaction()
    orders = sys.stdin.buffer
    length = int.from_bytes(orders.read(PREFIX), "big")
    order = msgspec.msgpack.decode(orders.read(length), type=Order, dec_hook=_rich)
    if order.gently:
        os.nice(_NICENESS)
    threading.Thread(target=_die_with_parent, args=(orders.fileno(),), daemon=True).start()
    answers = _private_output()

    def say(said: Said) -> None:
        answers.write(msgspec.json.encode(said) + b"\n")
        answers.flush()

    def progress(what: str, done: int, total: int) -> None:
        say(Said(what=what, done=done, total=total))

    asyncio.run(_work(order, progress, say))


async def _work(order: Order, progress: Progress, say: Callable[[Said], None]) -> None:
    registry = {order.gate: order.registered}
    report = await run_gate(order.gate, order.subject, progress, recordings=order.recordings, registry=registry)
    say(Said(report=report))
    # Threads of a gate that have not ended are not waited for: everything is said.
    os._exit(0)


def _private_output() -> BinaryIO:
    """Return standard output, and let whatever else prints do so on standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _die_with_parent(orders: int) -> None:
    while os.read(orders, 1):  # nothing comes after the order but the end
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    warnings.simplefilter("default")
    main()
