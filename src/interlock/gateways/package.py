"""A connector package: the files of one integration as one immutable value, named by the hash of its content.

Made from a folder (:func:`read_folder`) or from what a database holds (:func:`unpack`); run by ``gateways.loader``. It
knows nothing of accounts: settings and credentials belong to a release, which names a package.
"""

import hashlib
import os
import re
import stat
import zlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from interlock.base.errors import ConfigurationError

MANIFEST_FILE = "manifest.toml"
CONFIGURATION_FILE = "release.toml"
"""What an account sets (settings, references of credentials): beside the package, not in it."""

FILES_MAX = 64
FILE_BYTES_MAX = 262_144
PACKAGE_BYTES_MAX = 1_048_576
_SUFFIXES = frozenset({".py", ".toml", ".md"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_ONLY = "keep .py, .toml and .md files only"
_DIGITS = 24
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Package(msgspec.Struct, frozen=True):
    """The files by name. Names are plain (no folders): a connector is one flat folder of modules and its manifest."""

    files: dict[str, bytes]

    @property
    def id(self) -> str:
        """Return ``pkg_`` and 24 hex digits of the SHA-256 over names, lengths and contents."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            content = self.files[name]
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return f"pkg_{digest.hexdigest()[:_DIGITS]}"

    @property
    def manifest(self) -> bytes:
        """Return the manifest's bytes; every package has one."""
        return self.files[MANIFEST_FILE]

    def modules(self) -> dict[str, bytes]:
        """Return the source of every module by file name."""
        return {name: content for name, content in self.files.items() if name.endswith(".py")}

    def __repr__(self) -> str:
        """Return the names of the files."""
        return f"Package({', '.join(sorted(self.files))})"

    __str__ = __repr__


def pack(package: Package) -> bytes:
    """Return the package as a database keeps it."""
    return zlib.compress(_encode(package.files), 9)


def unpack(content: bytes) -> Package:
    """Return the package that :func:`pack` made.

    Raises:
        ConfigurationError: the bytes are no package, or one beyond the limits.

    """
    try:
        inflater = zlib.decompressobj()
        plain = inflater.decompress(content, 2 * PACKAGE_BYTES_MAX)
        if inflater.unconsumed_tail or not inflater.eof:
            raise ConfigurationError("package", "is cut short or too large", "create the release again")
        return Package(msgspec.msgpack.decode(plain, type=dict[str, bytes]))
    except (zlib.error, msgspec.DecodeError) as error:
        raise ConfigurationError("package", f"cannot be read ({error})", "create the release again") from None


def read_folder(folder: Path) -> Package:
    """Return the package in ``folder``; caches (``__pycache__``), hidden files and ``release.toml`` are left out.

    Raises:
        ConfigurationError: the folder or a file is absent, unreadable, too large, a link, or nothing a package holds.

    """
    if not folder.is_dir():
        raise ConfigurationError(str(folder), "is no folder", "name the folder that holds manifest.toml")
    files: dict[str, bytes] = {}
    total = 0
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in {"__pycache__", CONFIGURATION_FILE}:
            continue
        files[path.name] = _read(folder, path)
        total += len(files[path.name])
        if len(files) > FILES_MAX:
            raise ConfigurationError(
                str(folder), f"holds more than {FILES_MAX} files", "leave only the connector in it"
            )
        if total > PACKAGE_BYTES_MAX:
            problem = f"holds more than {PACKAGE_BYTES_MAX // 1024} KiB"
            raise ConfigurationError(str(folder), problem, "leave only the connector in it")
    for needed in (MANIFEST_FILE, "__init__.py"):
        if needed not in files:
            raise ConfigurationError(f"{folder.name}/{needed}", "is missing", "a release needs it")
    return Package(files)


def from_files(files: Mapping[str, bytes]) -> Package:
    """Return the package of files that came another way than in a folder, held to the same limits.

    Raises:
        ConfigurationError: a name, a size or the number of files is not allowed, or a file is missing.

    """
    if len(files) > FILES_MAX:
        raise ConfigurationError("files", f"are more than {FILES_MAX}", "send only the connector")
    for name, content in files.items():
        if not _NAME.fullmatch(name) or Path(name).suffix not in _SUFFIXES or name == CONFIGURATION_FILE:
            raise ConfigurationError(f"files.{name[:100]}", "does not belong into a package", _ONLY)
        if len(content) > FILE_BYTES_MAX:
            raise ConfigurationError(f"files.{name}", f"is larger than {FILE_BYTES_MAX // 1024} KiB", "make it smaller")
    if sum(map(len, files.values())) > PACKAGE_BYTES_MAX:
        raise ConfigurationError("files", f"are more than {PACKAGE_BYTES_MAX // 1024} KiB", "send only the connector")
    for needed in (MANIFEST_FILE, "__init__.py"):
        if needed not in files:
            raise ConfigurationError(f"files.{needed}", "is missing", "a release needs it")
    return Package(dict(files))


def _read(folder: Path, path: Path) -> bytes:
    where = f"{folder.name}/{path.name}"
    try:
        # The file that is opened is the file that was looked at: a link put there in between is not followed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        problem = "is a symbolic link" if path.is_symlink() else f"cannot be read ({error.strerror})"
        raise ConfigurationError(where, problem, "put the file itself there") from None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise ConfigurationError(where, "is no plain file", "a package is one flat folder of files")
        if path.suffix not in _SUFFIXES:
            raise ConfigurationError(where, "does not belong into a package", _ONLY)
        if facts.st_size > FILE_BYTES_MAX:
            raise ConfigurationError(where, f"is larger than {FILE_BYTES_MAX // 1024} KiB", "make it smaller")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(FILE_BYTES_MAX)
    finally:
        os.close(descriptor)
