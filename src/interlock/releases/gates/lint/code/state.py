"""``lint.state``: nothing is kept between calls.

One connector object serves every payment of a process at once, and the same operation must send the same bytes when it
is sent again. So functions change neither module-level values nor their object, and cache nothing.
"""

import ast

from interlock.releases.gates.lint.code.source import Function, Module, Scope, last, parameters
from interlock.releases.gates.lint.notes import Notes

CHECK = "state"
_MUTATORS = frozenset(
    {"add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert",
     "intersection_update", "pop", "popitem", "popleft", "remove", "reverse", "rotate", "setdefault", "sort",
     "symmetric_difference_update", "update", "write"}
)  # fmt: skip
_CACHES = frozenset({"cache", "lru_cache", "cached_property", "singledispatch", "register"})
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_REMEDY = "keep nothing between calls"


def check(modules: dict[str, Module], notes: Notes) -> None:
    """Look at everything that could outlive a call."""
    notes.looked(CHECK, len(modules))
    for module in modules.values():
        for node in module.nodes:
            if isinstance(node, ast.Global):
                module.report(notes, CHECK, node, f"writes the global {', '.join(node.names)}", _REMEDY)
            elif isinstance(node, ast.FunctionDef):
                _check_function(module, node, notes)
            elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
                _check_targets(module, node, notes)
            elif isinstance(node, ast.NamedExpr | ast.For):
                _check_target(module, node, node.target, notes)
            elif isinstance(node, ast.Call):
                _check_call(module, node, notes)


def _check_function(module: Module, function: ast.FunctionDef, notes: Notes) -> None:
    for decorator in function.decorator_list:
        name = last(module.origin(decorator.func if isinstance(decorator, ast.Call) else decorator))
        if name in _CACHES:
            module.report(notes, CHECK, decorator, f"keeps what it was called with ({name})", _REMEDY)
    for default in [*function.args.defaults, *(each for each in function.args.kw_defaults if each is not None)]:
        if isinstance(default, _MUTABLE):
            module.report(notes, CHECK, default, "has a default that calls share", "use None and make it inside")


def _check_targets(module: Module, node: ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete, notes: Notes) -> None:
    targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
    for target in targets:
        _check_target(module, node, target, notes)


def _check_target(module: Module, node: ast.AST, target: ast.expr, notes: Notes) -> None:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            _check_target(module, node, each, notes)
        return
    if not isinstance(target, ast.Attribute | ast.Subscript):
        return
    base = _base(target)
    if base is None:
        return
    function = module.scope(node)
    method = isinstance(function, ast.FunctionDef) and isinstance(module.parents.get(function), ast.ClassDef)
    if method and isinstance(function, ast.FunctionDef) and base.id in list(parameters(function))[:1]:
        if function.name != "__init__":
            problem = f"changes {base.id}.{_shown(target)} outside __init__"
            module.report(notes, CHECK, node, problem, _REMEDY)
    elif _outlives(module, function, base.id):
        module.report(notes, CHECK, node, f"changes {base.id}, which outlives the call", _REMEDY)


def _check_call(module: Module, node: ast.Call, notes: Notes) -> None:
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in _MUTATORS:
        base = _base(function)
        scope = module.scope(node)
        if base is None or scope is None:
            return
        first = list(parameters(scope))[:1]
        own = isinstance(module.parents.get(scope), ast.ClassDef) and base.id in first
        if own and isinstance(function.value, ast.Attribute) and getattr(scope, "name", "") != "__init__":
            module.report(notes, CHECK, node, f"changes {base.id}.{function.value.attr} in a call", _REMEDY)
        elif _outlives(module, scope, base.id) and not _is_module(module, base.id):
            module.report(notes, CHECK, node, f"changes {base.id}, which outlives the call", _REMEDY)
    elif module.origin(function) == "next" and node.args and isinstance(node.args[0], ast.Name):
        name = node.args[0].id
        if _outlives(module, module.scope(node), name):
            module.report(notes, CHECK, node, f"counts on with {name}, which outlives the call", _REMEDY)


def _base(node: ast.expr) -> ast.Name | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _shown(target: ast.Attribute | ast.Subscript) -> str:
    inner: ast.expr = target
    while isinstance(inner, ast.Attribute | ast.Subscript) and not isinstance(inner.value, ast.Name):
        inner = inner.value
    return inner.attr if isinstance(inner, ast.Attribute) else "[…]"


def _is_module(module: Module, name: str) -> bool:
    """Return True for an imported module (``hmac.update`` is a function, no change of anything)."""
    origin = module.imports.get(name, "")
    return bool(origin) and not origin.startswith(".") and "." not in origin


def _outlives(module: Module, scope: Scope | None, name: str) -> bool:
    """Return True for a name of the module, or one imported, that no function around makes its own."""
    if scope is None:
        return name in module.imports
    if name not in module.assigned and name not in module.imports:
        return False
    around: Scope | None = scope
    while around is not None:
        if name in parameters(around) or (not isinstance(around, ast.Lambda) and name in _locals(around)):
            return False
        around = module.scope(around)
    return True


def _locals(function: Function) -> set[str]:
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
