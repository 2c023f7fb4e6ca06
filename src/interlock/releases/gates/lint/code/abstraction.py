"""What a function may return when no signature is genuine: its statements followed with every other test open.

Used by ``lint.signature``. A value is a set of atoms; what cannot be known is :data:`OPEN`, which is both true and
false. ``compare_digest`` is always false here, so whatever is returned all the same did not depend on a signature.
"""

import ast
from collections.abc import Sequence
from enum import Enum, auto

from interlock.releases.gates.lint.code.source import Function, Module, last, parameters


class Atom(Enum):
    """One thing that a value may be."""

    NONE = auto()
    FALSE = auto()
    TRUE = auto()
    INVALID = auto()
    OPEN = auto()


Value = frozenset[Atom]
Names = dict[str, Value]
OPEN: Value = frozenset({Atom.OPEN})
NONE: Value = frozenset({Atom.NONE})
TRUE: Value = frozenset({Atom.TRUE})
FALSE: Value = frozenset({Atom.FALSE})
INVALID: Value = frozenset({Atom.INVALID})
EITHER: Value = frozenset({Atom.TRUE, Atom.FALSE})
_FALSY = frozenset({Atom.NONE, Atom.FALSE, Atom.OPEN})
_TRUTHY = frozenset({Atom.TRUE, Atom.INVALID, Atom.OPEN})
_DEPTH_MAX = 12
_STEPS_MAX = 20_000
COMPARE = frozenset({"hmac.compare_digest", "secrets.compare_digest"})
REFUSAL = "SignatureInvalid"


class _Flow:
    """What a block of statements came to: the values it returned, and the names as they are when it falls through."""

    __slots__ = ("falls", "leaves", "returns")

    def __init__(self, falls: Names | None) -> None:
        self.falls = falls
        self.returns: Value = frozenset()
        self.leaves: list[Names] = []


class Follower:
    """Follows functions of one package; ``compared`` tells whether a signature was ever compared on the way."""

    def __init__(self, modules: dict[str, Module]) -> None:
        """Prepare for the functions of ``modules``."""
        self._modules = modules
        self._known: dict[tuple[int, tuple[Value, ...]], Value] = {}
        self._depth = 0
        self._steps = 0
        self.compared = 0

    def returns(self, module: Module, function: Function, given: Sequence[Value] = ()) -> Value:
        """Return what ``function`` may return; OPEN where it cannot be followed any further.

        Args:
            module: where the function stands.
            function: what is called.
            given: its arguments in order, OPEN for those that are not named.

        """
        names = dict.fromkeys(parameters(function), OPEN)
        names.update(zip(names, given, strict=False))
        key = (id(function), tuple(names.values()))
        if key in self._known:
            return self._known[key]
        if self._depth >= _DEPTH_MAX or any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)):
            return OPEN
        self._known[key] = OPEN  # what a recursive call is taken for
        self._depth += 1
        flow = _Walk(self, module).block(function.body, names)
        self._depth -= 1
        value = flow.returns | (NONE if flow.falls is not None else frozenset())
        self._known[key] = value
        return value

    def step(self) -> bool:
        """Count one statement; return False when too many were followed."""
        self._steps += 1
        return self._steps <= _STEPS_MAX

    def find(self, module: Module, node: ast.expr, within: str | None) -> tuple[Module, Function] | None:
        """Return the function of the package that a call's ``node`` names, None for any other."""
        name = module.origin(node)
        if name in module.functions:
            return module, module.functions[name]
        if name.startswith("self.") and within:
            method = module.functions.get(f"{within}.{last(name)}")
            return (module, method) if method else None
        if name.startswith("."):
            file, _, function = name.lstrip(".").rpartition(".")
            sibling = self._modules.get(f"{file}.py")
            if sibling is not None and function in sibling.functions:
                return sibling, sibling.functions[function]
        return None


