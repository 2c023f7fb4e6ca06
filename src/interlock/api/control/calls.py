"""One request of an operator on its way through a handler, the table's rows, and what handlers share."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import msgspec

from interlock.api import answers
from interlock.api.control.parameters import PageParameters, Parameters
from interlock.base.context import Scope
from interlock.base.problems import Problem, invalid, missing
from interlock.bootstrap import ControlRooms
from interlock.payments.work import Answer
from interlock.releases.operators import Operator
from interlock.releases.standing import run_view, standing, standing_view
from interlock.releases.types import Actor
from interlock.routing.releases import RELEASES, Release
from interlock.routing.types import Gateway

P = TypeVar("P", bound=Parameters)
T = TypeVar("T")
PREFIX = "/control/v1"


@dataclass(frozen=True, slots=True)
class Call(Generic[P]):
    """A request: who asks, for what, and the use cases that do it."""

    rooms: ControlRooms
    operator: Operator
    ids: tuple[str, ...]
    parameters: P
    path: str

    @property
    def actor(self) -> Actor:
        """Return who acts; the token has proven the name."""
        return self.operator.actor

    def scope(self, mode: str) -> Scope:
        """Return the operator's account in ``mode``: no request reaches another account."""
        return Scope(self.operator.account_id, livemode=mode == "live")

    async def release(self, release_id: str | None = None) -> Release | Problem:
        """Return the release that the path (or ``release_id``) names, of either mode."""
        wanted = release_id or self.ids[0]
        for mode in ("test", "live"):
            found = await self.rooms.database.get(RELEASES, self.scope(mode), wanted)
            if found is not None:
                return found
        return missing("release", wanted, param="id" if release_id is None else "against")

    async def gateway(self, name: str, mode: str, param: str = "gateway") -> Gateway | Problem:
        """Return the gateway that is called so, by id or name."""
        found = await self.rooms.proposals.store.gateway(self.scope(mode), name)
        return missing("gateway", name, param=param) if isinstance(found, Problem) else found

    async def stands(self, release: Release | Problem) -> Answer | Problem:
        """Return the answer that shows how a release stands now, or why it was not done."""
        if isinstance(release, Problem):
            return release
        found = await standing(self.rooms.proposals.store, scope_of(release), release.id)
        if isinstance(found, Problem):
            return found
        run = await self.rooms.examinations.latest(release)
        return answers.of_value(
            {"object": "release", **standing_view(found), "run": None if run is None else run_view(run)}
        )

    def listing(self, items: Iterable[dict[str, Any]], *, has_more: bool, **more: Any) -> Answer:
        """Return the answer that lists ``items``, with ``more`` facts beside them."""
        return answers.of_value({**answers.list_object(list(items), self.path, has_more=has_more), **more})


Handler = Callable[[Call[Any]], Awaitable[Answer | Problem]]


@dataclass(frozen=True, slots=True)
class ControlEndpoint:
    """One operation. ``heavy`` ones are done one at a time."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    parameters: type[Parameters]
    summary: str
    heavy: bool = False


def scope_of(release: Release) -> Scope:
    """Return a release's account and mode."""
    return Scope(release.account_id, release.livemode)


def page_of(
    items: Sequence[T], parameters: PageParameters, id_of: Callable[[T], str]
) -> tuple[list[T], bool] | Problem:
    """Return the part of a whole list that was asked for, and whether there is more after it."""
    start = 0
    if parameters.starting_after is not None:
        place = next((n for n, each in enumerate(items) if id_of(each) == parameters.starting_after), None)
        if place is None:
            return no_such_cursor(parameters.starting_after)
        start = place + 1
    end = start + parameters.limit
    return list(items[start:end]), len(items) > end


def no_such_cursor(cursor: str) -> Problem:
    """Return the refusal of a page that begins after something that is not in the list."""
    message = f"The list has no '{cursor}' to go on after."
    return invalid(message, code="resource_missing", param="starting_after")


def given(parameters: Parameters) -> dict[str, Any]:
    """Return the parameters that are not None."""
    return {name: value for name, value in msgspec.structs.asdict(parameters).items() if value is not None}
