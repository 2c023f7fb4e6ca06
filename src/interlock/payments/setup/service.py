"""Use cases of setup intents. Called by ``api``, ``console`` and checkout sessions."""

from typing import Any

import msgspec
from msgspec import UNSET

from interlock.base.context import RequestContext, Scope
from interlock.base.crashpoints import reach
from interlock.base.ids import new_id, new_secret
from interlock.base.problems import Problem, invalid, missing
from interlock.gateways.contract import Instrument, Operation, PaymentRequest
from interlock.gateways.transport import Execution
from interlock.payments import metadata
from interlock.payments.attempts.exchanges import keep_exchanges
from interlock.payments.attempts.finishing import FINISHING_TRIES
from interlock.payments.attempts.routes import Routes, for_probe, payer_of
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.settling import settle_attempt
from interlock.payments.attempts.strays import give_up
from interlock.payments.attempts.types import ATTEMPTS, BEGUN, Attempt
from interlock.payments.attempts.walking import Limits, walk
from interlock.payments.customers.service import Customers
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments.service import Instruments
from interlock.payments.instruments.types import CardFacts, PaymentMethod, ResolvedInstrument
from interlock.payments.intents.confirmation import redirect_url
from interlock.payments.representation.setup_intent import setup_intent as show_setup
from interlock.payments.setup.machine import Trigger, next_status, resting_status
from interlock.payments.setup.outcome import SetupOutcomes
from interlock.payments.setup.requests import verification_request
from interlock.payments.setup.types import (
    SETUP_INTENTS,
    CancelSetup,
    ConfirmSetup,
    CreateSetup,
    SetupIntent,
    SetupStatus,
    SetupView,
    UpdateSetup,
)
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.routing.types import Candidate
from interlock.storage.database import Page, PageResult

replace = msgspec.structs.replace

_SECRET_CHARACTERS = 24
_CURRENCY = "usd"


