"""How a case looks at what the switch says of its payments: now or after a while, and against what it wanted."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from interlock.base.context import RequestContext
from interlock.base.ids import new_id
from interlock.base.problems import Problem
from interlock.gateways.manifest import Manifest
from interlock.payments.attempts.types import Attempt
from interlock.payments.charges.types import CHARGES, Charge
from interlock.payments.intents.types import Intent
from interlock.payments.refunds.types import REFUNDS, Refund
from interlock.payments.setup.types import SetupIntent
from interlock.payments.work import Answer, Respond
from interlock.releases.gates.certify.house import Ahead, House, Shop
from interlock.storage.database import Page

LATER_MS = 600_000
"""How much later recovery looks first: past every provider's consistency delay. Each further look comes twice as late
as the one before, all of them well within the time that keys are kept."""
WAIT_S = 8.0
_LOOKS_MAX = 6
_ROUNDS_MAX = 4
_ATTEMPTS_MAX = 100


class CaseFailed(Exception):  # noqa: N818 - it is the case's answer, not a bug
    """The case found what must not be; it goes no further."""

    def __init__(self, problem: str) -> None:
        """Say what is wrong, in one clause."""
        super().__init__(problem)
        self.problem = problem


class Shown(msgspec.Struct):
    """A responder's memory of what the use case answered with."""

    view: Any = None

    async def __call__(self, view: object) -> Answer:
        """Remember ``view``."""
        self.view = view
        return Answer(view.status if isinstance(view, Problem) else 200, b"{}")


