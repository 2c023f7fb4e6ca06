"""Gateways with their pointers, and what is refused at them without a deploy."""

from interlock.api import answers
from interlock.api.control.calls import PREFIX, Call, ControlEndpoint, page_of
from interlock.api.control.parameters import LiftRefusal, ListOfMode, OfMode, Refuse
from interlock.base.problems import Problem
from interlock.payments.work import Answer
from interlock.releases.standing import gateway_view, refusal_view
from interlock.routing.releases import POINTERS
from interlock.routing.types import EVERY_GATEWAY


async def list_gateways(call: Call[ListOfMode]) -> Answer | Problem:
    """List gateways in the order in which they are tried, each with what it runs."""
    scope = call.scope(call.parameters.mode)
    page = page_of(await call.rooms.routing.list_gateways(scope), call.parameters, lambda gateway: gateway.id)
    if isinstance(page, Problem):
        return page
    some, has_more = page
    pointers = await call.rooms.database.get_many(POINTERS, scope, [gateway.id for gateway in some])
    shown = [{"object": "gateway", **gateway_view(gateway, pointers.get(gateway.id))} for gateway in some]
    return call.listing(shown, has_more=has_more)


async def show_gateway(call: Call[OfMode]) -> Answer | Problem:
    """Show a gateway and its pointer: what serves, what is on trial on which share."""
    gateway = await call.gateway(call.ids[0], call.parameters.mode, "id")
    if isinstance(gateway, Problem):
        return gateway
    pointer = await call.rooms.database.get(POINTERS, gateway.scope, gateway.id)
    return answers.of_value({"object": "gateway", **gateway_view(gateway, pointer)})


async def list_refusals(call: Call[ListOfMode]) -> Answer | Problem:
    """List refuse switches, newest first, those that ended by time too."""
    known = await call.rooms.routing.list_refusals(call.scope(call.parameters.mode))
    page = page_of(known, call.parameters, lambda refusal: refusal.id)
    if isinstance(page, Problem):
        return page
    some, has_more = page
    return call.listing(({"object": "refusal", **refusal_view(each)} for each in some), has_more=has_more)


async def refuse(call: Call[Refuse]) -> Answer | Problem:
    """Send payments of a network, method or currency elsewhere, at once and without a release."""
    asked = call.parameters
    gateway_id = EVERY_GATEWAY
    if asked.gateway != EVERY_GATEWAY:
        gateway = await call.gateway(asked.gateway, asked.mode)
        if isinstance(gateway, Problem):
            return gateway
        gateway_id = gateway.id
    made = await call.rooms.routing.refuse(
        call.scope(asked.mode),
        gateway_id=gateway_id,
        network=_lower(asked.network),
        method=_lower(asked.method),
        currency=_lower(asked.currency),
        reason=asked.why,
        actor=call.actor.name,
        expires_at_ms=asked.expires_at_ms,
    )
    return made if isinstance(made, Problem) else answers.of_value({"object": "refusal", **refusal_view(made)})


async def accept(call: Call[LiftRefusal]) -> Answer | Problem:
    """Lift a refuse switch."""
    asked = call.parameters
    lifted = await call.rooms.routing.lift(call.scope(asked.mode), call.ids[0], actor=call.actor.name, why=asked.why)
    return lifted if isinstance(lifted, Problem) else answers.of_value({"object": "refusal", **refusal_view(lifted)})


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


ENDPOINTS = (
    ControlEndpoint("GET", f"{PREFIX}/gateways", list_gateways, ListOfMode, "List gateways with their pointers"),
    ControlEndpoint("GET", f"{PREFIX}/gateways/{{id}}", show_gateway, OfMode, "Show a gateway and its pointer"),
    ControlEndpoint("GET", f"{PREFIX}/refusals", list_refusals, ListOfMode, "List refuse switches"),
    ControlEndpoint("POST", f"{PREFIX}/refusals", refuse, Refuse, "Keep payments from a gateway"),
    ControlEndpoint("POST", f"{PREFIX}/refusals/{{id}}/accept", accept, LiftRefusal, "Lift a refuse switch"),
)
