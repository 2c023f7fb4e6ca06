"""What every check of this gate is given: the subject, read once, and what the switch knows of its provider."""

import msgspec

from interlock.gateways.manifest import Manifest
from interlock.releases.gates.lint.code.source import Module
from interlock.releases.gates.providers.tables import ProviderTable
from interlock.releases.gates.types import Subject


class Examined(msgspec.Struct, kw_only=True):
    """``manifest`` is None where it cannot be read, ``table`` where nobody wrote one for this provider; ``modules``
    holds those that could be parsed; ``patterns_end`` is False where a pattern of the manifest must not be tried."""

    subject: Subject
    manifest: Manifest | None = None
    stable: Manifest | None = None
    table: ProviderTable | None = None
    modules: dict[str, Module] = {}
    patterns_end: bool = True
