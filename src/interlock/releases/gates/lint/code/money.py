"""``lint.amounts``, ``lint.currencies``: money is integer minor units, rescaled in one place and by one table.

Every amount that is sent goes through ``to_provider``, every one that is read through ``from_provider``, both with the
manifest's exponents, which are held against the provider's table. So connector code does not multiply or divide
amounts, uses no floats, and knows no currency by name.
"""

import ast
import re
from functools import cache

import iso4217

from interlock.releases.gates.lint.code.source import Module, last
from interlock.releases.gates.lint.notes import Notes

_MONEY = re.compile(r"(?:^|_)(?:amount|amounts|minor|total|captured|received|money|cents)(?:_|$)|^value$")
_FACTORS = frozenset({10, 100, 1000, 10_000, 0.1, 0.01, 0.001})
_SCALING = (ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_CONVERTERS = {"interlock.base.money.to_provider": 1, "interlock.base.money.from_provider": 2}
_EXPONENTS = "currency_exponents"
_REMEDY = "use to_provider and from_provider with the manifest's exponents"
_SETTING = re.compile(r"decimal|exponent|precision|factor|multipl|scale|fraction|minor_unit")


def check(modules: dict[str, Module], notes: Notes) -> None:
    """Look at every place where an amount is computed with, converted or handed on."""
    notes.looked("amounts", len(modules))
    notes.looked("currencies", len(modules))
    for module in modules.values():
        for node in module.nodes:
            _check_node(module, node, notes)


def _check_node(module: Module, node: ast.AST, notes: Notes) -> None:
    match node:
        case ast.Constant():
            _check_constant(module, node, notes)
        case ast.BinOp():
            _check_arithmetic(module, node, node.op, [node.left, node.right], notes)
        case ast.AugAssign():
            _check_arithmetic(module, node, node.op, [node.target, node.value], notes)
        case ast.Call():
            _check_call(module, node, notes)
        case ast.Attribute():
            _check_escape(module, node, notes)
        case ast.Compare():
            _check_comparison(module, node, notes)
        case ast.Dict():
            _check_currencies(module, node, [key for key in node.keys if key], node.values, notes)
        case ast.Set() | ast.List() | ast.Tuple():
            _check_currencies(module, node, node.elts, [], notes)
        case _:
            pass


def setting_scales(name: str) -> bool:
    """Return True for a setting's name that speaks of decimals or factors, which no account may set."""
    return bool(_SETTING.search(name.lower()))


def _check_constant(module: Module, node: ast.Constant, notes: Notes) -> None:
    if isinstance(node.value, float | complex):
        module.report(notes, "amounts", node, "holds a float", "money is counted in whole minor units")


def _check_arithmetic(
    module: Module, node: ast.AST, operator: ast.operator, sides: list[ast.expr], notes: Notes
) -> None:
    if isinstance(operator, ast.Div) and not _is_path(sides):
        module.report(notes, "amounts", node, "divides into a float", "use // on counts, and nothing on amounts")
        return
    if not isinstance(operator, _SCALING) or _is_text(sides[0]):
        return
    money = any(_is_money(module, side) for side in sides)
    factor = any(isinstance(side, ast.Constant) and side.value in _FACTORS for side in sides)
    power = isinstance(operator, ast.Pow) or any(_is_power(side) for side in sides)
    if money and (factor or power):
        module.report(notes, "amounts", node, "scales an amount by a factor of its own", _REMEDY)
    elif money and not (isinstance(operator, ast.Mod) and _reads(sides[1], "amount_multiples")):
        module.report(notes, "amounts", node, "computes with an amount", _REMEDY)
    elif power and any(isinstance(side, ast.Constant) and side.value == 10 for side in sides):
        module.report(notes, "amounts", node, "raises 10 to a power, as who scales amounts does", _REMEDY)


def _is_path(sides: list[ast.expr]) -> bool:
    return any(_is_text(side) for side in sides)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _is_power(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)


def _reads(node: ast.expr, attribute: str) -> bool:
    return any(isinstance(inner, ast.Attribute) and inner.attr == attribute for inner in ast.walk(node))


def _is_money(module: Module, node: ast.expr) -> bool:
    """Return True for an expression that is an amount by its name, wherever in it the name stands."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and _MONEY.search(inner.attr.lower()):
            return True
        if isinstance(inner, ast.Name) and _MONEY.search(inner.id.lower()) and not inner.id.isupper():
            return not _is_length(module, inner)
    return False


def _is_length(module: Module, node: ast.AST) -> bool:
    parent = module.parents.get(node)
    return isinstance(parent, ast.Call) and module.origin(parent.func) == "len"


def _check_call(module: Module, node: ast.Call, notes: Notes) -> None:
    name = module.origin(node.func)
    if name in {"float", "round", "decimal.Decimal"} and node.args and _is_money(module, node.args[0]):
        if name != "decimal.Decimal":
            module.report(notes, "amounts", node, f"makes an amount inexact with {name}", _REMEDY)
    elif name == "float":
        module.report(notes, "amounts", node, "makes a float", "money is counted in whole minor units")
    elif name in _CONVERTERS:
        _check_converter(module, node, _CONVERTERS[name], notes)
    elif name == "interlock.base.money.rescale":
        module.report(notes, "amounts", node, "rescales an amount with exponents of its own", _REMEDY)


def _check_converter(module: Module, node: ast.Call, position: int, notes: Notes) -> None:
    named = [keyword.value for keyword in node.keywords if keyword.arg == "exceptions"]
    given = named[0] if named else node.args[position] if len(node.args) > position else None
    if not isinstance(given, ast.Attribute) or given.attr != _EXPONENTS:
        problem = f"converts money with {'no exponents' if given is None else 'other exponents than the manifest has'}"
        module.report(notes, "amounts", node, problem, f"give tables.{_EXPONENTS}")


def _check_escape(module: Module, node: ast.Attribute, notes: Notes) -> None:
    """ISO minor units that leave without ``to_provider`` are wrong wherever the provider differs from ISO."""
    if node.attr != "amount_minor" or not isinstance(node.ctx, ast.Load):
        return
    child: ast.AST = node
    parent = module.parents.get(child)
    while isinstance(parent, ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.IfExp):
        if isinstance(parent, ast.IfExp) and child is parent.test:
            return
        child, parent = parent, module.parents.get(parent)
    if isinstance(parent, ast.Compare):
        return
    if isinstance(parent, ast.If | ast.While) and child is parent.test:
        return
    if isinstance(parent, ast.keyword):
        parent = module.parents.get(parent)
    if isinstance(parent, ast.Call) and last(module.origin(parent.func)) == "Money":
        return
    problem = "hands on amount_minor, which is in ISO's minor units and not in the provider's"
    module.report(notes, "amounts", node, problem, _REMEDY)


def _check_comparison(module: Module, node: ast.Compare, notes: Notes) -> None:
    sides = [node.left, *node.comparators]
    if sum(_reads(side, "amount_minor") for side in sides) > 1 and not _same_currency(module, node):
        problem = "compares two amounts and not their currencies"
        module.report(notes, "amounts", node, problem, "compare the currencies too, or whole Money values")
    for side in sides:
        texts = [side] if isinstance(side, ast.Constant) else list(getattr(side, "elts", ()))
        named = any(_names_currency(other) for other in sides if other is not side)
        if named and any(_is_currency(text) for text in texts):
            module.report(notes, "currencies", node, "treats one currency by name", "put it into the manifest")


def _same_currency(module: Module, node: ast.Compare) -> bool:
    scope = module.scope(node) or module.tree
    for inner in ast.walk(scope):
        if isinstance(inner, ast.Compare):
            sides = [inner.left, *inner.comparators]
            if sum(_reads(side, "currency") for side in sides) > 1:
                return True
    return False


def _names_currency(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _names_currency(node.func.value)
    return "currency" in name.lower()


@cache
def _codes() -> dict[str, int]:
    """Return ISO 4217's codes, each with its number."""
    return {currency.code: int(currency.number) for currency in iso4217.Currency}


def _is_currency(node: ast.AST) -> bool:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return False
    return len(node.value) == 3 and node.value.upper() in _codes()


def _check_currencies(
    module: Module, node: ast.AST, keys: list[ast.expr], values: list[ast.expr], notes: Notes
) -> None:
    if len(keys) < 2 or not all(_is_currency(key) for key in keys):
        return
    problem = "holds a table of currencies, which nothing compares with the provider's"
    module.report(notes, "currencies", node, problem, "put exceptions into the manifest")
    for key, value in zip(keys, values, strict=False):
        code = str(key.value).upper() if isinstance(key, ast.Constant) else ""
        number = _number(value)
        if number is not None and number > 9 and number != _codes().get(code):
            problem = f"gives {code} the number {number:03d}, which ISO 4217 knows as {_codes()[code]:03d}"
            module.report(notes, "currencies", value, problem, "use ISO 4217's number of the currency")


def _number(node: ast.expr) -> int | None:
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int else None
