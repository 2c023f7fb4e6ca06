"""``lint.dynamic_code``, ``lint.outside_world``, ``lint.output``, ``lint.determinism``: what connector code may not do.

A connector is pure: its requests follow from what it is given, and everything it does can be read in its files. So it
makes no code at run time, opens nothing, prints nothing, and depends on nothing that differs from process to process.
"""

import ast

from interlock.releases.gates.lint.code.source import Module, called
from interlock.releases.gates.lint.notes import Notes

_DYNAMIC = frozenset(
    {"__import__", "__builtins__", "__loader__", "__spec__", "compile", "delattr", "eval", "exec", "globals", "locals",
     "setattr", "vars"}
)  # fmt: skip
_WORLD = frozenset({"breakpoint", "exit", "input", "open", "quit"})
_OUTPUT = frozenset({"print", "help"})
_CHANGING = frozenset({"hash", "id"})
_DUNDERS = frozenset({"__init__", "__name__", "__doc__", "__struct_fields__", "__members__", "__str__", "__repr__"})
_HOOKS = frozenset(
    {"__del__", "__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__reduce__", "__reduce_ex__",
     "__init_subclass__", "__set_name__", "__class_getitem__", "__prepare__", "__instancecheck__", "__subclasshook__"}
)  # fmt: skip
_UNSAFE_TLS = frozenset(
    {"verify_ssl", "ssl", "ssl_context", "check_hostname", "cert_reqs", "verify_mode", "verify_tls"}
)
_ORDERED = frozenset({"sorted", "len", "min", "max", "any", "all", "sum", "frozenset", "set"})
_IN_ORDER = frozenset({"list", "tuple", "iter", "enumerate"})


def check(modules: dict[str, Module], notes: Notes) -> None:
    """Look at every name, attribute and call of every module."""
    for name in ("dynamic_code", "outside_world", "output", "determinism"):
        notes.looked(name, len(modules))
    for module in modules.values():
        for node in module.nodes:
            _check_node(module, node, notes)
            _check_order(module, node, notes)
        for text in module.texts():
            if "{" in str(text.value) and ".__" in str(text.value):
                problem = "formats an attribute that is none of a connector's business"
                module.report(notes, "dynamic_code", text, problem, "use an f-string")


def _check_node(module: Module, node: ast.AST, notes: Notes) -> None:
    match node:
        case ast.Name():
            _check_name(module, node, notes)
        case ast.Attribute():
            _check_attribute(module, node, notes)
        case ast.Call():
            _check_call(module, node, notes)
        case ast.FunctionDef() | ast.ClassDef():
            _check_definition(module, node, notes)
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            remedy = "write a generator: the transport drives it"
            module.report(notes, "outside_world", node, "is asynchronous, and a connector waits for nothing", remedy)
        case _:
            pass


def _check_name(module: Module, node: ast.Name, notes: Notes) -> None:
    name = node.id
    if name in module.imports or name in module.assigned or not isinstance(node.ctx, ast.Load):
        if name in _DYNAMIC | _WORLD:
            module.report(
                notes, "dynamic_code", node, f"gives the name {name} a meaning of its own", "use another name"
            )
        return
    if name in _DYNAMIC:
        problem = f"uses {name}, so that what runs cannot be read here"
        module.report(notes, "dynamic_code", node, problem, "write it out")
    elif name in _WORLD:
        module.report(notes, "outside_world", node, f"uses {name}", "a connector opens and asks nothing")
    elif name in _OUTPUT:
        problem = f"uses {name}: bodies hold card numbers, and nothing scrubs what it shows"
        module.report(notes, "output", node, problem, "leave it out; the transport records every exchange, redacted")
    elif name in _CHANGING:
        problem = f"uses {name}, whose value differs from process to process"
        module.report(notes, "determinism", node, problem, "build requests from what is given alone")


def _check_attribute(module: Module, node: ast.Attribute, notes: Notes) -> None:
    name = node.attr
    if name.startswith("__") and name not in _DUNDERS:
        problem = f"reaches for {name}, behind what the package shows"
        module.report(notes, "dynamic_code", node, problem, "use the public names")


def _check_call(module: Module, node: ast.Call, notes: Notes) -> None:
    name = module.origin(node.func)
    if name == "getattr":
        literal = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
        of_module = bool(node.args) and isinstance(node.args[0], ast.Name) and node.args[0].id in module.imports
        if not literal or of_module:
            problem = "looks an attribute up by a name made at run time"
            module.report(notes, "dynamic_code", node, problem, "name the attribute")
    elif name == "type" and len(node.args) > 1:
        module.report(notes, "dynamic_code", node, "makes a class at run time", "write the class")
    for keyword in node.keywords:
        off = isinstance(keyword.value, ast.Constant) and keyword.value.value in (False, None)
        if keyword.arg in _UNSAFE_TLS and off:
            problem = f"switches the check of certificates off ({keyword.arg})"
            module.report(notes, "outside_world", node, problem, "leave it to the transport, which always checks")


def _check_definition(module: Module, node: ast.FunctionDef | ast.ClassDef, notes: Notes) -> None:
    if isinstance(node, ast.ClassDef) and node.keywords:
        if any(keyword.arg in {"metaclass", None} for keyword in node.keywords):
            module.report(notes, "dynamic_code", node, "has a metaclass", "write a plain class")
    elif node.name in _HOOKS:
        problem = f"defines {node.name}, which runs where nothing is called"
        module.report(notes, "dynamic_code", node, problem, "write a plain method")


def _check_order(module: Module, node: ast.AST, notes: Notes) -> None:
    """The order of a set of texts differs from process to process, and so would the bytes that are sent."""
    iterated = _iterated(module, node)
    if iterated is None or not _is_set(module, iterated):
        return
    parent = module.parents.get(node)
    if isinstance(node, ast.comprehension) and _is_unordered(module, parent):
        return
    problem = "goes through a set, whose order differs from process to process"
    place = node if hasattr(node, "lineno") else iterated
    module.report(notes, "determinism", place, problem, "sort it, or use a tuple")


def _iterated(module: Module, node: ast.AST) -> ast.expr | None:
    """Return what ``node`` goes through in order, None for anything else."""
    if isinstance(node, ast.For | ast.comprehension):
        return node.iter
    if not isinstance(node, ast.Call) or not node.args:
        return None
    joins = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
    return node.args[0] if joins or module.origin(node.func) in _IN_ORDER else None


def _is_unordered(module: Module, comprehension: ast.AST | None) -> bool:
    """Return True where the order of a comprehension is lost or mended anyway."""
    if isinstance(comprehension, ast.SetComp):
        return True
    around = module.parents.get(comprehension) if comprehension else None
    function = called(around) if around else None
    return function is not None and module.origin(function) in _ORDERED


def _is_set(module: Module, node: ast.expr) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        return module.origin(node.func) in {"set", "frozenset"}
    if isinstance(node, ast.Name) and module.scope(node) is not None:
        value = module.assigned.get(node.id)
        return value is not None and not isinstance(value, ast.Name) and _is_set(module, value)
    return False
