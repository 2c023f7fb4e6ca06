"""The task ``load``: can this package be imported, and does it keep the connector contract?"""

import msgspec

from interlock.gateways.loader import load_package
from interlock.gateways.package import unpack
from interlock.releases.gates.isolation.types import Report


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What loading it showed."""

    name: str
    title: str


def load(argument: bytes, report: Report) -> bytes:
    """Load a packed package and return :class:`Loaded` as JSON; what is wrong with it is raised."""
    report("import", 0, 1)
    manifest = load_package(unpack(argument)).manifest
    report("import", 1, 1)
    return msgspec.json.encode(Loaded(name=manifest.name, title=manifest.title))
