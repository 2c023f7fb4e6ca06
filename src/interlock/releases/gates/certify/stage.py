"""What a case works with: one shop of the house, in which it pays, captures and gives back.

Everything a case does goes through the use cases that the API calls. Payments carry the case's name, so that the
auditor can say whose they are.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.payments.assembly import Payments
from interlock.payments.attempts.types import Attempt
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
from interlock.payments.refunds.types import CreateRefund, Refund
from interlock.payments.representation.amounts import front_amount
from interlock.payments.setup.types import ConfirmSetup, CreateSetup, SetupIntent
from interlock.payments.work import Answer, Respond
from interlock.releases.gates.certify.house import PUBLIC_URL
from interlock.releases.gates.certify.reading import WAIT_S, CaseFailed, Reader
from interlock.releases.gates.certify.receiver import Held

RETURN_URL = "https://shop.example/return?order=7"
CASE = "case"
"""The metadata key that names a payment's case."""
_BILLING: dict[str, Any] = {
    "name": "Zoë Müller-Ångström",
    "email": "zoe@example.com",
    "address": {"line1": "1 High Street", "city": "Bristol", "postal_code": "BS1 1AA", "country": "GB", "state": None},
}


class Paid(msgspec.Struct, frozen=True):
    """What became of a confirm call: the intent as stored afterwards, and the problem it was answered with, if any."""

    intent: Intent
    problem: Problem | None


class Stage(Reader):
    """One case's view of the house."""

    # Paying

    def card(self, number: str | None = None, *, holder: str | None = None) -> PaymentMethodData:
        """Return a card with a holder and an address: ``number``, or a plain one that only this call has."""
        data = CardData(number=number or self.house.deck.plain(), exp_month=12, exp_year=2040, cvc="737")
        if data.number in _FOUR_DIGITS:
            data = msgspec.structs.replace(data, cvc="7373")
        if holder is not None:
            data = msgspec.structs.replace(data, name=holder)
        return PaymentMethodData(
            card=data, billing_details=_BILLING if holder is None else {**_BILLING, "name": holder}
        )

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
        view = await self.show(lambda respond: self.payments.intents.update(self.ctx(), intent.id, command, respond))
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

        await self.house.until(done, WAIT_S)
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

    def kept_webhooks(self, text: str = "") -> list[tuple[dict[str, str], bytes]]:
        """Return headers and bodies of what is kept from the switch."""
        return self.house.receiver.kept(self.held(text))

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

    async def through_bank_first(self, attempt: Attempt, outcome: str = "succeed") -> None:
        """Let the shopper come back before a webhook can tell how it went; end the case unless that is known then."""
        self.hold_webhooks(attempt.id)
        await self.through_bank(attempt, outcome)
        now = await self.payments.attempts.get(self.shop.scope, attempt.id)
        state = "lost" if isinstance(now, Problem) else now.state
        told = f"the payment is {state} when its shopper has come back from the bank: only a webhook could tell"
        self.expect(state not in _OPEN_AFTER_RETURN, told)
        await self.release_webhooks(attempt.id)

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

    async def setup_settled(self, setup: SetupIntent) -> SetupIntent:
        """Let everything of a set-up be settled and return it."""
        await self.recover(setup)
        return await self.setup(setup.id)

    async def setup_waiting(self, setup: SetupIntent) -> Attempt:
        """Return the attempt that waits for the shopper of a setup intent."""
        self.expect(setup.status == "requires_action", f"the set-up is {setup.status}, not requires_action")
        return await self._waiting(setup.active_attempt_id)


_OPEN_AFTER_RETURN = frozenset({"begun", "challenge", "unknown", "lost"})
_FOUR_DIGITS = frozenset({"378282246310005"})
