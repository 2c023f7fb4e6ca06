"""The page on which a shopper authenticates (3D Secure), and what its two buttons do."""

from interlock.sandbox import pages
from interlock.sandbox.http import Reply, Request, parse_pairs
from interlock.sandbox.money import exponent, major
from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.charging import Charging, authentication_failed, remember_set_up
from interlock.sandbox.stripe.desk import EXPONENTS, Desk
from interlock.sandbox.stripe.state import Payment, Setup

_PREFIX = "/_sandbox/3ds/"


class Challenges:
    """Serves the page and applies the shopper's choice."""

    def __init__(self, desk: Desk, charging: Charging) -> None:
        """Work at ``desk``."""
        self._desk = desk
        self._charging = charging

    def page(self, request: Request) -> Reply | None:
        """Return the page, or the way back to the shop once a button was pressed; None for other paths."""
        if not request.path.startswith(_PREFIX):
            return None
        object_id = request.path.removeprefix(_PREFIX)
        waiting: Setup | Payment | None = self._desk.store.get(object_id, Payment)
        if object_id.startswith("seti_"):
            waiting = self._desk.store.get(object_id, Setup)
        if waiting is None or waiting.status != "requires_action":
            return pages.message(404, "Nothing waits for authentication here.")
        outcome = dict(parse_pairs(request.query)).get("outcome", "")
        if not outcome:
            currency = waiting.currency if isinstance(waiting, Payment) else ""
            amount = waiting.amount if isinstance(waiting, Payment) else 0
            return pages.challenge("Stripe", major(amount, exponent(currency, EXPONENTS)), currency, request.path)
        succeeded = outcome == "succeed"
        if isinstance(waiting, Payment):
            self._finish(waiting, succeeded=succeeded)
        else:
            self._finish_setup(waiting, succeeded=succeeded)
        if waiting.return_url is None:
            return pages.message(200, "Authentication done; you may close this page.")
        kind = "payment_intent" if isinstance(waiting, Payment) else "setup_intent"
        return pages.redirect(
            pages.with_query(
                waiting.return_url,
                **{
                    kind: waiting.id,
                    f"{kind}_client_secret": waiting.secret,
                    "redirect_status": "succeeded" if succeeded else "failed",
                },
            )
        )

    def _finish(self, payment: Payment, *, succeeded: bool) -> None:
        if succeeded and payment.confirmation_method == "manual":
            payment.status, payment.authenticated = "requires_confirmation", True
        elif succeeded:
            self._charging.charge(payment, None, authenticated=True)
        else:
            authentication_failed(payment)
            shown = rendering.payment_intent(payment, self._desk.context.base_url)
            self._desk.emit("payment_intent.payment_failed", shown)
        self._desk.store.put(payment.id, payment)

    def _finish_setup(self, setup: Setup, *, succeeded: bool) -> None:
        if succeeded:
            setup.status = "succeeded"
            if setup.method is not None:
                remember_set_up(self._desk, setup.method, setup.customer)
        else:
            setup.status = "requires_payment_method"
            setup.last_error = {
                "code": "setup_intent_authentication_failure",
                "doc_url": "https://stripe.com/docs/error-codes/setup-intent-authentication-failure",
                "message": "The latest attempt to set up the payment method has failed because authentication failed.",
                "type": "invalid_request_error",
            }
            setup.method = None
        self._desk.store.put(setup.id, setup)
        shown = rendering.setup_intent(setup, self._desk.context.base_url)
        self._desk.emit("setup_intent.succeeded" if succeeded else "setup_intent.setup_failed", shown)
