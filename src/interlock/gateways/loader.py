"""Loads a provider folder: checked manifest, connector, and the release id that names exactly this code.

Called by bootstrap and by whoever needs a connector by name; the answer is cached, because code does not change under a
running process. Until releases exist, the release id is the content hash of the connector's files and its manifest.
"""

import hashlib
import importlib
import re
from functools import cache
from pathlib import Path

import msgspec

from interlock.base.errors import ConfigurationError, ConnectorError
from interlock.gateways.contract import Connector, Operation
from interlock.gateways.echo import EchoExtractor
from interlock.gateways.manifest import Manifest, read_manifest

MANIFEST_FILE = "manifest.toml"
_GATEWAYS = Path(__file__).parent
_RELEASE_DIGITS = 24


class LoadedConnector(msgspec.Struct, frozen=True, kw_only=True):
    """A connector that is ready to run. ``release_id`` is stamped on every attempt made through it."""

    name: str
    connector: Connector
    manifest: Manifest
    release_id: str
    echo: EchoExtractor

    def supports(self, operation: Operation) -> bool:
        """Return True when the manifest declares ``operation``."""
        return operation in self.manifest.capabilities.operations


def known_gateways() -> tuple[str, ...]:
    """Return the names of the provider folders that came with this version."""
    return tuple(sorted(path.parent.name for path in _GATEWAYS.glob(f"*/{MANIFEST_FILE}")))


def release_id(folder: Path) -> str:
    """Return ``rel_`` and 24 hex digits: the hash of the folder's code files, by name, and its manifest."""
    digest = hashlib.sha256()
    for path in [*sorted(folder.rglob("*.py")), folder / MANIFEST_FILE]:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return f"rel_{digest.hexdigest()[:_RELEASE_DIGITS]}"


@cache
def load(name: str) -> LoadedConnector:
    """Return the connector called ``name``.

    Args:
        name: the provider folder, e.g. ``stripe``.

    Raises:
        ConfigurationError: there is no such gateway, or its manifest is wrong.
        ConnectorError: its code does not keep the contract.

    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name not in known_gateways():
        raise ConfigurationError("gateway", f"{name!r} is unknown", f"choose one of {', '.join(known_gateways())}")
    folder = _GATEWAYS / name
    manifest = read_manifest((folder / MANIFEST_FILE).read_bytes(), f"{name}/{MANIFEST_FILE}")
    if manifest.name != name:
        raise ConfigurationError(f"{name}/{MANIFEST_FILE} name", f"is {manifest.name!r}", "use the folder's name")
    return LoadedConnector(
        name=name,
        connector=build_connector(importlib.import_module(f"interlock.gateways.{name}"), manifest),
        manifest=manifest,
        release_id=release_id(folder),
        echo=EchoExtractor(manifest),
    )


def build_connector(module: object, manifest: Manifest) -> Connector:
    """Return the connector that ``module`` exports as ``CONNECTOR``, checked against the manifest's capabilities.

    Raises:
        ConnectorError: nothing is exported, or a method that the capabilities promise does not exist.

    """
    factory = getattr(module, "CONNECTOR", None)
    if not callable(factory):
        raise ConnectorError(f"{manifest.name}: exports no CONNECTOR")
    connector = factory(manifest.tables())
    needed = [operation.value for operation in manifest.capabilities.operations]
    if manifest.webhook:
        needed.append("parse_notification")
    if absent := [method for method in needed if not callable(getattr(connector, method, None))]:
        raise ConnectorError(f"{manifest.name}: capabilities promise {', '.join(absent)}, the code has no such method")
    checked: Connector = connector
    return checked
