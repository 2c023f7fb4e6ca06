"""``python -m interlock.worker``: the worker process; its settings are in the environment. Run by ``interlock up``."""

import gc
import os
import secrets
import socket

from interlock import bootstrap
from interlock.base.errors import ConfigurationError
from interlock.base.processes import run_process
from interlock.base.settings import Settings
from interlock.releases.examinations import LOOP as EXAMINATIONS_LOOP
from interlock.releases.examinations import ExaminationRunner
from interlock.releases.gates.running import REGISTRY
from interlock.releases.validating import DEADLINE_S
from interlock.storage.leases import Leases
from interlock.webhooks.outbound.delivery import Delivery, Limits
from interlock.webhooks.retention import WebhookRetention
from interlock.worker.loops import Loop
from interlock.worker.main import Parts, serve
from interlock.worker.sweeps import advance_ledger, forget_old_evidence, forget_old_keys

_DAY_MS = 24 * 3_600_000
_POOL = 6
_EXAMINATION_S = 60 + max(DEADLINE_S, sum(gate.deadline_s for gate in REGISTRY.values()))
"""Longer than all gates together may take: each keeps its own time."""


def make_parts(rooms: bootstrap.Rooms, settings: Settings, url: str) -> Parts:
    """Return what the worker runs."""
    foundation = rooms.foundation
    database, clock = foundation.database, foundation.clock
    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    leases = Leases(database, clock, name="webhooks", owner=owner)
    limits = Limits(
        timeout_s=settings.webhook_timeout_ms / 1000,
        retry_for_ms=settings.webhook_retry_days * _DAY_MS,
        policy=rooms.delivery_policy,
    )

    return Parts(
        clock=clock,
        account_leases=leases,
        leader=Leases(database, clock, name="sweeps", owner=owner),
        delivery=Delivery(database, clock, leases, rooms.seal, limits),
        inbound=rooms.inbound,
        webhook_retention=WebhookRetention(database, rooms.inbound),
        recovery=rooms.recovery.sweep,
        authorisation_expiry=rooms.expiry.sweep,
        checkout_expiry=rooms.sessions.sweep,
        idempotency_cleanup=forget_old_keys(rooms.access, rooms.idempotency, settings.idempotency_kept_ms),
        evidence_cleanup=forget_old_evidence(rooms.access, rooms.events, rooms.attempts),
        ledger_snapshots=advance_ledger(rooms.access, rooms.ledger),
        outbox_idle_ms=settings.outbox_interval_ms,
        recovery_idle_ms=settings.recovery_interval_ms,
        more=(
            Loop(name="canaries", run=rooms.canaries.run_once, busy_ms=250, idle_ms=500, exclusive=True),
            Loop(
                name=EXAMINATIONS_LOOP,
                run=ExaminationRunner(database, rooms.examiner, rooms.validations, clock).run_once,
                busy_ms=100,
                idle_ms=2_000,
                timeout_s=_EXAMINATION_S,
            ),
        ),
        hurry_url=url,
    )


async def work(settings: Settings) -> None:
    """Run the worker until SIGTERM."""
    url = bootstrap.known_database_url(settings)
    if url is None:
        raise ConfigurationError(
            "database_url", "is not set and no embedded Postgres runs", "start with `interlock up`"
        )
    async with bootstrap.open_rooms(settings, url, pool_size=_POOL, serves=True) as rooms:
        gc.collect()
        gc.freeze()
        await serve(make_parts(rooms, settings, url))


def main() -> None:
    """Run the process."""
    run_process("worker", work)


if __name__ == "__main__":
    main()
