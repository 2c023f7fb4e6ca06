"""``interlock release approve``: a person lets a release go on to the canary."""

from typing import Annotated

import typer

from interlock.bootstrap import Rooms
from interlock.cli.output import JsonOption, print_json, say
from interlock.cli.releases.common import (
    BreakGlass,
    ReleaseId,
    Why,
    Yes,
    acting,
    confirm,
    decided,
    say_next,
    stands,
    the_release,
)
from interlock.cli.session import AccountOption, with_rooms
from interlock.releases.standing import standing_view
from interlock.releases.types import Standing

EXAMPLES = """Examples:

  interlock release approve rel_4f0c --why "read the diff and the reports"

  interlock release approve rel_4f0c --accept-inconclusive --why "no traffic yet, so shadow has nothing to replay"

  interlock release approve rel_4f0c --break-glass --why "shop is down, INC-42"

In live mode the approver is another operator than the proposer (INTERLOCK_OPERATOR_TOKEN).
"""


def approve(
    release_id: ReleaseId,
    why: Why,
    accept_inconclusive: Annotated[
        bool,
        typer.Option("--accept-inconclusive", help="Gates that could not judge do not hold it; --why says why not."),
    ] = False,
    break_glass: BreakGlass = False,
    yes: Yes = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a release whose gates passed go on to the canary."""
    if break_glass:
        confirm(f"Approve {release_id} whatever its gates say?", yes=yes)

    async def work(rooms: Rooms) -> Standing:
        scope, release = await the_release(rooms, account, release_id)
        actor = await acting(rooms, scope)
        approved = await rooms.proposals.approve(
            scope, release.id, actor, why, accept_inconclusive=accept_inconclusive, break_glass=break_glass
        )
        return await stands(rooms, decided(approved, release.id))

    found = with_rooms(work)
    if as_json:
        print_json(standing_view(found))
        return
    say(f"{found.release.id} is approved by {found.release.approved_by}")
    say_next(found)


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("approve", epilog=EXAMPLES)(approve)
