"""``lint.names``: every name is defined, and every attribute is one that something here has.

A misspelt name waits in its line until a payment comes that way; in a connector that is often a rare one.
"""

import ast
import builtins
import importlib
import symtable
import warnings
from collections.abc import Iterator
from functools import cache
from types import GeneratorType

from interlock.releases.gates.lint.code.imports import OURS, OUTSIDE, STANDARD
from interlock.releases.gates.lint.code.source import Module
from interlock.releases.gates.lint.notes import Notes

CHECK = "names"
_BUILTINS = frozenset(dir(builtins))
_IMPLICIT = frozenset({"__name__", "__doc__", "__file__", "__class__", "__annotations__"})


def check(modules: dict[str, Module], notes: Notes) -> None:
    """Look at every name and attribute that is read."""
    notes.looked(CHECK, len(modules))
    own = _own_attributes(modules)
    for module in modules.values():
        undefined = _undefined(module)
        for node in module.nodes:
            if isinstance(node, ast.Name) and node.id in undefined and isinstance(node.ctx, ast.Load):
                module.report(notes, CHECK, node, f"uses {node.id}, which is defined nowhere", "correct the name")
            elif isinstance(node, ast.Attribute) and node.attr not in own and node.attr not in _known_attributes():
                problem = f"uses the attribute {node.attr}, which nothing here has"
                module.report(notes, CHECK, node, problem, "correct the name")


def _undefined(module: Module) -> frozenset[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told by lint.syntax
        table = symtable.symtable(module.text, module.file, "exec")
    bound = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    bound |= {child.get_name() for child in table.get_children()}
    used = {name for inner in _tables(table) for name in _globals(inner)}
    return frozenset(used - bound - _BUILTINS - _IMPLICIT)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or top):
            yield symbol.get_name()


def _own_attributes(modules: dict[str, Module]) -> frozenset[str]:
    """Return what the package itself defines: fields, methods, what ``__init__`` keeps, names of its modules."""
    found: set[str] = set()
    for module in modules.values():
        found.update(module.assigned, module.imports, {module.file.removesuffix(".py")})
        for node in module.nodes:
            if isinstance(node, ast.ClassDef):
                found.update(_fields(node))
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
    return frozenset(found)


def _fields(definition: ast.ClassDef) -> Iterator[str]:
    for statement in definition.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id
        elif isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield statement.name


@cache
def _known_attributes() -> frozenset[str]:
    """Return the attributes of all that a connector may import, and of the built-in types."""
    found: set[str] = set()
    for known in vars(builtins).values():
        if isinstance(known, type):
            found.update(dir(known))
    for name in OURS | STANDARD | OUTSIDE:
        module = importlib.import_module(name)
        for word, value in vars(module).items():
            found.add(word)
            if isinstance(value, type):
                found.update(dir(value))
    found.update(dir(GeneratorType))
    return frozenset(found)
