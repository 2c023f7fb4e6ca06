"""``lint.imports``: which modules a connector may know, and which of their names.

It may import the contract, outcomes and money (what they define, not what they happen to import), msgspec, a list of
harmless modules of the standard library, and its own siblings; only at the top of a module, where it can be read.
"""

import ast
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from interlock.releases.gates.lint.code.source import Module
from interlock.releases.gates.lint.notes import Notes

CHECK = "imports"
OURS = frozenset({"interlock.gateways.contract", "interlock.gateways.outcomes", "interlock.base.money"})
STANDARD = frozenset(
    {
        "__future__",
        "abc",
        "base64",
        "binascii",
        "collections",
        "collections.abc",
        "dataclasses",
        "decimal",
        "enum",
        "functools",
        "hashlib",
        "hmac",
        "html",
        "itertools",
        "json",
        "re",
        "string",
        "struct",
        "typing",
        "unicodedata",
        "urllib.parse",
    }
)
"""Modules that open nothing, read no clock, draw nothing and keep nothing between calls."""
OUTSIDE = frozenset({"msgspec", "msgspec.json", "msgspec.msgpack", "msgspec.structs"})
_ALLOWED = OURS | STANDARD | OUTSIDE
_PARENTS = frozenset({"urllib"})
_INEXACT = frozenset({"math", "cmath", "statistics", "numbers", "fractions", "random"})
_WORLD: dict[str, str] = {
    **dict.fromkeys(
        ("socket", "ssl", "http", "urllib", "aiohttp", "httpx", "requests", "ftplib", "smtplib"), "the network"
    ),
    **dict.fromkeys(("os", "io", "pathlib", "shutil", "tempfile", "glob", "sqlite3"), "files"),
    **dict.fromkeys(
        ("subprocess", "multiprocessing", "signal", "threading", "concurrent", "asyncio"), "processes or threads"
    ),
    **dict.fromkeys(("time", "datetime", "calendar", "zoneinfo"), "the clock"),
    **dict.fromkeys(("random", "secrets", "uuid"), "randomness"),
    **dict.fromkeys(
        (
            "importlib",
            "imp",
            "runpy",
            "pkgutil",
            "builtins",
            "ctypes",
            "pickle",
            "marshal",
            "shelve",
            "code",
            "inspect",
            "gc",
            "sys",
            "types",
            "operator",
        ),
        "code that is not in the package",
    ),
    **dict.fromkeys(("logging", "warnings", "traceback"), "logs"),
}
_REMEDY = "import only the contract, outcomes, money, msgspec and what docs/release_gates.md lists"


def check(modules: dict[str, Module], files: frozenset[str], notes: Notes) -> None:
    """Look at every import of every module.

    Args:
        modules: what could be parsed.
        files: the names of all modules, for siblings that exist.
        notes: where findings go.

    """
    for module in modules.values():
        for node in module.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                notes.looked(CHECK)
                if module.parents.get(node) is not module.tree:
                    problem = "imports below the top of the module, where it runs only sometimes"
                    module.report(notes, CHECK, node, problem, "import at the top")
            if isinstance(node, ast.Import):
                _check_import(module, node, notes)
            elif isinstance(node, ast.ImportFrom):
                _check_from(module, node, files, notes)
            elif isinstance(node, ast.Attribute):
                _check_attribute(module, node, notes)


def _check_import(module: Module, node: ast.Import, notes: Notes) -> None:
    for alias in node.names:
        if alias.name not in _ALLOWED:
            module.report(notes, CHECK, node, _reach(alias.name), _REMEDY)


def _reach(name: str) -> str:
    top = name.partition(".")[0]
    world = _WORLD.get(top)
    if world:
        return f"imports {name}, which reaches {world}"
    if top in _INEXACT:
        return f"imports {name}, which computes with floats"
    return f"imports {name}, which a connector must not know"


def _check_from(module: Module, node: ast.ImportFrom, files: frozenset[str], notes: Notes) -> None:
    if any(alias.name == "*" for alias in node.names):
        module.report(notes, CHECK, node, "imports everything of a module", "name what is imported")
        return
    if node.level:
        _check_sibling(module, node, files, notes)
        return
    source = node.module or ""
    for alias in node.names:
        if source in _PARENTS and f"{source}.{alias.name}" in _ALLOWED:
            continue
        if source not in _ALLOWED:
            module.report(notes, CHECK, node, _reach(source), _REMEDY)
            return
        if source in OURS and alias.name not in _defined_by(source):
            problem = f"imports {alias.name} through {source}, which does not define it"
            module.report(notes, CHECK, node, problem, _REMEDY)
        elif source not in OURS and not _is_harmless(source, alias.name):
            module.report(notes, CHECK, node, f"imports {source}.{alias.name}, which is none of its own names", _REMEDY)


def _check_sibling(module: Module, node: ast.ImportFrom, files: frozenset[str], notes: Notes) -> None:
    if node.level > 1 or "." in (node.module or ""):
        module.report(notes, CHECK, node, "imports from outside its package", "a package is one flat folder")
        return
    wanted = [node.module] if node.module else [alias.name for alias in node.names]
    for name in wanted:
        if f"{name}.py" not in files:
            module.report(notes, CHECK, node, f"imports {name}, and there is no {name}.py", "correct the name")


def _check_attribute(module: Module, node: ast.Attribute, notes: Notes) -> None:
    """A module's attribute that is another module (``json.codecs``) is a door around the list above."""
    name = module.origin(node)
    source, _, attribute = name.rpartition(".")
    base = node.value
    while isinstance(base, ast.Attribute):
        base = base.value
    if not isinstance(base, ast.Name) or base.id not in module.imports or source not in _ALLOWED - OURS:
        return
    if name not in _ALLOWED and not _is_harmless(source, attribute):
        module.report(notes, CHECK, node, f"reaches {name}, which is none of {source}'s own names", _REMEDY)


@cache
def _defined_by(source: str) -> frozenset[str]:
    """Return the public names that one of our modules defines itself, not those that it imports."""
    file = importlib.import_module(source).__file__
    tree = ast.parse(Path(file or "").read_text(encoding="utf-8"))
    return frozenset(name for name in Module(source, "", tree).assigned if not name.startswith("_"))


@cache
def _is_harmless(source: str, name: str) -> bool:
    """Return True for a public name of ``source`` that is no other module."""
    known = importlib.import_module(source)
    value = getattr(known, name, None)
    if f"{source}.{name}" in _ALLOWED:
        return True
    return value is not None and not name.startswith("_") and not isinstance(value, ModuleType)
