"""What ``run`` starts and how it reads CPU, memory and counters: product, floor, gateway, load generator, Postgres.

The product is started by the very class behind `interlock up`, so settings, processes and durability are those a user
has; only the simulated gateways are replaced by the benchmark's (see ``gateway``).
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import psutil
from rich.console import Console

from interlock.base.settings import Settings
from interlock.cli.supervision.quickstart import Quickstart
from interlock.cli.supervision.running import Switch
from interlock.cli.supervision.sandboxes import control
from interlock.cli.supervision.screen import Screen
from interlock.cli.supervision.supervisor import ChildSpec

_LOOPBACK = "127.0.0.1"
_READY_WITHIN_S = 20.0
_LINE_LIMIT = 1_000_000


class LoadFailedError(Exception):
    """The load generator saw payments that did not succeed, or ended without a report."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One turn: what the load generator saw, and what each process spent meanwhile."""

    payments: int
    seconds: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    cpu_s: dict[str, float] = {}
    failures: int = 0
    late_sends: int = 0
    why: list[Any] = []

    @property
    def per_second(self) -> float:
        """Return payments per second."""
        return self.payments / self.seconds

    def cpu_us(self, name: str) -> float:
        """Return microseconds of CPU that ``name`` spent per payment."""
        return self.cpu_s[name] / self.payments * 1e6


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Something that takes payments: where, with which key, and which processes' CPU belongs to it."""

    name: str
    url: str
    key: str
    processes: Mapping[str, int]


class BenchSwitch(Switch):
    """`interlock up` with the benchmark's gateway in the place of the simulated ones."""

    def _sandbox(self, name: str, port: int) -> ChildSpec:
        options = ("--port", str(port))
        return ChildSpec(name=f"sandbox-{name}", module="benchmarks.gateway", arguments=options, port=port)

    def pids(self) -> dict[str, int]:
        """Return every child's process id by name."""
        return {name: pid for supervisor in self._supervisors for name, pid in supervisor.pids().items()}


@asynccontextmanager
async def product(
    folder: Path, *, database_url: str | None = None, api_processes: int = 1
) -> AsyncIterator[tuple[Target, Quickstart]]:
    """Run the product over ``folder``, with an embedded Postgres of its own unless given a ``database_url``."""
    ports = free_ports(3)
    values: dict[str, Any] = {
        "data_dir": folder,
        "api_port": ports[0],
        "api_processes": api_processes,
        "sandbox_stripe_port": ports[1],
        "sandbox_adyen_port": ports[2],
    }
    if database_url is not None:
        values["database_url"] = database_url
    quiet = Console(file=(folder.parent / f"{folder.name}.log").open("a", encoding="utf-8"), width=200)
    switch = BenchSwitch(Settings(**values), Screen(quiet))
    try:
        quickstart = await switch.start()
        pids = switch.pids()
        processes = {name: pid for name, pid in pids.items() if not name.startswith("sandbox-")}
        processes["gateway"] = pids["sandbox-stripe"]
        yield (
            Target(name="product", url=quickstart.api_url, key=quickstart.secret_key, processes=processes),
            quickstart,
        )
    finally:
        await switch.stop()
        quiet.file.close()


@asynccontextmanager
async def floor(database_url: str, gateway_url: str) -> AsyncIterator[Target]:
    """Run the floor, with its tables in ``database_url`` and its payments at ``gateway_url``."""
    (port,) = free_ports(1)
    key = "sk_test_floor"
    environment = {**os.environ, "FLOOR_DATABASE_URL": database_url}
    options = ["--port", str(port), "--gateway", gateway_url, "--key", key]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.floor", *options, env=environment, process_group=0
    )
    try:
        await _listening(port)
        yield Target(name="floor", url=f"http://{_LOOPBACK}:{port}", key=key, processes={"api": process.pid})
    finally:
        await _end(process)


async def _listening(port: int) -> None:
    async with asyncio.timeout(_READY_WITHIN_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(_LOOPBACK, port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def load(
    target: Target,
    *,
    count: int,
    seed: int,
    in_flight: int = 64,
    warm: int = 0,
    rate: float = 0.0,
    connections: int = 0,
    postgres: int | None = None,
) -> Measured:
    """Send ``count`` payments to ``target`` and return what came of it; the first ``warm`` are not counted.

    Raises:
        LoadFailedError: a payment did not succeed.

    """
    options = {
        "url": target.url,
        "key": target.key,
        "count": count,
        "seed": seed,
        "in-flight": in_flight,
        "warm": warm,
        "rate": rate,
        "connections": connections,
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.load",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
        process_group=0,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if await process.stdout.readline() != b"ready\n":
            raise LoadFailedError(f"the load generator could not warm up {target.name}")
        before = _spent(target, process.pid, postgres)
        process.stdin.write(b"go\n")
        line = await process.stdout.readline()
        after = _spent(target, process.pid, postgres)
    finally:
        await _end(process)
    if not line:
        raise LoadFailedError(f"the load generator ended early on {target.name}")
    seen = json.loads(line)
    spent = {name: after[name] - before.get(name, 0.0) for name in after}
    measured = msgspec.convert({**seen, "cpu_s": spent}, Measured)
    if measured.failures:
        raise LoadFailedError(f"{measured.failures} payments of {target.name} did not succeed: {measured.why}")
    return measured


def _spent(target: Target, load_pid: int, postgres: int | None) -> dict[str, float]:
    spent = {name: cpu_of([pid]) for name, pid in target.processes.items()}
    spent["load"] = cpu_of([load_pid])
    if postgres is not None:
        spent["postgres"] = cpu_of(family(postgres))
    return spent


def cpu_of(pids: Iterable[int]) -> float:
    """Return the CPU seconds, user and system, that processes have spent."""
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def family(pid: int) -> list[int]:
    """Return a process and all below it: for Postgres its backends, checkpointer, background and WAL writers."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def postgres_pid(folder: Path) -> int:
    """Return the process id of the embedded Postgres below ``folder``."""
    return int((folder / "postgres" / "cluster" / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((_LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


async def connect(url: str) -> asyncpg.Connection:
    """Return a connection for looking at the server's counters."""
    return await asyncpg.connect(url, server_settings={"application_name": "benchmark", "jit": "off"})


async def set_latency(gateway_url: str, milliseconds: int) -> None:
    """Make the benchmark's gateway answer ``milliseconds`` after each request."""
    await control("POST", f"{gateway_url}/_bench/latency/{milliseconds}")
