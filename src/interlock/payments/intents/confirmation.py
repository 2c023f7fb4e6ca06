"""Taking a payment: durable intent and attempt, the gateway, the outcome; over to the next route where that is safe.

Called by the intents service (create with confirm, confirm) and by charges. What an outcome means is decided in
``settling``; this module only walks: begin → send → (inquire) → settle or next route (``attempts.walking``).
"""

from typing import Any

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.crashpoints import reach
from interlock.base.errors import InvariantError
from interlock.base.ids import new_id, new_secret
from interlock.base.problems import Problem, invalid
from interlock.gateways.contract import Instrument, Operation, PaymentRequest
from interlock.gateways.transport import Execution
from interlock.payments.attempts.exchanges import keep_exchanges
from interlock.payments.attempts.finishing import FINISHING_TRIES
from interlock.payments.attempts.requests import complete_request, payment_request
from interlock.payments.attempts.resuming import resumed
from interlock.payments.attempts.routes import OPTIONAL_FEATURES, Routes, for_probe, payer_of
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.settling import settle_attempt
from interlock.payments.attempts.types import ATTEMPTS, BEGUN, Attempt
from interlock.payments.attempts.walking import Limits, walk
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments.service import Instruments
from interlock.payments.instruments.types import CardFacts, ResolvedInstrument
from interlock.payments.intents.machine import Trigger, next_status
from interlock.payments.intents.outcome import Outcomes, announce_creation
from interlock.payments.intents.settling import PaymentState
from interlock.payments.intents.types import INTENTS, ConfirmIntent, Intent, IntentStatus
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.routing.types import Candidate

replace = msgspec.structs.replace


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """One confirm call: the intent it starts from, what it pays with, how it was asked.

    ``terms`` are what attempts keep of a mandate or of a transfer, for methods other than cards.
    """

    intent: Intent
    is_new: bool
    instrument: ResolvedInstrument
    options: ConfirmIntent
    terms: dict[str, Any] | None = None


