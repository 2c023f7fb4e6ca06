"""Use cases of charges: reading and describing them, and the legacy way to pay (a token, at once).

Called by ``api`` and ``console``. A legacy charge is an intent confirmed in the same request, shown as its charge, so
that there is one path on which money moves.
"""

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem, invalid, missing
from interlock.payments import metadata
from interlock.payments.charges.types import CHARGES, CaptureCharge, Charge, ChargeStatus, CreateCharge, UpdateCharge
from interlock.payments.customers.types import CUSTOMERS
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments.types import CardData, PaymentMethodData
from interlock.payments.intents.follow_ons import FollowOns
from interlock.payments.intents.service import Intents
from interlock.payments.intents.types import CaptureIntent, ConfirmIntent, CreateIntent, IntentView
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.representation.differences import previous_attributes
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.database import Page, PageResult

replace = msgspec.structs.replace


class Charges:
    """Create (legacy), read, change, capture (legacy) and list charges."""

    def __init__(self, work: Work, intents: Intents, follow_ons: FollowOns) -> None:
        """Wire the parts."""
        self._work = work
        self._intents = intents
        self._follow_ons = follow_ons

    async def create(self, ctx: RequestContext, command: CreateCharge, respond: Respond) -> Answer | Problem:
        """Take a payment without any action of the shopper: from a token, a card, a source or a customer's default."""
        source = command.source or await self._default_source(ctx.scope, command.customer)
        if isinstance(source, Problem):
            return source
        details = dict(command.details)
        if command.description is not None:
            details["description"] = command.description
        asked = CreateIntent(
            amount=command.amount,
            customer=command.customer,
            capture_method="automatic" if command.capture else "manual",
            metadata=command.metadata,
            details=details,
            confirm=_paid_with(source),
        )
        return await self._intents.create(ctx, asked, _as_charge(respond))

    async def _default_source(self, scope: Scope, customer_id: str | None) -> str | Problem:
        """Return the card that a customer's charges are made with unless they name another."""
        if customer_id is None:
            return invalid("Must provide source or customer.", code="parameter_missing")
        customer = await self._work.database.get(CUSTOMERS, scope, customer_id)
        if customer is None or customer.deleted:
            return missing("customer", customer_id, param="customer")
        if customer.default_source is None:
            message = "Cannot charge a customer that has no active card."
            return Problem(status=402, type="card_error", code="missing", message=message, param="card")
        return customer.default_source

    async def capture(
        self, ctx: RequestContext, charge_id: str, command: CaptureCharge, respond: Respond
    ) -> Answer | Problem:
        """Take an authorised charge; the rest is released."""
        charge = await self._work.database.get(CHARGES, ctx.scope, charge_id)
        if charge is None:
            return missing("charge", charge_id)
        if charge.captured:
            return invalid(f"Charge {charge_id} has already been captured.", code="charge_already_captured")
        if charge.released or charge.status is not ChargeStatus.SUCCEEDED or charge.payment_intent_id is None:
            return invalid(
                f"Charge {charge_id} cannot be captured: its authorization has ended.",
                code="charge_expired_for_capture",
            )
        asked = CaptureIntent(amount=command.amount, details=command.details)
        return await self._follow_ons.capture(ctx, charge.payment_intent_id, asked, _as_charge(respond))

    async def update(
        self, ctx: RequestContext, charge_id: str, command: UpdateCharge, respond: Respond
    ) -> Answer | Problem:
        """Change metadata and descriptive fields."""
        charge = await self._work.database.get(CHARGES, ctx.scope, charge_id)
        if charge is None:
            return missing("charge", charge_id)
        merged = metadata.merge(charge.metadata, command.metadata)
        if isinstance(merged, Problem):
            return merged
        updated = replace(
            charge, version=charge.version + 1, metadata=merged, details={**charge.details, **command.details}
        )
        rendered = show_charge(updated)
        change = Change(ctx.scope)
        change.update(CHARGES, updated)
        change.event("charge.updated", rendered, previous_attributes(show_charge(charge), rendered))
        answer = await self._work.commit(ctx, change, charge.id, respond, updated)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def get(self, scope: Scope, charge_id: str) -> Charge | Problem:
        """Return one charge."""
        charge = await self._work.database.get(CHARGES, scope, charge_id)
        return missing("charge", charge_id) if charge is None else charge

    async def list(
        self, scope: Scope, page: Page, *, customer: str | None = None, payment_intent: str | None = None
    ) -> PageResult[Charge]:
        """Return charges, newest first, of a customer or an intent when given."""
        given = {"customer_id": customer, "payment_intent_id": payment_intent}
        where = {name: value for name, value in given.items() if value is not None}
        return await self._work.database.find(CHARGES, scope, page, where=where)

    async def resume(self, ctx: RequestContext, intent_id: str, respond: Respond) -> Answer | Problem | None:
        """Answer an interrupted legacy charge from its intent's state; None while that is open."""
        return await self._intents.resume(ctx, intent_id, _as_charge(respond))

    async def resume_capture(self, ctx: RequestContext, attempt_id: str, respond: Respond) -> Answer | None:
        """Answer an interrupted capture of a legacy charge from its attempt; None while that is open."""
        return await self._follow_ons.resume(ctx, attempt_id, _as_charge(respond))


def _paid_with(source: str | CardData) -> ConfirmIntent:
    if isinstance(source, str) and source.startswith("tok_"):
        source = CardData(token=source)  # also a test token's name: a reference by name would be a payment method
    if isinstance(source, CardData):
        data = PaymentMethodData(card=source, as_source=True)
        return ConfirmIntent(payment_method_data=data, error_on_requires_action=True)
    return ConfirmIntent(payment_method=source, error_on_requires_action=True)


def _as_charge(respond: Respond) -> Respond:
    """Return a responder that shows the intent's charge instead of the intent."""

    async def show(view: object) -> Answer:
        if isinstance(view, IntentView):
            return await respond(view.charge if view.charge is not None else _unfinished(view))
        if isinstance(view, Problem):
            attached = {name: shown for name, shown in view.attached.items() if name != "payment_intent"}
            return await respond(replace(view, attached=attached))
        return await respond(view)

    return show


def _unfinished(view: IntentView) -> Problem:
    return Problem(
        status=409,
        type="api_error",
        code="charge_pending",
        message=f"The gateway has not said yet whether it took this payment. Look at {view.intent.id} in a moment.",
        retryable=True,
    )
