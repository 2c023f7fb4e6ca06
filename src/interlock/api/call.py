"""One request on its way through a handler, and the answers a handler can give.

Made by the request pipeline for ``api.routes``.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from interlock.api import answers, public
from interlock.api.expansion import Expander, Shown
from interlock.api.links import TOTAL_COUNT
from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem
from interlock.payments.work import Answer, Respond

if TYPE_CHECKING:
    from interlock.api.services import Services

P = TypeVar("P")
Render = Callable[[Any], Shown | bytes]
Resume = Callable[[RequestContext, str], Awaitable[Answer | Problem | None]]
Known = Callable[[Any], Mapping[str, Shown]]

_NOTHING: Mapping[str, Shown] = {}


class Call(Generic[P]):
    """A request: who asks, what for, and with which typed parameters."""

    __slots__ = (
        "_expand",
        "_expander",
        "_known",
        "client_ip",
        "context",
        "ids",
        "parameters",
        "resume",
        "services",
        "user_agent",
        "version",
    )

    def __init__(
        self,
        services: "Services",
        expander: Expander,
        context: RequestContext,
        parameters: P,
        ids: tuple[str, ...],
        expand: tuple[str, ...],
        client_ip: str | None,
        user_agent: str | None,
        version: str | None = None,
    ) -> None:
        """Keep the request; ``expand`` was already checked, ``version`` is what the client named in Stripe-Version."""
        self.services = services
        self.context = context
        self.parameters = parameters
        self.ids = ids
        self.client_ip = client_ip
        self.user_agent = user_agent
        self.version = version
        self.resume: Resume | None = None
        self._known: dict[str, Shown] = {}
        self._expander = expander
        self._expand = expand

    @property
    def scope(self) -> Scope:
        """Return the account and mode."""
        return self.context.scope

    async def show(self, shown: Shown, known: Mapping[str, Shown] = _NOTHING) -> Answer:
        """Return the answer that shows ``shown``, expanded as asked for."""
        if self._expand:
            await self._expander.expand(self.context.scope, shown, self._expand, known)
            shown = public.expanded(shown) if self.context.publishable else shown
        return answers.of_value(shown)

    async def show_list(self, data: list[Shown], *, has_more: bool) -> Answer:
        """Return the list answer around ``data``."""
        return await self.show(answers.list_object(data, self.context.path, has_more=has_more))

    async def show_search(self, data: list[Shown], *, next_page: str | None, total_count: int | None = None) -> Answer:
        """Return the search answer around ``data``, with the count of all that was found where it was asked for."""
        shown = answers.search_object(data, self.context.path, next_page=next_page)
        return await self.show(shown if total_count is None else {**shown, TOTAL_COUNT: total_count})

    def responder(self, render: Render, known: Known | None = None) -> Respond:
        """Return what a use case calls to have its view (or problem) made into the answer it commits.

        That answer is never expanded: what it refers to is being written in the same commit and cannot be read yet.
        :meth:`finish` expands it afterwards, also when it is replayed.

        Args:
            render: makes the view's public shape, or the bytes of it where they are at hand.
            known: objects the view already carries, by id, so that expanding them needs no read.

        """
        # Not the call itself: `resume` keeps what this returns, and the ring would be left to the collector.
        gathered = self._known if self._expand else None
        publishable = self.context.publishable

        async def respond(view: Any) -> Answer:
            if isinstance(view, Problem):
                return answers.of_problem(public.problem(view) if publishable else view)
            if known is not None and gathered is not None:
                gathered.update(known(view))
            shown = render(view)
            return Answer(200, shown) if isinstance(shown, bytes) else answers.of_value(shown)

        return respond

    async def finish(self, answer: Answer) -> Answer:
        """Return the answer of a use case that wrote something, expanded as asked for."""
        if not self._expand or answer.status != 200:
            return answer
        shown = msgspec.json.decode(answer.body)
        await self._expander.expand(self.context.scope, shown, self._expand, self._known)
        shown = public.expanded(shown) if self.context.publishable else shown
        return msgspec.structs.replace(answer, body=answers.encode(shown))
