"""What every simulated gateway shares: the road from a request to a reply, and what happens later by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from interlock.base.clock import Clock
from interlock.sandbox.http import Reply, Request
from interlock.sandbox.store import Store


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What a fault may match on; empty where a request does not say."""

    operation: str = ""
    brand: str = ""
    currency: str = ""
    country: str = ""
    bin: str = ""


Notify = Callable[[str, str, bytes, Facts], None]


class Context(msgspec.Struct):
    """What a provider is given: its memory, the time, and where it can be reached.

    ``notify`` queues a webhook (id, type, body, facts) and is None while nobody listens; ``events`` are the types
    wanted, empty for all. ``forced_decline`` is set by
    a fault for one request: the next charge is declined with this code and decline code. ``specs`` is the folder of
    published specifications to check requests against, None for the built-in minimal checks.
    """

    store: Store
    clock: Clock
    base_url: str = ""
    notify: Notify | None = None
    events: frozenset[str] = frozenset()
    modification_delay_ms: int = 50
    forced_decline: tuple[str, str] | None = None
    specs: Path | None = None


class Provider(Protocol):
    """One simulated provider. Pure decisions: sockets, faults and webhooks' delivery are the engine's.

    ``checks`` says in words what requests are checked against.
    """

    name: str
    checks: str

    def handle(self, request: Request) -> Reply:
        """Execute ``request`` and return the reply; what it changed is in the store."""
        ...

    def facts(self, request: Request) -> Facts:
        """Return what faults may match on."""
        ...

    def idempotency_key(self, request: Request) -> str:
        """Return the key under which ``request`` must be executed once, or an empty text."""
        ...

    def in_progress(self) -> Reply:
        """Return the answer to a request whose key is being executed."""
        ...

    def refusal(self, status: int, code: str | None, message: str | None) -> Reply:
        """Return an error in the provider's words, for a fault that refuses a request."""
        ...

    def page(self, request: Request) -> Reply | None:
        """Return the page (or its result) a shopper is sent to for authentication, None for other paths."""
        ...

    def sign(self, body: bytes, secret: str, now_ms: int) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a webhook, signed with ``secret``."""
        ...

    def happen(self, what: str, payment_id: str) -> str | None:
        """Let a cardholder dispute a payment or an authorisation expire; returns why it cannot, if so."""
        ...

    def fire(self, name: str, subject: str) -> None:
        """Let a timer set earlier happen."""
        ...
