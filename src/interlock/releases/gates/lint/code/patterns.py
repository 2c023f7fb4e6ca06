"""``lint.patterns``: regular expressions that some text could keep busy for ever.

A repeated group whose text can be divided among its rounds in many ways (``(a+)+``, ``(a|ab)*``) takes twice as long
for each further character. A group is let pass where every round begins with a character that nothing else in it takes.
"""

import ast
import importlib
import re
from typing import Any

from interlock.gateways.manifest import Manifest
from interlock.releases.gates.lint.code.source import Module, last
from interlock.releases.gates.lint.notes import Notes

CHECK = "patterns"
_parser = importlib.import_module("re._parser")  # private, and the only reader of patterns there is
_COMPILERS = frozenset({"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})
_PROBLEM = "can take for ever on some texts: a repeated part repeats inside itself"
_REMEDY = "let each round begin with a character of its own, or bound the inner repetition"
_FEW = 3
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT"})


def check_code(modules: dict[str, Module], notes: Notes) -> None:
    """Look at every pattern that is given to ``re``."""
    for module in modules.values():
        for node in module.nodes:
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = module.origin(node.func)
            if not name.startswith("re.") or last(name) not in _COMPILERS:
                continue
            pattern = node.args[0]
            if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str):
                notes.looked(CHECK)
                if takes_for_ever(pattern.value):
                    module.report(notes, CHECK, node, _PROBLEM, _REMEDY)


def check_manifest(manifest: Manifest, notes: Notes) -> bool:
    """Look at the manifest's patterns; return True when all of them may be tried on texts."""
    safe = True
    for group, entries in (("credentials", manifest.credentials), ("settings", manifest.settings)):
        for name, entry in entries.items():
            if entry.pattern is not None:
                notes.looked(CHECK)
            if entry.pattern is not None and takes_for_ever(entry.pattern):
                notes.fail(CHECK, f"manifest.toml {group}.{name}.pattern", _PROBLEM, _REMEDY)
                safe = False
    return safe


def takes_for_ever(pattern: str) -> bool:
    """Return True for a pattern that repeats inside a repetition; one that is no pattern takes no time at all."""
    try:
        return _dangerous(_parser.parse(pattern))
    except (re.error, OverflowError, RecursionError, RuntimeError, Warning):
        return False


def _dangerous(items: Any) -> bool:
    for operator, value in items:
        kind = str(operator)
        if kind in _REPEATS and value[1] > _FEW and _divides(value[2]):
            return True
        if any(_dangerous(inner) for inner in _inside(kind, value)):
            return True
    return False


def _inside(kind: str, value: Any) -> list[Any]:
    """Return the sequences inside one item; what never gives back (atomic groups) is let be."""
    if kind in _REPEATS:
        return [value[2]]
    if kind == "SUBPATTERN":
        return [value[3]]
    if kind == "BRANCH":
        return list(value[1])
    if kind in {"ASSERT", "ASSERT_NOT"}:
        return [value[1]]
    if kind == "GROUPREF_EXISTS":
        return [inner for inner in value[1:] if inner]
    return []


def _divides(body: Any) -> bool:
    """Return True where a repeated ``body`` can share out one text among its rounds in more than one way."""
    items = _flat(body)
    if not any(_varies(str(operator), value) for operator, value in items):
        return False
    first, *rest = items
    return str(first[0]) != "LITERAL" or any(_takes(operator, value, first[1]) for operator, value in rest)


def _flat(body: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for operator, value in body:
        if str(operator) == "SUBPATTERN":
            found.extend(_flat(value[3]))
        else:
            found.append((operator, value))
    return found


def _varies(kind: str, value: Any) -> bool:
    if kind in _REPEATS:
        return bool(value[0] != value[1]) or any(_varies(str(operator), inner) for operator, inner in value[2])
    return kind == "BRANCH" or any(_varies(str(op), inner) for part in _inside(kind, value) for op, inner in part)


def _takes(operator: Any, value: Any, code: int) -> bool:
    """Return True where one item of a pattern may match the character ``code``; in doubt, it may."""
    kind = str(operator)
    if kind == "LITERAL":
        return bool(value == code)
    if kind == "NOT_LITERAL":
        return bool(value != code)
    if kind == "AT":
        return False
    if kind == "IN":
        return _among(value, code)
    inside = _inside(kind, value)
    if not inside:
        return True
    return any(_takes(inner, inner_value, code) for part in inside for inner, inner_value in part)


def _among(members: Any, code: int) -> bool:
    negated = str(members[0][0]) == "NEGATE"
    found = False
    for operator, value in members[1:] if negated else members:
        kind = str(operator)
        if kind == "LITERAL":
            found |= value == code
        elif kind == "RANGE":
            found |= value[0] <= code <= value[1]
        elif kind == "CATEGORY":
            found |= _in_category(str(value), chr(code))
    return found is not negated


def _in_category(name: str, char: str) -> bool:
    """Return whether ``char`` is in a category of characters, such as digits or whatever is no space."""
    known = {"DIGIT": char.isdigit(), "SPACE": char.isspace(), "WORD": char.isalnum() or char == "_"}
    word = name.rpartition("_")[2]
    return known.get(word, True) is not ("_NOT_" in name) if word in known else True
