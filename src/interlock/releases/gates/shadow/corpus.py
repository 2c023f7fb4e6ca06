"""The synthetic cases of the gate *contract*, for what no recording shows: webhooks among them, signed.

Bodies of webhooks are not kept, only what was read in them, and that is on purpose. A signature covers the exact bytes:
a redacted body would pass no check, and a way around the check is a door no connector may have. Whole events also tell
of the shopper, several times for each payment; they would be the largest table of the database for the sake of a
reading that shares its code with that of answers, which *are* kept. So webhooks are compared over the cases that the
contract gate signs itself; a webhook that the serving release cannot read is told at once, by its 4xx.
"""

import importlib
from collections.abc import Callable
from importlib.util import find_spec

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import LoadedConnector
from interlock.releases.gates.observation import Trace

Observe = Callable[[LoadedConnector, ConnectorConfig], list[Trace]]
"""Returns what a connector does in every case; pure, and the same cases for every connector of a provider."""

CONTRACT = "interlock.releases.gates.contract:observe"


def at_hand(reference: str) -> bool:
    """Return True when what ``reference`` (``module:function``) names is there."""
    module, _, name = reference.partition(":")
    try:
        return find_spec(module) is not None and hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        return False


def observe(reference: str, loaded: LoadedConnector, config: ConnectorConfig) -> list[Trace]:
    """Return what ``loaded`` does in the cases that ``reference`` names."""
    module, _, name = reference.partition(":")
    found: Observe = getattr(importlib.import_module(module), name)
    return found(loaded, config)
