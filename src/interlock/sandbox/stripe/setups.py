"""/v1/setup_intents of the simulated Stripe: saving a card for later."""

import msgspec

from interlock.base.ids import new_id
from interlock.sandbox import cards
from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.charging import must_authenticate, remember_set_up
from interlock.sandbox.stripe.desk import Answer, Call, Desk, Shown, client_secret, merge_metadata
from interlock.sandbox.stripe.errors import DECLINE_MESSAGES, Refusal, invalid, missing_object
from interlock.sandbox.stripe.methods import Methods
from interlock.sandbox.stripe.state import Setup

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


class Setups:
    """Creates setup intents and leads them through their states."""

    def __init__(self, desk: Desk, methods: Methods) -> None:
        """Work at ``desk``."""
        self._desk = desk
        self._methods = methods

    def _shown(self, setup: Setup) -> Shown:
        self._desk.store.put(setup.id, setup)
        return Shown(rendering.setup_intent(setup, self._desk.context.base_url))

    def _find(self, setup_id: str) -> Setup | Refusal:
        setup = self._desk.store.get(setup_id, Setup)
        if setup is None:
            return missing_object("setupintent", setup_id, param="intent")
        return msgspec.structs.replace(setup)

    def create(self, call: Call) -> Answer:
        """POST /v1/setup_intents."""
        setup_id = new_id("seti", self._desk.context.clock.now_ms())
        setup = Setup(setup_id, self._desk.now(), client_secret(setup_id))
        wrong = self._apply(setup, call)
        if wrong is not None:
            return wrong
        if not call.texts("payment_method_types") and setup.automatic is None:
            setup.automatic = {"allow_redirects": "always", "enabled": True}
        if not call.flag("confirm"):
            return self._shown(setup)
        return self._confirm(setup, call)

    def _apply(self, setup: Setup, call: Call) -> Refusal | None:
        wrong = self._methods.unknown_customer(call)
        method = wrong or self._methods.chosen(call)
        if isinstance(method, Refusal):
            return method
        if method is not None:
            setup.method = method
            setup.status = "requires_confirmation"
        for name in ("customer", "description", "return_url"):
            if name in call.form:
                setattr(setup, name, call.text(name))
        setup.usage = call.text("usage") or setup.usage
        setup.use_sdk = call.flag("use_stripe_sdk")
        setup.metadata = merge_metadata(setup.metadata, call.form.get("metadata"))
        if call.texts("payment_method_types"):
            setup.payment_method_types = call.texts("payment_method_types")
        automatic = call.tree("automatic_payment_methods")
        if automatic.get("enabled") == "true":
            setup.automatic = {"allow_redirects": automatic.get("allow_redirects") or "always", "enabled": True}
        return None

    def _confirm(self, setup: Setup, call: Call) -> Answer:
        method = setup.method
        if method is None:
            return invalid(
                "You cannot confirm this SetupIntent because it's missing a payment method.",
                code="setup_intent_unexpected_state",
            )
        redirects = setup.automatic is not None and setup.automatic.get("allow_redirects") != "never"
        if redirects and setup.return_url is None and not setup.use_sdk:
            return invalid("This SetupIntent is configured to accept payment methods that may redirect; you must "
                           "provide a `return_url`.")  # fmt: skip
        setup.attempt = new_id("setatt")
        card = cards.behaviour(method.card_name)
        if not card.attaches:
            return self._refused(setup, card.code, card.decline_code)
        if must_authenticate(card, method, asked="", off_session=False):
            setup.status = "requires_action"
            shown = self._shown(setup)
            self._desk.emit("setup_intent.requires_action", shown.body, call)
            return shown
        setup.status = "succeeded"
        remember_set_up(self._desk, method, setup.customer)
        shown = self._shown(setup)
        self._desk.emit("setup_intent.succeeded", shown.body, call)
        return shown

    def _refused(self, setup: Setup, code: str, decline_code: str) -> Refusal:
        method = setup.method
        refusal = Refusal(
            status=402, type="card_error", code=code, keep=True,
            message=DECLINE_MESSAGES.get(decline_code, "Your card was declined."),
            decline_code=decline_code if code == "card_declined" else None,
            attached={} if method is None else {"payment_method": rendering.payment_method(method)},
        )  # fmt: skip
        setup.last_error = refusal.error()
        setup.status = "requires_payment_method"
        setup.method = None
        shown = self._shown(setup).body
        self._desk.emit("setup_intent.setup_failed", shown)
        return msgspec.structs.replace(refusal, attached={"setup_intent": shown, **refusal.attached})

    def confirm(self, call: Call, setup_id: str) -> Answer:
        """POST /v1/setup_intents/{id}/confirm."""
        setup = self._find(setup_id)
        if isinstance(setup, Refusal):
            return setup
        if setup.status not in _OPEN:
            return self._unexpected(setup)
        wrong = self._apply(setup, call)
        return wrong if wrong is not None else self._confirm(setup, call)

    def _unexpected(self, setup: Setup) -> Refusal:
        return Refusal(
            message=f"This SetupIntent has a status of {setup.status} and cannot be changed so.",
            code="setup_intent_unexpected_state",
            attached={"setup_intent": rendering.setup_intent(setup, self._desk.context.base_url)},
            keep=True,
        )

    def retrieve(self, call: Call, setup_id: str) -> Answer:
        """GET /v1/setup_intents/{id}."""
        del call
        setup = self._find(setup_id)
        return (
            setup if isinstance(setup, Refusal) else Shown(rendering.setup_intent(setup, self._desk.context.base_url))
        )

    def update(self, call: Call, setup_id: str) -> Answer:
        """POST /v1/setup_intents/{id}."""
        setup = self._find(setup_id)
        if isinstance(setup, Refusal):
            return setup
        wrong = self._apply(setup, call)
        return wrong if wrong is not None else self._shown(setup)

    def cancel(self, call: Call, setup_id: str) -> Answer:
        """POST /v1/setup_intents/{id}/cancel."""
        setup = self._find(setup_id)
        if isinstance(setup, Refusal):
            return setup
        if setup.status not in _OPEN:
            return self._unexpected(setup)
        setup.status = "canceled"
        setup.cancellation_reason = call.text("cancellation_reason")
        shown = self._shown(setup)
        self._desk.emit("setup_intent.canceled", shown.body, call)
        return shown
