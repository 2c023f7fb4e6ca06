"""The worker process: which loops run, how often, and how it starts and ends.

``bootstrap`` makes the :class:`Parts`; :func:`serve` runs them until SIGTERM or SIGINT. Several workers may run: outbox
and deliveries are divided by account leases, sweeps run in the one worker that holds the installation's lease, inbound
notifications are claimed row by row. Kill -9 loses nothing: every step is found again in the database, at the latest
when the leases of the dead process have run out.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Sequence

import msgspec

from interlock.base.clock import Clock
from interlock.storage.leases import DEFAULT_TTL_MS, Leases
from interlock.storage.listening import Listener
from interlock.webhooks.inbound.service import InboundNotifications
from interlock.webhooks.outbound.delivery import Delivery
from interlock.webhooks.retention import WebhookRetention
from interlock.worker.loops import Loop, Supervisor, Sweep, sweep_loop

_LOG = logging.getLogger(__name__)
HURRY_CHANNEL = "interlock_hurry"
"""``NOTIFY interlock_hurry, 'fan_out'`` hurries that loop, an empty payload all."""
RENEW_EVERY_MS = DEFAULT_TTL_MS // 3


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker runs. ``account_leases`` are those that ``delivery`` was made with, ``leader`` is for sweeps.

    The sweeps take the time and return how much they did, each bounded: ``recovery`` settles unknown attempts,
    ``authorisation_expiry`` ends uncaptured authorisations, ``checkout_expiry`` ends open sessions,
    ``idempotency_cleanup`` forgets old keys, ``evidence_cleanup`` old events and exchanges, ``ledger_snapshots`` sums
    up balances.
    """

    clock: Clock
    account_leases: Leases
    leader: Leases
    delivery: Delivery
    inbound: InboundNotifications | None = None
    webhook_retention: WebhookRetention | None = None
    recovery: Sweep | None = None
    authorisation_expiry: Sweep | None = None
    checkout_expiry: Sweep | None = None
    idempotency_cleanup: Sweep | None = None
    evidence_cleanup: Sweep | None = None
    ledger_snapshots: Sweep | None = None
    more: Sequence[Loop] = ()
    outbox_idle_ms: int = 250
    recovery_idle_ms: int = 500
    hurry_url: str | None = None


def make_loops(parts: Parts) -> list[Loop]:
    """Return the loops for ``parts``."""

    async def renew() -> int:
        await parts.account_leases.renew()
        await parts.leader.renew()
        return 0

    # The pause after a busy pass lets work gather: ten passes a second carry any load in few statements.
    fan_out, due = parts.delivery.fan_out.run_once, parts.delivery.run_once
    loops = [
        Loop(name="leases", run=renew, busy_ms=RENEW_EVERY_MS, idle_ms=RENEW_EVERY_MS),
        Loop(name="fan_out", run=fan_out, busy_ms=min(100, parts.outbox_idle_ms), idle_ms=parts.outbox_idle_ms),
        Loop(name="delivery", run=due, busy_ms=1_000, idle_ms=1_000),
    ]
    if parts.inbound is not None:
        loops.append(Loop(name="inbound", run=parts.inbound.run_once, busy_ms=50, idle_ms=1_000))
    sweeps: list[tuple[str, Sweep | None, int]] = [
        ("recovery", parts.recovery, parts.recovery_idle_ms),
        ("authorisation_expiry", parts.authorisation_expiry, 10_000),
        ("checkout_expiry", parts.checkout_expiry, 10_000),
        ("ledger_snapshots", parts.ledger_snapshots, 5_000),
        ("idempotency_cleanup", parts.idempotency_cleanup, 60_000),
        ("evidence_cleanup", parts.evidence_cleanup, 60_000),
        ("webhook_retention", parts.webhook_retention.sweep if parts.webhook_retention else None, 60_000),
    ]
    loops.extend(
        sweep_loop(name, sweep, parts.clock, idle_ms=idle_ms) for name, sweep, idle_ms in sweeps if sweep is not None
    )
    return [*loops, *parts.more]


async def run(parts: Parts, supervisor: Supervisor) -> None:
    """Run until ``supervisor.stop()``; then finish what is in flight and give the leases back."""
    listener = None
    if parts.hurry_url is not None:
        hurry = Listener(parts.hurry_url, HURRY_CHANNEL, lambda name: supervisor.hurry(name or None))
        listener = asyncio.create_task(hurry.run(), name="hurry-listener")
    try:
        await supervisor.run()
    finally:
        if listener is not None:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener
        await parts.delivery.close()
        if parts.inbound is not None:
            await parts.inbound.close()
        for leases in (parts.account_leases, parts.leader):
            try:
                await leases.release_all()
            except Exception as error:  # noqa: BLE001 - the database may be gone; leases run out by themselves
                _LOG.info("leases not given back: %s", type(error).__name__)


async def serve(parts: Parts) -> None:
    """Run until SIGTERM or SIGINT."""
    supervisor = Supervisor(make_loops(parts), parts.leader)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    _LOG.info("worker started: %s", ", ".join(supervisor.states))
    try:
        await run(parts, supervisor)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    _LOG.info("worker stopped")
