"""``python -m benchmarks.drills`` (`make drills`): every built-in drill, about ten minutes.

Prints what came of each and writes ``build/bench/drills.json``. A benchmark reports and does not judge: its exit status
is 0 even where a bar is missed.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from benchmarks import figures
from rich.console import Console

from interlock.cli.drills.group import show, watched
from interlock.cli.drills.types import Ran
from interlock.sandbox.drills.reading import BUILT_IN, read_drills

OUTPUT = Path("build/bench/drills.json")
BARS = (
    figures.Bar("drills", "drills", ">= 50"),
    figures.Bar("stopped_at_or_before_earliest_share", "share", ">= 0.9"),
    figures.Bar("wrong_money_untold", "drills", "== 0"),
    figures.Bar("innocent_changes_blamed", "drills", "== 0"),
    figures.Bar("faults_drilled", "faults", ">= 50"),
)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(prog="make drills ARGS=…", description=__doc__)
    parser.add_argument("--folder", type=Path, action="append", help="drills of your own instead of the built-in ones")
    parser.add_argument("--jobs", type=int, default=2, help="how many are at the gates at once")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    return parser.parse_args(argv)


def measure(results: Sequence[Ran]) -> figures.Results:
    """Return the figures of drills that were run. A drill that broke counts as one that nothing stopped."""
    found = figures.Results(BARS)
    guilty = [one for one in results if not one.innocent]
    found.add("drills", len(results))
    found.add("faults_drilled", len({fault for one in results for fault in one.faults}))
    if guilty:
        found.add("stopped_at_or_before_earliest_share", sum(one.in_time for one in guilty) / len(guilty))
    found.add("wrong_money_untold", sum(one.harm.untold > 0 for one in results))
    found.add("innocent_changes_blamed", sum(one.innocent and not one.holds for one in results))
    return found


def main(argv: list[str] | None = None) -> None:
    """Run the drills."""
    arguments, console = parse(argv), Console()
    drills = read_drills(arguments.folder or [BUILT_IN])
    started = time.monotonic()
    results = watched(drills, arguments.jobs)
    show(results)
    found = measure(results)
    figures.show(console, found, "drills")
    written = figures.document(
        found,
        command="make drills",
        seconds=time.monotonic() - started,
        seed=drills[0].manifest.traffic.seed,
        machine=figures.machine("embedded"),
        commit=figures.commit(),
    )
    figures.write(arguments.output, {**written, "drills": msgspec.to_builtins(results)})
    console.print(f"written to {arguments.output} after {written['seconds']:.0f} s", highlight=False)


if __name__ == "__main__":
    main()
