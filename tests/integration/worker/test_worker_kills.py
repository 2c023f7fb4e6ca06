"""A worker killed with -9 at any instant: every event arrives, whoever is left goes on."""

import asyncio
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import stripe
from aiohttp import web
from tests.support.announced import announced
from tests.support.outbound import KEYS, Bench
from tests.support.webhook_receiver import WebhookReceiver
from tests.support.webhook_worker import POINTS

from interlock.storage.database import Database

_PROGRAM = Path(__file__).parents[2] / "support" / "webhook_worker.py"


async def start(url: str, die_at: str | None = None) -> Process:
    """Start a worker process and wait until it is connected."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(_PROGRAM), stdin=PIPE, stdout=PIPE, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"url": url, "keys": KEYS, "die_at": die_at}).encode() + b"\n")
    await process.stdin.drain()
    assert await process.stdout.readline() == b"started\n"
    return process


async def end(process: Process, number: signal.Signals) -> int:
    """Send a signal, if the process still lives, and wait for its end."""
    if process.returncode is None:
        process.send_signal(number)
    return await asyncio.wait_for(process.wait(), 20)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as started:
        yield started


async def settled(bench: Bench, count: int, within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while await bench.states() != {"delivered": count}:  # noqa: ASYNC110 - another process works on it
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_that_dies_at_a_named_point_loses_no_event(
    database: Database, database_url: str, receiver: WebhookReceiver, point: str
) -> None:
    bench = Bench(database)
    await bench.endpoint(receiver.url())
    doomed = await start(database_url, die_at=point)
    for number in range(60):
        await bench.event(count=2)
        if number % 10 == 0:
            await asyncio.sleep(0.15)
    assert await asyncio.wait_for(doomed.wait(), 20) == -signal.SIGKILL
    await asyncio.sleep(0.2)
    before = await database.fetchval("SELECT count(*) FROM outbox") + (await bench.states()).get("pending", 0)
    assert before > 0 or point == "after_record", "the death must leave something to do"
    successor = await start(database_url)
    await receiver.wait_for(120, within_s=30)
    await settled(bench, 120)
    assert await database.fetchval("SELECT count(*) FROM outbox") == 0
    assert await end(successor, signal.SIGTERM) == 0


async def test_workers_killed_again_and_again_while_events_flow_lose_none(
    database: Database, database_url: str
) -> None:
    dice = random.Random(7)

    seen: set[bytes] = set()

    async def moody(_request: web.Request, body: bytes) -> web.StreamResponse:
        await asyncio.sleep(dice.random() * 0.05)
        fails = body not in seen and dice.random() < 0.05
        seen.add(body)
        return web.Response(status=500 if fails else 200)

    async with WebhookReceiver(moody) as receiver:
        bench = Bench(database)
        _, secret = await bench.endpoint(receiver.url())
        made = 0
        for _ in range(5):
            worker = await start(database_url)
            until = asyncio.get_running_loop().time() + 1.0 + dice.random()
            while asyncio.get_running_loop().time() < until:
                await bench.event(count=5)
                made += 5
                await asyncio.sleep(0.02)
            assert await end(worker, signal.SIGKILL) == -signal.SIGKILL
        last = await start(database_url)
        wanted = {event.id for event in await announced(database)}
        assert len(wanted) == made
        await settled(bench, made, within_s=60)
        assert set(receiver.event_ids()) == wanted
        for one in receiver.received:
            stripe.Webhook.construct_event(one.body, one.headers["Stripe-Signature"], secret)
        assert await end(last, signal.SIGTERM) == 0


async def test_two_workers_divide_the_work_and_one_survives_the_other(
    database: Database, database_url: str, receiver: WebhookReceiver
) -> None:
    bench = Bench(database)
    await bench.endpoint(receiver.url())
    one, two = await asyncio.gather(start(database_url), start(database_url))
    for _ in range(20):
        await bench.event(count=5)
    await receiver.wait_for(100)
    assert len(receiver.received) == 100, "both alive: nothing is sent twice"
    await end(one, signal.SIGKILL)
    for _ in range(20):
        await bench.event(count=5)
    await receiver.wait_for(200)
    await settled(bench, 200)
    assert await end(two, signal.SIGTERM) == 0


async def test_an_idle_worker_costs_next_to_nothing_and_stops_at_once(database_url: str) -> None:
    worker = await start(database_url)
    await asyncio.sleep(1.5)
    before = _cpu_s(worker.pid)
    await asyncio.sleep(3)
    used = _cpu_s(worker.pid) - before
    began = asyncio.get_running_loop().time()
    assert await end(worker, signal.SIGTERM) == 0
    assert asyncio.get_running_loop().time() - began < 3
    assert used / 3 < 0.05


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
