"""What a value may be when no signature is genuine, and what a statement changes: the alphabet of ``following.py``.

A value is a set of atoms; what cannot be known is :data:`OPEN`, which is both true and false.
"""

import ast
from collections.abc import Sequence
from enum import Enum, auto


class Atom(Enum):
    """One thing that a value may be."""

    NONE = auto()
    FALSE = auto()
    TRUE = auto()
    EMPTY = auto()
    INVALID = auto()
    OPEN = auto()


Value = frozenset[Atom]
Names = dict[str, Value]
OPEN: Value = frozenset({Atom.OPEN})
NONE: Value = frozenset({Atom.NONE})
TRUE: Value = frozenset({Atom.TRUE})
FALSE: Value = frozenset({Atom.FALSE})
EMPTY: Value = frozenset({Atom.EMPTY})
INVALID: Value = frozenset({Atom.INVALID})
EITHER: Value = frozenset({Atom.TRUE, Atom.FALSE})
FALSY = frozenset({Atom.NONE, Atom.FALSE, Atom.EMPTY, Atom.OPEN})
TRUTHY = frozenset({Atom.TRUE, Atom.INVALID, Atom.OPEN})


def is_none(node: ast.expr) -> bool:
    """Return True for the constant ``None``."""
    return isinstance(node, ast.Constant) and node.value is None


def joined(first: Names, second: Names) -> Names:
    """Return the names as they are where either may be; one that is in one of them alone is open."""
    return {name: first.get(name, OPEN) | second.get(name, OPEN) for name in {*first, *second}}


def joined_bits(operator: ast.operator, left: Value, right: Value) -> Value:
    """Return what ``left | right`` or ``left & right`` may be; any other operator says nothing."""
    if isinstance(operator, ast.BitOr):
        if not (left | right) & TRUTHY:
            return FALSE
        return TRUE if not left & FALSY or not right & FALSY else EITHER
    if isinstance(operator, ast.BitAnd):
        if not left & TRUTHY or not right & TRUTHY:
            return FALSE
        return EITHER
    return OPEN


def root(node: ast.AST) -> str:
    """Return the name that a chain of attributes and subscripts begins with, ``""`` where it begins with none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def stored(nodes: Sequence[ast.AST]) -> set[str]:
    """Return every name that something in ``nodes`` gives a value to."""
    found: set[str] = set()
    for node in (inner for each in nodes for inner in ast.walk(each)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found.add(node.rest)
    return found


def opened(names: Names, nodes: Sequence[ast.AST]) -> Names:
    """Return the names as they are where any part of ``nodes`` may have been executed."""
    return {**names, **dict.fromkeys(stored(nodes), OPEN)}


def expressions(statement: ast.stmt) -> list[ast.expr]:
    """Return a statement's own expressions, without those of the statements inside it."""
    items = [item.context_expr for item in statement.items] if isinstance(statement, ast.With) else []
    own = [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.expr)]
    return [*items, *(each for each in own if not (isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)))]


def loosen(node: ast.expr, names: Names) -> None:
    """Open what an expression changes in ways that ``following.py`` does not follow: lists that a call fills, and
    names that are assigned deep inside."""
    for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
        for given in [call.func, *call.args, *(keyword.value for keyword in call.keywords)]:
            if Atom.EMPTY in names.get(root(given), frozenset()):
                names[root(given)] = OPEN
    names.update(dict.fromkeys(stored(_not_followed(node)), OPEN))


def _not_followed(node: ast.expr) -> list[ast.AST]:
    """Return the parts of an expression whose assignments are not followed one by one."""
    match node:
        case ast.UnaryOp():
            return _not_followed(node.operand)
        case ast.NamedExpr():
            return _not_followed(node.value)
        case ast.BoolOp():
            return [part for each in node.values for part in _not_followed(each)]
        case ast.IfExp():
            return [part for each in (node.test, node.body, node.orelse) for part in _not_followed(each)]
        case ast.Compare():
            return [*_not_followed(node.left), *node.comparators]
        case _:
            return [node]
