"""``interlock replay nov7``: the outage this switch was founded on, three times: unprotected, canary, protected."""

import asyncio
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from interlock import __version__
from interlock.cli.output import ExitCode, console, errors, say
from interlock.cli.replay.acts import Act, Played, play
from interlock.cli.replay.picture import draw
from interlock.cli.replay.scene import open_scene

_EXAMPLES = """Examples:

  interlock replay nov7

  interlock replay nov7 --picture nov7.svg --json nov7.json
"""
_UNDONE_BAR_S = 10.0


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    group = typer.Typer(help="Incidents, played again on a switch of their own.", no_args_is_help=True)
    group.callback()(_root)
    group.command("nov7", epilog=_EXAMPLES)(nov7)
    app.add_typer(group, name="replay")


def _root() -> None:
    pass


def nov7(
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures, for programs, to this file.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw purchases over time to this SVG file.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="What shoppers want follows from it.")] = 7,
) -> None:
    """Play the founding outage: a release with one wrong constant, let loose three times on a whole switch.

    A database, an API, a worker and two gateways with books of their own are started in a scratch folder, and shoppers
    buy all the time. The bad release goes straight to stable with nowhere to fail over to (the outage as it was, in
    miniature), then past the gates into a canary, then the way it is meant: to the gates. It takes less than three
    minutes and changes nothing outside its folder. Exit code 1 when the protected shop lost a purchase.
    """
    began_s = time.monotonic()
    played = asyncio.run(_play(seed))
    took_s = time.monotonic() - began_s
    console.print(_table(played))
    for act in played:
        say(f"{act.act.value}: {act.stopped_by}")
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_text(draw(played), encoding="utf-8")
        say(f"drawn: {picture}")
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        document = _document(played, seed, took_s)
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    if next(act for act in played if act.act is Act.PROTECTED).lost:
        raise typer.Exit(ExitCode.FAILED)


async def _play(seed: int) -> list[Played]:
    with _progress(errors) as progress:
        booting = progress.add_task("start", total=None, doing="database, API, worker and two gateways")
        async with open_scene() as scene:
            progress.update(booting, total=1, completed=1, doing="started")
            tasks = {act: progress.add_task(act.value, total=1.0, doing="waits", start=False) for act in Act}
            return [await _act(progress, tasks[act], play(scene, act, seed, _telling(progress, tasks))) for act in Act]


async def _act(progress: Progress, task: TaskID, playing: Any) -> Played:
    progress.start_task(task)
    played: Played = await playing
    return played


def _telling(progress: Progress, tasks: dict[Act, TaskID]) -> Any:
    def tell(act: Act, doing: str, behind: float) -> None:
        progress.update(tasks[act], completed=behind, doing=doing)

    return tell


def _progress(screen: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[doing]}"),
        console=screen,
    )


def _table(played: list[Played]) -> Table:
    table = Table(
        box=None, pad_edge=False, header_style="bold", title="November 7th, three times", title_justify="left"
    )
    table.add_column("the bad release")
    for column in ("purchases", "lost", "money wrong", "its failures", "first bad → undone"):
        table.add_column(column, justify="right")
    table.add_column("stopped by", overflow="fold")
    for act in played:
        undone = act.first_bad_to_undone_s
        table.add_row(
            act.act.value,
            str(act.purchases),
            f"[{'red' if act.lost else 'green'}]{act.lost}[/]",
            "none" if not act.wrong_minor else f"{act.wrong_minor} minor units",
            str(act.bad_attempts),
            "never went live" if undone is None else f"{undone:.1f} s",
            act.stopped_by.partition(":")[0],
        )
    return table


def _document(played: list[Played], seed: int, took_s: float) -> dict[str, Any]:
    by = {act.act: act for act in played}
    figures = [
        _figure(
            "purchases_lost_unprotected", by[Act.UNPROTECTED].lost, "purchases", "> 0", by[Act.UNPROTECTED].lost > 0
        ),
        _figure("purchases_lost_protected", by[Act.PROTECTED].lost, "purchases", "== 0", by[Act.PROTECTED].lost == 0),
        _figure(
            "wrong_money_protected",
            by[Act.PROTECTED].wrong_minor,
            "minor units",
            "== 0",
            by[Act.PROTECTED].wrong_minor == 0,
        ),
    ]
    undone = by[Act.CANARY].first_bad_to_undone_s
    missing: dict[str, str] = {}
    if undone is None:
        missing["first_bad_to_undone_s"] = "no payment reached the candidate"
    else:
        bar = f"<= {_UNDONE_BAR_S:g}"
        figures.append(_figure("first_bad_to_undone_s", undone, "s", bar, undone <= _UNDONE_BAR_S))
    return {
        "command": "interlock replay nov7",
        "commit": _commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "seconds": round(took_s, 1),
        "seed": seed,
        "figures": figures,
        "not_measured": missing,
        "acts": msgspec.to_builtins(played),
    }


def _commit() -> str:
    """Return the commit that is played, where the program runs from its repository."""
    here = Path(__file__).resolve().parent
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the developer uses
            cwd=here,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return __version__
    return found.stdout.strip()


def _figure(name: str, value: float, unit: str, bar: str, holds: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "bar": bar, "holds": holds, "runs": [value]}
