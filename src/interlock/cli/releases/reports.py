"""How gates look while they run and when they are done: a bar, a table, every finding in words, JSON and JUnit XML."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from interlock.base.redaction import scrub
from interlock.cli.output import ExitCode, RefusedError, console, errors
from interlock.cli.releases.common import CODES, HELD, VERDICT_STYLES, plain, tell
from interlock.releases.gates.junit import junit
from interlock.releases.gates.running import Told, verdict_of
from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.releases.proposals import STATIC_GATES
from interlock.releases.showing import visible

_FINDINGS_SHOWN = 60
_MEANINGS = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.INCONCLUSIVE: "held: a gate could not judge",
    Verdict.ERROR: "held: a gate could not do its work",
}

GateOption = Annotated[
    list[str] | None,
    typer.Option("--gate", metavar="NAME", help="Only this gate; repeat for more. Every gate without it."),
]
AllOption = Annotated[bool, typer.Option("--all", help="Go on with the next gates when one failed.")]
JunitOption = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML too.", dir_okay=False)
]
RecordingsOption = Annotated[
    Path | None,
    typer.Option("--recordings", metavar="FILE", help="Recordings of real traffic, for the gate shadow."),
]
SpecsOption = Annotated[
    Path | None,
    typer.Option(
        "--specs",
        envvar="INTERLOCK_SPECS",
        metavar="DIR",
        help="The providers' published documents; what needs them is held without.",
    ),
]


def gates_of(names: Sequence[str] | None) -> tuple[Gate, ...]:
    """Return the gates called so, in their order; all of them without names.

    Raises:
        RefusedError: there is no gate of that name.

    """
    known = {gate.value: gate for gate in STATIC_GATES}
    for name in names or ():
        if name not in known:
            problem, remedy = f"there is no gate {name!r}", f"choose {', '.join(known)}"
            raise RefusedError("--gate", problem, remedy, ExitCode.USAGE)
    return tuple(gate for gate in STATIC_GATES if not names or gate.value in names)


def read_recordings_file(path: Path | None) -> bytes | None:
    """Return the bytes of a file of recordings, None without one.

    Raises:
        RefusedError: it cannot be read.

    """
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror})"
        raise RefusedError("--recordings", problem, "name a file of recordings", ExitCode.USAGE) from None


def folder_of_specs(path: Path | None) -> Path | None:
    """Return the folder of published documents, None without one.

    Raises:
        RefusedError: it is none.

    """
    if path is not None and not path.is_dir():
        raise RefusedError("--specs", f"{path} is no folder", "name the folder of the documents", ExitCode.USAGE)
    return path


@contextmanager
def bar(gates: Sequence[Gate]) -> Iterator[Told]:
    """Draw on standard error how far the gates are, where that is a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        tasks = {gate: progress.add_task(gate.value, total=None, start=False) for gate in gates}

        def told(gate: Gate, what: str, done: int, total: int) -> None:
            task = tasks[gate]
            progress.start_task(task)
            said = Text(f"{gate.value}: {visible(scrub(what))[:60]}").markup
            progress.update(task, description=said, completed=done, total=max(total, 1))

        yield told


def reports_view(reports: Sequence[GateReport], gates: Sequence[Gate]) -> list[dict[str, Any]]:
    """Return the reports as JSON, and a line for each gate that was not reached."""
    ran = {report.gate for report in reports}
    absent = [{"gate": gate.value, "verdict": None} for gate in gates if gate not in ran]
    return [*(msgspec.to_builtins(report) for report in reports), *absent]


def show_reports(name: str, reports: Sequence[GateReport], gates: Sequence[Gate]) -> None:
    """Print the table, and below it every finding with its place and remedy."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("gate", "verdict"):
        table.add_column(column)
    for column in ("cases", "seconds"):
        table.add_column(column, justify="right")
    for report in reports:
        verdict = Text(report.verdict.value, style=VERDICT_STYLES[report.verdict.value])
        table.add_row(
            report.gate.value, verdict, f"{sum(report.checks.values()):,}", f"{report.duration_ms / 1000:.1f}"
        )
    ran = {report.gate for report in reports}
    for gate in gates:
        if gate not in ran:
            table.add_row(gate.value, Text("not run", style="dim"), "-", "-")
    console.print(table)
    for report in reports:
        tell(_findings(report))
    tell([Text.assemble(plain(name), ": ", conclusion(reports))])


def _findings(report: GateReport) -> Iterator[Text]:
    if report.findings:
        yield Text()
    for finding in report.findings[:_FINDINGS_SHOWN]:
        style = VERDICT_STYLES[finding.verdict.value]
        yield Text.assemble(
            (f"{finding.verdict.value} ", style), (f"{finding.check}  ", "dim"), plain(finding.sentence())
        )
    hidden = len(report.findings) - _FINDINGS_SHOWN
    if hidden > 0:
        yield Text(f"… {hidden} more of {report.gate.value}; --json shows all", style="dim")
    for reason in report.left_out:
        yield Text.assemble(("left out ", "dim"), (f"{report.gate.value}  ", "dim"), plain(reason))


def conclusion(reports: Sequence[GateReport]) -> Text:
    """Return in a few words what the reports come to."""
    verdict = verdict_of(report.verdict for report in reports)
    return Text(_MEANINGS[verdict], style=VERDICT_STYLES[verdict.value])


def write_junit(path: Path | None, name: str, reports: Sequence[GateReport], gates: Sequence[Gate]) -> None:
    """Write the reports as JUnit XML where ``path`` is given.

    Raises:
        RefusedError: the file cannot be written.

    """
    if path is None:
        return
    ran = {report.gate for report in reports}
    try:
        path.write_bytes(junit(name, reports, [gate for gate in gates if gate not in ran]))
    except OSError as error:
        problem = f"{path} cannot be written ({error.strerror})"
        raise RefusedError("--junit", problem, "name a file in a folder that exists") from None


def end(reports: Sequence[GateReport]) -> None:
    """End the process as the gates did: 0 passed, 1 failed, 3 held."""
    code = CODES.get(verdict_of(report.verdict for report in reports), HELD)
    sys.stdout.flush()
    if code:
        raise typer.Exit(code)
