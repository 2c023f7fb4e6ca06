"""``interlock release abort``: a release is not wanted any more, before it serves."""

import typer

from interlock.bootstrap import Rooms
from interlock.cli.output import JsonOption, print_json, say
from interlock.cli.releases.common import ReleaseId, Why, acting, decided, say_next, stands, the_release
from interlock.cli.session import AccountOption, with_rooms
from interlock.releases import stepping
from interlock.releases.standing import standing_view
from interlock.releases.types import Standing

EXAMPLES = """Example:

  interlock release abort rel_4f0c --why "another change goes first"

A canary ends at once and its payments are finished; nothing is held against the release. `rollback` says that it hurt.
"""


def abort(release_id: ReleaseId, why: Why, account: AccountOption = None, as_json: JsonOption = False) -> None:
    """Take back a release that does not serve yet: drafted, approved or on canary."""

    async def work(rooms: Rooms) -> Standing:
        scope, release = await the_release(rooms, account, release_id)
        actor = await acting(rooms, scope)
        ended = await stepping.abort(rooms.proposals, rooms.rollouts, scope, release.id, actor, why)
        return await stands(rooms, decided(ended, release.id))

    found = with_rooms(work)
    if as_json:
        print_json(standing_view(found))
        return
    say(f"{found.release.id} is {found.release.state.value}; {found.pointer.stable_release_id} serves")
    say_next(found)


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("abort", epilog=EXAMPLES)(abort)
