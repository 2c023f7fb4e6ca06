"""``python -m benchmarks.statistics`` (`make bench-statistics`): delays and false alarms of the canary, three minutes.

Prints tables and writes ``build/bench/statistics.json``. A benchmark reports and does not judge: its exit status is 0
even where a bar is missed. ``--quick`` simulates a tenth. Bars are on the lower end of a figure's 99 % interval.
"""

# ruff: noqa: A005 - inside benchmarks it hides nothing
import argparse
import multiprocessing
import os
import platform
import random
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import figures
from benchmarks.statistics import summing
from benchmarks.statistics.fingerprint import fingerprint
from benchmarks.statistics.work import Found, Task, tasks
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from interlock.releases.canary import eprocess
from interlock.releases.canary.plan import Plan

OUTPUT = Path("build/bench/statistics.json")
_EVENTS = 200_000
_SPEED_RUNS = 3


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(prog="make bench-statistics ARGS=…", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the canaries, in half a minute")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    return parser.parse_args(argv)


def simulate(wanted: list[Task], seed: int, console: Console) -> dict[str, Found]:
    """Run the tasks on every core, with progress; return the results of each group, its parts in order."""
    done: dict[tuple[str, int], Found] = {}
    # One thread for each process: the matrices are small, and the cores are taken already.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.percentage:>3.0f} %  {task.description}"))
    with (
        Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress,
        ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        bar = progress.add_task("simulating", total=sum(task.cost for task in wanted))
        running = {pool.submit(task.result, seed): task for task in wanted}
        for finished in as_completed(running):
            task = running[finished]
            done[task.name, task.number] = finished.result()
            progress.update(bar, advance=task.cost, description=task.name)
    return _joined(done)


def _joined(done: dict[tuple[str, int], Found]) -> dict[str, Found]:
    parts: dict[str, list[Found]] = {}
    for name, number in sorted(done):
        parts.setdefault(name, []).append(done[name, number])
    return {
        name: {key: np.concatenate([part[key] for part in found]) for key in found[0]} for name, found in parts.items()
    }


def events_per_second(seed: int) -> float:
    """Return how many verdicts a second the product's own ``eprocess.observe`` takes in, the median of three runs."""
    chance, plan, runs = random.Random(seed), Plan(), []
    events = [(chance.choice("abcdefghijkl"), chance.random() < 0.05, chance.random() < 0.08) for _ in range(_EVENTS)]
    for _ in range(_SPEED_RUNS):
        evidence, began = eprocess.empty(plan.mixture, 0.1), time.perf_counter()
        for stratum, treated, bad in events:
            eprocess.observe(evidence, plan, stratum=stratum, treated=treated, share_ppm=50_000, bad=bad)
        runs.append(_EVENTS / (time.perf_counter() - began))
    return sorted(runs)[_SPEED_RUNS // 2]


def document(results: dict[str, Found], *, quick: bool, seed: int, seconds: float, speed: float) -> dict[str, Any]:
    """Return what is written to the JSON file."""
    found = summing.figures(results)
    named = {figure["name"] for figure in found}
    return {
        "command": "make bench-statistics" + (" ARGS=--quick" if quick else ""),
        "commit": figures.commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "postgres": None},
        "seconds": round(seconds, 1),
        "seed": seed,
        "figures": found,
        "not_measured": {bar.name: "not simulated" for bar in summing.BARS if bar.name not in named},
        "beside": {**summing.beside(results), "events_per_second": round(speed)},
        "curves": summing.curves(results),
        "fingerprint": fingerprint(),
    }


def show(console: Console, written: dict[str, Any]) -> None:
    """Print the tables."""
    table = Table(title="statistics", title_justify="left")
    for heading in ("figure", "value", "99 % interval", "bar", "holds", "canaries"):
        table.add_column(heading, justify="right" if heading in {"value", "canaries"} else "left", overflow="fold")
    for one in written["figures"]:
        low, high = one["interval_99"]
        holds = "[green]yes[/]" if one["holds"] else "[red]no[/]"
        canaries = f"{one['simulated_canaries']:,}"
        table.add_row(one["name"], f"{one['value']}", f"{low} to {high}", one["bar"], holds, canaries)
    console.print(table)
    for name, value in written["beside"].items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, number in parts:
            console.print(f"{name} {part}: {number}", style="dim", highlight=False)


def main(argv: list[str] | None = None) -> None:
    """Simulate, print, write."""
    asked, console, began = parse(argv), Console(), time.monotonic()
    console.print(f"seed {asked.seed}", style="dim")
    results = simulate(tasks(quick=asked.quick), asked.seed, console)
    speed = events_per_second(asked.seed)
    written = document(results, quick=asked.quick, seed=asked.seed, seconds=time.monotonic() - began, speed=speed)
    figures.write(asked.output, written)
    show(console, written)
    console.print(f"written to {asked.output}", style="dim")


if __name__ == "__main__":
    main()
