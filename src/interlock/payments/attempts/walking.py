"""From one route to the next where that is safe: the walk that payments and card set-ups share.

Only *refused* and *not sent* go on by themselves (design section 3); an issuer's decline only where the way says that a
rule allows it; *unknown* never.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from interlock.base.clock import Clock
from interlock.base.crashpoints import reach
from interlock.gateways.outcomes import Outcome
from interlock.gateways.transport import Execution
from interlock.payments.attempts.runner import Request, Runner
from interlock.payments.attempts.types import Attempt
from interlock.routing.types import Candidate

S = TypeVar("S")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how often one request may try. ``lease_ms`` is when recovery may take over an attempt that its
    request has not settled; it must exceed the budget."""

    budget_ms: int = 25_000
    next_route_min_ms: int = 4_000
    routes_max: int = 4
    lease_ms: int = 40_000


class Way(Protocol[S]):
    """What is walked: a payment or a set-up, in a state that names its attempt in flight."""

    def attempt(self, state: S) -> Attempt:
        """Return the attempt in flight."""
        ...

    def request(self, state: S) -> Request:
        """Return what to send for it."""
        ...

    def may_retry_decline(self, state: S, execution: Execution, following: Candidate, made: int) -> bool:
        """Return True when a rule lets a declined payment go on to ``following`` after ``made`` tries."""
        ...

    async def move_on(self, state: S, execution: Execution, following: Candidate) -> S | None:
        """Settle the failed attempt and make the next durable; None when somebody else changed the object."""
        ...


async def walk(
    way: Way[S], state: S, routes: Sequence[Candidate], runner: Runner, clock: Clock, limits: Limits, deadline_ms: int
) -> tuple[S, Execution]:
    """Run the attempt in ``state``, then others by ``routes``, until one settles the matter or nothing may follow.

    Args:
        way: how to send, judge and move on.
        state: with the first attempt, durable.
        routes: in order; the first is the state's own.
        runner: runs attempts.
        clock: tells what is left of the budget.
        limits: how many routes, and how much time the next must have.
        deadline_ms: epoch milliseconds.

    """
    position = 0
    while True:
        execution = await runner.run_to_certainty(way.attempt(state), way.request(state), deadline_ms)
        position += 1
        if position >= min(len(routes), limits.routes_max):
            return state, execution
        if deadline_ms - clock.now_ms() < limits.next_route_min_ms or execution.echo_mismatch:
            return state, execution
        outcome = execution.result.outcome
        goes_on = outcome.may_try_elsewhere or (
            outcome is Outcome.DECLINED and way.may_retry_decline(state, execution, routes[position], position)
        )
        if not goes_on:
            return state, execution
        moved = await way.move_on(state, execution, routes[position])
        if moved is None:
            return state, execution
        state = moved
        reach("payment.failover")
