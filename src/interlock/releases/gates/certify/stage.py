"""What a case works with: one shop of the house, and the words in which it says what it wanted and what it found.

Everything a case does goes through the use cases that the API calls. Payments carry the case's name, so that the
auditor can say whose they are.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from interlock.base.context import RequestContext
from interlock.base.ids import new_id
from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.gateways.manifest import Manifest
from interlock.payments.assembly import Payments
from interlock.payments.attempts.types import Attempt
from interlock.payments.charges.types import CHARGES, Charge
from interlock.payments.customers.types import CreateCustomer
from interlock.payments.instruments.types import CardData, PaymentMethodData
from interlock.payments.intents.challenges import Redirect
from interlock.payments.intents.types import (
    CancelIntent,
    CaptureIntent,
    ConfirmIntent,
    CreateIntent,
    IncrementIntent,
    Intent,
    UpdateIntent,
)
from interlock.payments.refunds.types import REFUNDS, CreateRefund, Refund
from interlock.payments.representation.amounts import front_amount
from interlock.payments.setup.types import ConfirmSetup, CreateSetup, SetupIntent
from interlock.payments.work import Answer, Respond
from interlock.releases.gates.certify.house import PUBLIC_URL, Ahead, House, Shop
from interlock.releases.gates.certify.receiver import Held
from interlock.storage.database import Page

T = TypeVar("T")
RETURN_URL = "https://shop.example/return?order=7"
CASE = "case"
"""The metadata key that names a payment's case."""

LATER_MS = 600_000
"""How much later recovery looks first: past every provider's consistency delay. Each further look comes twice as late
as the one before, all of them well within the time that keys are kept."""
_LOOKS_MAX = 6
_ROUNDS_MAX = 4
_WAIT_S = 8.0
_ATTEMPTS_MAX = 100
_BILLING: dict[str, Any] = {
    "name": "Zoë Müller-Ångström",
    "email": "zoe@example.com",
    "address": {"line1": "1 High Street", "city": "Bristol", "postal_code": "BS1 1AA", "country": "GB", "state": None},
}


class CaseFailed(Exception):  # noqa: N818 - it is the case's answer, not a bug
    """The case found what must not be; it goes no further."""

    def __init__(self, problem: str) -> None:
        """Say what is wrong, in one clause."""
        super().__init__(problem)
        self.problem = problem


class Paid(msgspec.Struct, frozen=True):
    """What became of a confirm call: the intent as stored afterwards, and the problem it was answered with, if any."""

    intent: Intent
    problem: Problem | None


class Shown(msgspec.Struct):
    """A responder's memory of what the use case answered with."""

    view: Any = None

    async def __call__(self, view: object) -> Answer:
        """Remember ``view``."""
        self.view = view
        return Answer(view.status if isinstance(view, Problem) else 200, b"{}")


