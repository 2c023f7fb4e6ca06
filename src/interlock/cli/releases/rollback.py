"""``interlock release rollback``: out of service at once, everywhere."""

from typing import Annotated

import typer

from interlock.base.context import Scope
from interlock.bootstrap import Rooms
from interlock.cli.output import JsonOption, print_json, say
from interlock.cli.releases.common import Yes, acting, confirm, decided, say_next, stands, the_gateway, the_release
from interlock.cli.releases.common import the_scope as scope_of
from interlock.cli.session import AccountOption, LiveOption, with_rooms
from interlock.releases.standing import standing_view
from interlock.releases.stepping import changed_last
from interlock.releases.types import Standing
from interlock.routing.releases import Release, ReleaseState

_PREFIX = "rel_"
EXAMPLES = """Examples:

  interlock release rollback rel_4f0c --why "declines doubled"

  interlock release rollback stripe --live        whatever was changed last at this gateway

A canary gives way to the stable release, a stable release to the one before it, with the secrets of its day. Payments
in flight are finished: by stable where the gate certify has proven that it can, else by the release that began them.
"""


def rollback(
    target: Annotated[str, typer.Argument(metavar="ID|GATEWAY", help="The release, or the gateway in --live or test.")],
    why: Annotated[str, typer.Option("--why", help="The reason, for the journal.")] = "rolled back by hand",
    yes: Yes = False,
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a release out of service: no process sends it a payment a second later."""

    async def work(rooms: Rooms) -> Standing:
        scope, release = await _meant(rooms, account, target, live=live)
        if release.state is ReleaseState.STABLE:
            confirm(f"{release.id} serves every payment. Go back to the release before it?", yes=yes)
        actor = await acting(rooms, scope)
        back = await rooms.rollouts.roll_back(scope, release.id, actor, why)
        return await stands(rooms, decided(back, release.id))

    found = with_rooms(work)
    if as_json:
        print_json(standing_view(found))
        return
    say(f"{found.release.id} is rolled back: {found.pointer.stable_release_id} serves, everywhere within a second")
    say_next(found)


async def _meant(rooms: Rooms, account: str | None, target: str, *, live: bool) -> tuple[Scope, Release]:
    """Return the release that is named, or the one that was changed last at the gateway that is."""
    if target.startswith(_PREFIX):
        return await the_release(rooms, account, target)
    scope = await scope_of(rooms, account, live=live)
    gateway = await the_gateway(rooms, scope, target)
    return scope, decided(await changed_last(rooms.rollouts, scope, gateway.id), "GATEWAY")


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("rollback", epilog=EXAMPLES)(rollback)
