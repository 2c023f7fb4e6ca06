"""``interlock release promote``: one step on. An approved release begins its canary, a canary becomes stable."""

from typing import Annotated, Any

import typer

from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.bootstrap import Rooms
from interlock.cli.output import ExitCode, JsonOption, RefusedError, print_json, say
from interlock.cli.releases.common import (
    PPM_PER_PERCENT,
    BreakGlass,
    ReleaseId,
    Yes,
    acting,
    confirm,
    decided,
    percent,
    say_next,
    stands,
    the_release,
)
from interlock.cli.session import AccountOption, with_rooms
from interlock.releases.standing import standing_view
from interlock.releases.stepping import step_on
from interlock.releases.types import Actor, Standing, TrialState
from interlock.routing.releases import Release, ReleaseState

_HOUR_MS = 3_600_000
EXAMPLES = """Examples:

  interlock release promote rel_4f0c                          approved → canary, on at most 5 % of payments

  interlock release promote rel_4f0c --share 1 --hold         on at most 1 %, and a person promotes it

  interlock release promote rel_4f0c                          canary → stable, once the evidence is in

  interlock release promote rel_4f0c --break-glass --why "shop is down, INC-42"

The canary starts with 1 % and grows as the rate of payments allows. Without --hold the controller promotes it when the
evidence is in, and takes it back when it hurts: at alpha 1e-4 it blames an innocent release once in ten thousand.
After the promotion a hold-back arm stays on the release before, and the same test runs the other way round.
"""

Share = Annotated[float | None, typer.Option("--share", metavar="PERCENT", help="The most the canary takes; 5.")]
Alpha = Annotated[
    float | None, typer.Option("--alpha", help="The chance to take an innocent release back; 1e-4 without it.")
]
Holdback = Annotated[
    float | None, typer.Option("--holdback", metavar="PERCENT", help="What stays with the release before; 5.")
]


def promote(
    release_id: ReleaseId,
    share: Share = None,
    alpha: Alpha = None,
    hold: Annotated[bool, typer.Option("--hold", help="A person promotes it when the evidence is in.")] = False,
    holdback: Holdback = None,
    holdback_hours: Annotated[
        float | None, typer.Option("--holdback-hours", metavar="HOURS", help="For how long; 24.")
    ] = None,
    break_glass: BreakGlass = False,
    why: Annotated[str, typer.Option("--why", help="The reason, for the journal.")] = "",
    yes: Yes = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a release one step on: from approved to the canary, from the canary to stable."""
    wanted = _wanted(share, alpha, holdback, holdback_hours, hold=hold)
    if break_glass:
        confirm(f"Make {release_id} stable for every payment, without evidence?", yes=yes)

    async def work(rooms: Rooms) -> tuple[Standing, str]:
        scope, release = await the_release(rooms, account, release_id)
        actor = await acting(rooms, scope)
        return await _promote(rooms, scope, release, actor, wanted, why, break_glass=break_glass)

    found, said = with_rooms(work)
    if as_json:
        print_json(standing_view(found))
        return
    say(said)
    say_next(found)


async def _promote(
    rooms: Rooms, scope: Scope, release: Release, actor: Actor, wanted: dict[str, Any], why: str, *, break_glass: bool
) -> tuple[Standing, str]:
    made = await step_on(rooms.rollouts, scope, release.id, actor, why, plan=wanted, break_glass=break_glass)
    if isinstance(made, Problem) and made.param in _OPTIONS:
        raise _wrong_option(made, wanted)
    found = await stands(rooms, decided(made, release.id))
    if found.release.state is ReleaseState.CANARY and found.trial is not None:
        first, most = percent(found.pointer.share_ppm), percent(found.trial.plan.share_ppm)
        return found, f"{release.id} is on canary: {first} of payments now, {most} at most, while the worker watches it"
    return found, f"{release.id} is stable: every process sends payments to it within a second{_arm(found)}"


def _wrong_option(problem: Problem, wanted: dict[str, Any]) -> RefusedError:
    if problem.code == "no_plan_here":
        return RefusedError(_named(wanted), problem.message.rstrip("."), "leave it away", ExitCode.USAGE)
    option, remedy = _OPTIONS[str(problem.param)]
    return RefusedError(option, "is out of range", remedy, ExitCode.USAGE)


def _arm(found: Standing) -> str:
    trial = found.trial
    if trial is None or trial.state is not TrialState.RUNNING:
        return ""
    hours = trial.plan.holdback_ms / _HOUR_MS
    return f"; {percent(trial.plan.holdback_ppm)} stay with {trial.against_release_id} for {hours:g} h"


def _wanted(
    share: float | None, alpha: float | None, holdback: float | None, hours: float | None, *, hold: bool
) -> dict[str, Any]:
    given = {
        "share_ppm": None if share is None else round(share * PPM_PER_PERCENT),
        "alpha": alpha,
        "waits_for_person": hold or None,
        "holdback_ppm": None if holdback is None else round(holdback * PPM_PER_PERCENT),
        "holdback_ms": None if hours is None else round(hours * _HOUR_MS),
    }
    return {name: value for name, value in given.items() if value is not None}


_OPTIONS = {
    "share_ppm": ("--share", "give 0.0001 to 50"),
    "alpha": ("--alpha", "give a chance above 0, up to 0.05"),
    "waits_for_person": ("--hold", "leave it away"),
    "holdback_ppm": ("--holdback", "give 0 to 50"),
    "holdback_ms": ("--holdback-hours", "give 0 to 168"),
}


def _named(wanted: dict[str, Any]) -> str:
    return ", ".join(_OPTIONS[name][0] for name in wanted)


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("promote", epilog=EXAMPLES)(promote)