class Stage:
    """One case's view of the house."""

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

    # Paying

    def card(self, number: str | None = None, *, holder: str | None = None) -> PaymentMethodData:
        """Return a card with a holder and an address: ``number``, or a plain one that only this call has."""
        data = CardData(number=number or self.house.deck.plain(), exp_month=12, exp_year=2040, cvc="737")
        if data.number in _FOUR_DIGITS:
            data = msgspec.structs.replace(data, cvc="7373")
        if holder is not None:
            data = msgspec.structs.replace(data, name=holder)
        return PaymentMethodData(card=data, billing_details=_BILLING if holder is None else {**_BILLING, "name": holder})

    async def pay(
        self,
        amount_minor: int = 2_400,
        currency: str = "usd",
        card: PaymentMethodData | None = None,
        *,
        hold: bool = False,
        rooms: Payments | None = None,
        confirm: ConfirmIntent | None = None,
        method: str | None = None,
        **more: Any,
    ) -> Paid:
        """Create and confirm a payment.

        Args:
            amount_minor: in ISO minor units.
            currency: lower case.
            card: what to pay with; a plain card when neither this nor ``method`` is given.
            hold: authorise only.
            rooms: the payment rooms to ask; the house's patient ones without.
            confirm: how to confirm.
            method: a stored payment method instead of ``card``.
            more: other fields of the intent.

        """
        data = None if method is not None else card or self.card()
        command = CreateIntent(
            amount=Money(amount_minor, currency),
            payment_method=method,
            payment_method_data=data,
            capture_method="manual" if hold else "automatic_async",
            metadata={CASE: self.case, "order": self.case},
            confirm=confirm or ConfirmIntent(return_url=RETURN_URL),
            **more,
        )
        asked = rooms or self.payments
        return await self._paid(lambda respond: asked.intents.create(self.ctx(), command, respond))

    async def hold(self, amount_minor: int = 2_400, currency: str = "usd", **more: Any) -> Intent:
        """Authorise, and end the case unless that is done; return the intent."""
        paid = await self.pay(amount_minor, currency, hold=True, **more)
        return await self.expect_status(paid.intent, "requires_capture")

    async def sale(self, amount_minor: int = 2_400, currency: str = "usd", **more: Any) -> Intent:
        """Take a payment, and end the case unless all of it is taken; return the intent."""
        paid = await self.pay(amount_minor, currency, **more)
        return await self.expect_taken(paid.intent, amount_minor)

    async def confirm(self, intent: Intent, options: ConfirmIntent) -> Paid:
        """Confirm an intent that exists."""
        return await self._paid(lambda respond: self.payments.intents.confirm(self.ctx(), intent.id, options, respond))

    async def reprice(self, intent: Intent, amount_minor: int) -> Intent:
        """Change what an intent asks for, as a changed cart does, and return it."""
        command = UpdateIntent(amount=front_amount(amount_minor, intent.currency))
        view = await self.show(
            lambda respond: self.payments.intents.update(self.ctx(), intent.id, command, respond)
        )
        self.expect(not isinstance(view, Problem), "the amount of the payment can no longer be changed")
        return await self.intent(intent.id)

    async def _paid(self, call: Callable[[Respond], Awaitable[Answer | Problem]]) -> Paid:
        view = await self.show(call)
        problem = view if isinstance(view, Problem) else None
        if problem is None:
            return Paid(await self.intent(view.intent.id), None)
        shown = problem.attached.get("payment_intent")
        if shown is None:
            raise CaseFailed(f"the payment could not be asked for: {problem.message}")
        return Paid(await self.intent(str(shown["id"])), problem)

    async def show(self, call: Callable[[Respond], Awaitable[Answer | Problem]]) -> Any:
        """Run ``call(respond)`` and return what it was answered with: a view or a problem."""
        shown = Shown()
        answer = await call(shown)
        return shown.view if isinstance(answer, Answer) else answer

    # After the payment

    async def capture(
        self, intent: Intent, amount_minor: int | None = None, *, final: bool = True, rooms: Payments | None = None
    ) -> Intent:
        """Capture all or ``amount_minor`` and return the intent afterwards."""
        amount = None if amount_minor is None else front_amount(amount_minor, intent.currency)
        command, asked = CaptureIntent(amount=amount, final=final), rooms or self.payments
        await self.show(lambda respond: asked.follow_ons.capture(self.ctx(), intent.id, command, respond))
        return await self.intent(intent.id)

    async def increment(self, intent: Intent, total_minor: int, *, rooms: Payments | None = None) -> Intent:
        """Raise an authorisation to ``total_minor`` and return the intent afterwards."""
        command = IncrementIntent(amount=front_amount(total_minor, intent.currency))
        asked = rooms or self.payments
        await self.show(lambda respond: asked.follow_ons.increment(self.ctx(), intent.id, command, respond))
        return await self.intent(intent.id)

    async def cancel(self, intent: Intent, *, rooms: Payments | None = None) -> Intent:
        """Cancel and return the intent afterwards."""
        command, asked = CancelIntent(reason="requested_by_customer"), rooms or self.payments
        await self.show(lambda respond: asked.follow_ons.cancel(self.ctx(), intent.id, command, respond))
        return await self.intent(intent.id)

    async def refund(self, intent: Intent, amount_minor: int | None = None, *, rooms: Payments | None = None) -> Refund:
        """Refund all that is left or ``amount_minor``; end the case when that cannot even be asked for."""
        amount = None if amount_minor is None else front_amount(amount_minor, intent.currency)
        charge = await self.charge(intent)
        command = CreateRefund(charge=charge.id, amount=amount, reason="requested_by_customer")
        asked = rooms or self.payments
        view = await self.show(lambda respond: asked.refunds.create(self.ctx(), command, respond))
        if not isinstance(view, Refund):
            raise CaseFailed(f"the refund could not be asked for: {view.message}")
        return await self.refund_now(view)

    async def refunded(self, intent: Intent, amount_minor: int | None = None) -> Refund:
        """Refund and wait until the gateway has done it; end the case unless it does."""
        return await self.settled_refund(await self.refund(intent, amount_minor), "succeeded")

    async def settled_refund(self, refund: Refund, *wanted: str) -> Refund:
        """Wait until a refund stands where it should; end the case otherwise."""

        async def done() -> bool:
            return (await self.refund_now(refund)).status in wanted

        await self.house.receiver.until(done, _WAIT_S)
        now = await self.refund_now(refund)
        self.expect(now.status in wanted, f"the refund is {now.status}, not {' or '.join(wanted)}")
        return now

    async def captured(self, intent: Intent, amount_minor: int | None = None, *, final: bool = True) -> Intent:
        """Capture, wait until the gateway has done it, and end the case unless it did; return the intent."""
        before = intent.amount_received_minor
        wanted = before + (intent.amount_capturable_minor if amount_minor is None else amount_minor)
        await self.capture(intent, amount_minor, final=final)
        now = await self.until_settled(intent)
        await self.expect_attempt(now, "capture", "approved")
        received = now.amount_received_minor
        self.expect(received == wanted, f"{received} {now.currency} is captured, not {wanted}")
        return await self.expect_status(now, "succeeded") if final else now

    async def voided(self, intent: Intent) -> Intent:
        """Cancel, wait until the gateway has done it, and end the case unless it did; return the intent."""
        await self.cancel(intent)
        now = await self.until_settled(intent)
        await self.expect_attempt(now, "void", "approved")
        return await self.expect_status(now, "canceled")

    # Webhooks held back

    def held(self, text: str = "") -> Held:
        """Return what names this shop's webhooks that hold ``text``."""
        return Held(self.shop.address, text.lower())

    def hold_webhooks(self, text: str = "") -> None:
        """Keep webhooks of this shop whose body holds ``text`` from the switch for a while."""
        self.house.receiver.hold(self.held(text))

    async def release_webhooks(self, text: str = "") -> None:
        """Let them come."""
        await self.house.receiver.release(self.held(text))

    # Challenges

    async def challenged(self, paid: Paid) -> Attempt:
        """End the case unless the shopper is asked to act; return the attempt that waits for that."""
        now = await self.expect_status(paid.intent, "requires_action")
        return await self._waiting(now.active_attempt_id)

    async def _waiting(self, attempt_id: str | None) -> Attempt:
        found = await self.payments.attempts.get(self.shop.scope, attempt_id or "")
        if isinstance(found, Problem):
            raise CaseFailed("the shopper is to act, yet no attempt waits for it")
        return found

    async def at_bank(self, attempt: Attempt, outcome: str) -> dict[str, str]:
        """Let the shopper pass (``succeed``) or ``fail`` the bank's page; return what the browser brings back."""
        token = attempt.detail["return_token"]
        redirect = await self.payments.challenges.redirect(attempt.account_id, attempt.id, token)
        if not isinstance(redirect, Redirect) or not self.house.control.is_page(redirect.url):
            raise CaseFailed("the shopper is not sent to the gateway's challenge page")
        separator = "&" if urlsplit(redirect.url).query else "?"
        back = await self.house.control.visit(f"{redirect.url}{separator}outcome={outcome}")
        own = f"{PUBLIC_URL}/payments/return/{attempt.account_id}/{attempt.id}/"
        if back is None or not back.startswith(own):
            raise CaseFailed("the bank does not send the shopper back to the switch")
        return dict(parse_qsl(urlsplit(back).query))

    async def come_back(self, attempt: Attempt, brought: dict[str, str], *, rooms: Payments | None = None) -> None:
        """Let the shopper's browser arrive at the switch's return page."""
        token = attempt.detail["return_token"]
        await (rooms or self.payments).challenges.returned(attempt.account_id, attempt.id, token, brought)

    async def through_bank(self, attempt: Attempt, outcome: str = "succeed") -> None:
        """Let the shopper go to the bank's page and come back."""
        await self.come_back(attempt, await self.at_bank(attempt, outcome))

    # Cards on file

    async def customer(self) -> str:
        """Return a new customer of the shop."""
        command = CreateCustomer(email="zoe@example.com", name="Zoë Müller", metadata={CASE: self.case})
        made = await self.show(lambda respond: self.payments.customers.create(self.ctx(), command, respond))
        return str(made.id)

    async def set_up(
        self, customer: str | None, card: PaymentMethodData, *, rooms: Payments | None = None
    ) -> SetupIntent:
        """Store a card for later and return the setup intent."""
        command = CreateSetup(
            customer=customer,
            payment_method_data=card,
            metadata={CASE: self.case},
            confirm=ConfirmSetup(return_url=RETURN_URL),
        )
        asked = rooms or self.payments
        view = await self.show(lambda respond: asked.setup_intents.create(self.ctx(), command, respond))
        if isinstance(view, Problem):
            shown = view.attached.get("setup_intent")
            if shown is None:
                raise CaseFailed(f"the card could not be verified: {view.message}")
            return await self.setup(str(shown["id"]))
        return await self.setup(view.setup_intent.id)

    async def setup(self, setup_id: str) -> SetupIntent:
        """Return a setup intent as stored."""
        found = await self.payments.setup_intents.get(self.shop.scope, setup_id)
        if isinstance(found, Problem):
            raise CaseFailed(f"the setup intent {setup_id} is gone")
        return found

    async def setup_settled(self, setup: SetupIntent) -> SetupIntent:
        """Let everything of a set-up be settled and return it."""
        await self.recover(setup)
        return await self.setup(setup.id)

    async def setup_waiting(self, setup: SetupIntent) -> Attempt:
        """Return the attempt that waits for the shopper of a setup intent."""
        self.expect(setup.status == "requires_action", f"the set-up is {setup.status}, not requires_action")
        return await self._waiting(setup.active_attempt_id)

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

    # Time

    async def until(self, done: Callable[[], Awaitable[bool]], problem: str, within_s: float = _WAIT_S) -> None:
        """Wait until webhooks have brought ``done()`` about; end the case with ``problem`` when they do not."""
        self.expect(await self.house.receiver.until(done, within_s), problem)

    async def until_status(self, intent: Intent, *wanted: str) -> Intent:
        """Wait until the intent stands where it should; end the case when it does not come there."""

        async def done() -> bool:
            return (await self.intent(intent.id)).status in wanted

        await self.house.receiver.until(done, _WAIT_S)
        return await self.expect_status(intent, *wanted)

    async def until_settled(self, intent: Intent) -> Intent:
        """Wait until webhooks have settled everything that was asked of the gateway for this payment."""

        async def done() -> bool:
            attempts = await self.attempts(intent)
            return not any(_is_open(attempt) for attempt in attempts)

        await self.until(done, "the gateway's webhooks do not settle the payment")
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
                break
            later.clock.ahead_ms += LATER_MS * 2**look
            for attempt in waiting:
                await later.payments.recovery.recover(self.shop.scope, attempt.id)
        unknown = next((attempt for attempt in await self.attempts(intent) if _is_unknown(attempt)), None)
        if unknown is not None:
            told = f"the {unknown.operation} stays {unknown.state}, however often it is asked about"
            raise CaseFailed(f"{told}{_words(unknown)}")


_FOUR_DIGITS = frozenset({"378282246310005"})


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
    status = f"HTTP {attempt.http_status}" if attempt.http_status else None
    words = ", ".join(word for word in (said, status, attempt.message) if word)
    return f" ({words[:200]})" if words else ""
