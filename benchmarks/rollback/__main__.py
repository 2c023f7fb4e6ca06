"""``python -m benchmarks.rollback`` (`make bench-rollback`): how fast a rollback reaches every process, what a dead
candidate costs, what a canary costs the payments, and how long the gates take; ten minutes.

Prints a table of figures and bars and writes ``build/bench/rollback.json``. A benchmark reports and does not judge: its
exit status is 0 even where a bar is missed. ``--quick`` takes two minutes; ``--only NAME`` measures one figure and
those that come with it.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

from benchmarks import figures
from benchmarks.figures import Results
from benchmarks.rollback import costing, cutting, dying, fleet, gating
from benchmarks.rollback.plan import (
    BARS,
    EXCESS,
    FULL,
    GATES,
    LAST_PAYMENT,
    NAMES,
    QUICK,
    RESUMED,
    SHOPPERS,
    THROUGHPUT,
    Plan,
)
from benchmarks.telling import Tell, telling
from rich.console import Console

_OUTPUT = Path("build/bench/rollback.json")
Beside = dict[str, object]


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(prog="make bench-rollback ARGS=…", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer rollbacks, trials and turns")
    parser.add_argument("--only", action="append", choices=NAMES, default=[], help="measure only this figure")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--specs", type=Path, default=specs_folder(), help="the providers' published documents")
    parser.add_argument("--output", type=Path, default=_OUTPUT)
    return parser.parse_args(argv)


def specs_folder() -> Path | None:
    """Return the folder of published documents: that of INTERLOCK_SPECS, or the one beside the checkout."""
    named = os.environ.get("INTERLOCK_SPECS")
    places = [Path(named)] if named else [parent / "shared" / "specs" for parent in (Path.cwd(), *Path.cwd().parents)]
    return next((place for place in places if place.is_dir()), None)


async def measure(arguments: argparse.Namespace, plan: Plan, results: Results, tell: Tell) -> tuple[str, Beside]:
    """Measure what is asked for into ``results``; return Postgres's version and what the figures are made of."""
    chosen = set(arguments.only or NAMES)
    beside: Beside = {"load_average_at_start": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory(prefix="interlock-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # noqa: ASYNC240 - nothing runs yet; the database server may run as another user
        tell("starting Postgres, worker, four API processes and the gateways")
        async with fleet.running(folder / "fleet") as running:
            version = str(await running.connection.fetchval("SHOW server_version"))
            if chosen & {LAST_PAYMENT, RESUMED}:
                step = cutting.measure(running, plan.cuts, arguments.seed, results, tell)
                beside["rollbacks"] = await attempt(step, (LAST_PAYMENT, RESUMED), results)
            if chosen & {SHOPPERS, EXCESS}:
                step = dying.measure(running, plan.deaths, arguments.seed, results, tell)
                beside["dead_candidates"] = await attempt(step, (SHOPPERS, EXCESS), results)
            if GATES in chosen:
                step = gating.measure(running, arguments.specs, plan.gates, results, tell)
                beside["gates"] = await attempt(step, (GATES,), results)
        if THROUGHPUT in chosen:
            step = costing.measure(folder / "shop", plan, arguments.seed, results, tell)
            beside["throughput"] = await attempt(step, (THROUGHPUT,), results)
    beside["load_average_at_end"] = round(os.getloadavg()[0], 2)
    return version, beside


async def attempt(step: Awaitable[Beside], names: tuple[str, ...], results: Results) -> Beside:
    """Run one measurement; one that fails costs its own figures only, and is told."""
    try:
        return await step
    except Exception as error:  # noqa: BLE001 - the other figures are still worth having
        for name in names:
            results.runs.pop(name, None)
            results.not_measured[name] = f"{type(error).__name__}: {error}"[:300]
        return {"failed": f"{type(error).__name__}: {error}"[:300]}


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    arguments = parse(argv)
    plan, results, console = QUICK if arguments.quick else FULL, Results(BARS), Console()
    started = time.monotonic()
    console.print(f"seed {arguments.seed}", style="dim")
    with telling(console) as tell, asyncio.Runner() as runner:
        postgres, beside = runner.run(measure(arguments, plan, results, tell))
    figures.show(console, results, "rollback")
    written = figures.document(
        results,
        command="make bench-rollback" + (' ARGS="--quick"' if arguments.quick else ""),
        seconds=time.monotonic() - started,
        seed=arguments.seed,
        machine=figures.machine(postgres),
        commit=figures.commit(),
    )
    figures.write(arguments.output, {**written, "beside": beside})
    console.print(f"written to {arguments.output} after {written['seconds']:.0f} s", highlight=False)


if __name__ == "__main__":
    main()
