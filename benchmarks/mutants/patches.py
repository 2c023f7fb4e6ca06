"""Changes that depend on how one connector is written (``patches.toml``), and releases that are broken as files.

Called by ``semantic``. A patch whose text stands nowhere any more is an error: the connector changed, and the patch
must follow.
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
from benchmarks.mutants.mutant import Draft

from interlock.gateways.package import Package

_FILE = Path(__file__).with_suffix(".toml")

# What a connector must not reach, in the forms in which it gets into code: on its own line at the end of a module.
_UNSAFE = {
    "opens_socket": "import socket\n",
    "reads_clock": "import time\n\n_STARTED = time.time()\n",
    "draws_randomness": "import random\n\n_SALT = random.random()\n",
    "reads_environment": 'import os\n\n_DEBUG = os.environ.get("CONNECTOR_DEBUG")\n',
    "runs_program": "import subprocess\n",
    "runs_text": '_LIMIT = eval("64")\n',
    "opens_file": "_LOG = open\n",
    "imports_by_name": '_system = __import__("os")\n',
    "reaches_the_switch": "from interlock.base import settings as _settings\n",
    "reaches_a_sibling": "import interlock.gateways.transport as _transport\n",
    "starts_thread": "import threading\n",
    "holds_a_secret": '_KEY = "sk_live_51HxInterlockMutantNotARealKey00"\n',
}
_MARKERS = "<<<<<<< HEAD\n_OK = 200\n=======\n_OK = 201\n>>>>>>> retries\n"


class Patch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``patches.toml``."""

    gateway: str
    file: str
    operator: str
    old: str
    new: str


class StalePatchError(Exception):
    """A patch does not fit the connector any more."""


class _Patches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    patch: tuple[Patch, ...]


@cache
def patches() -> tuple[Patch, ...]:
    """Return every patch."""
    return msgspec.convert(tomllib.loads(_FILE.read_text(encoding="utf-8")), type=_Patches).patch


def patched(gateway: str, file: str, source: str) -> Iterator[Draft]:
    """Yield ``source`` changed by each patch for it.

    Raises:
        StalePatchError: the text that a patch replaces does not stand in ``source`` exactly once.

    """
    for patch in patches():
        if (patch.gateway, patch.file) != (gateway, file):
            continue
        if source.count(patch.old) != 1:
            raise StalePatchError(
                f"{gateway}/{file} {patch.operator}: {patch.old!r} stands {source.count(patch.old)} times"
            )
        before, after = source.split(patch.old)
        yield Draft(
            file=file,
            place=str(before.count("\n") + 1),
            operator=patch.operator,
            content=f"{before}{patch.new}{after}".encode(),
        )


def unsafe(package: Package) -> Iterator[Draft]:
    """Yield modules that can reach what no connector may; nothing that is observed of them changes."""
    file = "connector.py"
    source = package.files[file].decode()
    for operator, text in _UNSAFE.items():
        yield Draft(
            file=file,
            place=str(source.count("\n") + 1),
            operator=operator,
            content=f"{source}\n{text}".encode(),
            hidden="reach",
        )


def broken(package: Package) -> Iterator[Draft]:
    """Yield releases that are broken as files: cut short, merged badly, with a file or the export missing."""
    source = package.files["answers.py"].decode()
    half = len(source) // 2
    yield _broken("answers.py", "cut_short", source[: source.index("(", half) + 1])
    yield _broken("answers.py", "merge_markers", f"{source}\n{_MARKERS}")
    for file in sorted(package.modules()):
        if file != "__init__.py":
            yield Draft(file=file, place="0", operator="file_missing", content=None)
            yield Draft(file=file, place="0", operator="file_empty", content=b"")
    yield Draft(file="__init__.py", place="0", operator="export_missing", content=b'"""Nothing."""\n')


def _broken(file: str, operator: str, text: str) -> Draft:
    return Draft(file=file, place="0", operator=operator, content=text.encode(), unparsable=True)
