"""What only changes rows of ours is done again when another request changed the same object first.

Called by the request pipeline. A use case that lost a race has written nothing: it reads again what the other one left
and applies its change to that. Only use cases that are one commit are repeated; whatever may have sent something to a
gateway never is, and neither is a request whose idempotency key was taken (that is another problem, not this one).
"""

import asyncio
import random
from typing import Any
from weakref import WeakValueDictionary

from interlock.api.call import Call
from interlock.api.router import Endpoint
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.payments.work import CONFLICT, Answer

REPEATS_MAX = 5
_PAUSE_S = 0.02

ONE_COMMIT = frozenset(
    {
        ("POST", "/v1/charges/{charge}"),
        ("POST", "/v1/charges/{charge}/refunds/{refund}"),
        ("POST", "/v1/checkout/sessions/{session}"),
        ("POST", "/v1/customers/{customer}"),
        ("DELETE", "/v1/customers/{customer}"),
        ("POST", "/v1/customers/{customer}/sources"),
        ("POST", "/v1/customers/{customer}/sources/{id}"),
        ("DELETE", "/v1/customers/{customer}/sources/{id}"),
        ("POST", "/v1/disputes/{dispute}"),
        ("POST", "/v1/disputes/{dispute}/close"),
        ("POST", "/v1/payment_intents/{intent}"),
        ("POST", "/v1/payment_methods/{payment_method}"),
        ("POST", "/v1/payment_methods/{payment_method}/attach"),
        ("POST", "/v1/payment_methods/{payment_method}/detach"),
        ("POST", "/v1/prices/{price}"),
        ("POST", "/v1/products/{id}"),
        ("DELETE", "/v1/products/{id}"),
        ("POST", "/v1/refunds/{refund}"),
        ("POST", "/v1/refunds/{refund}/cancel"),
        ("POST", "/v1/setup_intents/{intent}"),
        ("POST", "/v1/setup_intents/{intent}/cancel"),
        ("POST", "/v1/webhook_endpoints/{webhook_endpoint}"),
        ("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}"),
    }
)
"""Method and path of every endpoint whose use case is one commit and nothing else. Reviewed by hand: see above."""


class Repeats:
    """Runs handlers, again where that is safe and a concurrent change was faster. One per application."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._turns: WeakValueDictionary[tuple[Scope, str], asyncio.Lock] = WeakValueDictionary()

    async def again(self, endpoint: Endpoint, call: Call[Any]) -> Answer | Problem:
        """Return what the handler of ``endpoint`` answers after another change was faster than it.

        Those of this process that lost take turns, so that they do not race each other as well; the pauses are for
        those of other processes.
        """
        outcome: Answer | Problem = CONFLICT
        if (endpoint.method, endpoint.path) not in ONE_COMMIT:
            return outcome
        turn = self._turns.setdefault((call.scope, call.context.path), asyncio.Lock())
        async with turn:
            for repeat in range(REPEATS_MAX):
                await asyncio.sleep(random.uniform(0, _PAUSE_S * repeat))  # noqa: S311 - jitter, not a secret
                outcome = await endpoint.handler(call)
                if outcome is not CONFLICT:
                    break
        return outcome
