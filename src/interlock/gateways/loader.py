"""Loads connector packages: checked manifest, connector, echo extractor; any number of them side by side.

Called by ``routing`` (releases of the database), the release gates and whoever needs a built-in connector by name. The
modules of a package live under a name made of its content's hash, so that two releases of one connector share nothing
and a new version of this program changes nothing of what a stored release does. A connector's own modules import each
other relatively for that reason.
"""

import importlib
import importlib.abc
import importlib.machinery
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from types import CodeType, FrameType, ModuleType, TracebackType

import msgspec

from interlock.base.errors import ConfigurationError, ConnectorError
from interlock.gateways.contract import Connector, Operation
from interlock.gateways.echo import EchoExtractor
from interlock.gateways.manifest import Manifest, read_manifest
from interlock.gateways.package import MANIFEST_FILE, Package, read_folder

_GATEWAYS = Path(__file__).parent
PACKAGE_PREFIX = "interlock_package_"
"""What the names of packages' modules, and the file names in their tracebacks, begin with."""
_LOADED_MAX = 256
_lock = Lock()
_loaded: "dict[str, LoadedConnector]" = {}


class LoadedConnector(msgspec.Struct, frozen=True, kw_only=True):
    """A connector that is ready to run. ``release_id`` is what attempts made through it are stamped with."""

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


@cache
def builtin_package(name: str) -> Package:
    """Return the package of the connector that came with this version.

    Args:
        name: the provider folder, e.g. ``stripe``.

    Raises:
        ConfigurationError: there is no such connector.

    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name not in known_gateways():
        raise ConfigurationError("gateway", f"{name!r} is unknown", f"choose one of {', '.join(known_gateways())}")
    return read_folder(_GATEWAYS / name)


def load(name: str) -> LoadedConnector:
    """Return the built-in connector called ``name``; its release id is its package's.

    Raises:
        ConfigurationError: there is no such gateway, or its manifest is wrong.
        ConnectorError: its code does not keep the contract.

    """
    return load_package(builtin_package(name))


def load_package(package: Package, release_id: str | None = None) -> LoadedConnector:
    """Return the connector in ``package``, loaded once per process however many releases name it.

    Args:
        package: what :func:`~interlock.gateways.package.read_folder` or ``unpack`` returned.
        release_id: what to stamp attempts with; the package's id without it.

    Raises:
        ConfigurationError: the manifest is wrong.
        ConnectorError: the code cannot be imported or does not keep the contract.

    """
    package_id = package.id
    with _lock:
        loaded = _loaded.get(package_id)
        if loaded is None:
            loaded = _load(package, package_id)
            if len(_loaded) >= _LOADED_MAX:
                _forget(next(iter(_loaded)))
            _loaded[package_id] = loaded
    return loaded if release_id is None else msgspec.structs.replace(loaded, release_id=release_id)


def _load(package: Package, package_id: str) -> LoadedConnector:
    manifest = read_manifest(package.manifest, MANIFEST_FILE)
    return LoadedConnector(
        name=manifest.name,
        connector=build_connector(_import(package, package_id), manifest),
        manifest=manifest,
        release_id=package_id,
        echo=EchoExtractor(manifest),
    )


def _import(package: Package, package_id: str) -> ModuleType:
    name = PACKAGE_PREFIX + package_id
    finder = _PackageFinder(name, package)
    sys.meta_path.append(finder)
    try:
        return importlib.import_module(name)
    except Exception as error:
        _forget(package_id)
        place = place_of(error, name)
        raise ConnectorError(f"{place}: cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.meta_path.remove(finder)


def place_of(error: BaseException, origin: str = PACKAGE_PREFIX) -> str:
    """Return the file and line of a package's code where ``error`` arose (``answers.py:12``), or ``__init__.py``."""
    if isinstance(error, SyntaxError) and error.filename and error.filename.startswith(origin):
        return f"{error.filename.partition('/')[2]}:{error.lineno}"
    place = "__init__.py"
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(origin):
            place = f"{file.partition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def place_in(frame: FrameType | None) -> str | None:
    """Return the file and line of the innermost code of a package among ``frame`` and its callers, None without any."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(PACKAGE_PREFIX):
            return f"{file.partition('/')[2]}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _forget(package_id: str) -> None:
    """Let go of a package's modules; whoever still runs its connector keeps what it needs."""
    name = PACKAGE_PREFIX + package_id
    for module in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[module]
    _loaded.pop(package_id, None)


class _PackageFinder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and runs the modules of one package, from memory."""

    def __init__(self, name: str, package: Package) -> None:
        self._name = name
        self._files = package.files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        file = self._file(fullname)
        if file is None:
            return None
        spec = importlib.machinery.ModuleSpec(
            fullname, self, origin=f"{self._name}/{file}", is_package=fullname == self._name
        )
        spec.has_location = True  # so that tracebacks can show the source (see get_source)
        return spec

    def get_source(self, fullname: str) -> str:
        file = self._file(fullname)
        if file is None:
            raise ImportError(f"no module {fullname}")
        return self._files[file].decode()

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.get_source(fullname), f"{self._name}/{self._file(fullname)}", "exec", dont_inherit=True)

    def _file(self, fullname: str) -> str | None:
        if fullname == self._name:
            return "__init__.py"
        parent, _, module = fullname.rpartition(".")
        file = f"{module}.py"
        return file if parent == self._name and file in self._files else None


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
