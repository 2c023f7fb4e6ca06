"""A worker process with webhooks only, to be killed by tests; its settings come as one line of JSON on standard input.

They are the database URL, the vault's keys and ``die_at``: a named instant at which the process kills itself with -9,
which no signal from outside could hit.
"""

import asyncio
import json
import os
import signal
import sys
from typing import Any

from interlock.base.clock import SystemClock
from interlock.base.ids import new_id
from interlock.storage.database import Database
from interlock.storage.leases import Leases
from interlock.vault.envelope import Envelope
from interlock.vault.keys import parse_keys
from interlock.webhooks.outbound.delivery import Delivery
from interlock.webhooks.outbound.secrets import SecretSeal
from interlock.webhooks.outbound.store import OutboundStore
from interlock.worker.main import Parts, serve

POINTS = ("before_fan_out", "after_fan_out", "before_record", "after_record")
TTL_MS = 2_000


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Make this process die at ``point`` instead of going past it for the third time."""
    name = point.partition("_")[2]
    original = getattr(OutboundStore, name)
    passes = 0

    async def armed(self: OutboundStore, *arguments: Any, **keywords: Any) -> Any:
        nonlocal passes
        passes += 1
        if point.startswith("before") and passes == 3:
            _die()
        result = await original(self, *arguments, **keywords)
        if point.startswith("after") and passes == 3:
            _die()
        return result

    setattr(OutboundStore, name, armed)


async def main(given: dict[str, Any]) -> None:
    """Run until killed or told to stop."""
    if given.get("die_at"):
        arm(given["die_at"])
    clock = SystemClock()
    owner = new_id("wk")
    database = await Database.connect(given["url"], pool_size=4)
    leases = Leases(database, clock, name="webhooks", owner=owner, ttl_ms=TTL_MS)
    leader = Leases(database, clock, name="sweeps", owner=owner, ttl_ms=TTL_MS)
    seal = SecretSeal(Envelope(parse_keys(given["keys"])))
    delivery = Delivery(database, clock, leases, seal)
    sys.stdout.write("started\n")
    sys.stdout.flush()
    await serve(Parts(clock=clock, account_leases=leases, leader=leader, delivery=delivery, hurry_url=given["url"]))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
