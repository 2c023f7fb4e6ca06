"""The steps of a release: approved, promoted, aborted, rolled back. Who may is the use cases' to say."""

from interlock.api.control.calls import PREFIX, Call, ControlEndpoint, given, scope_of
from interlock.api.control.parameters import Approve, Because, Promote, RollBackGateway
from interlock.base.problems import Problem
from interlock.payments.work import Answer
from interlock.releases import stepping


async def approve(call: Call[Approve]) -> Answer | Problem:
    """Let a release whose gates passed go on to the canary."""
    release, asked = await call.release(), call.parameters
    if isinstance(release, Problem):
        return release
    approved = await call.rooms.proposals.approve(
        scope_of(release),
        release.id,
        call.actor,
        asked.why,
        accept_inconclusive=asked.accept_inconclusive,
        break_glass=asked.break_glass,
    )
    return await call.stands(approved)


async def promote(call: Call[Promote]) -> Answer | Problem:
    """Take a release one step on: from approved to the canary, from the canary to stable."""
    release, asked = await call.release(), call.parameters
    if isinstance(release, Problem):
        return release
    moved = await stepping.step_on(
        call.rooms.rollouts,
        scope_of(release),
        release.id,
        call.actor,
        asked.why,
        plan=given(asked.plan),
        break_glass=asked.break_glass,
    )
    return await call.stands(moved)


async def abort(call: Call[Because]) -> Answer | Problem:
    """Take back a release that does not serve yet."""
    release, rooms = await call.release(), call.rooms
    if isinstance(release, Problem):
        return release
    ended = await stepping.abort(
        rooms.proposals, rooms.rollouts, scope_of(release), release.id, call.actor, call.parameters.why
    )
    return await call.stands(ended)


async def roll_back(call: Call[Because]) -> Answer | Problem:
    """Take a release out of service: no process sends it a payment a second later."""
    release = await call.release()
    if isinstance(release, Problem):
        return release
    back = await call.rooms.rollouts.roll_back(scope_of(release), release.id, call.actor, call.parameters.why)
    return await call.stands(back)


async def roll_back_gateway(call: Call[RollBackGateway]) -> Answer | Problem:
    """Take out of service whatever was changed last at a gateway."""
    asked, rollouts = call.parameters, call.rooms.rollouts
    gateway = await call.gateway(call.ids[0], asked.mode, "id")
    if isinstance(gateway, Problem):
        return gateway
    release = await stepping.changed_last(rollouts, gateway.scope, gateway.id)
    if isinstance(release, Problem):
        return release
    return await call.stands(await rollouts.roll_back(gateway.scope, release.id, call.actor, asked.why))


async def end_holdback(call: Call[Because]) -> Answer | Problem:
    """End the hold-back arm: stable takes everything."""
    release = await call.release()
    if isinstance(release, Problem):
        return release
    ended = await call.rooms.rollouts.end_holdback(scope_of(release), release.id, call.actor, call.parameters.why)
    return await call.stands(ended)


_ONE = f"{PREFIX}/releases/{{id}}"
ENDPOINTS = (
    ControlEndpoint("POST", f"{_ONE}/approve", approve, Approve, "Let a release go on to the canary"),
    ControlEndpoint("POST", f"{_ONE}/promote", promote, Promote, "Begin the canary, or make a canary stable"),
    ControlEndpoint("POST", f"{_ONE}/abort", abort, Because, "Take back a release that does not serve yet"),
    ControlEndpoint("POST", f"{_ONE}/rollback", roll_back, Because, "Take a release out of service"),
    ControlEndpoint("POST", f"{_ONE}/end_holdback", end_holdback, Because, "End the hold-back arm"),
    ControlEndpoint(
        *("POST", f"{PREFIX}/gateways/{{id}}/rollback", roll_back_gateway, RollBackGateway),
        "Take out of service what was changed last at a gateway",
    ),
)
