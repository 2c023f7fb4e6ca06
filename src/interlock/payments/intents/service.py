"""Use cases of payment intents. Called by ``api``, ``console``, ``cli`` and by checkout sessions.

Each use case validates (pure functions), makes what is asked durable, lets the :class:`Confirmer` talk
to the gateway, and answers. Reading needs no use case's permission; everything is scoped to account and mode.
"""

from typing import Any

import msgspec
from msgspec import UNSET

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id, new_secret
from interlock.base.money import Money
from interlock.base.problems import Problem, missing
from interlock.gateways.outcomes import Outcome
from interlock.payments import metadata
from interlock.payments.attempts.strays import give_up
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.charges.types import CHARGES, ChargeStatus
from interlock.payments.customers.service import Customers
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments.attachment import not_of_customer
from interlock.payments.instruments.debits import METHOD as DEBIT
from interlock.payments.instruments.debits import check_debit, terms_of
from interlock.payments.instruments.mandates import MandateAsked, Mandates
from interlock.payments.instruments.method_types import with_type
from interlock.payments.instruments.service import Instruments
from interlock.payments.instruments.transfers import transfer_terms
from interlock.payments.instruments.types import PAYMENT_METHODS, PaymentMethod, ResolvedInstrument
from interlock.payments.intents.confirmation import Confirmation, Confirmer
from interlock.payments.intents.machine import UPDATABLE, resting_status
from interlock.payments.intents.outcome import Outcomes, announce_creation
from interlock.payments.intents.types import (
    INTENTS,
    ConfirmIntent,
    CreateIntent,
    Intent,
    IntentStatus,
    IntentView,
    UpdateIntent,
)
from interlock.payments.intents.validation import (
    check_amount,
    check_method_type,
    check_patience,
    check_return_url,
    confirm_problem,
    front_money,
    missing_method,
    unexpected_state,
)
from interlock.payments.representation.amounts import front_amount
from interlock.payments.representation.payment_intent import payment_intent as show_intent
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.database import Page, PageResult

replace = msgspec.structs.replace

_SECRET_CHARACTERS = 24


