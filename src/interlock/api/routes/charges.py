"""Endpoints of charges and refunds."""

from typing import Any

import msgspec

from interlock.api.answers import encode
from interlock.api.call import Call
from interlock.api.parameters import charges as p
from interlock.api.parameters.base import Search
from interlock.api.router import Endpoint
from interlock.api.routes.common import details_of, money_of, or_none, page_of, show_one, show_page, source_of
from interlock.api.routes.searching import search
from interlock.base.problems import Problem
from interlock.payments.charges.types import CHARGES, CaptureCharge, CreateCharge, UpdateCharge
from interlock.payments.refunds.types import CreateRefund, UpdateRefund
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.representation.refund import refund as show_refund
from interlock.payments.work import Answer, Respond

_ON_CREATE = (
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_ON_UPDATE = ("description", "fraud_details", "receipt_email", "shipping", "transfer_group")
_ON_CAPTURE = ("receipt_email", "statement_descriptor", "statement_descriptor_suffix", "transfer_group")


def _respond(call: Call[Any]) -> Respond:
    respond = call.responder(show_charge)
    charges = call.services.rooms.charges
    call.resume = lambda context, intent_id: charges.resume(context, intent_id, respond)
    return respond


async def create(call: Call[p.CreateCharge]) -> Answer | Problem:
    """POST /v1/charges."""
    asked = call.parameters
    amount = money_of(asked.amount, asked.currency)
    if isinstance(amount, Problem):
        return amount
    command = CreateCharge(
        amount=amount,
        source=source_of(asked),
        customer=or_none(asked.customer),
        capture=asked.capture,
        description=or_none(asked.description),
        metadata=or_none(asked.metadata),
        details=details_of(asked, _ON_CREATE, keep_unset=False),
    )
    return await call.services.rooms.charges.create(call.context, command, _respond(call))


async def get(call: Call[Any]) -> Answer | Problem:
    """GET /v1/charges/{charge}."""
    return await show_one(call, await call.services.rooms.charges.get(call.scope, call.ids[0]), show_charge)


async def update(call: Call[p.UpdateCharge]) -> Answer | Problem:
    """POST /v1/charges/{charge}."""
    asked = call.parameters
    command = UpdateCharge(metadata=asked.metadata, details=details_of(asked, _ON_UPDATE, keep_unset=True))
    return await call.services.rooms.charges.update(call.context, call.ids[0], command, call.responder(show_charge))


async def capture(call: Call[p.CaptureCharge]) -> Answer | Problem:
    """POST /v1/charges/{charge}/capture."""
    asked = call.parameters
    command = CaptureCharge(amount=or_none(asked.amount), details=details_of(asked, _ON_CAPTURE, keep_unset=True))
    charges, respond = call.services.rooms.charges, call.responder(show_charge)
    call.resume = lambda context, attempt_id: charges.resume_capture(context, attempt_id, respond)
    return await charges.capture(call.context, call.ids[0], command, respond)


async def list_(call: Call[p.ListCharges]) -> Answer | Problem:
    """GET /v1/charges."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    of = {"customer": or_none(asked.customer), "payment_intent": or_none(asked.payment_intent)}
    return await show_page(call, await call.services.rooms.charges.list(call.scope, page, **of), show_charge, of)


async def search_(call: Call[Search]) -> Answer | Problem:
    """GET /v1/charges/search."""
    return await search(call, CHARGES, show_charge)


async def refunds_of(call: Call[p.ListChargeRefunds]) -> Answer | Problem:
    """GET /v1/charges/{charge}/refunds."""
    page = page_of(call.parameters)
    if isinstance(page, Problem):
        return page
    rooms = call.services.rooms
    charge = await rooms.charges.get(call.scope, call.ids[0])
    if isinstance(charge, Problem):
        return charge
    return await show_page(call, await rooms.refunds.list(call.scope, page, charge=charge.id), show_refund)


async def create_refund(call: Call[p.CreateRefund]) -> Answer | Problem:
    """POST /v1/refunds."""
    asked = call.parameters
    return await _refund(call, or_none(asked.charge), or_none(asked.payment_intent))


async def refund_of_charge(call: Call[p.RefundOfCharge]) -> Answer | Problem:
    """POST /v1/charges/{charge}/refunds: the older address of a refund."""
    return await _refund(call, call.ids[0], None)


async def refund_charge(call: Call[p.RefundCharge]) -> Answer | Problem:
    """POST /v1/charges/{charge}/refund: the oldest one, which answers the charge."""
    outcome = await _refund(call, call.ids[0], None)
    if isinstance(outcome, Problem) and call.context.idempotency_key is not None:
        outcome = await call.services.idempotency.settle(call.context, outcome, call.resume)
    if isinstance(outcome, Problem) or outcome.status != 200:
        return outcome
    charge = await call.services.rooms.charges.get(call.scope, call.ids[0])
    if isinstance(charge, Problem):
        return charge
    return msgspec.structs.replace(outcome, body=encode(show_charge(charge)))


async def _refund(
    call: Call[p.CreateRefund] | Call[p.RefundCharge] | Call[p.RefundOfCharge],
    charge: str | None,
    payment_intent: str | None,
) -> Answer | Problem:
    asked = call.parameters
    rooms = call.services.rooms
    respond = call.responder(show_refund)
    call.resume = lambda context, refund_id: rooms.refunds.resume(context, refund_id, respond)
    command = CreateRefund(
        charge=charge,
        payment_intent=payment_intent,
        amount=or_none(asked.amount),
        reason=or_none(asked.reason),
        metadata=or_none(asked.metadata),
    )
    return await rooms.refunds.create(call.context, command, respond)


async def get_refund(call: Call[Any]) -> Answer | Problem:
    """GET /v1/refunds/{refund}."""
    return await show_one(call, await call.services.rooms.refunds.get(call.scope, call.ids[-1]), show_refund)


async def update_refund(call: Call[p.UpdateRefund]) -> Answer | Problem:
    """POST /v1/refunds/{refund}."""
    command = UpdateRefund(metadata=call.parameters.metadata)
    return await call.services.rooms.refunds.update(call.context, call.ids[-1], command, call.responder(show_refund))


async def cancel_refund(call: Call[Any]) -> Answer | Problem:
    """POST /v1/refunds/{refund}/cancel."""
    return await call.services.rooms.refunds.cancel(call.context, call.ids[0], call.responder(show_refund))


async def list_refunds(call: Call[p.ListRefunds]) -> Answer | Problem:
    """GET /v1/refunds."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    of = {"charge": or_none(asked.charge), "payment_intent": or_none(asked.payment_intent)}
    return await show_page(call, await call.services.rooms.refunds.list(call.scope, page, **of), show_refund, of)


_CHARGE = "/v1/charges/{charge}"
_REFUND = "/v1/refunds/{refund}"
ENDPOINTS = (
    Endpoint("POST", "/v1/charges", create, "charge", p.CreateCharge, summary="Charge a token or a stored card"),
    Endpoint("GET", "/v1/charges", list_, "charge", p.ListCharges, shape="list", summary="List charges"),
    Endpoint("GET", "/v1/charges/search", search_, "charge", Search, shape="search", summary="Search charges"),
    Endpoint("GET", _CHARGE, get, "charge", summary="Retrieve a charge"),
    Endpoint("POST", _CHARGE, update, "charge", p.UpdateCharge, summary="Update a charge"),
    Endpoint("POST", _CHARGE + "/capture", capture, "charge", p.CaptureCharge, summary="Capture a charge"),
    Endpoint(
        "GET",
        _CHARGE + "/refunds",
        refunds_of,
        "refund",
        p.ListChargeRefunds,
        shape="list",
        summary="List the refunds of a charge",
    ),
    Endpoint("POST", _CHARGE + "/refund", refund_charge, "charge", p.RefundCharge, summary="Refund, answer the charge"),
    Endpoint("POST", _CHARGE + "/refunds", refund_of_charge, "refund", p.RefundOfCharge, summary="Refund this charge"),
    Endpoint(
        "POST", _CHARGE + "/refunds/{refund}", update_refund, "refund", p.UpdateRefund, summary="Update its refund"
    ),
    Endpoint("GET", _CHARGE + "/refunds/{refund}", get_refund, "refund", summary="Retrieve a refund of a charge"),
    Endpoint("POST", "/v1/refunds", create_refund, "refund", p.CreateRefund, summary="Refund a charge"),
    Endpoint("GET", "/v1/refunds", list_refunds, "refund", p.ListRefunds, shape="list", summary="List refunds"),
    Endpoint("GET", _REFUND, get_refund, "refund", summary="Retrieve a refund"),
    Endpoint("POST", _REFUND, update_refund, "refund", p.UpdateRefund, summary="Update a refund"),
    Endpoint("POST", _REFUND + "/cancel", cancel_refund, "refund", summary="Cancel a refund"),
)
