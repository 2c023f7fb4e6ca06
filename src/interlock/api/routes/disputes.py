"""Endpoints of disputes."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.parameters import disputes as p
from interlock.api.parameters.base import given
from interlock.api.router import Endpoint
from interlock.api.routes.common import or_none, page_of, show_one, show_page
from interlock.base.problems import Problem
from interlock.payments.disputes.types import DisputeView, UpdateDispute
from interlock.payments.representation.dispute import dispute as show_dispute
from interlock.payments.work import Answer


def _show(call: Call[Any]) -> Callable[[DisputeView], Shown]:
    now_ms = call.services.rooms.clock.now_ms()
    return lambda found: show_dispute(found, now_ms)


async def get(call: Call[Any]) -> Answer | Problem:
    """GET /v1/disputes/{dispute}."""
    return await show_one(call, await call.services.rooms.disputes.get(call.scope, call.ids[0]), _show(call))


async def list_(call: Call[p.ListDisputes]) -> Answer | Problem:
    """GET /v1/disputes."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    of = {"charge": or_none(asked.charge), "payment_intent": or_none(asked.payment_intent)}
    return await show_page(call, await call.services.rooms.disputes.list(call.scope, page, **of), _show(call), of)


async def update(call: Call[p.UpdateDispute]) -> Answer | Problem:
    """POST /v1/disputes/{dispute}."""
    asked = call.parameters
    command = UpdateDispute(
        evidence=None if asked.evidence is UNSET else given(asked.evidence),
        submit=asked.submit,
        metadata=asked.metadata,
    )
    return await call.services.rooms.disputes.update(call.context, call.ids[0], command, call.responder(_show(call)))


async def close(call: Call[Any]) -> Answer | Problem:
    """POST /v1/disputes/{dispute}/close."""
    return await call.services.rooms.disputes.close(call.context, call.ids[0], call.responder(_show(call)))


_ONE = "/v1/disputes/{dispute}"
ENDPOINTS = (
    Endpoint("GET", "/v1/disputes", list_, "dispute", p.ListDisputes, shape="list", summary="List disputes"),
    Endpoint("GET", _ONE, get, "dispute", summary="Retrieve a dispute"),
    Endpoint("POST", _ONE, update, "dispute", p.UpdateDispute, summary="Add evidence to a dispute"),
    Endpoint("POST", _ONE + "/close", close, "dispute", summary="Accept a dispute"),
)
