"""Figures: their names, units and bars, the table that is printed and the JSON file that is written. Pure but for that.

The names are stable: README, docs and decision records quote them.
"""

import json
import math
import operator
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from rich.console import Console
from rich.table import Table

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}


class Bar(msgspec.Struct, frozen=True):
    """What a figure must be: ``bar`` such as ``<= 2.5``. ``taken`` says what of its runs is the value."""

    name: str
    unit: str
    bar: str
    taken: Literal["median", "p99", "sum"] = "median"

    def holds(self, value: float) -> bool:
        """Tell whether ``value`` keeps to the bar."""
        sign, limit = self.bar.split()
        return _OPERATORS[sign](value, float(limit))

    def value(self, runs: Sequence[float]) -> float:
        """Return what the runs come to; a percentile is the smallest run that so many do not exceed."""
        if self.taken == "sum":
            return sum(runs)
        if self.taken == "p99":
            return sorted(runs)[math.ceil(0.99 * len(runs)) - 1]
        return statistics.median(runs)


BARS: tuple[Bar, ...] = (
    Bar("api_cpu_over_floor", "ratio", "<= 2.5"),
    Bar("postgres_cpu_over_floor", "ratio", "<= 2.0"),
    Bar("payments_per_second", "payments/s", ">= 1500"),
    Bar("throughput_512_over_64", "ratio", ">= 0.95"),
    Bar("added_latency_p50_ms", "ms", "<= 8"),
    Bar("added_latency_p99_ms", "ms", "<= 30"),
    Bar("added_latency_slow_gateway_p50_ms", "ms", "<= 15"),
    Bar("throughput_500k_stored_over_empty", "ratio", ">= 0.95"),
    Bar("api_memory_mib", "MiB", "<= 200"),
    Bar("statements_per_payment", "statements", "<= 4"),
)
NAMES = tuple(bar.name for bar in BARS)


class Results:
    """What was measured, as it comes in."""

    def __init__(self, bars: Sequence[Bar] = BARS) -> None:
        """Start with nothing; ``bars`` are the figures there are to measure."""
        self.bars = tuple(bars)
        self.runs: dict[str, list[float]] = {}
        self.not_measured: dict[str, str] = {}

    def add(self, name: str, value: float) -> None:
        """Add one run of figure ``name``."""
        assert any(bar.name == name for bar in self.bars), name
        self.runs.setdefault(name, []).append(value)

    def figures(self) -> list[dict[str, Any]]:
        """Return every measured figure: what its runs come to, against its bar."""
        found = []
        for bar in self.bars:
            runs = self.runs.get(bar.name)
            if not runs:
                continue
            value = rounded(bar.value(runs))
            found.append(
                {
                    "name": bar.name,
                    "value": value,
                    "unit": bar.unit,
                    "bar": bar.bar,
                    "holds": bar.holds(value),
                    "runs": [rounded(run) for run in runs],
                }
            )
        return found

    def left_out(self) -> dict[str, str]:
        """Return each figure that has no value, and why."""
        names = [bar.name for bar in self.bars if bar.name not in self.runs]
        return {name: self.not_measured.get(name, "not asked for") for name in names}


def rounded(value: float) -> float:
    """Return ``value`` with as many digits as it deserves."""
    return round(value) if abs(value) >= 1_000 else round(value, 1 if abs(value) >= 100 else 3)


def document(
    results: Results, *, command: str, seconds: float, seed: int, machine: Mapping[str, Any], commit: str | None
) -> dict[str, Any]:
    """Return what is written to the JSON file."""
    return {
        "command": command,
        "commit": commit,
        "machine": dict(machine),
        "seconds": round(seconds, 1),
        "seed": seed,
        "figures": results.figures(),
        "not_measured": results.left_out(),
    }


def write(path: Path, written: Mapping[str, Any]) -> None:
    """Write the JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def show(console: Console, results: Results, title: str = "payments") -> None:
    """Print the table."""
    table = Table(title=title, title_justify="left")
    for heading in ("figure", "value", "bar", "holds", "runs"):
        table.add_column(heading, justify="right" if heading == "value" else "left", no_wrap=heading != "runs")
    for figure in results.figures():
        holds = "[green]yes[/]" if figure["holds"] else "[red]no[/]"
        unit = "" if figure["unit"] == "ratio" else f" {figure['unit']}"
        runs = " ".join(str(run) for run in figure["runs"])
        table.add_row(figure["name"], f"{figure['value']}{unit}", figure["bar"], holds, runs)
    console.print(table)
    for name, why in results.left_out().items():
        console.print(f"not measured: {name} ({why})", style="dim", highlight=False)


def machine(postgres: str) -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "postgres": postgres}


def commit() -> str | None:
    """Return the checkout's commit, None outside one."""
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607 - git of the machine
    except OSError:
        return None
    return asked.stdout.strip() or None


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return turn by turn how ``ours`` compares with ``theirs``."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]
