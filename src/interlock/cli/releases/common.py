"""What the verbs of ``interlock release`` share: which release is meant, who acts, why, and how a refusal is told."""

import sys
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

import typer
from rich.text import Text

from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.base.redaction import scrub
from interlock.bootstrap import Rooms
from interlock.cli.acting import the_actor
from interlock.cli.output import ExitCode, RefusedError, console, say, time_text
from interlock.cli.session import the_account
from interlock.releases.gates.types import Verdict
from interlock.releases.showing import visible
from interlock.releases.standing import next_step, standing
from interlock.releases.types import Actor, Standing
from interlock.routing.releases import Release
from interlock.routing.types import Gateway

T = TypeVar("T")
HELD = 3
"""The exit code of gates that could not judge: not passed, not failed."""
CODES = {Verdict.PASSED: ExitCode.OK, Verdict.FAILED: ExitCode.FAILED}
VERDICT_STYLES = {"passed": "green", "failed": "bold red", "error": "bold magenta", "inconclusive": "yellow"}
PPM_PER_PERCENT = 10_000

ReleaseId = Annotated[str, typer.Argument(metavar="ID", help="The release's id (rel_…), or how it begins.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the journal.")]
GatewayName = Annotated[str | None, typer.Option("--gateway", metavar="NAME", help="The gateway's name or id.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
BreakGlass = Annotated[
    bool,
    typer.Option("--break-glass", help="Whatever the evidence says; needs --why and is marked in the journal."),
]


async def the_scope(rooms: Rooms, account: str | None, *, live: bool) -> Scope:
    """Return the account and mode that a command speaks for."""
    owner = await the_account(rooms.foundation.database, account)
    return Scope(owner.account_id, live)


async def the_gateway(rooms: Rooms, scope: Scope, name: str) -> Gateway:
    """Return the gateway that is called so, by id or name."""
    found = await rooms.proposals.store.gateway(scope, name)
    if isinstance(found, Problem):
        mode = "live" if scope.livemode else "test"
        raise RefusedError("--gateway", f"{mode} mode has no gateway {name}", "see `interlock gateways list`")
    return found


async def the_release(rooms: Rooms, account: str | None, text: str) -> tuple[Scope, Release]:
    """Return the release whose id is ``text`` or begins so, of either mode.

    Raises:
        RefusedError: there is none, or more than one.

    """
    owner = await the_account(rooms.foundation.database, account)
    found = await rooms.proposals.store.releases_that_begin(owner.account_id, text) if text else []
    if not found:
        raise RefusedError("ID", f"there is no release {text}", "see `interlock release list`")
    if len(found) > 1 and found[0].id != text:
        raise RefusedError("ID", f"several releases begin with {text}", "give more of it", ExitCode.USAGE)
    return Scope(found[0].account_id, found[0].livemode), found[0]


async def acting(rooms: Rooms, scope: Scope) -> Actor:
    """Return in whose name the command acts."""
    return await the_actor(rooms.foundation.database, scope.account_id)


async def stands(rooms: Rooms, release: Release) -> Standing:
    """Return all that is known of ``release`` now."""
    found = await standing(rooms.proposals.store, Scope(release.account_id, release.livemode), release.id)
    return decided(found, release.id)


_REMEDIES = {
    "same_person": "see `interlock operators list`",
    "operator_required": "see `interlock operators add --help`",
    "gates_open": "or break the glass with a reason",
    "evidence_open": "see `interlock release promote --help`",
    "trial_running": "`interlock release abort` or `rollback` ends it",
    "no_way_back": "see `interlock gateways disable --help`",
    "release_changed": "see `interlock release show`",
    "release_exists": "see `interlock release show`",
}


def decided(result: T | Problem, field: str) -> T:
    """Return ``result`` unless it is a problem, which ends the command in one line about ``field``."""
    if isinstance(result, Problem):
        remedy = _REMEDIES.get(result.code or "", "see `interlock release list`")
        raise RefusedError(result.param or field, result.message.rstrip("."), remedy)
    return result


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person at a terminal; a program has said what it wants by the command itself.

    Raises:
        typer.Abort: the answer is no.

    """
    if yes or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    typer.confirm(question, abort=True, err=True)


def say_next(found: Standing) -> None:
    """Tell what comes next."""
    say(f"next: {next_step(found)}")


def tell(lines: Iterable[Text]) -> None:
    """Print lines that hold text of a package: no markup of its own, nothing invisible, no secret."""
    for line in lines:
        console.print(line, soft_wrap=True)


def plain(text: str) -> Text:
    """Return text from outside as it can be shown."""
    return Text(visible(scrub(text)))


def row_of(release: Release, gateways: dict[str, str]) -> dict[str, Any]:
    """Return a release as a line of a listing."""
    return {
        "id": release.id,
        "gateway": gateways.get(release.gateway_id, release.gateway_id),
        "mode": "live" if release.livemode else "test",
        "state": release.state.value,
        "by": visible(release.proposed_by),
        "note": visible(release.note)[:60],
        "created_at": (time_text(release.created_at_ms) or "")[:19],
    }


def percent(share_ppm: int) -> str:
    """Return parts of a million as per cent."""
    return f"{share_ppm / PPM_PER_PERCENT:g} %"