class Intents:
    """Create, read, change, confirm and list payment intents."""

    def __init__(
        self,
        work: Work,
        confirmer: Confirmer,
        outcomes: Outcomes,
        instruments: Instruments,
        customers: Customers,
        mandates: Mandates,
    ) -> None:
        """Wire the parts."""
        self._work = work
        self._confirmer = confirmer
        self._outcomes = outcomes
        self._instruments = instruments
        self._customers = customers
        self._mandates = mandates

    async def create(self, ctx: RequestContext, command: CreateIntent, respond: Respond) -> Answer | Problem:
        """Create an intent and, when asked, confirm it in the same request."""
        problem = check_amount(command.amount) or metadata.check(command.metadata or {})
        if problem is None and command.customer is not None:
            problem = await self._customers.must_exist(ctx.scope, command.customer)
        if problem is not None:
            return problem
        if command.confirm is not None:
            options = _with_instrument(command.confirm, command)
            return await self._create_confirmed(ctx, self._new(ctx, command, None), options, respond)
        instrument = await self._resolve_optional(ctx.scope, command)
        if isinstance(instrument, Problem):
            return instrument
        intent = self._new(ctx, command, instrument)
        change = Change(ctx.scope)
        if instrument is not None:
            change.extend(instrument.writes)
        change.insert(INTENTS, intent)
        change.event_of("payment_intent.created", intent)
        method = None if instrument is None else instrument.payment_method
        answer = await self._work.commit(ctx, change, intent.id, respond, IntentView(intent, None, method))
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def _create_confirmed(
        self, ctx: RequestContext, intent: Intent, options: ConfirmIntent, respond: Respond
    ) -> Answer | Problem:
        asked = await self._prepare(ctx.scope, intent, options, is_new=True)
        if isinstance(asked, Problem):
            return asked
        return await self._confirmer.confirm(ctx, asked, Change(ctx.scope), respond)

    async def confirm(
        self, ctx: RequestContext, intent_id: str, options: ConfirmIntent, respond: Respond
    ) -> Answer | Problem:
        """Confirm an intent: take the payment, or find out what the shopper must do."""
        intent = await self._work.database.get(INTENTS, ctx.scope, intent_id)
        if intent is None:
            return missing("payment_intent", intent_id, param="intent")
        problem = confirm_problem(intent, publishable=ctx.publishable) or missing_method(intent, options)
        if problem is not None:
            return with_intent(problem, intent)
        challenged = await self._challenged(intent, options)
        asked = await self._prepare(ctx.scope, intent, options, is_new=False, may_redirect=challenged is None)
        if isinstance(asked, Problem):
            return asked
        if challenged is not None:
            return await self._confirmer.complete(ctx, asked, challenged, respond)
        change = Change(ctx.scope)
        await self._leave_behind(intent, change)
        return await self._confirmer.confirm(ctx, asked, change, respond)

    async def _challenged(self, intent: Intent, options: ConfirmIntent) -> Attempt | None:
        """Return the attempt from whose challenge the shopper is back, when this confirms nothing else."""
        another = options.payment_method not in {None, intent.payment_method_id}
        if another or options.payment_method_data or options.confirmation_token:
            return None
        if options.capture_method is not UNSET and _is_held(options.capture_method) != _is_held(intent.capture_method):
            return None  # the gateway was asked to take what is to be held, or the other way round
        if intent.active_attempt_id is None or intent.status is not IntentStatus.REQUIRES_CONFIRMATION:
            return None
        scope = Scope(intent.account_id, intent.livemode)
        attempt = await self._work.database.get(ATTEMPTS, scope, intent.active_attempt_id)
        return attempt if attempt is not None and attempt.state == Outcome.CHALLENGE else None

    async def _leave_behind(self, intent: Intent, change: Change) -> None:
        """Give up the challenge or transfer that the shopper was asked for; were it still done, its money goes back."""
        if intent.active_attempt_id is None:
            return
        scope = Scope(intent.account_id, intent.livemode)
        asked_for = await self._work.database.get(ATTEMPTS, scope, intent.active_attempt_id)
        if asked_for is not None:
            give_up(change, asked_for, self._work.clock.now_ms())

    async def _prepare(
        self, scope: Scope, intent: Intent, options: ConfirmIntent, *, is_new: bool, may_redirect: bool = True
    ) -> Confirmation | Problem:
        """Resolve what pays and fold the confirm options into the intent; ``may_redirect`` where a shopper may yet have
        to be sent to a bank."""
        instrument = await self._instruments.resolve_for_payment(
            scope,
            options.payment_method or intent.payment_method_id,
            options.payment_method_data,
            options.confirmation_token,
            intent.customer_id,
            intent_id=intent.id,
        )
        if isinstance(instrument, Problem):
            return instrument
        details = {**intent.details, **options.details}
        if instrument.shipping is not None and "shipping" not in options.details:
            details["shipping"] = instrument.shipping
        details = with_type(details, instrument.payment_method.type)
        problem = check_return_url(details, options, options.return_url or instrument.return_url)
        if problem is not None and may_redirect:
            return problem
        usage = options.setup_future_usage
        if usage is UNSET:
            usage = instrument.setup_future_usage or intent.setup_future_usage
        capture_method = intent.capture_method if options.capture_method is UNSET else options.capture_method
        prepared = replace(intent, details=details, setup_future_usage=usage, capture_method=capture_method)
        if instrument.payment_method.type != "card":
            return await self._agreed(
                Confirmation(intent=prepared, is_new=is_new, instrument=instrument, options=options)
            )
        return Confirmation(intent=prepared, is_new=is_new, instrument=instrument, options=options)

    async def _agreed(self, asked: Confirmation) -> Confirmation | Problem:
        """Return ``asked`` with the terms of a payment that is not by card, or why it cannot be made."""
        intent, method = asked.intent, asked.instrument.payment_method
        problem = check_method_type(method.type, intent.details)
        if problem is not None:
            return problem
        if method.type == DEBIT:
            return await self._debited(asked)
        terms = transfer_terms(intent.details, intent.currency, intent.customer_id, intent.capture_method)
        if isinstance(terms, Problem):
            return terms
        return check_patience(asked.options) or replace(asked, terms=terms)

    async def _debited(self, asked: Confirmation) -> Confirmation | Problem:
        """Return ``asked`` with the mandate that its bank account is debited under."""
        intent, instrument, options = asked.intent, asked.instrument, asked.options
        method = instrument.payment_method
        problem = check_debit(intent.currency, intent.capture_method)
        if problem is not None:
            return problem
        money = Money(intent.amount_minor, intent.currency)
        wanted = MandateAsked(
            data=options.mandate_data or instrument.mandate_data,
            mandate_id=options.mandate,
            single_use=money if intent.setup_future_usage is None else None,
            client_ip=options.client_ip,
        )
        agreed = await self._mandates.agreed(method, wanted, self._work.clock.now_ms())
        if isinstance(agreed, Problem):
            return agreed
        writes = (*instrument.writes, *agreed.writes)
        return replace(asked, instrument=replace(instrument, writes=writes), terms=terms_of(agreed.mandate))

    async def update(
        self, ctx: RequestContext, intent_id: str, command: UpdateIntent, respond: Respond
    ) -> Answer | Problem:
        """Change what may still change; descriptive fields and metadata may always."""
        intent = await self._work.database.get(INTENTS, ctx.scope, intent_id)
        if intent is None:
            return missing("payment_intent", intent_id, param="intent")
        merged = metadata.merge(intent.metadata, command.metadata)
        if isinstance(merged, Problem):
            return merged
        problem = _update_problem(intent, command)
        if problem is None and isinstance(command.customer, str):
            problem = await self._customers.must_exist(ctx.scope, command.customer)
            problem = problem or await self._foreign_card(ctx.scope, intent, command)
        if problem is not None:
            return problem
        change = Change(ctx.scope)
        updated = await self._updated(ctx.scope, intent, command, merged, change)
        if isinstance(updated, Problem):
            return updated
        if intent.active_attempt_id is not None and _pays_otherwise(intent, updated):
            await self._leave_behind(intent, change)
            status = resting_status(updated.payment_method_id)
            updated = replace(updated, status=status, active_attempt_id=None, next_action=None)
        announce_creation(change, intent)
        change.update(INTENTS, updated)
        answer = await self._work.commit(ctx, change, intent.id, respond, IntentView(updated))
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def _foreign_card(self, scope: Scope, intent: Intent, command: UpdateIntent) -> Problem | None:
        """Return the problem of a new customer whose payment would be made with another customer's card, or None."""
        kept = None if _selects_another(command, intent.payment_method_id) else intent.payment_method_id
        if kept is None or command.customer == intent.customer_id:
            return None
        method = await self._work.database.get(PAYMENT_METHODS, scope, kept)
        if method is None or method.customer_id in {None, command.customer}:
            return None
        return not_of_customer(kept, "customer")

    async def _updated(
        self, scope: Scope, intent: Intent, command: UpdateIntent, merged: dict[str, str], change: Change
    ) -> Intent | Problem:
        changes: dict[str, Any] = {"metadata": merged, "details": {**intent.details, **command.details}}
        for name in ("customer", "capture_method", "setup_future_usage"):
            value = getattr(command, name)
            if value is not UNSET:
                changes["customer_id" if name == "customer" else name] = value
        money = _new_money(intent, command)
        if isinstance(money, Problem):
            return money
        changes |= {"amount_minor": money.amount_minor, "currency": money.currency}
        if _selects_another(command, intent.payment_method_id):
            customer = changes.get("customer_id", intent.customer_id)
            method = await self._selected(scope, command, customer, change)
            if isinstance(method, Problem):
                return method
            changes["payment_method_id"] = None if method is None else method.id
            changes["status"] = resting_status(changes["payment_method_id"])
            if method is not None:
                changes["details"] = with_type(changes["details"], method.type)
        return replace(intent, version=intent.version + 1, **changes)

    async def _selected(
        self, scope: Scope, command: UpdateIntent, customer_id: str | None, change: Change
    ) -> PaymentMethod | Problem | None:
        """Return the payment method an update selects, None when it drops the one there was."""
        reference = None if command.payment_method is UNSET else command.payment_method
        if reference is None and command.payment_method_data is None:
            return None
        instrument = await self._instruments.resolve_for_payment(
            scope, reference, command.payment_method_data, None, customer_id
        )
        if isinstance(instrument, Problem):
            return instrument
        change.extend(instrument.writes)
        return instrument.payment_method

    async def get(self, scope: Scope, intent_id: str) -> Intent | Problem:
        """Return one intent."""
        intent = await self._work.database.get(INTENTS, scope, intent_id)
        return missing("payment_intent", intent_id, param="intent") if intent is None else intent

    async def awaits_bank(self, intent: Intent) -> bool:
        """Return True while a debit is with the bank: the shopper has nothing more to do."""
        if intent.latest_charge_id is None:
            return False
        scope = Scope(intent.account_id, intent.livemode)
        charge = await self._work.database.get(CHARGES, scope, intent.latest_charge_id)
        return charge is not None and charge.status is ChargeStatus.PENDING

    async def list(self, scope: Scope, page: Page, *, customer: str | None = None) -> PageResult[Intent]:
        """Return intents, newest first."""
        where = {} if customer is None else {"customer_id": customer}
        return await self._work.database.find(INTENTS, scope, page, where=where)

    async def resume(self, ctx: RequestContext, intent_id: str, respond: Respond) -> Answer | Problem | None:
        """Answer an interrupted request from the intent's state; None while nobody knows what came of its attempt."""
        intent = await self._work.database.get(INTENTS, ctx.scope, intent_id)
        if intent is None:
            return None
        waits = intent.status in {IntentStatus.REQUIRES_ACTION, IntentStatus.REQUIRES_CONFIRMATION}
        if intent.active_attempt_id is not None and not waits:
            attempt = await self._work.database.get(ATTEMPTS, ctx.scope, intent.active_attempt_id)
            if attempt is None or attempt.state != Outcome.PENDING:
                return None  # a pending one is known: accepted, and its bank may take days
        return await self._outcomes.answer_from_state(ctx, intent_id, respond)

    def _new(self, ctx: RequestContext, command: CreateIntent, instrument: ResolvedInstrument | None) -> Intent:
        now_ms = self._work.clock.now_ms()
        intent_id = new_id("pi", now_ms)
        method_id = command.payment_method if instrument is None else instrument.payment_method.id
        return Intent(
            account_id=ctx.account_id,
            id=intent_id,
            livemode=ctx.livemode,
            version=1,
            created_at_ms=now_ms,
            status=resting_status(None if instrument is None else method_id),
            amount_minor=command.amount.amount_minor,
            currency=command.amount.currency,
            capture_method=command.capture_method,
            confirmation_method=command.confirmation_method,
            customer_id=command.customer,
            payment_method_id=None if instrument is None else method_id,
            client_secret=f"{intent_id}_secret_{new_secret(_SECRET_CHARACTERS)}",
            setup_future_usage=command.setup_future_usage,
            metadata=command.metadata or {},
            details=command.details
            if instrument is None
            else with_type(command.details, instrument.payment_method.type),
        )

    async def _resolve_optional(self, scope: Scope, command: CreateIntent) -> ResolvedInstrument | Problem | None:
        if command.payment_method is None and command.payment_method_data is None:
            return None
        return await self._instruments.resolve_for_payment(
            scope, command.payment_method, command.payment_method_data, None, command.customer
        )


