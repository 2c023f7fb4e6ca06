"""The measurements behind the figures of ``payments.json``; each adds its runs to the results. Called by ``run``.

Ratios are taken in turns (A B A B …) within one run, so that whatever else the machine does falls on both alike. Every
acknowledged payment is counted and, at the end, looked up in the database: a benchmark of lost payments is worthless.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import msgspec
from benchmarks import filling, processes
from benchmarks.figures import Results
from benchmarks.processes import Measured, Target
from benchmarks.telling import Tell

from interlock.cli.supervision.quickstart import Quickstart
from interlock.storage.embedded import running_url

_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_SLOW_GATEWAY_MS = 300
_SLOW_CONNECTIONS = 400
_OPEN_RATE = 750.0
_OPEN_CONNECTIONS = 128
_TEMPLATES = 400
_ALONE = 400


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured. ``quick`` leaves out what takes minutes.

    Many short turns rather than few long ones: on a shared machine speed drifts within seconds, and falls on both sides
    of a ratio alike only when they take turns faster than that.
    """

    quick: bool
    turns: int
    payments: int
    floor_turns: int
    floor_payments: int
    open_turns: int
    open_seconds: float
    memory_payments: int = 100_000
    stored_payments: int = 500_000


FULL = Plan(quick=False, turns=9, payments=4_000, floor_turns=25, floor_payments=1_500, open_turns=3, open_seconds=12)
QUICK = Plan(quick=True, turns=3, payments=2_000, floor_turns=7, floor_payments=1_500, open_turns=1, open_seconds=5)


class NotDurableError(Exception):
    """The server is not set to keep what it acknowledges; nothing is measured on such a server."""


class Bench:
    """A running product and floor, and how to load them."""

    def __init__(
        self,
        plan: Plan,
        seed: int,
        results: Results,
        folder: Path,
        started: tuple[Target, Quickstart],
        floor: Target,
        connection: asyncpg.Connection,
    ) -> None:
        """Measure as ``plan`` says into ``results``."""
        self.plan = plan
        self.results = results
        self.product, quickstart = started
        self.floor = floor
        self.connection = connection
        self.gateway_url = quickstart.gateways[0].url
        self.postgres = processes.postgres_pid(folder)
        self._seed = seed * 1_000
        self.acknowledged = 0
        self.memory: list[float] = []

    async def load(
        self,
        target: Target,
        count: int,
        *,
        in_flight: int = 64,
        warm: int = 200,
        rate: float = 0.0,
        connections: int = 0,
    ) -> Measured:
        """Load ``target`` with payments of a seed of their own."""
        self._seed += 1
        measured = await processes.load(
            target,
            count=count,
            seed=self._seed,
            in_flight=in_flight,
            warm=warm,
            rate=rate,
            connections=connections,
            postgres=self.postgres,
        )
        if target is self.product:
            self.acknowledged += measured.payments + warm
        return measured

    async def check_nothing_lost(self) -> None:
        """Raise when the database does not hold what was acknowledged."""
        stored = await self.connection.fetchval("SELECT count(*) FROM payment_intents WHERE status = 'succeeded'")
        if stored != self.acknowledged:
            raise processes.LoadFailedError(f"{self.acknowledged} payments were acknowledged, {stored} are stored")


@contextlib.asynccontextmanager
async def running(plan: Plan, seed: int, results: Results, folder: Path) -> AsyncIterator[Bench]:
    """Start Postgres, product, gateway and floor below ``folder``.

    Raises:
        NotDurableError: the server would not keep what it acknowledges.

    """
    folder.mkdir()  # noqa: ASYNC240 - nothing runs yet
    async with processes.product(folder) as started:
        url = running_url(folder / "postgres")
        assert url is not None
        connection = await processes.connect(url)
        try:
            await check_durable(connection)
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            async with processes.floor(url, started[1].gateways[0].url) as floor:
                yield Bench(plan, seed, results, folder, started, floor, connection)
        finally:
            await connection.close()


async def check_durable(connection: asyncpg.Connection) -> None:
    """Raise unless a commit of this server survives its machine."""
    for name, wanted in _DURABLE.items():
        found = await connection.fetchval("SELECT current_setting($1)", name)
        if found != wanted:
            raise NotDurableError(f"{name} is {found}")


async def over_floor(bench: Bench, tell: Tell) -> None:
    """CPU per payment over the floor's, and payments per second: floor and product in turns, 64 in flight."""
    plan = bench.plan
    for turn in range(plan.floor_turns + 1):
        tell(f"floor and product in turns, 64 in flight ({turn} of {plan.floor_turns})")
        least = await bench.load(bench.floor, plan.floor_payments)
        ours = await bench.load(bench.product, plan.floor_payments)
        if turn == 0:  # the first turn warms both up, and Postgres
            continue
        bench.results.add("api_cpu_over_floor", ours.cpu_us("api") / least.cpu_us("api"))
        bench.results.add("postgres_cpu_over_floor", ours.cpu_us("postgres") / least.cpu_us("postgres"))
        bench.results.add("payments_per_second", ours.per_second)


