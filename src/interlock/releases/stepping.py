"""One step on, or off: what promoting and aborting mean for a release depends on where it stands.

Called by ``cli`` and ``api``, so that both do the same.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.base.context import Scope
from interlock.base.problems import Problem, invalid
from interlock.releases.proposals import Proposals
from interlock.releases.rollouts import Rollouts
from interlock.releases.types import Actor, Plan, TrialState
from interlock.routing.releases import Release, ReleaseState, TrialKind


async def step_on(
    rollouts: Rollouts,
    scope: Scope,
    release_id: str,
    actor: Actor,
    why: str,
    *,
    plan: Mapping[str, Any],
    break_glass: bool = False,
) -> Release | Problem:
    """Take a release one step on: an approved one begins its canary, one on canary becomes stable.

    Args:
        rollouts: the use cases.
        scope: account and mode.
        release_id: which.
        actor: who.
        why: for the journal.
        plan: fields of :class:`~interlock.releases.types.Plan` that differ from its own; for the begin of a canary.
        break_glass: stable at once, without evidence.

    """
    release = await rollouts.store.release(scope, release_id)
    if isinstance(release, Problem):
        return release
    begins = release.state is ReleaseState.APPROVED and not break_glass
    if plan and not begins:
        named = ", ".join(plan)
        return invalid(
            f"A plan ({named}) belongs to the begin of a canary; this release is {release.state}"
            f"{' and breaking the glass begins none' if break_glass else ''}.",
            code="no_plan_here",
            param=next(iter(plan)),
        )
    if not begins:
        reason = why or ("" if break_glass else "the evidence is in")
        return await rollouts.promote(scope, release_id, actor, reason, break_glass=break_glass)
    try:
        made = msgspec.convert(dict(plan), Plan)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        return invalid(f"{problem}.", param=place.strip("`").removeprefix("$.") or None)
    return await rollouts.start_canary(scope, release_id, actor, why or "begin of the canary", made)


async def abort(
    proposals: Proposals, rollouts: Rollouts, scope: Scope, release_id: str, actor: Actor, why: str
) -> Release | Problem:
    """Take back a release that does not serve yet; one on canary with its pointer."""
    release = await proposals.store.release(scope, release_id)
    if isinstance(release, Problem):
        return release
    if release.state is ReleaseState.CANARY:
        return await rollouts.end_trial(scope, release_id, actor, why, TrialState.ABORTED)
    return await proposals.abort(scope, release_id, actor, why)


async def changed_last(rollouts: Rollouts, scope: Scope, gateway_id: str) -> Release | Problem:
    """Return what a rollback of a gateway takes out of service: the release on canary, else the stable one."""
    pointer = await rollouts.store.pointer(scope, gateway_id)
    if isinstance(pointer, Problem):
        return pointer
    on_canary = pointer.trial_release_id if pointer.trial_kind is TrialKind.CANARY else None
    return await rollouts.store.release(scope, on_canary or pointer.stable_release_id)
