"""Does the gateway's webhook for a probe arrive, and can the release that serves believe it? Part of gate ``validate``.

A wrong webhook secret, a firewall or a bot protection in front of the endpoint leaves every answer as it was: only what
the gateway tells later is missing, for weeks (faults F056 and F057). Called by :mod:`interlock.releases.validation`.
"""

import asyncio
from collections.abc import Collection

from interlock.releases.gates.types import Finding, Verdict
from interlock.routing.types import ReadyGateway
from interlock.webhooks.inbound.arrivals import Arrivals

WITHIN_S = 20.0
"""How long a webhook may take: gateways send theirs within seconds, but promise nothing."""
_EVERY_S = 0.25


class Hearing:
    """Waits for webhooks. One per process."""

    def __init__(self, arrivals: Arrivals, within_s: float = WITHIN_S) -> None:
        """Ask ``arrivals`` for at most ``within_s`` seconds."""
        self._arrivals = arrivals
        self._within_s = within_s

    def is_expected(self, ready: ReadyGateway) -> bool:
        """Return True where the release takes webhooks and the account has the secret they are verified with."""
        webhook = ready.loaded.manifest.webhook
        return webhook is not None and bool(ready.config.credentials.get(webhook.credential))

    async def listen(self, ready: ReadyGateway, since_ms: int, references: Collection[str]) -> Finding | None:
        """Wait for a webhook about one of these payments, and return what is wrong when none is believed in time.

        Args:
            ready: the gateway as it serves now.
            since_ms: when the first of the payments began.
            references: the attempts' ids and the gateway's own names of payments.

        """
        scope, gateway = ready.gateway.scope, ready.gateway
        deadline = asyncio.get_running_loop().time() + self._within_s
        while not await self._arrivals.has_heard(scope, gateway.id, since_ms, references):
            if asyncio.get_running_loop().time() >= deadline:
                return self._silence(ready, was_heard=await self._arrivals.has_ever_heard(scope, gateway.id, since_ms))
            await asyncio.sleep(_EVERY_S)
        return None

    def _silence(self, ready: ReadyGateway, *, was_heard: bool) -> Finding:
        """Return the finding: what used to arrive and does not any more is broken, what never did may not be set up."""
        problem = f"within {self._within_s:.0f} s no webhook about these payments arrived whose signature is right"
        name, title = ready.gateway.name, ready.loaded.manifest.title
        if was_heard:
            verdict, problem = Verdict.FAILED, f"{problem}; earlier ones did"
            remedy = f"compare the webhook's secret, or interlock release rollback {ready.release.id}"
        else:
            verdict, problem = Verdict.INCONCLUSIVE, f"{problem}, and none ever did"
            remedy = f"set the webhook up at {title}: interlock gateways doc {name} says how"
        where = f"gateway {name}"
        return Finding(check="validate.webhook", verdict=verdict, where=where, problem=problem, remedy=remedy)