class Confirmer:
    """Takes payments."""

    def __init__(
        self,
        work: Work,
        runner: Runner,
        routes: Routes,
        instruments: Instruments,
        outcomes: Outcomes,
        public_url: str,
        limits: Limits,
    ) -> None:
        """Wire the parts; ``public_url`` is where shoppers reach us after a challenge."""
        self._work = work
        self._runner = runner
        self._routes = routes
        self._instruments = instruments
        self._outcomes = outcomes
        self._public_url = public_url
        self._limits = limits

    async def confirm(
        self, ctx: RequestContext, asked: Confirmation, change: Change, respond: Respond
    ) -> Answer | Problem:
        """Take the payment and return the answer, whatever came of it.

        Args:
            ctx: who asks.
            asked: the intent and how to pay it.
            change: what must be durable with the first attempt (a new intent's event, the payment method).
            respond: makes the answer, kept by the idempotency key.

        """
        started_ms = self._work.clock.now_ms()
        found = self._routes.rank(ctx.scope, asked.intent, asked.instrument.payment_method, started_ms)
        routes = for_probe(found, asked.options.probes)
        if not routes:
            return _no_route(asked.intent)
        deadline_ms = started_ms + self._limits.budget_ms
        attempt = self._new_attempt(asked, routes[0], asked.intent.attempt_count + 1, started_ms)
        intent = _processing(asked, attempt)
        if asked.is_new:
            change.insert(INTENTS, intent)
        else:
            change.update(INTENTS, intent)
        change.insert(ATTEMPTS, attempt)
        change.extend(asked.instrument.writes)
        rejected = await self._work.begin(ctx, change, intent.id)
        if rejected is not None:
            return refused_commit(rejected)
        reach("payment.begun")
        method = asked.instrument.payment_method
        revealed = await self._instruments.reveal(ctx.scope, method, attempt.detail.get("terms"))
        way = _Payment(self, ctx, asked, revealed)
        state, execution = await walk(
            way, self.state(asked, intent, attempt), routes, self._runner, self._work.clock, self._limits, deadline_ms
        )
        reach("payment.answered")
        return await self._outcomes.finish(ctx, state, execution, respond)

    async def complete(
        self, ctx: RequestContext, asked: Confirmation, attempt: Attempt, respond: Respond
    ) -> Answer | Problem:
        """Go on with a payment whose shopper is back from a challenge, and return the answer.

        Args:
            ctx: who asks.
            asked: the intent, confirmed by hand and waiting for this, with what this confirm changes of it.
            attempt: its challenged attempt.
            respond: makes the answer, kept by the idempotency key.

        """
        now_ms, intent = self._work.clock.now_ms(), asked.intent
        completing = resumed(attempt, now_ms + self._limits.lease_ms)
        change = Change(ctx.scope)
        change.extend(asked.instrument.writes)
        change.update(ATTEMPTS, completing)
        status = next_status(intent.status, Trigger.CONFIRM) or IntentStatus.PROCESSING
        change.update(INTENTS, replace(intent, version=intent.version + 1, status=status))
        rejected = await self._work.begin(ctx, change, intent.id)
        if rejected is not None:
            return refused_commit(rejected)
        reach("challenge.resumed")
        request = complete_request(completing)
        execution = await self._runner.run_to_certainty(completing, request, now_ms + self._limits.budget_ms)
        reach("challenge.answered")
        state = await self._outcomes.load_state(ctx.scope, completing)
        if state is None:
            return await self._outcomes.answer_from_state(ctx, intent.id, respond)
        return await self._outcomes.finish(ctx, state, execution, respond)

    def request(self, state: PaymentState, instrument: Instrument) -> PaymentRequest:
        """Return what to send for the state's attempt."""
        method = state.payment_method
        if method is None:
            raise InvariantError("a payment is confirmed with a payment method")
        return payment_request(state.attempt, state.intent, method, instrument, self._return_url(state.attempt))

    def may_retry_decline(self, state: PaymentState, execution: Execution, following: Candidate, made: int) -> bool:
        """Return True when an explicit rule lets the declined payment go on."""
        if state.payment_method is None:
            return False
        scope = Scope(state.intent.account_id, state.intent.livemode)
        return self._routes.may_retry_decline(
            scope, state.intent, state.payment_method, following, execution.result, made
        )

    async def move_on(
        self, ctx: RequestContext, asked: Confirmation, state: PaymentState, execution: Execution, route: Candidate
    ) -> PaymentState | None:
        """Settle the attempt that failed and make the next one durable, in one change; None when the race was lost."""
        present: PaymentState | None = state
        for _ in range(FINISHING_TRIES):
            if present is None:
                return None
            now_ms = self._work.clock.now_ms()
            failed = settle_attempt(state.attempt, execution.result, now_ms, execution)
            following = self._new_attempt(asked, route, state.attempt.sequence + 1, now_ms)
            intent = _moved_on(present.intent, following)
            change = Change(ctx.scope)
            announce_creation(change, present.intent)
            change.update(ATTEMPTS, failed)
            change.insert(ATTEMPTS, following)
            change.update(INTENTS, intent)
            keep_exchanges(change, failed, execution, now_ms)
            if await self._work.record(change) is None:
                return self.state(asked, intent, following)
            present = await self._outcomes.reload(present)
        return None

    def state(self, asked: Confirmation, intent: Intent, attempt: Attempt) -> PaymentState:
        """Return everything that decides what an outcome of ``attempt`` means."""
        options = asked.options
        return PaymentState(
            intent=intent,
            attempt=attempt,
            payment_method=asked.instrument.payment_method,
            may_challenge=not (options.off_session or options.error_on_requires_action),
            return_url=attempt.detail.get("return_url"),
            challenge_url=redirect_url(self._public_url, attempt, "redirect"),
            use_stripe_sdk=options.use_stripe_sdk,
        )

    def _new_attempt(self, asked: Confirmation, route: Candidate, sequence: int, now_ms: int) -> Attempt:
        intent, options = asked.intent, asked.options
        payment_method = asked.instrument.payment_method
        facts = payment_method.card
        card = facts if isinstance(facts, CardFacts) else None
        operation = Operation.AUTHORISE if intent.capture_method == "manual" else Operation.SALE
        return Attempt(
            account_id=intent.account_id,
            id=new_id("at", now_ms),
            livemode=intent.livemode,
            version=1,
            created_at_ms=now_ms,
            subject_id=intent.id,
            intent_id=intent.id,
            charge_id=new_id("ch", now_ms),
            operation=operation,
            stage=operation,
            state=BEGUN,
            sequence=sequence,
            gateway_id=route.gateway_id,
            connector=route.connector,
            release_id=route.release_id,
            arm=route.arm,
            share_ppm=route.share_ppm,
            payer=payer_of(route, payment_method, intent.customer_id, intent.id),
            amount_minor=intent.amount_minor,
            currency=intent.currency,
            payment_method_id=payment_method.id,
            network=None if card is None else card.brand,
            country=None if facts is None else facts.country,
            bin=None if card is None else card.bin,
            next_inquiry_at_ms=now_ms + self._limits.lease_ms,
            detail=_detail(asked, options, route),
        )

    def _return_url(self, attempt: Attempt) -> str:
        return redirect_url(self._public_url, attempt, "return")