def _with_instrument(options: ConfirmIntent, command: CreateIntent) -> ConfirmIntent:
    """Return the confirm options with the payment method that was named for the creation."""
    return replace(
        options,
        payment_method=options.payment_method or command.payment_method,
        payment_method_data=options.payment_method_data or command.payment_method_data,
        confirmation_token=options.confirmation_token or command.confirmation_token,
    )


def with_intent(problem: Problem, intent: Intent) -> Problem:
    """Return ``problem`` with the intent shown inside the error, as the API does for wrong states."""
    return replace(problem, attached={"payment_intent": show_intent(intent)})


def _is_held(capture_method: str) -> bool:
    return capture_method == "manual"


def _selects_another(command: UpdateIntent, present: str | None) -> bool:
    """Return True when an update selects a payment method, or drops the one there is; naming it again does nothing."""
    if command.payment_method_data is not None:
        return True
    return command.payment_method is not UNSET and (command.payment_method is None or command.payment_method != present)


def _pays_otherwise(before: Intent, after: Intent) -> bool:
    """Return True when what the shopper was asked for is not what the intent now wants."""

    def wish(intent: Intent) -> tuple[object, ...]:
        return intent.amount_minor, intent.currency, intent.payment_method_id, _is_held(intent.capture_method)

    return wish(before) != wish(after)


def _new_money(intent: Intent, command: UpdateIntent) -> Money | Problem:
    """Return what the intent asks for after an update."""
    before = Money(intent.amount_minor, intent.currency)
    if command.amount is UNSET and command.currency is UNSET:
        return before
    currency = intent.currency if command.currency is UNSET else command.currency
    amount = front_amount(before.amount_minor, before.currency) if command.amount is UNSET else command.amount
    money = front_money(amount, currency, "amount")
    return money if isinstance(money, Problem) else check_amount(money) or money


def _update_problem(intent: Intent, command: UpdateIntent) -> Problem | None:
    money_fields = (command.amount, command.currency, command.customer, command.payment_method, command.capture_method)
    touches = any(value is not UNSET for value in money_fields) or command.payment_method_data is not None
    if intent.status in UPDATABLE or not touches:
        return None
    return with_intent(
        unexpected_state(
            intent,
            "update",
            "Only a PaymentIntent with one of the following statuses may be updated: requires_payment_method, "
            "requires_confirmation, requires_action.",
        ),
        intent,
    )
