"""Files of a package: names, sizes, encoding, syntax. What cannot be parsed is a finding and is examined no further."""

import ast
import re
import warnings

from interlock.gateways.package import FILE_BYTES_MAX, FILES_MAX, MANIFEST_FILE, PACKAGE_BYTES_MAX, Package
from interlock.releases.gates.lint.code.source import Module
from interlock.releases.gates.lint.notes import Notes

DEPTH_MAX = 80
"""How deeply a module may nest; the deepest of the built-in connectors nests 20 levels."""
LINES_MAX = 2_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}\.(?:py|toml|md)")
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_UTF_8 = frozenset({"utf-8", "utf8", "utf_8"})
_UNPARSEABLE = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, Warning)


def check_files(package: Package, notes: Notes) -> None:
    """Look at the names and sizes of a package's files, however it came here."""
    files = package.files
    notes.looked("package", len(files))
    if len(files) > FILES_MAX:
        notes.fail("package", "package", f"holds {len(files)} files, at most {FILES_MAX}", "leave only the connector")
    if sum(map(len, files.values())) > PACKAGE_BYTES_MAX:
        notes.fail("package", "package", f"holds more than {PACKAGE_BYTES_MAX // 1024} KiB", "make it smaller")
    for name, content in files.items():
        if not _NAME.fullmatch(name):
            notes.fail("package", name, "is no plain name of a .py, .toml or .md file", "rename or remove it")
        if len(content) > FILE_BYTES_MAX:
            notes.fail("package", name, f"is larger than {FILE_BYTES_MAX // 1024} KiB", "make it smaller")
    for needed in (MANIFEST_FILE, "__init__.py"):
        if needed not in files:
            notes.fail("package", needed, "is missing", "a release needs it")


def read_modules(package: Package, notes: Notes) -> dict[str, Module]:
    """Return the modules that can be read; the others are findings."""
    found = {}
    for file, content in sorted(package.modules().items()):
        notes.looked("syntax")
        module = _read(file, content, notes) if len(content) <= FILE_BYTES_MAX else None
        if module is not None:
            found[file] = module
    return found


def _read(file: str, content: bytes, notes: Notes) -> Module | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        notes.fail("syntax", f"{file}:{line}", "is no UTF-8", "save the file as UTF-8")
        return None
    if "\0" in text:
        notes.fail("syntax", f"{file}:{text.count(chr(10), 0, text.index(chr(0))) + 1}", "holds a NUL", "remove it")
        return None
    if text.count("\n") > LINES_MAX:
        notes.fail("syntax", file, f"has more than {LINES_MAX} lines", "take it apart")
    for number, beginning in enumerate(text.splitlines()[:2], 1):
        coding = _CODING.match(beginning)
        if coding and coding[1].lower() not in _UTF_8:
            notes.fail("syntax", f"{file}:{number}", f"says it is {coding[1]}", "connectors are read as UTF-8")
    tree = _parse(file, text, notes)
    if tree is None:
        return None
    if (depth := _depth(tree)) > DEPTH_MAX:
        notes.fail("syntax", file, f"nests {depth} levels deep, at most {DEPTH_MAX}", "take it apart")
        return None
    module = Module(file, text, tree)
    _check_names(module, notes)
    return module


def _parse(file: str, text: str, notes: Notes) -> ast.Module | None:
    """Return the tree of ``text``, compiled too (which executes nothing) for what only the compiler finds."""
    try:
        with warnings.catch_warnings(record=True) as doubts:
            warnings.simplefilter("always")
            tree = ast.parse(text, file)
            compile(text, file, "exec", dont_inherit=True)
    except _UNPARSEABLE as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        place = f"{file}:{line}" if line else file
        problem = f"cannot be parsed ({type(error).__name__}: {what or 'too large'})"
        notes.fail("syntax", place, problem, "correct the syntax")
        return None
    for doubt in doubts:
        notes.fail("syntax", f"{file}:{doubt.lineno}", f"{doubt.message}", "write what is meant")
    return tree


def _depth(tree: ast.AST) -> int:
    deepest = 0
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return deepest


def _check_names(module: Module, notes: Notes) -> None:
    """Names that look like others are how code hides from its readers; strings may hold any character."""
    for node in module.nodes:
        name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None)
        if isinstance(name, str) and not name.isascii():
            notes.fail("syntax", module.where(node), f"the name {name!r} is not ASCII", "use plain letters")
