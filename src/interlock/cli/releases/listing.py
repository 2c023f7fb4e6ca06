"""``interlock release list``: releases with their state."""

from typing import Any

import typer

from interlock.bootstrap import Rooms
from interlock.cli.output import JsonOption, print_json, print_rows
from interlock.cli.releases.common import GatewayName, row_of, the_gateway, the_scope
from interlock.cli.session import AccountOption, LiveOption, with_rooms
from interlock.releases.standing import release_view
from interlock.routing.releases import Release

_COLUMNS = ("id", "gateway", "mode", "state", "by", "created_at", "note")
EXAMPLES = """Examples:

  interlock release list

  interlock release list --gateway stripe --live --json
"""


def list_releases(
    gateway: GatewayName = None, live: LiveOption = False, account: AccountOption = None, as_json: JsonOption = False
) -> None:
    """List releases, newest first. The one that serves is called stable."""

    async def work(rooms: Rooms) -> tuple[list[Release], dict[str, str]]:
        scope = await the_scope(rooms, account, live=live)
        names = {one.id: one.name for one in await rooms.routing.list_gateways(scope)}
        only = None if gateway is None else (await the_gateway(rooms, scope, gateway)).id
        return await rooms.proposals.store.releases(scope, only), names

    releases, names = with_rooms(work)
    if as_json:
        print_json([release_view(release) for release in releases])
        return
    rows: list[dict[str, Any]] = [row_of(release, names) for release in releases]
    print_rows(rows, _COLUMNS, as_json=False, empty="no releases; a gateway brings its first: `interlock gateways add`")


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("list", epilog=EXAMPLES)(list_releases)
