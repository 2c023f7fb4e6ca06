"""``interlock release gates``: runs the gates over a stored release and keeps what they find, or shows it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from interlock.bootstrap import Rooms
from interlock.cli.output import ExitCode, JsonOption, RefusedError, console, print_json, print_rows, say, time_text
from interlock.cli.releases.common import ReleaseId, acting, decided, plain, say_next, stands, the_release
from interlock.cli.releases.reports import (
    AllOption,
    GateOption,
    JunitOption,
    RecordingsOption,
    SpecsOption,
    bar,
    end,
    folder_of_specs,
    gates_of,
    read_recordings_file,
    reports_view,
    show_reports,
    write_junit,
)
from interlock.cli.session import AccountOption, with_rooms
from interlock.releases.examining import Examiner, wanted
from interlock.releases.gates.types import Gate, GateReport
from interlock.releases.standing import evidence_view, gates_view
from interlock.releases.store import latest
from interlock.releases.types import Standing
from interlock.routing.releases import Release

_VALUE_SHOWN = 300
_COLUMNS = ("gate", "verdict", "cases", "findings", "at")
EXAMPLES = """Examples:

  interlock release gates rel_4f0c                    runs what is not passed yet, and keeps the evidence

  interlock release gates rel_4f0c --gate shadow --again

  interlock release gates rel_4f0c --list             what was found, without running anything

  interlock release gates rel_4f0c --show contract    the whole report

Exit codes: 0 every gate passed, 1 one failed, 3 held (a gate could not judge), 2 wrong use.
"""


def gates(
    release_id: ReleaseId,
    names: GateOption = None,
    again: Annotated[bool, typer.Option("--again", help="Run those too that it has passed.")] = False,
    every: AllOption = False,
    only_list: Annotated[bool, typer.Option("--list", help="Show the evidence that there is.")] = False,
    shown: Annotated[str | None, typer.Option("--show", metavar="GATE", help="Show a gate's whole report.")] = None,
    specs: SpecsOption = None,
    recordings: RecordingsOption = None,
    junit: JunitOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the gates that a release has not passed, with its own configuration, and keep what they find."""
    if only_list or shown is not None:
        _show(release_id, account, shown, as_json=as_json)
        return
    chosen, real, documents = gates_of(names), read_recordings_file(recordings), folder_of_specs(specs)

    async def work(rooms: Rooms) -> tuple[Standing, list[GateReport], tuple[Gate, ...]]:
        scope, release = await the_release(rooms, account, release_id)
        actor = await acting(rooms, scope)
        known = latest(await rooms.proposals.store.evidence(release))
        due = wanted(chosen, known, again=again)
        with bar(chosen) as told:
            examined = await _examiner(rooms, documents).examine(
                scope, release.id, actor, told, gates=chosen, again=again, goes_on=every, recordings=real
            )
        found = decided(examined, release.id)
        reports = {gate: one.report for gate, one in found.evidence.items() if gate in chosen}
        return await stands(rooms, found.release), [reports[gate] for gate in chosen if gate in reports], due

    found, reports, due = with_rooms(work)
    if as_json:
        print_json({"state": found.release.state.value, "gates": reports_view(reports, chosen)})
    else:
        if not due:
            say("every gate was passed before; --again runs them again")
        show_reports(found.release.id, reports, chosen)
        say_next(found)
    write_junit(junit, found.release.id, reports, chosen)
    end(reports)


def _examiner(rooms: Rooms, documents: Path | None) -> Examiner:
    """Return the examiner of the settings, or one that takes the documents from another folder."""
    if documents is None:
        return rooms.examiner
    foundation = rooms.foundation
    public_url = foundation.settings.base_url()
    return Examiner(rooms.proposals, foundation.clock, specifications=documents, public_url=public_url)


def _show(release_id: str, account: str | None, shown: str | None, *, as_json: bool) -> None:
    if shown is not None and shown not in {gate.value for gate in Gate}:
        choices = ", ".join(gate.value for gate in Gate)
        raise RefusedError("--show", f"there is no gate {shown!r}", f"choose {choices}", ExitCode.USAGE)

    async def work(rooms: Rooms) -> tuple[Release, Standing]:
        _, release = await the_release(rooms, account, release_id)
        return release, await stands(rooms, release)

    release, found = with_rooms(work)
    if shown is None:
        _list(found, as_json=as_json)
        return
    evidence = latest(found.evidence).get(Gate(shown))
    if evidence is None:
        problem, remedy = f"{shown} has not been run", f"`interlock release gates {release.id}`"
        raise RefusedError(release.id, problem, remedy)
    if as_json:
        print_json(evidence_view(evidence))
        return
    show_reports(release.id, [evidence.report], (Gate(shown),))
    for check, cases in evidence.report.checks.items():
        console.print(Text.assemble((f"{cases:>9,}  ", "dim"), check), soft_wrap=True)
    for name, value in evidence.report.measured.items():
        console.print(Text.assemble((f"{name}  ", "dim"), plain(str(value)[:_VALUE_SHOWN])), soft_wrap=True)


def _list(found: Standing, *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {**gate, "at": (time_text(gate["at_ms"]) or "")[:19]} for gate in gates_view(found.evidence)
    ]
    print_rows(rows, _COLUMNS, as_json=as_json, empty="no gates")


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("gates", epilog=EXAMPLES)(gates)