class Reader:
    """One case's view of its payments."""

    def __init__(self, house: House, shop: Shop, case: str) -> None:
        """Let ``case`` work in ``shop``."""
        self.house = house
        self.shop = shop
        self.case = case
        self.payments = house.payments
        self._later: Ahead | None = None

    @property
    def manifest(self) -> Manifest:
        """Return the manifest of what serves."""
        return self.house.serving(self.shop).loaded.manifest

    def ctx(self) -> RequestContext:
        """Return a new request's context."""
        return RequestContext(scope=self.shop.scope, request_id=new_id("req"), path="/v1/certify", fingerprint="f")

    async def show(self, call: Callable[[Respond], Awaitable[Answer | Problem]]) -> Any:
        """Run ``call(respond)`` and return what it was answered with: a view or a problem."""
        shown = Shown()
        answer = await call(shown)
        return shown.view if isinstance(answer, Answer) else answer

    # Expectations

    def expect(self, found: object, problem: str) -> None:
        """End the case with ``problem`` unless ``found`` is true."""
        if not found:
            raise CaseFailed(problem)

    async def expect_status(self, intent: Intent, *wanted: str) -> Intent:
        """End the case unless the intent stands where it should; return it as stored now."""
        now = await self.intent(intent.id)
        if now.status not in wanted:
            raise CaseFailed(f"the payment is {now.status}, not {' or '.join(wanted)}{await self._said(now)}")
        return now

    async def expect_taken(self, intent: Intent, amount_minor: int) -> Intent:
        """End the case unless the payment succeeded with ``amount_minor`` (ISO) received."""
        now = await self.expect_status(intent, "succeeded")
        received = now.amount_received_minor
        self.expect(received == amount_minor, f"{received} {now.currency} was received, not {amount_minor}")
        return now

    async def expect_attempt(self, intent: Intent, operation: str, *states: str) -> Attempt:
        """End the case unless the newest attempt of ``operation`` is in one of ``states``; return it."""
        attempt = await self.attempt(intent, operation)
        if attempt.state not in states:
            raise CaseFailed(f"the {operation} is {attempt.state}, not {' or '.join(states)}{_words(attempt)}")
        return attempt

    async def _said(self, intent: Intent) -> str:
        attempts = await self.attempts(intent)
        return f": {attempts[-1].operation} {attempts[-1].state}{_words(attempts[-1])}" if attempts else ""

    # Reading

    async def intent(self, intent_id: str) -> Intent:
        """Return an intent as stored."""
        found = await self.payments.intents.get(self.shop.scope, intent_id)
        if isinstance(found, Problem):
            raise CaseFailed(f"the payment {intent_id} is gone")
        return found

    async def charge(self, intent: Intent) -> Charge:
        """Return an intent's latest charge, as stored now."""
        now = await self.intent(intent.id)
        found = await self.house.database.get(CHARGES, self.shop.scope, now.latest_charge_id or "")
        if found is None:
            raise CaseFailed("the payment has no charge")
        return found

    async def refund_now(self, refund: Refund) -> Refund:
        """Return a refund as stored."""
        return await self.house.database.get(REFUNDS, self.shop.scope, refund.id) or refund

    async def attempts(self, intent: Intent | SetupIntent) -> Sequence[Attempt]:
        """Return an intent's attempts, oldest first."""
        page = await self.payments.attempts.list(self.shop.scope, Page(limit=_ATTEMPTS_MAX), intent=intent.id)
        return list(reversed(page.items))

    async def attempt(self, intent: Intent | SetupIntent, operation: str) -> Attempt:
        """Return the newest attempt of ``operation``."""
        for attempt in reversed(await self.attempts(intent)):
            if attempt.operation == operation:
                return attempt
        raise CaseFailed(f"no {operation} was attempted")

    async def setup(self, setup_id: str) -> SetupIntent:
        """Return a setup intent as stored."""
        found = await self.payments.setup_intents.get(self.shop.scope, setup_id)
        if isinstance(found, Problem):
            raise CaseFailed(f"the setup intent {setup_id} is gone")
        return found

    # Time

    async def until(self, done: Callable[[], Awaitable[bool]], problem: str, within_s: float = WAIT_S) -> None:
        """Wait until webhooks have brought ``done()`` about; end the case with ``problem`` when they do not."""
        self.expect(await self.house.until(done, within_s), problem)

    async def until_status(self, intent: Intent, *wanted: str) -> Intent:
        """Wait until the intent stands where it should; end the case when it does not come there."""

        async def done() -> bool:
            return (await self.intent(intent.id)).status in wanted

        await self.house.until(done, WAIT_S)
        return await self.expect_status(intent, *wanted)

    async def until_settled(self, intent: Intent) -> Intent:
        """Wait until webhooks have settled everything that was asked of the gateway for this payment."""

        async def done() -> bool:
            return not any(_is_open(attempt) for attempt in await self.attempts(intent))

        if not await self.house.until(done, WAIT_S):
            still = next((attempt for attempt in await self.attempts(intent) if _is_open(attempt)), None)
            what = (
                "payment is not settled" if still is None else f"{still.operation} stays {still.state}{_words(still)}"
            )
            raise CaseFailed(f"the {what}, whatever the gateway's webhooks tell")
        return await self.intent(intent.id)

    async def recover(self, intent: Intent | SetupIntent) -> None:
        """Let a worker look until nothing of this payment is unknown, and webhooks tell of what is accepted so far.

        What a webhook says may make the worker's work anew (a void that came too late). Ends the case when something
        stays open.
        """

        async def told() -> bool:
            return not any(attempt.state == "pending" for attempt in await self.attempts(intent))

        for _ in range(_ROUNDS_MAX):
            await self.ask(intent)
            await self.until(told, "what the gateway has accepted is never settled by its webhooks")
            if not any(_is_open(attempt) for attempt in await self.attempts(intent)):
                return
        raise CaseFailed("the payment is never settled: each answer asks for another request")

    async def ask(self, intent: Intent | SetupIntent) -> None:
        """Let a worker look, later and later; end the case when something of this payment stays unknown."""
        later = self._later = self._later or self.house.ahead(0)
        for look in range(_LOOKS_MAX):
            waiting = [attempt for attempt in await self.attempts(intent) if _is_unknown(attempt)]
            if not waiting:
                return  # what a webhook makes unknown from here on is the next round's
            later.clock.ahead_ms += LATER_MS * 2**look
            for attempt in waiting:
                await later.payments.recovery.recover(self.shop.scope, attempt.id)
        unknown = next((attempt for attempt in await self.attempts(intent) if _is_unknown(attempt)), None)
        if unknown is not None:
            told = f"the {unknown.operation} stays {unknown.state}, however often it is asked about"
            raise CaseFailed(f"{told}{_words(unknown)}")


def _is_open(attempt: Attempt) -> bool:
    """Return True while somebody has yet to find out what became of an attempt, other than the shopper."""
    if attempt.state == "challenge":
        return False
    return attempt.is_open or attempt.next_inquiry_at_ms is not None


def _is_unknown(attempt: Attempt) -> bool:
    """Return True for an attempt that recovery has to ask about; one that is pending is told of by webhook."""
    return _is_open(attempt) and attempt.state != "pending"


def _words(attempt: Attempt) -> str:
    """Return what the gateway or the transport said of an attempt."""
    said = attempt.decline_code or attempt.code
    if attempt.echo_mismatch:
        said = "it names other money than was asked for"
    status = f"HTTP {attempt.http_status}" if attempt.http_status else None
    words = ", ".join(word for word in (said, status, attempt.message) if word)
    return f" ({words[:200]})" if words else ""