class SetupIntents:
    """Create, read, change, confirm, cancel and list setup intents."""

    def __init__(
        self,
        work: Work,
        runner: Runner,
        routes: Routes,
        instruments: Instruments,
        customers: Customers,
        outcomes: SetupOutcomes,
        public_url: str,
        limits: Limits,
    ) -> None:
        """Wire the parts."""
        self._work = work
        self._runner = runner
        self._routes = routes
        self._instruments = instruments
        self._customers = customers
        self._outcomes = outcomes
        self._public_url = public_url
        self._limits = limits

    async def create(self, ctx: RequestContext, command: CreateSetup, respond: Respond) -> Answer | Problem:
        """Create a setup intent and, when asked, confirm it in the same request."""
        problem = metadata.check(command.metadata or {})
        if problem is None and command.customer is not None:
            problem = await self._customers.must_exist(ctx.scope, command.customer)
        if problem is not None:
            return problem
        intent = self._new(ctx, command)
        change = Change(ctx.scope)
        if command.confirm is not None:
            options = replace(
                command.confirm,
                payment_method=command.confirm.payment_method or command.payment_method,
                payment_method_data=command.confirm.payment_method_data or command.payment_method_data,
            )
            change.event("setup_intent.created", show_setup(intent))
            return await self._confirm(ctx, intent, options, change, respond, is_new=True)
        method = None
        if command.payment_method is not None or command.payment_method_data is not None:
            instrument = await self._instruments.resolve_for_payment(
                ctx.scope, command.payment_method, command.payment_method_data, None, command.customer
            )
            if isinstance(instrument, Problem):
                return instrument
            change.extend(instrument.writes)
            method = instrument.payment_method
            intent = replace(intent, payment_method_id=method.id, status=resting_status(method.id))
        change.insert(SETUP_INTENTS, intent)
        change.event("setup_intent.created", show_setup(intent))
        answer = await self._work.commit(ctx, change, intent.id, respond, SetupView(intent, method))
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def confirm(
        self, ctx: RequestContext, setup_id: str, options: ConfirmSetup, respond: Respond
    ) -> Answer | Problem:
        """Confirm a setup intent: verify the card, or find out what the shopper must do."""
        intent = await self._work.database.get(SETUP_INTENTS, ctx.scope, setup_id)
        if intent is None:
            return missing("setup_intent", setup_id, param="intent")
        if next_status(intent.status, Trigger.CONFIRM) is None:
            return _unexpected(intent, "confirm", "requires_payment_method, requires_confirmation, requires_action")
        problem = _missing_method(intent, options)
        if problem is not None:
            return problem
        return await self._confirm(ctx, intent, options, Change(ctx.scope), respond, is_new=False)

    async def _confirm(
        self,
        ctx: RequestContext,
        intent: SetupIntent,
        options: ConfirmSetup,
        change: Change,
        respond: Respond,
        *,
        is_new: bool,
    ) -> Answer | Problem:
        instrument = await self._instruments.resolve_for_payment(
            ctx.scope,
            options.payment_method or intent.payment_method_id,
            options.payment_method_data,
            options.confirmation_token,
            intent.customer_id,
            intent_id=intent.id,
        )
        if isinstance(instrument, Problem):
            return instrument
        method = instrument.payment_method
        if method.type != "card":
            return _cards_only(method)
        now_ms = self._work.clock.now_ms()
        routes = for_probe(self._routes.rank_setup(ctx.scope, intent.id, method, now_ms), options.probes)
        if not routes:
            return invalid(
                "No enabled gateway can verify cards. Check `interlock gateways list`.",
                code="payment_method_unactivated",
            )
        attempt = self._new_attempt(intent, instrument, options, routes[0], now_ms, 1)
        begun = replace(
            intent,
            version=1 if is_new else intent.version + 1,
            status=next_status(intent.status, Trigger.CONFIRM) or SetupStatus.PROCESSING,
            payment_method_id=method.id,
            active_attempt_id=attempt.id,
            latest_attempt_id=attempt.id,
            next_action=None,
            last_setup_error=None,
        )
        if is_new:
            change.insert(SETUP_INTENTS, begun)
        else:
            change.update(SETUP_INTENTS, begun)
        change.insert(ATTEMPTS, attempt)
        change.extend(instrument.writes)
        rejected = await self._work.begin(ctx, change, intent.id)
        if rejected is not None:
            return refused_commit(rejected)
        reach("setup.begun")
        card = await self._instruments.reveal(ctx.scope, method)
        way = _Verification(self, _Verifying(begun, attempt, instrument, options), card)
        state, execution = await walk(
            way, way.first, routes, self._runner, self._work.clock, self._limits, now_ms + self._limits.budget_ms
        )
        reach("setup.answered")
        return await self._outcomes.finish(ctx, state.intent, state.attempt, method, execution, respond)

    async def move_on(self, state: "_Verifying", execution: Execution, route: Candidate) -> "_Verifying | None":
        """Settle the verification that failed and make the next one durable; None when the race was lost."""
        scope, sequence = Scope(state.intent.account_id, state.intent.livemode), state.attempt.sequence + 1
        present = state.intent
        for _ in range(FINISHING_TRIES):
            now_ms = self._work.clock.now_ms()
            failed = settle_attempt(state.attempt, execution.result, now_ms, execution)
            following = self._new_attempt(present, state.instrument, state.options, route, now_ms, sequence)
            intent = replace(
                present,
                version=present.version + 1,
                active_attempt_id=following.id,
                latest_attempt_id=following.id,
            )
            change = Change(scope)
            change.update(ATTEMPTS, failed)
            change.insert(ATTEMPTS, following)
            change.update(SETUP_INTENTS, intent)
            keep_exchanges(change, failed, execution, now_ms)
            if await self._work.record(change) is None:
                return replace(state, intent=intent, attempt=following)
            reloaded = await self._outcomes.reload(scope, state.attempt)
            if reloaded is None:
                return None
            present, _ = reloaded
        return None

    def verification(
        self, intent: SetupIntent, attempt: Attempt, method: PaymentMethod, instrument: Instrument
    ) -> PaymentRequest:
        """Return the request that verifies and stores the card; recovery rebuilds it from what is stored."""
        return verification_request(
            intent, attempt, method, instrument, redirect_url(self._public_url, attempt, "return")
        )

    async def update(
        self, ctx: RequestContext, setup_id: str, command: UpdateSetup, respond: Respond
    ) -> Answer | Problem:
        """Change what may still change."""
        intent = await self._work.database.get(SETUP_INTENTS, ctx.scope, setup_id)
        if intent is None:
            return missing("setup_intent", setup_id, param="intent")
        merged = metadata.merge(intent.metadata, command.metadata)
        if isinstance(merged, Problem):
            return merged
        touches = command.customer is not UNSET or command.payment_method is not UNSET
        if (touches or command.payment_method_data) and next_status(intent.status, Trigger.CONFIRM) is None:
            return _unexpected(intent, "update", "requires_payment_method, requires_confirmation, requires_action")
        if isinstance(command.customer, str):
            problem = await self._customers.must_exist(ctx.scope, command.customer)
            if problem is not None:
                return problem
        change = Change(ctx.scope)
        changes: dict[str, Any] = {"metadata": merged, "details": {**intent.details, **command.details}}
        if command.customer is not UNSET:
            changes["customer_id"] = command.customer
        problem = await self._select(ctx.scope, intent, command, change, changes)
        if problem is not None:
            return problem
        another = changes.get("payment_method_id", intent.payment_method_id) != intent.payment_method_id
        if another and intent.active_attempt_id is not None:
            await self._leave_behind(ctx.scope, intent.active_attempt_id, change)
            changes |= {"active_attempt_id": None, "next_action": None}
        updated = replace(intent, version=intent.version + 1, **changes)
        change.update(SETUP_INTENTS, updated)
        answer = await self._work.commit(ctx, change, intent.id, respond, SetupView(updated))
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def _select(
        self, scope: Scope, intent: SetupIntent, command: UpdateSetup, change: Change, changes: dict[str, Any]
    ) -> Problem | None:
        """Add the payment method that an update selects or drops to ``changes``, its writes to ``change``."""
        reference = None if command.payment_method is UNSET else command.payment_method
        if reference is not None and reference == intent.payment_method_id and command.payment_method_data is None:
            return None  # named again: nothing changes, least of all a challenge that is waiting
        if reference is not None or command.payment_method_data is not None:
            customer_id = changes.get("customer_id", intent.customer_id)
            instrument = await self._instruments.resolve_for_payment(
                scope, reference, command.payment_method_data, None, customer_id
            )
            if isinstance(instrument, Problem):
                return instrument
            change.extend(instrument.writes)
            changes["payment_method_id"] = instrument.payment_method.id
        elif command.payment_method is None:
            changes["payment_method_id"] = None
        if "payment_method_id" in changes:
            changes["status"] = resting_status(changes["payment_method_id"])
        return None

    async def _leave_behind(self, scope: Scope, attempt_id: str, change: Change) -> None:
        """Give up a verification that the shopper was asked for; what still comes of it changes nothing."""
        attempt = await self._work.database.get(ATTEMPTS, scope, attempt_id)
        if attempt is not None:
            give_up(change, attempt, self._work.clock.now_ms())

    async def cancel(
        self, ctx: RequestContext, setup_id: str, command: CancelSetup, respond: Respond
    ) -> Answer | Problem:
        """Give up the setup intent."""
        intent = await self._work.database.get(SETUP_INTENTS, ctx.scope, setup_id)
        if intent is None:
            return missing("setup_intent", setup_id, param="intent")
        status = next_status(intent.status, Trigger.CANCEL)
        if status is None:
            return _unexpected(intent, "cancel", "requires_payment_method, requires_confirmation, requires_action")
        canceled = replace(
            intent,
            version=intent.version + 1,
            status=status,
            cancellation_reason=command.reason,
            active_attempt_id=None,
            next_action=None,
        )
        change = Change(ctx.scope)
        if intent.active_attempt_id is not None:
            await self._leave_behind(ctx.scope, intent.active_attempt_id, change)
        change.update(SETUP_INTENTS, canceled)
        change.event("setup_intent.canceled", show_setup(canceled))
        answer = await self._work.commit(ctx, change, intent.id, respond, SetupView(canceled))
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def get(self, scope: Scope, setup_id: str) -> SetupIntent | Problem:
        """Return one setup intent."""
        intent = await self._work.database.get(SETUP_INTENTS, scope, setup_id)
        return missing("setup_intent", setup_id, param="intent") if intent is None else intent

    async def list(
        self, scope: Scope, page: Page, *, customer: str | None = None, payment_method: str | None = None
    ) -> PageResult[SetupIntent]:
        """Return setup intents, newest first, of a customer or a payment method when given."""
        given = {"customer_id": customer, "payment_method_id": payment_method}
        where = {name: value for name, value in given.items() if value is not None}
        return await self._work.database.find(SETUP_INTENTS, scope, page, where=where)

    async def resume(self, ctx: RequestContext, setup_id: str, respond: Respond) -> Answer | Problem | None:
        """Answer an interrupted request from the setup intent's state; None while its verification is open."""
        intent = await self._work.database.get(SETUP_INTENTS, ctx.scope, setup_id)
        if intent is None or intent.status is SetupStatus.PROCESSING:
            return None
        return await self._outcomes.answer_from_state(ctx, setup_id, respond)

    def _new(self, ctx: RequestContext, command: CreateSetup) -> SetupIntent:
        now_ms = self._work.clock.now_ms()
        setup_id = new_id("seti", now_ms)
        return SetupIntent(
            account_id=ctx.account_id,
            id=setup_id,
            livemode=ctx.livemode,
            version=1,
            created_at_ms=now_ms,
            status=SetupStatus.REQUIRES_PAYMENT_METHOD,
            usage=command.usage,
            customer_id=command.customer,
            client_secret=f"{setup_id}_secret_{new_secret(_SECRET_CHARACTERS)}",
            metadata=command.metadata or {},
            details=command.details,
        )

    def _new_attempt(
        self,
        intent: SetupIntent,
        instrument: ResolvedInstrument,
        options: ConfirmSetup,
        route: Candidate,
        now_ms: int,
        sequence: int,
    ) -> Attempt:
        method = instrument.payment_method
        card = method.card if isinstance(method.card, CardFacts) else None
        given = {
            "return_url": options.return_url or instrument.return_url,
            "use_stripe_sdk": options.use_stripe_sdk or None,
            "mandate_data": options.mandate_data or instrument.mandate_data,
            "client_ip": options.client_ip,
        }
        detail = {name: value for name, value in given.items() if value is not None}
        return Attempt(
            account_id=intent.account_id,
            id=new_id("at", now_ms),
            livemode=intent.livemode,
            version=1,
            created_at_ms=now_ms,
            subject_id=intent.id,
            intent_id=intent.id,
            charge_id=None,
            operation=Operation.VERIFY,
            stage=Operation.VERIFY,
            state=BEGUN,
            sequence=sequence,
            gateway_id=route.gateway_id,
            connector=route.connector,
            release_id=route.release_id,
            arm=route.arm,
            share_ppm=route.share_ppm,
            payer=payer_of(route, method, intent.customer_id, intent.id),
            amount_minor=0,
            currency=_CURRENCY,
            payment_method_id=method.id,
            network=None if card is None else card.brand,
            country=None if card is None else card.country,
            bin=None if card is None else card.bin,
            next_inquiry_at_ms=now_ms + self._limits.lease_ms,
            detail={**detail, "return_token": new_secret(24)},
        )


