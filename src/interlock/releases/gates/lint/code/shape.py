"""``lint.connector``: the package exports a connector that has a method for all its manifest promises.

The loader checks the same when it runs a package; here it is known before anything runs.
"""

import ast

from interlock.gateways.manifest import Manifest
from interlock.releases.gates.lint.code.source import Function, Module, last, parameters
from interlock.releases.gates.lint.notes import Notes

CHECK = "connector"
EXPORT = "CONNECTOR"
_STEPS = 4
_ARGUMENTS = {"parse_notification": 5}
_OPERATION_ARGUMENTS = 3


def find_connector(modules: dict[str, Module]) -> tuple[Module, ast.ClassDef] | None:
    """Return the class that ``__init__.py`` exports as ``CONNECTOR``, with the module that defines it."""
    module = modules.get("__init__.py")
    name: str = EXPORT
    for _ in range(_STEPS):
        if module is None:
            return None
        for statement in module.tree.body:
            if isinstance(statement, ast.ClassDef) and statement.name == name:
                return module, statement
        value = module.assigned.get(name)
        if isinstance(value, ast.Name):
            name = value.id
            continue
        origin = module.imports.get(name, "")
        if not origin.startswith("."):
            return None
        file, _, name = origin.lstrip(".").rpartition(".")
        module = modules.get(f"{file}.py")
    return None


def check(modules: dict[str, Module], manifest: Manifest, notes: Notes) -> None:
    """Look for the exported class and for each method that the capabilities promise."""
    notes.looked(CHECK)
    found = find_connector(modules)
    if found is None:
        remedy = f"write {EXPORT} = <the class> in __init__.py"
        notes.fail(CHECK, "__init__.py", f"exports no class as {EXPORT}", remedy)
        return
    module, definition = found
    if any(last(module.origin(base)) not in {"object", "Connector", "Protocol"} for base in definition.bases):
        module.report(notes, CHECK, definition, "inherits its methods, which cannot be read here", "write them out")
    methods = {each.name: each for each in definition.body if isinstance(each, ast.FunctionDef)}
    needed = ["__init__", *(operation.value for operation in manifest.capabilities.operations)]
    if manifest.webhook is not None:
        needed.append("parse_notification")
    for name in needed:
        notes.looked(CHECK)
        if name not in methods:
            problem = f"has no method {name}, which the manifest promises"
            module.report(notes, CHECK, definition, problem, f"write {name} or take it out of the manifest")
            continue
        _check_method(module, methods[name], notes)


def _check_method(module: Module, method: Function, notes: Notes) -> None:
    expected = 2 if method.name == "__init__" else _ARGUMENTS.get(method.name, _OPERATION_ARGUMENTS)
    if len(parameters(method)) != expected or method.args.vararg or method.args.kwarg:
        problem = f"{method.name} takes {len(parameters(method)) - 1} arguments, the contract gives {expected - 1}"
        module.report(notes, CHECK, method, problem, "see interlock.gateways.contract.Connector")
    if method.decorator_list:
        module.report(notes, CHECK, method, f"{method.name} is decorated", "write a plain method")
