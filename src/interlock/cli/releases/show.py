"""``interlock release show``: a release, its gates, its trial and what comes next."""

from collections.abc import Iterator
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from interlock.bootstrap import Rooms
from interlock.cli.output import JsonOption, console, print_json, time_text
from interlock.cli.releases.common import VERDICT_STYLES, ReleaseId, percent, plain, say_next, stands, the_release
from interlock.cli.session import AccountOption, with_rooms
from interlock.releases.examinations import Examination, RunState
from interlock.releases.standing import gates_view, run_view, standing_view
from interlock.releases.types import Standing
from interlock.routing.releases import TrialKind

EXAMPLES = """Examples:

  interlock release show rel_4f0c

  watch -n 2 interlock release show rel_4f0c      follows a canary
"""


def show(release_id: ReleaseId, account: AccountOption = None, as_json: JsonOption = False) -> None:
    """Show a release: what it consists of, what its gates found, how its trial stands."""

    async def work(rooms: Rooms) -> tuple[Standing, str, Examination | None]:
        scope, release = await the_release(rooms, account, release_id)
        gateway = await rooms.routing.get_gateway(scope, release.gateway_id)
        run = await rooms.examinations.latest(release)
        return await stands(rooms, release), getattr(gateway, "name", release.gateway_id), run

    found, gateway_name, run = with_rooms(work)
    if as_json:
        print_json({**standing_view(found), "run": None if run is None else run_view(run)})
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in (*_facts(found, gateway_name), *_run(run)):
        grid.add_row(name, value)
    console.print(grid)
    say_next(found)


def _facts(found: Standing, gateway_name: str) -> Iterator[tuple[str, Text]]:
    release = found.release
    mode = "live" if release.livemode else "test"
    yield "release", Text(release.id)
    yield "gateway", plain(f"{gateway_name} ({release.gateway_id}, {release.connector}, {mode})")
    yield "state", Text.assemble((release.state.value, "bold"), f"  since {_time(release.changed_at_ms)}")
    yield "note", plain(release.note)
    approved = f", approved by {release.approved_by}" if release.approved_by else ""
    yield "by", plain(f"{release.proposed_by} at {_time(release.created_at_ms)}{approved}")
    yield "package", Text(release.package_id)
    if release.base_release_id:
        yield "follows", Text(release.base_release_id)
    if release.settings:
        yield "settings", plain(" ".join(f"{name}={value}" for name, value in sorted(release.settings.items())))
    yield "credentials", plain(" ".join(sorted(release.credentials)))
    yield from _gates(found)
    yield from _trial(found)


def _gates(found: Standing) -> Iterator[tuple[str, Text]]:
    for number, gate in enumerate(gates_view(found.evidence)):
        verdict = gate["verdict"]
        told = Text.assemble(f"{gate['gate']:<9} ", (verdict or "not run", VERDICT_STYLES.get(verdict or "", "dim")))
        if verdict:
            findings = f", {gate['findings']} findings" if gate["findings"] else ""
            told.append(f"  {gate['cases']:,} cases{findings}, {_time(gate['at_ms'])}", style="dim")
        yield ("gates" if number == 0 else ""), told


def _trial(found: Standing) -> Iterator[tuple[str, Text]]:
    trial, pointer = found.trial, found.pointer
    if trial is None:
        return
    kind = "canary" if trial.kind is TrialKind.CANARY else "hold-back"
    yield kind, plain(f"{trial.state.value}: {trial.verdict}")
    against = Text(f"against {trial.against_release_id}, alpha {trial.plan.alpha:g}", style="dim")
    if pointer.trial_release_id in {trial.release_id, trial.against_release_id} and pointer.trial_since_ms is not None:
        against.append(f", {percent(pointer.share_ppm)} of payments since {_time(pointer.trial_since_ms)}")
    yield "", against


def _run(run: Examination | None) -> Iterator[tuple[str, Text]]:
    """Yield the run of gates that somebody asked for, while it is not over, or where it could not be done."""
    if run is not None and (run.is_open or run.state is RunState.FAILED):
        yield "run", plain(f"{run.state.value}: {run.said}")
        yield "", Text(f"{', '.join(run.gates)}, asked for by {run.requested_by}", style="dim")


def _time(at_ms: Any) -> str:
    return (time_text(at_ms) or "")[:19]


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("show", epilog=EXAMPLES)(show)