async def more_in_flight(bench: Bench, tell: Tell) -> None:
    """Throughput with 512 in flight over that with 64, in turns."""
    plan = bench.plan
    for turn in range(plan.turns):
        tell(f"512 and 64 in flight in turns ({turn + 1} of {plan.turns})")
        many = await bench.load(bench.product, plan.payments, in_flight=512, warm=600)
        few = await bench.load(bench.product, plan.payments)
        bench.results.add("throughput_512_over_64", many.per_second / few.per_second)


async def added_latency(bench: Bench, tell: Tell) -> None:
    """Latency at 750 payments per second, open loop, from the time each was due; the gateway's own is 0 ms."""
    await bench.load(bench.product, bench.plan.payments)  # warms up the process, and Postgres
    for turn in range(bench.plan.open_turns):
        tell(f"open loop at {_OPEN_RATE:.0f}/s, gateway at once ({turn + 1})")
        count = int(_OPEN_RATE * bench.plan.open_seconds)
        seen = await bench.load(bench.product, count, rate=_OPEN_RATE, connections=_OPEN_CONNECTIONS, warm=500)
        bench.results.add("added_latency_p50_ms", seen.p50_ms)
        bench.results.add("added_latency_p99_ms", seen.p99_ms)


async def slow_gateway(bench: Bench, tell: Tell) -> None:
    """The same with a gateway that takes 300 ms, so that hundreds are on their way."""
    await processes.set_latency(bench.gateway_url, _SLOW_GATEWAY_MS)
    try:
        for turn in range(bench.plan.open_turns):
            tell(f"open loop at {_OPEN_RATE:.0f}/s, gateway after {_SLOW_GATEWAY_MS} ms ({turn + 1})")
            count = int(_OPEN_RATE * bench.plan.open_seconds)
            seen = await bench.load(
                bench.product, count, rate=_OPEN_RATE, connections=_SLOW_CONNECTIONS, in_flight=200, warm=400
            )
            bench.results.add("added_latency_slow_gateway_p50_ms", seen.p50_ms - _SLOW_GATEWAY_MS)
    finally:
        await processes.set_latency(bench.gateway_url, 0)


async def statements(bench: Bench, tell: Tell) -> None:
    """Statements per payment, one payment at a time: the most there can be, because nothing shares a commit.

    Those of the worker are counted too.
    """
    tell("statements per payment")
    for _ in range(bench.plan.turns):
        await bench.connection.execute("SELECT pg_stat_statements_reset()")
        seen = await bench.load(bench.product, _ALONE, in_flight=1, warm=0)
        calls = await bench.connection.fetchval(
            "SELECT sum(calls) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'"
        )
        bench.results.add("statements_per_payment", float(calls) / seen.payments)


async def memory(bench: Bench, tell: Tell) -> None:
    """Resident memory of the API process from half-way to 100,000 payments to their end."""
    total = bench.plan.memory_payments
    while bench.acknowledged < total // 2:
        tell(f"memory: {bench.acknowledged:,} of {total:,} payments")
        await bench.load(bench.product, min(10_000, total // 2 - bench.acknowledged), in_flight=256, warm=0)
    while True:
        bench.results.add("api_memory_mib", processes.memory_mib(bench.product.processes["api"]))
        if bench.acknowledged >= total:
            return
        tell(f"memory: {bench.acknowledged:,} of {total:,} payments")
        await bench.load(bench.product, min(total // 10, total - bench.acknowledged), in_flight=256, warm=0)


async def much_stored(bench: Bench, tell: Tell, folder: Path) -> None:
    """Throughput over a database that holds 500,000 payments over that of an empty one, in turns.

    Two more products on the same server, each with a database of its own; the one above idles meanwhile.
    """
    plan = bench.plan
    urls = {}
    for name in ("stored", "empty"):
        await bench.connection.execute(f"CREATE DATABASE {name}")
        urls[name] = running_url(bench_folder(folder), name)
        (folder / name).mkdir()
    async with (
        processes.product(folder / "stored", database_url=urls["stored"]) as (stored, _),
        processes.product(folder / "empty", database_url=urls["empty"]) as (empty, _),
    ):
        await bench.load(stored, _TEMPLATES, warm=0)
        connection = await processes.connect(urls["stored"] or "")
        try:
            tell(f"filling a database: 0 of {plan.stored_payments:,} payments")
            await filling.fill(
                connection,
                plan.stored_payments,
                lambda count: tell(f"filling a database: {count:,} of {plan.stored_payments:,} payments"),
            )
        finally:
            await connection.close()
        await bench.connection.execute("CHECKPOINT")
        for turn in range(plan.turns + 1):
            tell(f"full and empty database in turns ({turn} of {plan.turns})")
            full = await bench.load(stored, plan.payments)
            none = await bench.load(empty, plan.payments)
            if turn:
                bench.results.add("throughput_500k_stored_over_empty", full.per_second / none.per_second)


def bench_folder(folder: Path) -> Path:
    """Return the folder of the server that :func:`running` started below ``folder``."""
    return folder / "main" / "postgres"
