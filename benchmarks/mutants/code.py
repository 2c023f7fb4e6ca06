"""The family ``code``: mechanical changes of a connector's modules.

mutmut's operators (``mutmut.mutation.mutators``; decision 0013) and the few that a connector needs besides: its faults
sit in conditions, in fields that are left out and in the fixed text of paths. The rest of mutmut (configuration,
trampolines, test runner) is not used.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import libcst as cst
from benchmarks.mutants.engine import Offer, Operator, Operators, Where, drafts
from benchmarks.mutants.mutant import Draft
from mutmut.mutation.mutators import mutation_operators

from interlock.gateways.package import Package


def code_drafts(package: Package) -> Iterator[Draft]:
    """Yield every mechanical change of ``package``'s modules, file by file, in the order of the text."""
    for file, content in sorted(package.modules().items()):
        yield from drafts(file, content.decode(), OPERATORS)


def _of_mutmut(propose: Callable[[Any], Iterable[cst.CSTNode]]) -> Operator:
    name = propose.__name__.removeprefix("operator_")

    def offer(node: cst.CSTNode, _: Where) -> Iterator[Offer]:
        for replacement in propose(node):
            yield Offer(name, node, replacement)

    return offer


def _negated_condition(node: cst.If | cst.While | cst.IfExp, _: Where) -> Iterator[Offer]:
    bare = node.test.with_changes(lpar=[*node.test.lpar, cst.LeftParen()], rpar=[*node.test.rpar, cst.RightParen()])
    yield Offer("negated_condition", node.test, cst.UnaryOperation(cst.Not(), bare))


def _fixed_text(node: cst.FormattedStringText, _: Where) -> Iterator[Offer]:
    yield Offer("fixed_text", node, node.with_changes(value=f"XX{node.value}"))
    yield Offer("fixed_text", node, node.with_changes(value=""))


def _dropped_statement(node: cst.SimpleStatementLine, _: Where) -> Iterator[Offer]:
    """Leave out a call made for its effect, or what is put into a table; a name that is not set only crashes."""
    (first, *others) = node.body
    called = isinstance(first, cst.Expr) and isinstance(first.value, cst.Call)
    put = isinstance(first, cst.Assign) and isinstance(first.targets[0].target, cst.Subscript)
    if not others and (called or put):
        yield Offer("dropped_statement", node, node.with_changes(body=[cst.Pass()]))


def _dropped_entry(node: cst.Dict | cst.Set | cst.List | cst.Tuple, _: Where) -> Iterator[Offer]:
    if len(node.elements) < 2:
        return
    for index in range(len(node.elements)):
        kept = [element for number, element in enumerate(node.elements) if number != index]
        yield Offer("dropped_entry", node, node.with_changes(elements=kept))


def _narrowed_except(node: cst.ExceptHandler, _: Where) -> Iterator[Offer]:
    if node.type is not None:
        yield Offer("narrowed_except", node.type, cst.Name("NotImplementedError"))


OPERATORS: Operators = (
    *((kind, _of_mutmut(propose)) for kind, propose in mutation_operators),
    (cst.If, _negated_condition),
    (cst.While, _negated_condition),
    (cst.IfExp, _negated_condition),
    (cst.FormattedStringText, _fixed_text),
    (cst.SimpleStatementLine, _dropped_statement),
    (cst.Dict, _dropped_entry),
    (cst.Set, _dropped_entry),
    (cst.List, _dropped_entry),
    (cst.Tuple, _dropped_entry),
    (cst.ExceptHandler, _narrowed_except),
)
