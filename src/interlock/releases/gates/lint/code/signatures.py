"""``lint.signature``: a notification is believed only after its signature was compared, in constant time.

Three things are looked at: that signatures are never compared with ``==`` or ``in``, that every comparison's result is
used, and that ``parse_notification`` returns nothing but ``SignatureInvalid`` when no comparison succeeds.
"""

import ast
import re

from interlock.gateways.manifest import Manifest
from interlock.releases.gates.lint.code.abstraction import INVALID
from interlock.releases.gates.lint.code.following import COMPARE, REFUSAL, Follower
from interlock.releases.gates.lint.code.shape import find_connector
from interlock.releases.gates.lint.code.source import Module, last
from interlock.releases.gates.lint.notes import Notes

CHECK = "signature"
_SIGNATURE = re.compile(r"signature|hmac|digest|(?:^|_)mac(?:$|_)|(?:^|_)signed(?:$|_)")
_REMEDY = "compare with hmac.compare_digest"


def check(modules: dict[str, Module], manifest: Manifest | None, notes: Notes) -> None:
    """Look at every comparison of signatures and at what becomes of it."""
    notes.looked(CHECK, len(modules))
    for module in modules.values():
        for node in module.nodes:
            if isinstance(node, ast.Compare):
                _check_comparison(module, node, notes)
            elif isinstance(node, ast.Call) and module.origin(node.func) in COMPARE:
                _check_digest(module, node, notes)
    if manifest is not None and manifest.webhook is not None:
        _check_parse(modules, notes)


def _check_comparison(module: Module, node: ast.Compare, notes: Notes) -> None:
    if not any(isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for operator in node.ops):
        return
    sides = [node.left, *node.comparators]
    if any(isinstance(side, ast.Constant) for side in sides):
        return
    if any(_SIGNATURE.search(_name(module, side)) for side in sides):
        problem = "compares signatures in a time that tells how much of one is right"
        module.report(notes, CHECK, node, problem, _REMEDY)


def _name(module: Module, node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return last(module.origin(node)).lower() if not isinstance(node, ast.Attribute) else node.attr.lower()


def _check_digest(module: Module, node: ast.Call, notes: Notes) -> None:
    if isinstance(module.parents.get(node), ast.Expr):
        module.report(notes, CHECK, node, "compares a signature and does not look at the result", "act on it")
    if len(node.args) > 1 and ast.dump(node.args[0]) == ast.dump(node.args[1]):
        module.report(notes, CHECK, node, "compares a value with itself", "compare what was sent with what is computed")
    if any(isinstance(argument, ast.Constant) for argument in node.args):
        module.report(notes, CHECK, node, "compares with a fixed value", "compare with what the secret signs")


def _check_parse(modules: dict[str, Module], notes: Notes) -> None:
    found = find_connector(modules)
    if found is None:
        return  # told by lint.connector
    module, definition = found
    parse = module.functions.get(f"{definition.name}.parse_notification")
    if parse is None:
        return
    follower = Follower(modules)
    value = follower.returns(module, parse)
    if not follower.compared:
        module.report(notes, CHECK, parse, "compares no signature on its way to a notification", _REMEDY)
    elif value - INVALID:
        problem = f"can return something else than {REFUSAL} although no signature is genuine"
        remedy = "return SignatureInvalid at once wherever the comparison did not succeed"
        module.report(notes, CHECK, parse, problem, remedy)
