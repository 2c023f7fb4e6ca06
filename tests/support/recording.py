"""Calling use cases as the API does: a request's context, and a responder that remembers what it was shown."""

from typing import Any, TypeVar

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem
from interlock.payments.work import Answer

V = TypeVar("V")
SCOPE = Scope("acct_test", livemode=False)
LIVE = Scope("acct_test", livemode=True)


def request(scope: Scope = SCOPE, *, key: str | None = None, path: str = "/v1/test") -> RequestContext:
    """Return the context of a request in ``scope``, with idempotency ``key`` if given."""
    return RequestContext(scope=scope, request_id=new_id("req"), path=path, idempotency_key=key, fingerprint="f")


class Recorder:
    """A responder; ``view`` is what the use case last answered with."""

    def __init__(self) -> None:
        """Start with nothing shown."""
        self.view: Any = None

    async def __call__(self, view: object) -> Answer:
        """Remember ``view`` and answer 200, or the problem's own status."""
        self.view = view
        return Answer(view.status if isinstance(view, Problem) else 200, b"{}")

    def shown(self, answer: Answer | Problem, kind: type[V]) -> V:
        """Return what was shown, after checking that ``answer`` is one and that it showed a ``kind``."""
        assert isinstance(answer, Answer), answer
        assert isinstance(self.view, kind), self.view
        return self.view
