"""``lint.paths``: text that is not ours is quoted before it becomes part of a request's path.

An unquoted id can name another object of the account (``../refunds``), or end the path early (``?``, ``#``).
"""

import ast

from interlock.releases.gates.lint.code.source import Module, last, parameters
from interlock.releases.gates.lint.notes import Notes

CHECK = "paths"
_QUOTING = frozenset({"urllib.parse.quote", "urllib.parse.quote_plus", "urllib.parse.urlencode"})
_NUMBER_SUFFIXES = ("_ms", "_s", "_minor")
_STEPS_MAX = 12


def check(modules: dict[str, Module], notes: Notes) -> None:
    """Look at every text that begins with ``/`` and has something put into it."""
    quoting = _quoting_functions(modules)
    for module in modules.values():
        for node in module.nodes:
            for part in _parts(module, node):
                notes.looked(CHECK)
                if not _is_safe(module, part, quoting, _STEPS_MAX):
                    problem = f"puts {ast.unparse(part)[:60]} into a path unquoted"
                    module.report(notes, CHECK, node, problem, "quote it (urllib.parse.quote with safe='')")


def _parts(module: Module, node: ast.AST) -> list[ast.expr]:
    """Return what ``node`` puts into a path, whichever way it makes it; nothing where it makes none."""
    if isinstance(node, ast.JoinedStr) and _begins_path(node.values[0] if node.values else None):
        return [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _begins_path(_leftmost(node)):
        return [] if isinstance(module.parents.get(node), ast.BinOp) else _terms(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and _begins_path(node.left):
        return list(node.right.elts) if isinstance(node.right, ast.Tuple) else [node.right]
    formats = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
    if formats and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        return given if _begins_path(node.func.value) else []
    return []


def _begins_path(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("/")


def _leftmost(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        node = node.left
    return node


def _terms(node: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        found.append(node.right)
        node = node.left
    return found


def _quoting_functions(modules: dict[str, Module]) -> frozenset[str]:
    """Return the names of the package's functions that quote what they are given."""
    return frozenset(
        name
        for module in modules.values()
        for name, function in module.functions.items()
        if any(isinstance(node, ast.Call) and module.origin(node.func) in _QUOTING for node in ast.walk(function))
        or any(
            isinstance(node, ast.Name) and _module_value_quotes(module, node.id) and module.scope(node) is not None
            for node in ast.walk(function)
        )
    )


def _module_value_quotes(module: Module, name: str) -> bool:
    value = module.assigned.get(name)
    if value is None:
        return False
    return any(isinstance(node, ast.Call) and module.origin(node.func) in _QUOTING for node in ast.walk(value))


def _is_safe(module: Module, node: ast.expr, quoting: frozenset[str], steps: int) -> bool:
    """Return True for what cannot change a path's shape: constants, numbers, quoted text, and what is made of those."""
    if steps == 0:
        return False
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Call):
        name = module.origin(node.func)
        if name in {"max", "min", "abs"}:
            return all(_is_safe(module, each, quoting, steps - 1) for each in node.args)
        return name in _QUOTING or last(name) in quoting or name in {"int", "len"}
    if isinstance(node, ast.BinOp):
        numeric = isinstance(node.op, ast.Sub | ast.Mult | ast.FloorDiv)
        return numeric or all(_is_safe(module, side, quoting, steps - 1) for side in (node.left, node.right))
    if isinstance(node, ast.Attribute):
        return node.attr.endswith(_NUMBER_SUFFIXES)
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id in module.assigned
    if isinstance(node, ast.IfExp | ast.BoolOp | ast.JoinedStr | ast.Tuple):
        inner = [node.body, node.orelse] if isinstance(node, ast.IfExp) else getattr(node, "elts", None)
        values = inner if inner is not None else getattr(node, "values", [])
        shown = [value.value if isinstance(value, ast.FormattedValue) else value for value in values]
        return all(_is_safe(module, value, quoting, steps - 1) for value in shown)
    return isinstance(node, ast.Name) and _name_is_safe(module, node, quoting, steps)


def _name_is_safe(module: Module, node: ast.Name, quoting: frozenset[str], steps: int) -> bool:
    scope = module.scope(node)
    given = parameters(scope) if scope is not None else {}
    if node.id in given:
        annotation = given[node.id]
        return isinstance(annotation, ast.Name) and annotation.id in {"int", "bool"}
    values = [] if scope is None else _values(scope, node.id)
    if values:
        return all(_is_safe(module, value, quoting, steps - 1) for value in values)
    return node.id in module.assigned or node.id.lstrip("_").isupper()


def _values(scope: ast.AST, name: str) -> list[ast.expr]:
    """Return what ``name`` is given in ``scope``; a tuple that is taken apart counts as a whole."""
    found: list[ast.expr] = []
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            targets = [inner for each in node.targets for inner in ast.walk(each)]
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            targets = [node.target]
        else:
            continue
        if node.value is not None and any(isinstance(each, ast.Name) and each.id == name for each in targets):
            found.append(node.value)
    return found