class _Verifying(msgspec.Struct, frozen=True):
    """A set-up in the middle of a verification."""

    intent: SetupIntent
    attempt: Attempt
    instrument: ResolvedInstrument
    options: ConfirmSetup


class _Verification:
    """One verification on its way from route to route (``walking.Way``); the card lives no longer than this."""

    def __init__(self, setups: SetupIntents, first: _Verifying, card: Instrument) -> None:
        self._setups = setups
        self.first = first
        self._card = card

    def attempt(self, state: _Verifying) -> Attempt:
        return state.attempt

    def request(self, state: _Verifying) -> PaymentRequest:
        return self._setups.verification(state.intent, state.attempt, state.instrument.payment_method, self._card)

    def may_retry_decline(self, state: _Verifying, execution: Execution, following: Candidate, made: int) -> bool:
        # A set-up takes no money, so no rule speaks of it: the issuer's word on the card stands.
        del state, execution, following, made
        return False

    async def move_on(self, state: _Verifying, execution: Execution, following: Candidate) -> _Verifying | None:
        return await self._setups.move_on(state, execution, following)


def _cards_only(method: PaymentMethod) -> Problem:
    return invalid(
        f"Setup intents store cards. A payment method of type {method.type} is stored by a payment that is made with "
        "it and setup_future_usage.",
        code="payment_method_unsupported_type",
        param="payment_method",
    )


def _missing_method(intent: SetupIntent, options: ConfirmSetup) -> Problem | None:
    """Return the problem of confirming ``intent`` with nothing to set up, or None."""
    named = options.payment_method or options.confirmation_token or intent.payment_method_id
    if named or options.payment_method_data is not None:
        return None
    problem = invalid(
        "You cannot confirm this SetupIntent because it's missing a payment method. You can either update the "
        "SetupIntent with a payment method and then confirm it again, or confirm it again directly with a payment "
        "method or ConfirmationToken.",
        code="setup_intent_unexpected_state",
    )
    return replace(problem, attached={"setup_intent": show_setup(intent)})


def _unexpected(intent: SetupIntent, action: str, wanted: str) -> Problem:
    done = {"confirm": "confirmed", "update": "updated", "cancel": "canceled"}[action]
    problem = invalid(
        f"You cannot {action} this SetupIntent because it has a status of {intent.status}. Only a SetupIntent with one "
        f"of the following statuses may be {done}: {wanted}.",
        code="setup_intent_unexpected_state",
    )
    return replace(problem, attached={"setup_intent": show_setup(intent)})
