"""``python -m benchmarks.run`` (`make bench`): speed and memory of the product against the floor, in ten minutes.

Prints a table of figures and bars and writes ``build/bench/payments.json``. A benchmark reports and does not judge: its
exit status is 0 even where a bar is missed. ``--quick`` takes two minutes and leaves out what needs many payments;
``--only NAME`` measures one figure and those that come with it.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks import figures, measuring
from benchmarks.measuring import FULL, QUICK, Bench, Plan
from benchmarks.telling import Tell, telling
from rich.console import Console

_OUTPUT = Path("build/bench/payments.json")
_NEEDS_MANY = "left out of a quick run: it needs hundreds of thousands of payments"
Step = Callable[[Bench, Tell], Awaitable[None]]
# In the order of measuring: a day's load before what no shop ever does, because for minutes after a hundred thousand
# payments at full speed the server vacuums, and the disk and the memory under it catch up.
_STEPS: tuple[tuple[tuple[str, ...], Step], ...] = (
    (("statements_per_payment",), measuring.statements),
    (("added_latency_p50_ms", "added_latency_p99_ms"), measuring.added_latency),
    (("added_latency_slow_gateway_p50_ms",), measuring.slow_gateway),
    (("api_cpu_over_floor", "postgres_cpu_over_floor", "payments_per_second"), measuring.over_floor),
    (("throughput_512_over_64",), measuring.more_in_flight),
    (("api_memory_mib",), measuring.memory),
)
_MEMORY, _STORED = "api_memory_mib", "throughput_500k_stored_over_empty"


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer turns, no large databases")
    parser.add_argument("--only", action="append", choices=figures.NAMES, default=[], help="measure only this figure")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, default=_OUTPUT)
    return parser.parse_args(argv)


def wanted(only: list[str], plan: Plan, results: figures.Results) -> set[str]:
    """Return the figures to measure; what a quick run leaves out is noted in ``results``."""
    chosen = set(only or figures.NAMES)
    if plan.quick:
        for name in (_MEMORY, _STORED):
            chosen.discard(name)
            results.not_measured[name] = _NEEDS_MANY
    return chosen


async def measure(plan: Plan, seed: int, chosen: set[str], results: figures.Results, tell: Tell) -> str:
    """Measure the ``chosen`` figures into ``results``; return Postgres's version."""
    with tempfile.TemporaryDirectory(prefix="interlock-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # noqa: ASYNC240 - nothing runs yet; the database server may run as another user
        tell("starting Postgres, product, gateway and floor")
        async with measuring.running(plan, seed, results, folder / "main") as bench:
            for names, step in _STEPS:
                if chosen.intersection(names):
                    await attempt(step(bench, tell), names, results)
            await bench.check_nothing_lost()
            if _STORED in chosen:
                await attempt(measuring.much_stored(bench, tell, folder), (_STORED,), results)
            return str(await bench.connection.fetchval("SHOW server_version"))


async def attempt(step: Awaitable[None], names: tuple[str, ...], results: figures.Results) -> None:
    """Run one measurement; one that fails costs its own figures only, and is told."""
    try:
        await step
    except Exception as error:  # noqa: BLE001 - the other figures are still worth having
        for name in names:
            results.runs.pop(name, None)
            results.not_measured[name] = f"{type(error).__name__}: {error}"[:300]


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    arguments = parse(argv)
    plan, results, console = QUICK if arguments.quick else FULL, figures.Results(), Console()
    started = time.monotonic()
    chosen = wanted(arguments.only, plan, results)
    with telling(console) as tell, asyncio.Runner() as runner:
        postgres = runner.run(measure(plan, arguments.seed, chosen, results, tell))
    figures.show(console, results)
    written = figures.document(
        results,
        command="make bench" + (' ARGS="--quick"' if arguments.quick else ""),
        seconds=time.monotonic() - started,
        seed=arguments.seed,
        machine=figures.machine(postgres),
        commit=figures.commit(),
    )
    figures.write(arguments.output, written)
    console.print(f"written to {arguments.output} after {written['seconds']:.0f} s", highlight=False)


if __name__ == "__main__":
    main()