class _Walk:
    """Follows the statements of one function."""

    def __init__(self, follower: Follower, module: Module) -> None:
        self._follower = follower
        self._module = module

    def block(self, statements: Sequence[ast.stmt], names: Names) -> _Flow:
        flow = _Flow(dict(names))
        for statement in statements:
            if flow.falls is None:
                break
            if not self._follower.step():
                flow.returns |= OPEN
                break
            self._merge(flow, self._statement(statement, flow.falls))
        return flow

    @staticmethod
    def _merge(flow: _Flow, found: _Flow) -> None:
        flow.returns |= found.returns
        flow.leaves += found.leaves
        flow.falls = found.falls

    def _statement(self, node: ast.stmt, names: Names) -> _Flow:
        flow = _Flow(names)
        match node:
            case ast.Return():
                flow.returns = NONE if node.value is None else self.value(node.value, names)
                flow.falls = None
            case ast.Raise():
                flow.falls = None
            case ast.Break() | ast.Continue():
                flow.leaves.append(names)
                flow.falls = None
            case ast.Expr():
                self.value(node.value, names)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                self._assign(node, names)
            case _:
                flow = self._compound(node, flow)
        return flow

    def _compound(self, node: ast.stmt, flow: _Flow) -> _Flow:
        names = flow.falls or {}
        match node:
            case ast.If():
                return self._if(node, names)
            case ast.For() | ast.While():
                return self._loop(node, names)
            case ast.Try():
                return self._try(node, names)
            case ast.With():
                return self.block(node.body, names)
            case ast.Match():
                return self._either([*(self.block(case.body, names) for case in node.cases), _Flow(names)])
            case _:
                return flow

    def _assign(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, names: Names) -> None:
        if node.value is None:
            return
        value = self.value(node.value, names)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                if isinstance(node, ast.AugAssign):
                    names[target.id] = _joined_bits(node.op, names.get(target.id, OPEN), value)
                else:
                    names[target.id] = value
                continue
            for inner in ast.walk(target):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    names[inner.id] = OPEN

    def _if(self, node: ast.If, names: Names) -> _Flow:
        test = self.value(node.test, names)
        found = []
        if test & _TRUTHY:
            found.append(self.block(node.body, self._narrowed(node.test, names, holds=True)))
        if test & _FALSY:
            found.append(self.block(node.orelse, self._narrowed(node.test, names, holds=False)))
        return self._either(found)

    def _loop(self, node: ast.For | ast.While, names: Names) -> _Flow:
        """Follow a loop's body twice, from none and from one round, and join what came of both with none at all."""
        result = _Flow(dict(names))
        endless = False
        entry = dict(names)
        for _ in range(2):
            if isinstance(node, ast.While):
                test = self.value(node.test, entry)
                endless = not test & _FALSY
                if not test & _TRUTHY:
                    break
            else:
                for inner in ast.walk(node.target):
                    if isinstance(inner, ast.Name):
                        entry[inner.id] = OPEN
            round_ = self.block(node.body, entry)
            result.returns |= round_.returns
            ends = [*round_.leaves, *([round_.falls] if round_.falls is not None else [])]
            for end in ends:
                entry = _joined(entry, end)
        result.falls = None if endless and not _breaks(node) else _joined(names, entry)
        if result.falls is not None and node.orelse:
            after = self.block(node.orelse, result.falls)
            result = self._either([result, after]) if _breaks(node) else self._after(result, after)
        result.leaves = []
        return result

    @staticmethod
    def _after(before: _Flow, after: _Flow) -> _Flow:
        after.returns |= before.returns
        return after

    def _try(self, node: ast.Try, names: Names) -> _Flow:
        body = self.block(node.body, names)
        if body.falls is not None and node.orelse:
            body = self._after(body, self.block(node.orelse, body.falls))
        begun = names if body.falls is None else _joined(names, body.falls)
        handled = [self.block(handler.body, begun) for handler in node.handlers]
        flow = self._either([body, *handled])
        if node.finalbody:
            last_ = self.block(node.finalbody, flow.falls if flow.falls is not None else begun)
            last_.returns |= flow.returns
            last_.leaves += flow.leaves
            if flow.falls is None:
                last_.falls = None
            flow = last_
        return flow

    @staticmethod
    def _either(found: list[_Flow]) -> _Flow:
        result = _Flow(None)
        for flow in found:
            result.returns |= flow.returns
            result.leaves += flow.leaves
            if flow.falls is not None:
                result.falls = dict(flow.falls) if result.falls is None else _joined(result.falls, flow.falls)
        return result

    def _narrowed(self, test: ast.expr, names: Names, *, holds: bool) -> Names:
        """Return the names as they are where ``test`` holds, or does not."""
        narrowed = dict(names)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self._narrowed(test.operand, names, holds=not holds)
        if isinstance(test, ast.NamedExpr):
            test = test.target
        if isinstance(test, ast.Name) and test.id in names:
            kept = names[test.id] & (_TRUTHY if holds else _FALSY)
            narrowed[test.id] = kept or OPEN
        elif isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id in names:
            if len(test.ops) == 1 and _is_none(test.comparators[0]):
                none = isinstance(test.ops[0], ast.Is) is holds
                kept = names[test.left.id] & frozenset({Atom.NONE, Atom.OPEN}) if none else names[test.left.id] - NONE
                narrowed[test.left.id] = kept or OPEN
        elif isinstance(test, ast.Call) and self._module.origin(test.func) == "isinstance" and test.args:
            name = test.args[0].id if isinstance(test.args[0], ast.Name) else ""
            if name in names and len(test.args) > 1 and last(self._module.origin(test.args[1])) == REFUSAL:
                narrowed[name] = INVALID if holds else (names[name] - INVALID or OPEN)
        return narrowed

    def value(self, node: ast.expr, names: Names) -> Value:
        """Return what an expression may be."""
        match node:
            case ast.Constant():
                return NONE if node.value is None else TRUE if node.value else FALSE
            case ast.Name():
                return names.get(node.id, OPEN)
            case ast.NamedExpr():
                names[node.target.id] = self.value(node.value, names)
                return names[node.target.id]
            case ast.UnaryOp(op=ast.Not()):
                inner = self.value(node.operand, names)
                return (FALSE if inner & _TRUTHY else frozenset()) | (TRUE if inner & _FALSY else frozenset())
            case ast.BinOp():
                return _joined_bits(node.op, self.value(node.left, names), self.value(node.right, names))
            case ast.List() | ast.Tuple() | ast.Set():
                return TRUE if node.elts else FALSE
            case _:
                return self._deeper_value(node, names)

    def _deeper_value(self, node: ast.expr, names: Names) -> Value:
        match node:
            case ast.BoolOp():
                return self._bool(node, names)
            case ast.Compare():
                return self._compare(node, names)
            case ast.Call():
                return self._call(node, names)
            case ast.IfExp():
                test = self.value(node.test, names)
                chosen: Value = self.value(node.body, names) if test & _TRUTHY else frozenset()
                return chosen | (self.value(node.orelse, names) if test & _FALSY else frozenset())
            case _:
                return OPEN

    def _bool(self, node: ast.BoolOp, names: Names) -> Value:
        stops = _FALSY if isinstance(node.op, ast.And) else _TRUTHY
        result: Value = frozenset()
        value: Value = frozenset()
        for each in node.values:
            value = self.value(each, names)
            result |= value & stops
            if not value & (_TRUTHY if isinstance(node.op, ast.And) else _FALSY):
                return result
        return result | value

    def _compare(self, node: ast.Compare, names: Names) -> Value:
        value = self.value(node.left, names)
        if len(node.ops) != 1:
            return OPEN
        right = node.comparators[0]
        known = right.value if isinstance(right, ast.Constant) else ...
        positive = isinstance(node.ops[0], ast.Is | ast.Eq)
        if not positive and not isinstance(node.ops[0], ast.IsNot | ast.NotEq):
            return OPEN
        if known is None:
            wanted, others = NONE, value - NONE
        elif known is True:
            wanted, others = TRUE, value - TRUE
        elif known is False:
            wanted, others = FALSE, value - FALSE
        else:
            return OPEN
        if Atom.OPEN in value:
            return EITHER
        yes: Value = TRUE if positive else FALSE
        no: Value = FALSE if positive else TRUE
        return (yes if value & wanted else frozenset()) | (no if others else frozenset())

    def _call(self, node: ast.Call, names: Names) -> Value:
        name = self._module.origin(node.func)
        if name in COMPARE:
            self._follower.compared += 1
            return FALSE
        if last(name) == REFUSAL:
            return INVALID
        if name == "bool" and node.args:
            inner = self.value(node.args[0], names)
            return (TRUE if inner & _TRUTHY else frozenset()) | (FALSE if inner & _FALSY else frozenset())
        if name in {"any", "all"} and node.args:
            return self._quantified(node.args[0], names)
        if name == "isinstance" and len(node.args) > 1 and last(self._module.origin(node.args[1])) == REFUSAL:
            value = self.value(node.args[0], names)
            return TRUE if value == INVALID else EITHER if value & (INVALID | OPEN) else FALSE
        scope = self._module.scope(node)
        owner = self._module.parents.get(scope) if scope is not None else None
        within = owner.name if isinstance(owner, ast.ClassDef) else None
        found = self._follower.find(self._module, node.func, within)
        if found is None or any(isinstance(each, ast.Starred) for each in node.args):
            return OPEN
        given = [self.value(each, names) for each in node.args]
        if name.startswith("self."):
            given.insert(0, OPEN)
        return self._follower.returns(*found, given)

    def _quantified(self, over: ast.expr, names: Names) -> Value:
        """Return what ``any`` or ``all`` of something may be; it is taken to hold at least one element."""
        if not isinstance(over, ast.GeneratorExp | ast.ListComp):
            return OPEN
        inner = dict(names)
        for generator in over.generators:
            for target in ast.walk(generator.target):
                if isinstance(target, ast.Name):
                    inner[target.id] = OPEN
        value = self.value(over.elt, inner)
        return EITHER if value & _TRUTHY else FALSE


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _joined(first: Names, second: Names) -> Names:
    return {name: first.get(name, OPEN) | second.get(name, OPEN) for name in {*first, *second}}


def _joined_bits(operator: ast.operator, left: Value, right: Value) -> Value:
    """Return what ``left | right`` or ``left & right`` may be; any other operator says nothing."""
    if isinstance(operator, ast.BitOr):
        if not (left | right) & _TRUTHY:
            return FALSE
        return TRUE if not left & _FALSY or not right & _FALSY else EITHER
    if isinstance(operator, ast.BitAnd):
        if not left & _TRUTHY or not right & _TRUTHY:
            return FALSE
        return EITHER
    return OPEN


def _breaks(loop: ast.For | ast.While) -> bool:
    return any(isinstance(node, ast.Break) for statement in loop.body for node in ast.walk(statement))
