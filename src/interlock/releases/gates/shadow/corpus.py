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
from interlock.gateways.manifest import Manifest, read_manifest
from interlock.gateways.package import MANIFEST_FILE
from interlock.releases.gates.observation import Trace

Observe = Callable[[LoadedConnector, ConnectorConfig, Manifest], list[Trace]]
"""Returns what a connector does in every case for a manifest; pure, and the same cases whichever connector it is."""

CONTRACT = "interlock.releases.gates.contract:observe_as"


def at_hand(reference: str) -> bool:
    """Return True when what ``reference`` (``module:function``) names is there."""
    module, _, name = reference.partition(":")
    try:
        return find_spec(module) is not None and hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        return False


def observe(reference: str, loaded: LoadedConnector, config: ConnectorConfig, manifest: bytes | None) -> list[Trace]:
    """Return what ``loaded`` does in the cases that ``reference`` names.

    Args:
        reference: ``module:function``.
        loaded: the connector.
        config: the account it runs for.
        manifest: of the release that serves, whose cases both sides run; the connector's own without one.

    """
    module, _, name = reference.partition(":")
    found: Observe = getattr(importlib.import_module(module), name)
    read = loaded.manifest if manifest is None else read_manifest(manifest, MANIFEST_FILE)
    return found(loaded, config, read)
