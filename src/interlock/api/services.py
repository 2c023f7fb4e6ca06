"""What the API needs of the rest: use cases by room, made in ``bootstrap``.

``Services`` is the whole list; a handler reaches its room through it. Nothing here decides anything.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from interlock.api.authentication import KeyRecord
from interlock.api.expansion import Load
from interlock.base.context import RequestContext
from interlock.base.problems import Problem
from interlock.payments.work import Answer

Authenticate = Callable[[str], Awaitable[KeyRecord | None]]
Ready = Callable[[], Awaitable[bool]]
Resume = Callable[[RequestContext, str], Awaitable[Answer | Problem | None]]


class Settles(Protocol):
    """``payments.idempotency.service.Idempotency``."""

    async def settle(
        self, ctx: RequestContext, outcome: Answer | Problem, resume: Resume | None = None
    ) -> Answer | Problem:
        """Return what to answer, given what the use case came to."""
        ...


async def _always_ready() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases. ``rooms`` is handed to handlers; ``loaders`` and ``included`` serve ``expand``."""

    authenticate: Authenticate
    idempotency: Settles
    fingerprint_secret: bytes
    rooms: Any = None
    ready: Ready = _always_ready
    loaders: Mapping[str, Load] = field(default_factory=dict)
    included: Mapping[tuple[str, str], Load] = field(default_factory=dict)
