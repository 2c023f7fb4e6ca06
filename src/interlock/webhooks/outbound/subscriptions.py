"""Which endpoint hears which event. Pure; called by the endpoint use cases and the fan-out."""

import re
from collections.abc import Sequence

from interlock.base.problems import Problem, invalid

EVERYTHING = "*"
MAX_ENABLED_EVENTS = 300
_EVENT_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+){1,5}")
_LONGEST_TYPE = 100


def check_enabled_events(wanted: Sequence[str]) -> Problem | None:
    """Return why ``wanted`` cannot be subscribed to, or None.

    Any well-formed type is accepted, also one that this switch never sends: integrations register for types of products
    that they use elsewhere, and an unheard type does no harm.
    """
    if not wanted:
        return invalid("You must specify at least one event type.", code="parameter_missing", param="enabled_events")
    if len(wanted) > MAX_ENABLED_EVENTS:
        return invalid(f"At most {MAX_ENABLED_EVENTS} event types can be enabled.", param="enabled_events")
    for index, name in enumerate(wanted):
        if name != EVERYTHING and (len(name) > _LONGEST_TYPE or not _EVENT_TYPE.fullmatch(name)):
            message = f"Invalid enabled_events[{index}]: must be * or an event type such as payment_intent.succeeded"
            return invalid(message, param=f"enabled_events[{index}]")
    return None


def wants(enabled_events: Sequence[str], event_type: str) -> bool:
    """Return True when an endpoint with ``enabled_events`` hears ``event_type``."""
    return event_type in enabled_events or EVERYTHING in enabled_events
