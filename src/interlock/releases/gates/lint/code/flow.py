"""``lint.loops``, ``lint.assert``, ``lint.exceptions``, ``lint.defaults``: what happens when something is not as hoped.

An answer that cannot be read proves nothing, so what catches an exception may say *unknown* and nothing else; a word
that is in no table is *unknown* too; loops end; and nothing that matters rests on ``assert``, which ``-O`` takes away.
"""

import ast

from interlock.gateways.contract import NotificationKind
from interlock.releases.gates.lint.code.source import Module, last
from interlock.releases.gates.lint.notes import Notes

_ENDLESS = frozenset({"itertools.count", "itertools.cycle", "itertools.repeat"})
_BROAD = frozenset({"Exception", "BaseException"})
_HARMLESS = frozenset({"unknown", "unreadable", "SignatureInvalid", "ConnectorError"})
_CLAIMS = frozenset({"refused", "not_sent"})
_KINDS = frozenset(NotificationKind.__members__)
_OPEN_KINDS = frozenset({"IGNORED", "DISPUTE_UPDATED"})
"""Kinds that decide nothing: what a word that is in no table may be taken for."""


def check(modules: dict[str, Module], notes: Notes) -> None:
    """Look at every loop, assertion, handler and default."""
    for name in ("loops", "assert", "exceptions", "defaults"):
        notes.looked(name, len(modules))
    for module in modules.values():
        for node in module.nodes:
            if isinstance(node, ast.While):
                _check_while(module, node, notes)
            elif isinstance(node, ast.For):
                _check_for(module, node, notes)
            elif isinstance(node, ast.Assert):
                remedy = "use if, and return unknown or a refusal"
                module.report(notes, "assert", node, "rests on assert, which -O takes away", remedy)
            elif isinstance(node, ast.ExceptHandler):
                _check_handler(module, node, notes)
            elif isinstance(node, ast.Try):
                _check_finally(module, node, notes)
            elif isinstance(node, ast.Call):
                _check_default(module, node, notes)


def _check_while(module: Module, node: ast.While, notes: Notes) -> None:
    if not isinstance(node.test, ast.Constant) or not node.test.value:
        return
    if not _leaves(node):
        problem = "loops without an end: nothing in it breaks, returns or asks the gateway"
        module.report(notes, "loops", node, problem, "count the rounds")


def _check_for(module: Module, node: ast.For, notes: Notes) -> None:
    iterated = node.iter
    if not isinstance(iterated, ast.Call) or module.origin(iterated.func) not in _ENDLESS:
        return
    bounded = module.origin(iterated.func) == "itertools.repeat" and len(iterated.args) > 1
    if not bounded and not _leaves(node):
        module.report(notes, "loops", node, "loops over something endless", "use range")


def _leaves(loop: ast.While | ast.For) -> bool:
    """Return True where the body of ``loop`` can leave it, or hands over to the transport, which counts requests."""
    waiting: list[tuple[ast.AST, bool]] = [(statement, False) for statement in loop.body]
    while waiting:
        node, inner = waiting.pop()
        if isinstance(node, ast.Return | ast.Raise | ast.Yield | ast.YieldFrom):
            return True
        if isinstance(node, ast.Break) and not inner:
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        deeper = inner or isinstance(node, ast.While | ast.For)
        waiting.extend((child, deeper) for child in ast.iter_child_nodes(node))
    return False


def _check_handler(module: Module, handler: ast.ExceptHandler, notes: Notes) -> None:
    returns = [node for node in _walk_own(handler) if isinstance(node, ast.Return)]
    for node in returns:
        if claim := _claim(module, node.value):
            problem = f"says {claim} where an exception was caught, which proves nothing"
            module.report(notes, "exceptions", node, problem, "return unknown")
    if not _is_broad(module, handler):
        return
    raises = any(isinstance(node, ast.Raise) for node in _walk_own(handler))
    if raises and not returns:
        return
    said = [last(module.origin(node.value.func)) for node in returns if isinstance(node.value, ast.Call)]
    if not returns or len(said) < len(returns) or any(name not in _HARMLESS | _CLAIMS | {"Result"} for name in said):
        problem = "catches every exception and goes on as if nothing had happened"
        module.report(notes, "exceptions", handler, problem, "catch UNREADABLE, or return unknown")


def _walk_own(handler: ast.ExceptHandler) -> list[ast.AST]:
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(handler.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _is_broad(module: Module, handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(module.origin(each) in _BROAD for each in types)


def _claim(module: Module, value: ast.expr | None) -> str | None:
    """Return what a returned value claims beyond *unknown*, None where it claims nothing."""
    if value is None:
        return None
    for node in ast.walk(value):
        if isinstance(node, ast.Attribute) and _is_outcome(module, node) and node.attr != "UNKNOWN":
            return node.attr.lower()
        if isinstance(node, ast.Call) and last(module.origin(node.func)) in _CLAIMS:
            return last(module.origin(node.func))
    return None


def _is_outcome(module: Module, node: ast.Attribute) -> bool:
    return last(module.origin(node.value)) == "Outcome"


def _check_finally(module: Module, node: ast.Try, notes: Notes) -> None:
    for statement in node.finalbody:
        for inner in ast.walk(statement):
            if isinstance(inner, ast.Return | ast.Break | ast.Continue):
                problem = "leaves from finally, which swallows every exception"
                module.report(notes, "exceptions", inner, problem, "leave after it")


def _check_default(module: Module, node: ast.Call, notes: Notes) -> None:
    """``.get(word, Outcome.X)``: what is in no table may be anything, so it is *unknown*."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "get" or len(node.args) < 2:
        return
    default = node.args[1]
    if isinstance(default, ast.Attribute) and _is_outcome(module, default) and default.attr != "UNKNOWN":
        problem = f"takes a word that is in no table for {default.attr.lower()}"
        module.report(notes, "defaults", default, problem, "use Outcome.UNKNOWN")
    if isinstance(default, ast.Attribute) and default.attr in _KINDS - _OPEN_KINDS:
        problem = f"takes an event that is in no table for {default.attr.lower()}"
        module.report(notes, "defaults", default, problem, "use NotificationKind.IGNORED")
