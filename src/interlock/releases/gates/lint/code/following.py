"""What a function may return when no signature is genuine: its statements followed with every other test open.

Used by ``lint.signature``. ``compare_digest`` is always false here, so whatever is returned all the same did not depend
on a signature. Whatever is not followed exactly is open, so that code this cannot read is refused and never believed.
"""

import ast
from collections.abc import Sequence

from interlock.releases.gates.lint.code.abstraction import (
    EITHER,
    EMPTY,
    FALSE,
    FALSY,
    INVALID,
    NONE,
    OPEN,
    TRUE,
    TRUTHY,
    Atom,
    Names,
    Value,
    expressions,
    is_none,
    joined,
    joined_bits,
    loosen,
    opened,
    root,
    stored,
)
from interlock.releases.gates.lint.code.source import Function, Module, last, parameters

_DEPTH_MAX = 12
_STEPS_MAX = 20_000
_ROUNDS_MAX = 32
_NOT_FOLLOWED = (ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)
COMPARE = frozenset({"hmac.compare_digest", "secrets.compare_digest"})
REFUSAL = "SignatureInvalid"


class _Flow:
    """What a block of statements came to: the values it returned, and the names as they are when it falls through,
    breaks out of the loop around it, or goes on to that loop's next round."""

    __slots__ = ("breaks", "continues", "falls", "returns")

    def __init__(self, falls: Names | None) -> None:
        self.falls = falls
        self.returns: Value = frozenset()
        self.breaks: list[Names] = []
        self.continues: list[Names] = []

    def also(self, other: "_Flow") -> "_Flow":
        """Add every way out of ``other`` but its falling through."""
        self.returns |= other.returns
        self.breaks += other.breaks
        self.continues += other.continues
        return self


