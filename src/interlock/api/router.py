"""Endpoints and the table that finds them by method and path.

Called by the application factory; filled by ``api.routes``.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from interlock.api.authentication import Access
from interlock.api.parameters.base import Expandable, Parameters
from interlock.base.problems import Problem
from interlock.payments.work import Answer

if TYPE_CHECKING:
    from interlock.api.call import Call

Handler = Callable[["Call[Any]"], Awaitable[Answer | Problem]]
Shape = Literal["object", "list", "search"]

_WILDCARD = "{}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation: what it is called, what it takes, who answers it and what the answer is."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Handler
    answers: str
    parameters: type[Parameters] = Expandable
    shape: Shape = "object"
    access: Access = Access.SECRET
    summary: str = ""
    always_empty: bool = False
    uploads: bool = False


class Routed(Protocol):
    """What can be found by method and path."""

    @property
    def method(self) -> str:
        """Return GET, POST or DELETE."""
        ...

    @property
    def path(self) -> str:
        """Return the path with its placeholders."""
        ...


R = TypeVar("R", bound=Routed)


class Router(Generic[R]):
    """A tree of path segments; literal segments win over placeholders."""

    def __init__(self, endpoints: Iterable[R]) -> None:
        """Build the tree; placeholders are written ``{name}``."""
        self.endpoints = tuple(endpoints)
        self._static: dict[tuple[str, str], R] = {}
        self._tree: dict[str, Any] = {}
        for endpoint in self.endpoints:
            if "{" not in endpoint.path:
                self._static[endpoint.method, endpoint.path] = endpoint
            node = self._tree
            for segment in endpoint.path.split("/")[1:]:
                node = node.setdefault(_WILDCARD if segment.startswith("{") else segment, {})
            node.setdefault("", {})[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> tuple[R, tuple[str, ...]] | tuple[str, ...]:
        """Return the endpoint and the values of its placeholders, else the methods the path knows (none: unknown)."""
        endpoint = self._static.get((method, path))
        if endpoint is not None:
            return endpoint, ()
        values: list[str] = []
        node = self._tree
        for segment in path.rstrip("/").split("/")[1:]:
            below = node.get(segment) if segment else None
            if below is None:
                below = node.get(_WILDCARD) if _may_be_id(segment) else None
                if below is None:
                    return ()
                values.append(segment)
            node = below
        methods: dict[str, R] = node.get("", {})
        found = methods.get(method)
        return (found, tuple(values)) if found is not None else tuple(sorted(methods))


def _may_be_id(segment: str) -> bool:
    return 0 < len(segment) <= 255 and segment.isascii() and segment.isprintable()
