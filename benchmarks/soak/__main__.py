"""``python -m benchmarks.soak``: the soak as a program; prints a table and writes ``build/bench/soak.json``."""

import argparse
import asyncio
import os
import platform
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from benchmarks.soak.plan import BARS, UNITS, SoakPlan, holds
from benchmarks.soak.soaking import Report, soak
from rich.console import Console
from rich.table import Table

_SAY_EVERY_S = 2.0
_OUTPUT = Path("build/bench/soak.json")
console = Console(highlight=False)


def arguments() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    add = parser.add_argument
    add("--payments", type=int, default=20_000, help="payments to take at least (ARGS='--payments 2000')")
    add("--kills", type=int, default=None, help="processes to kill at least; 40, or fewer for a smaller soak")
    add("--seed", type=int, default=7, help="seed of shoppers and kills")
    add("--seconds", type=float, default=7_200.0, help="longest time with faults")
    add("--rate", type=float, default=40.0, help="shoppers per second, on average")
    add("--kill-every", type=float, default=8.0, metavar="SECONDS", help="mean time between two kills")
    add("--hurry", action="store_true", help="let recovery look at once afterwards instead of waiting for its times")
    add("--keep", action="store_true", help="keep the folder (database, logs, journal) even when nothing was found")
    add("--json", type=Path, default=_OUTPUT, help="where to write the figures")
    return parser.parse_args()


def main() -> None:
    """Run, print, write."""
    asked = arguments()
    folder = Path(tempfile.mkdtemp(prefix="interlock-soak-"))
    kills = min(40, max(3, asked.payments // 500)) if asked.kills is None else asked.kills
    plan = SoakPlan(
        folder=folder,
        payments=asked.payments,
        kills=kills,
        seed=asked.seed,
        seconds=asked.seconds,
        rate_per_s=asked.rate,
        kill_every_s=asked.kill_every,
        refused=max(40, min(600, asked.payments // 10)),
        patience_s=0.0 if asked.hurry else 150.0,
    )
    console.print(f"seed {plan.seed}, folder {folder}", style="dim")
    report = asyncio.run(_soak(plan))
    _print(report)
    _write(asked.json, report, plan)
    if report.clean and not asked.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        console.print(f"everything is kept in {folder}")


async def _soak(plan: SoakPlan) -> Report:
    if not console.is_terminal:
        told_at, said = 0.0, ""

        def say(text: str) -> None:
            nonlocal told_at, said
            if text != said and time.monotonic() - told_at > _SAY_EVERY_S:
                print(text, flush=True)
                told_at, said = time.monotonic(), text

        return await soak(plan, say)
    with console.status("starting") as status:
        return await soak(plan, status.update)


def _print(report: Report) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("figure", "value", "bar", "holds"):
        table.add_column(column)
    for name, (operator, bar) in BARS.items():
        value = getattr(report.figures, name)
        good = holds(name, value)
        table.add_row(name, f"{value:,}", f"{operator} {bar:,}", "yes" if good else "[red]no[/]")
    console.print(table)
    for name, value in report.details.items():
        console.print(f"[dim]{name}[/] {value}", soft_wrap=True)
    for finding in report.findings:
        console.print(f"found: {finding}", style="red", markup=False, soft_wrap=True)


def _write(path: Path, report: Report, plan: SoakPlan) -> None:
    figures: list[dict[str, Any]] = []
    for name, (operator, bar) in BARS.items():
        value = getattr(report.figures, name)
        figures.append(
            {
                "name": name,
                "value": value,
                "unit": UNITS.get(name, "count"),
                "bar": f"{operator} {bar}",
                "holds": holds(name, value),
                "runs": [value],
            }
        )
    written = {
        "command": "make soak",
        "commit": _commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "seconds": report.seconds,
        "seed": plan.seed,
        "figures": figures,
        "details": report.details,
        "findings": report.findings,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(written), indent=1) + b"\n")
    console.print(f"written to {path}")


def _commit() -> str | None:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607 - git of the machine
    return asked.stdout.strip() or None


if __name__ == "__main__":
    main()
