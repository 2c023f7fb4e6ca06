"""``interlock drill list|run``: faults that happened to others, played on this version."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from interlock.base.redaction import scrub
from interlock.cli.drills.running import run_drills
from interlock.cli.drills.types import Ran
from interlock.cli.output import ExitCode, JsonOption, RefusedError, console, errors, print_json, print_rows, say
from interlock.sandbox.drills.reading import BUILT_IN, read_drills
from interlock.sandbox.drills.types import Drill

_EXAMPLES = """Examples:

  interlock drill run F001_zero_decimal_times_100

  interlock drill run --all --jobs 2

  interlock drill run --all --folder drills          your own; docs/drills.md tells how one is written

Exit codes: 0 every drill came out as it must, 1 one did not, 2 wrong use, 3 a manifest is wrong.
"""
_DOING_MAX = 70

FolderOption = Annotated[
    list[Path] | None,
    typer.Option("--folder", metavar="DIR", help="Drills of your own instead of the built-in ones; may be repeated."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs to ``app``."""
    group = typer.Typer(
        help="Faults that happened to others, played on this version: which stage stops each?", no_args_is_help=True
    )
    group.command("list")(list_)
    group.command("run", epilog=_EXAMPLES)(run)
    app.add_typer(group, name="drill")


def list_(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List drills: what each does and which stage ought to see it first."""
    rows = [_row(drill) for drill in read_drills(folder or [BUILT_IN])]
    print_rows(rows, ("id", "provider", "earliest", "title"), as_json=as_json, empty="no drills")


def run(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="Which, or how their ids begin.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    folder: FolderOption = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=16, help="How many are at the gates at once.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Run drills on a switch of their own: through the gates, a canary with shoppers, and the books of the gateways.

    Nothing outside of a scratch folder is changed.
    """
    chosen = choose(read_drills(folder or [BUILT_IN]), ids or (), every=every)
    began_s = time.monotonic()
    results = watched(chosen, jobs)
    if as_json:
        print_json({"seconds": round(time.monotonic() - began_s, 1), "drills": msgspec.to_builtins(results)})
    else:
        show(results)
    if not all(result.holds for result in results):
        raise typer.Exit(ExitCode.FAILED)


def choose(drills: Sequence[Drill], ids: Sequence[str], *, every: bool) -> list[Drill]:
    """Return the drills whose ids are, or begin with, one of ``ids``.

    Raises:
        RefusedError: an id fits none, or nothing was chosen.

    """
    if every:
        return list(drills)
    if not ids:
        raise RefusedError("ID", "names no drill", "give ids or --all; see `interlock drill list`", ExitCode.USAGE)
    for each in ids:
        if not any(drill.id.startswith(each) for drill in drills):
            raise RefusedError("ID", f"there is no drill {each}", "see `interlock drill list`", ExitCode.USAGE)
    return [drill for drill in drills if drill.id.startswith(tuple(ids))]


def watched(drills: Sequence[Drill], jobs: int) -> list[Ran]:
    """Run ``drills`` and show on standard error how far they are."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=errors, transient=True) as progress:
        task = progress.add_task("drills", total=len(drills))

        def tell(drill: str, doing: str) -> None:
            progress.update(task, description=Text(scrub(f"{drill}: {doing}")[:_DOING_MAX]).markup)

        def ended(ran: Ran) -> None:
            progress.advance(task)
            if not errors.is_terminal:
                reason = "" if ran.holds else f": {_reason(ran)}"
                errors.print(f"{ran.id}: {_verdict(ran)} ({ran.seconds:.1f} s){reason}", markup=False, soft_wrap=True)

        return asyncio.run(run_drills(drills, jobs, tell, ended))


def show(results: Sequence[Ran]) -> None:
    """Print the table, and below it what did not come out as it must."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("drill", overflow="fold")
    for column in ("stopped by", "ought to"):
        table.add_column(column)
    for column in ("lost", "wrong", "untold", "seconds"):
        table.add_column(column, justify="right")
    table.add_column("")
    for ran in results:
        mark = Text("as it must" if ran.holds else "NOT", style="green" if ran.holds else "bold red")
        harm = ran.harm
        numbers = (str(harm.lost), str(harm.wrong), str(harm.untold), f"{ran.seconds:.1f}")
        table.add_row(ran.id, ran.stopped_by or "nothing", ran.earliest or "pass", *numbers, mark)
    console.print(table)
    for ran in results:
        if not ran.holds:
            say(f"{ran.id}: {_reason(ran)}")
    good = sum(ran.holds for ran in results)
    say(f"{good} of {len(results)} drills came out as they must")


def _reason(ran: Ran) -> str:
    harm = ran.harm
    hurt = f"{harm.lost} purchases lost" if harm.lost else ""
    still = f"{harm.open} payments still under way" if harm.open else ""
    said = ran.problem or "; ".join(one for one in (*ran.told, *harm.examples, hurt, still) if one)
    return said or "nothing stopped it"


def _verdict(ran: Ran) -> str:
    return f"{'as it must' if ran.holds else 'NOT as it must'}, stopped by {ran.stopped_by or 'nothing'}"


def _row(drill: Drill) -> dict[str, Any]:
    says = drill.manifest
    return {
        "id": drill.id,
        "title": says.title,
        "provider": says.provider,
        "faults": list(says.faults),
        "earliest": says.earliest or "innocent",
        "innocent": says.innocent,
        "wrong": says.truth.wrong,
        "customer": says.truth.customer,
        "since": says.truth.since,
    }
