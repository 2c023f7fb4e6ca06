"""``interlock release diff``: what a release changes, in the terms of the trade."""

from pathlib import Path
from typing import Annotated

import typer

from interlock.base.problems import Problem
from interlock.bootstrap import Rooms
from interlock.cli.output import ExitCode, JsonOption, RefusedError, console, print_json
from interlock.cli.releases.common import GatewayName, decided, the_gateway, the_release, the_scope
from interlock.cli.releases.diff_view import render_diff
from interlock.cli.session import AccountOption, LiveOption, with_rooms
from interlock.gateways.package import read_folder
from interlock.releases.comparing import against, beside, facts_of
from interlock.releases.diff.types import ReleaseDiff

EXAMPLES = """Examples:

  interlock release diff rel_4f0c                              against what serves now

  interlock release diff rel_4f0c rel_91ab                     against another release

  interlock release diff gateways/stripe --gateway stripe      a folder, before it is created
"""


def diff(
    release: Annotated[str, typer.Argument(metavar="ID|DIR", help="A release, or a folder (with --gateway).")],
    other: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="The release before; what serves now without it.")
    ] = None,
    gateway: GatewayName = None,
    whole: Annotated[bool, typer.Option("--whole", help="Fold nothing.")] = False,
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a release changes: hosts, keys, codes, amounts, code."""
    folder = Path(release)
    if gateway is None and folder.is_dir():
        raise RefusedError("--gateway", "is needed for a folder", "name the gateway that it is for", ExitCode.USAGE)

    async def work(rooms: Rooms) -> ReleaseDiff:
        store = rooms.proposals.store
        if gateway is not None:
            scope = await the_scope(rooms, account, live=live)
            found = await the_gateway(rooms, scope, gateway)
            return decided(await beside(store, scope, found.id, read_folder(folder)), "DIR")
        scope, after = await the_release(rooms, account, release)
        before = None if other is None else (await the_release(rooms, account, other))[1]
        if before is not None and before.gateway_id != after.gateway_id:
            problem, remedy = f"{before.id} is of another gateway", "name two releases of one"
            raise RefusedError("OTHER", problem, remedy, ExitCode.USAGE)
        result: ReleaseDiff | Problem = await against(store, after, before)
        return decided(result, after.id)

    found = with_rooms(work, doing="comparing")
    if as_json:
        print_json(facts_of(found))
    else:
        render_diff(found, console, whole=whole)


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("diff", epilog=EXAMPLES)(diff)
