"""Beginning, watching and ending trials through the use cases that people and the controller use.

Called by the measurements. Releases are approved by breaking the glass: what gates find is another benchmark's matter.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from benchmarks.rollback.fleet import ACTOR

from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.bootstrap import Rooms
from interlock.gateways.package import Package
from interlock.releases.proposals import Proposal
from interlock.releases.types import Plan, TrialState
from interlock.routing.releases import Pointer, Release

_WHY = "a benchmark"
_LOOK_EVERY_S = 0.1
T = TypeVar("T")


class TrialFailedError(Exception):
    """A use case refused what the benchmark asked for, or nothing came of it in time."""


class NothingFlowsError(TrialFailedError):
    """The machine is too busy for a trial: processes that do not see the pointer often enough send nothing to it."""


def got(result: T | Problem) -> T:
    """Return ``result``.

    Raises:
        TrialFailedError: it is a problem.

    """
    if isinstance(result, Problem):
        raise TrialFailedError(result.message)
    return result


@contextlib.asynccontextmanager
async def on_trial(
    rooms: Rooms,
    scope: Scope,
    gateway_id: str,
    plan: Plan,
    *,
    base_url: str | None = None,
    package: Package | None = None,
) -> AsyncIterator[Release]:
    """Start a canary of what serves, with another address or package; at the end it is over in any case."""
    settings = {} if base_url is None else {"base_url": base_url}
    proposal = Proposal(settings=settings, package=package, note=_WHY)
    release = got(await rooms.proposals.propose(scope, gateway_id, proposal, ACTOR))
    got(await rooms.proposals.approve(scope, release.id, ACTOR, _WHY, break_glass=True))
    release = got(await rooms.rollouts.start_canary(scope, release.id, ACTOR, _WHY, plan))
    try:
        yield release
    finally:
        if (await pointer_of(rooms, release)).trial_release_id == release.id:
            got(await rooms.rollouts.end_trial(scope, release.id, ACTOR, _WHY, TrialState.ABORTED))


async def pointer_of(rooms: Rooms, release: Release) -> Pointer:
    """Return the pointer of the release's gateway."""
    return got(await rooms.rollouts.store.pointer(Scope(release.account_id, release.livemode), release.gateway_id))


@contextlib.asynccontextmanager
async def held_share(rooms: Rooms, release: Release, share_ppm: int) -> AsyncIterator[None]:
    """Keep the trial at a share while the block runs, also when the controller has fitted it to the shop's rate."""
    holding = asyncio.create_task(_hold(rooms, release, share_ppm), name="hold-share")
    try:
        yield
    finally:
        holding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await holding


async def _hold(rooms: Rooms, release: Release, share_ppm: int) -> None:
    scope = Scope(release.account_id, release.livemode)
    while True:
        pointer = await pointer_of(rooms, release)
        if pointer.trial_release_id is None:
            return
        if pointer.share_ppm != share_ppm:
            # Somebody may have moved it at the same moment; the next look tells.
            await rooms.rollouts.set_share(scope, pointer, share_ppm, ACTOR, _WHY)
        await asyncio.sleep(_LOOK_EVERY_S)


async def until(found: Callable[[], Awaitable[bool]], within_s: float) -> bool:
    """Wait until ``found`` says so; return whether it did within ``within_s``."""
    deadline = time.monotonic() + within_s
    while not await found():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_LOOK_EVERY_S)
    return True