def _can_be_followed(function: Function) -> bool:
    """Return False where calling a function is not the same as executing its body with names of its own."""
    plain = isinstance(function, ast.FunctionDef) and not function.decorator_list
    return plain and not any(isinstance(node, _NOT_FOLLOWED) for node in ast.walk(function))


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
        positional = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
        names.update(zip(positional, given, strict=False))
        key = (id(function), tuple(names.values()))
        if key in self._known:
            return self._known[key]
        if self._depth >= _DEPTH_MAX or not _can_be_followed(function):
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
            found = self._statement(statement, flow.falls)
            flow.also(found).falls = found.falls
        return flow

    def _statement(self, node: ast.stmt, names: Names) -> _Flow:
        flow = _Flow(names)
        for expression in expressions(node):
            loosen(expression, names)
        match node:
            case ast.Return():
                flow.returns = NONE if node.value is None else self.value(node.value, names)
                flow.falls = None
            case ast.Raise():
                flow.falls = None
            case ast.Break():
                flow.breaks.append(names)
                flow.falls = None
            case ast.Continue():
                flow.continues.append(names)
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
            case ast.While():
                return self._loop(node, names)
            case _:
                names.update(dict.fromkeys(stored(expressions(node)), OPEN))
        match node:
            case ast.For():
                return self._loop(node, names)
            case ast.Try() | ast.TryStar():
                return self._try(node, names)
            case ast.With():
                within = opened(names, node.items)
                suppressed = _Flow(opened(within, node.body))  # what it manages may swallow an exception
                return self._either([self.block(node.body, within), suppressed])
            case ast.Match():
                return self._match(node, names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.update(dict.fromkeys({node.name, *stored([node])}, OPEN))
            case _ if hasattr(node, "body"):
                flow.returns |= OPEN
        return flow

    def _match(self, node: ast.Match, names: Names) -> _Flow:
        found, after = [], names
        for case in node.cases:
            after = opened(after, [case.pattern, *([case.guard] if case.guard else [])])
            found.append(self.block(case.body, after))
        return self._either([*found, _Flow(after)])

    def _assign(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, names: Names) -> None:
        if node.value is None:
            return
        value = self.value(node.value, names)
        if isinstance(node.value, ast.Name) and Atom.EMPTY in value:
            value = names[node.value.id] = OPEN  # two names of one list: what fills it by one is not followed
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                if isinstance(node, ast.AugAssign):
                    names[target.id] = joined_bits(node.op, names.get(target.id, OPEN), value)
                else:
                    names[target.id] = value
                continue
            names.update(dict.fromkeys(stored([target]), OPEN))
            base = root(target)
            if base in names:
                names[base] = OPEN

    def _if(self, node: ast.If, names: Names) -> _Flow:
        test = self.value(node.test, names)
        found = []
        if test & TRUTHY:
            found.append(self.block(node.body, self._narrowed(node.test, names, holds=True)))
        if test & FALSY:
            found.append(self.block(node.orelse, self._narrowed(node.test, names, holds=False)))
        return self._either(found)

    def _loop(self, node: ast.For | ast.While, names: Names) -> _Flow:
        """Follow a loop round by round, until one more changes nothing."""
        result, ended = _Flow(None), _Flow(None)
        entry = dict(names)
        for _ in range(_ROUNDS_MAX):
            test = self.value(node.test, entry) if isinstance(node, ast.While) else EITHER
            ended.falls = dict(entry) if test & FALSY else None
            if not test & TRUTHY:
                break
            within = opened(entry, [node.target]) if isinstance(node, ast.For) else entry
            found = self.block(node.body, within)
            result.returns |= found.returns
            result.breaks += found.breaks
            after = entry
            for end in [*found.continues, *([found.falls] if found.falls is not None else [])]:
                after = joined(after, end)
            if after == entry:
                break
            entry = after
        else:
            result.returns |= OPEN
        if ended.falls is not None and node.orelse:
            ended = self.block(node.orelse, ended.falls)
        left = self._either([ended, *(_Flow(each) for each in result.breaks)])
        left.returns |= result.returns
        return left

    def _try(self, node: ast.Try | ast.TryStar, names: Names) -> _Flow:
        body = self.block(node.body, names)
        if body.falls is not None and node.orelse:
            body = self.block(node.orelse, body.falls).also(body)
        begun = opened(names, [*node.body, *node.orelse])  # an exception comes before, between or after any of them
        handled = [self.block(handler.body, opened(begun, [handler])) for handler in node.handlers]
        flow = self._either([body, *handled])
        if node.finalbody:
            final = self.block(node.finalbody, flow.falls if flow.falls is not None else begun)
            if flow.falls is None:
                final.falls = None
            flow = final.also(flow)
        return flow

    @staticmethod
    def _either(found: list[_Flow]) -> _Flow:
        result = _Flow(None)
        for flow in found:
            result.also(flow)
            if flow.falls is not None:
                result.falls = dict(flow.falls) if result.falls is None else joined(result.falls, flow.falls)
        return result

    def _narrowed(self, test: ast.expr, names: Names, *, holds: bool) -> Names:
        """Return the names as they are where ``test`` holds, or does not."""
        narrowed = dict(names)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self._narrowed(test.operand, names, holds=not holds)
        if isinstance(test, ast.NamedExpr):
            test = test.target
        if isinstance(test, ast.Name) and test.id in names:
            kept = names[test.id] & (TRUTHY if holds else FALSY)
            narrowed[test.id] = kept or OPEN
        elif isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id in names:
            if len(test.ops) == 1 and is_none(test.comparators[0]):
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
                return (FALSE if inner & TRUTHY else frozenset()) | (TRUE if inner & FALSY else frozenset())
            case ast.BinOp():
                return joined_bits(node.op, self.value(node.left, names), self.value(node.right, names))
            case ast.List() | ast.Tuple() | ast.Set():
                starred = any(isinstance(each, ast.Starred) for each in node.elts)
                return OPEN if starred else TRUE if node.elts else EMPTY
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
                chosen: Value = self._perhaps(node.body, names) if test & TRUTHY else frozenset()
                return chosen | (self._perhaps(node.orelse, names) if test & FALSY else frozenset())
            case _:
                return OPEN

    def _perhaps(self, node: ast.expr, names: Names) -> Value:
        """Return what an expression may be that is not always evaluated: what it assigns may have been so before."""
        aside = dict(names)
        value = self.value(node, aside)
        names.update({name: each | names.get(name, frozenset()) for name, each in aside.items()})
        return value

    def _bool(self, node: ast.BoolOp, names: Names) -> Value:
        stops = FALSY if isinstance(node.op, ast.And) else TRUTHY
        result: Value = frozenset()
        value: Value = frozenset()
        for index, each in enumerate(node.values):
            value = self._perhaps(each, names) if index else self.value(each, names)
            result |= value & stops
            if not value & (TRUTHY if isinstance(node.op, ast.And) else FALSY):
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
        if root(node.func) in names and not name.startswith("self."):
            return OPEN  # a name that the function gave a meaning of its own
        if name in COMPARE:
            self._follower.compared += 1
            return FALSE
        if last(name) == REFUSAL:
            return INVALID
        if name == "bool" and node.args:
            inner = self.value(node.args[0], names)
            return (TRUE if inner & TRUTHY else frozenset()) | (FALSE if inner & FALSY else frozenset())
        if name in {"any", "all"} and node.args:
            return self._quantified(name, node, names)
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

    def _quantified(self, name: str, call: ast.Call, names: Names) -> Value:
        """Return what ``any`` or ``all`` of something may be; ``all`` of nothing is true."""
        over = call.args[0]
        if not isinstance(over, ast.GeneratorExp | ast.ListComp):
            return OPEN
        value = self.value(over.elt, opened(names, over.generators))
        if value & TRUTHY:
            return EITHER
        return FALSE if name == "any" or self._is_asked(call, over) else EITHER

    def _is_asked(self, call: ast.Call, over: ast.GeneratorExp | ast.ListComp) -> bool:
        """Return True where the function asks before ``call`` whether there is anything to go over."""
        scope = self._module.scope(call)
        several = len(over.generators) > 1 or over.generators[0].ifs
        if several or not isinstance(over.generators[0].iter, ast.Name) or scope is None:
            return False
        wanted = over.generators[0].iter.id
        return any(
            isinstance(node, ast.If)
            and node.lineno < call.lineno
            and any(isinstance(inner, ast.Return | ast.Raise) for inner in node.body)
            and any(isinstance(inner, ast.Name) and inner.id == wanted for inner in ast.walk(node.test))
            for node in ast.walk(scope)
        )
