"""Endpoints of events and webhook endpoints."""

from typing import Any

from msgspec import UNSET

from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.parameters import events as p
from interlock.api.router import Endpoint
from interlock.api.routes.common import or_none, page_of, show_page
from interlock.base.problems import Problem, invalid
from interlock.payments.representation.event import event as show_event
from interlock.payments.representation.webhook_endpoint import deleted_webhook_endpoint, webhook_endpoint
from interlock.payments.work import Answer
from interlock.webhooks.outbound.service import CreateEndpoint, DeletedEndpoint, ShownEndpoint, UpdateEndpoint


async def get_event(call: Call[Any]) -> Answer | Problem:
    """GET /v1/events/{id}."""
    rooms = call.services.rooms
    found = await rooms.events.get(call.scope, call.ids[0])
    if isinstance(found, Problem):
        return found
    pending = await rooms.webhook_endpoints.pending_webhooks(call.scope, [found.id])
    return await call.show(show_event(found, pending.get(found.id, 0)))


async def list_events(call: Call[p.ListEvents]) -> Answer | Problem:
    """GET /v1/events."""
    asked = call.parameters
    page = page_of(asked)
    if isinstance(page, Problem):
        return page
    if asked.type is not UNSET and asked.types is not UNSET:
        message = "You may only specify one of these parameters: type, types."
        return invalid(message, code="parameters_exclusive", param="type")
    rooms = call.services.rooms
    types = () if asked.types is UNSET else tuple(asked.types)
    types = types if asked.type is UNSET else (asked.type,)
    if asked.delivery_success is UNSET:
        found = await rooms.events.list(call.scope, page, types=types)
    else:
        delivered = asked.delivery_success
        found = await rooms.webhook_endpoints.events_by_delivery(call.scope, page, types, delivered=delivered)
    pending = await rooms.webhook_endpoints.pending_webhooks(call.scope, [item.id for item in found.items])
    return await show_page(call, found, lambda item: show_event(item, pending.get(item.id, 0)))


async def resend(call: Call[p.ResendEvent]) -> Answer | Problem:
    """POST /v1/events/{id}/retry."""
    asked = or_none(call.parameters.webhook_endpoint)
    problem = await call.services.rooms.webhook_endpoints.resend(call.scope, call.ids[0], asked)
    return problem or await get_event(call)


def _show(view: ShownEndpoint | DeletedEndpoint) -> Shown:
    if isinstance(view, DeletedEndpoint):
        return deleted_webhook_endpoint(view.id)
    return webhook_endpoint(view.endpoint, view.secret)


async def create(call: Call[p.CreateWebhookEndpoint]) -> Answer | Problem:
    """POST /v1/webhook_endpoints."""
    asked = call.parameters
    command = CreateEndpoint(
        url=asked.url,
        enabled_events=tuple(asked.enabled_events),
        description=or_none(asked.description),
        api_version=or_none(asked.api_version),
        metadata=or_none(asked.metadata) or {},
    )
    endpoints = call.services.rooms.webhook_endpoints
    outcome = await endpoints.create(call.context, command, call.responder(_show))
    if isinstance(outcome, Answer) or call.context.idempotency_key is None:
        return outcome
    # The kept answer does not hold the secret; a client that lost the first answer must still get it.
    kept = await call.services.idempotency.settle(call.context, outcome)
    return await endpoints.replayed(call.scope, kept) if isinstance(kept, Answer) else kept


async def get(call: Call[Any]) -> Answer | Problem:
    """GET /v1/webhook_endpoints/{webhook_endpoint}."""
    found = await call.services.rooms.webhook_endpoints.get(call.scope, call.ids[0])
    return found if isinstance(found, Problem) else await call.show(webhook_endpoint(found))


async def list_(call: Call[p.ListWebhookEndpoints]) -> Answer | Problem:
    """GET /v1/webhook_endpoints."""
    page = page_of(call.parameters)
    if isinstance(page, Problem):
        return page
    return await show_page(call, await call.services.rooms.webhook_endpoints.list(call.scope, page), webhook_endpoint)


async def update(call: Call[p.UpdateWebhookEndpoint]) -> Answer | Problem:
    """POST /v1/webhook_endpoints/{webhook_endpoint}."""
    asked = call.parameters
    command = UpdateEndpoint(
        url=asked.url,
        enabled_events=UNSET if asked.enabled_events is UNSET else tuple(asked.enabled_events),
        description=asked.description,
        metadata=asked.metadata,
        disabled=asked.disabled,
    )
    service = call.services.rooms.webhook_endpoints
    return await service.update(call.context, call.ids[0], command, call.responder(_show))


async def delete(call: Call[Any]) -> Answer | Problem:
    """DELETE /v1/webhook_endpoints/{webhook_endpoint}."""
    return await call.services.rooms.webhook_endpoints.delete(call.context, call.ids[0], call.responder(_show))


_ALL = "/v1/webhook_endpoints"
_ONE = "/v1/webhook_endpoints/{webhook_endpoint}"
_KIND = "webhook_endpoint"
ENDPOINTS = (
    Endpoint("GET", "/v1/events", list_events, "event", p.ListEvents, shape="list", summary="List events"),
    Endpoint("GET", "/v1/events/{id}", get_event, "event", summary="Retrieve an event"),
    Endpoint("POST", "/v1/events/{id}/retry", resend, "event", p.ResendEvent, summary="Send an event again"),
    Endpoint("POST", _ALL, create, _KIND, p.CreateWebhookEndpoint, summary="Create a webhook endpoint"),
    Endpoint("GET", _ALL, list_, _KIND, p.ListWebhookEndpoints, shape="list", summary="List webhook endpoints"),
    Endpoint("GET", _ONE, get, _KIND, summary="Retrieve a webhook endpoint"),
    Endpoint("POST", _ONE, update, _KIND, p.UpdateWebhookEndpoint, summary="Update a webhook endpoint"),
    Endpoint("DELETE", _ONE, delete, _KIND, summary="Delete a webhook endpoint"),
)