class _Payment:
    """One payment on its way from route to route (``walking.Way``); its card or account lives no longer than this."""

    def __init__(self, confirmer: Confirmer, ctx: RequestContext, asked: Confirmation, instrument: Instrument) -> None:
        self._confirmer = confirmer
        self._ctx = ctx
        self._asked = asked
        self._instrument = instrument

    def attempt(self, state: PaymentState) -> Attempt:
        return state.attempt

    def request(self, state: PaymentState) -> PaymentRequest:
        return self._confirmer.request(state, self._instrument)

    def may_retry_decline(self, state: PaymentState, execution: Execution, following: Candidate, made: int) -> bool:
        return self._confirmer.may_retry_decline(state, execution, following, made)

    async def move_on(self, state: PaymentState, execution: Execution, following: Candidate) -> PaymentState | None:
        return await self._confirmer.move_on(self._ctx, self._asked, state, execution, following)


def redirect_url(public_url: str, attempt: Attempt, page: str) -> str:
    """Return our page (``redirect`` to the challenge, ``return`` from it) for an attempt; only its holder knows it."""
    return f"{public_url}/payments/{page}/{attempt.account_id}/{attempt.id}/{attempt.detail['return_token']}"


def _detail(asked: Confirmation, options: ConfirmIntent, route: Candidate) -> dict[str, Any]:
    detail: dict[str, Any] = {"return_token": new_secret(24)}
    if asked.intent.details.get("payment_method_options"):
        detail["features"] = sorted(route.features & OPTIONAL_FEATURES)
    if options.off_session:
        detail["off_session"] = True
    if options.error_on_requires_action:
        detail["error_on_requires_action"] = True
    if options.use_stripe_sdk:
        detail["use_stripe_sdk"] = True
    return_url = options.return_url or asked.instrument.return_url
    if return_url is not None:
        detail["return_url"] = return_url
    if options.client_ip is not None:
        detail["client_ip"] = options.client_ip
    if asked.terms is not None:
        detail["terms"] = asked.terms
    return detail


def _processing(asked: Confirmation, attempt: Attempt) -> Intent:
    intent = asked.intent
    status = next_status(intent.status, Trigger.CONFIRM) or IntentStatus.PROCESSING
    return replace(
        intent,
        status=status,
        version=1 if asked.is_new else intent.version + 1,
        payment_method_id=asked.instrument.payment_method.id,
        active_attempt_id=attempt.id,
        attempt_count=intent.attempt_count + 1,
        next_action=None,
        last_payment_error=None,
    )


def _moved_on(intent: Intent, following: Attempt) -> Intent:
    return replace(
        intent,
        version=intent.version + 1,
        active_attempt_id=following.id,
        attempt_count=intent.attempt_count + 1,
    )


def _no_route(intent: Intent) -> Problem:
    return invalid(
        f"No enabled gateway can take this payment ({intent.currency}). Check `interlock gateways list` and the "
        "routing rules; `interlock doctor` tells what is missing.",
        code="payment_method_unactivated",
        param="payment_method",
    )
