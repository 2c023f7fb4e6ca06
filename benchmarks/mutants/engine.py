"""Makes one new source text per change that an operator offers for a node of a module's syntax tree (libcst).

Called by ``code`` and ``semantic``, which bring the operators.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import libcst as cst
from benchmarks.mutants.mutant import Draft
from libcst.metadata import MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider


class Where:
    """Where a walk is: ``file``, and the functions and classes around a node, outermost first."""

    def __init__(self, file: str) -> None:
        """Begin at the top of ``file``."""
        self.file = file
        self.around: list[str] = []

    @property
    def function(self) -> str:
        """Return the innermost function or class, empty at the top."""
        return self.around[-1] if self.around else ""


class Offer:
    """What an operator offers: ``replacement`` for ``target``, called ``operator``. The rest as in ``Mutant``."""

    __slots__ = ("hidden", "operator", "replacement", "target", "touches")

    def __init__(
        self,
        operator: str,
        target: cst.CSTNode,
        replacement: cst.CSTNode,
        *,
        hidden: str | None = None,
        touches: str | None = None,
    ) -> None:
        """Keep what is offered."""
        self.operator = operator
        self.target = target
        self.replacement = replacement
        self.hidden = hidden
        self.touches = touches


Operator = Callable[[Any, Where], Iterable[Offer]]
Operators = Sequence[tuple[type[cst.CSTNode], Operator]]


def drafts(file: str, source: str, operators: Operators) -> list[Draft]:
    """Return every change that ``operators`` offer in ``source``, in the order of its text.

    Args:
        file: the module's name.
        source: its text.
        operators: for each kind of node, what may be offered.

    """
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    walk = _Walk(file, operators)
    wrapper.visit(walk)
    spans = wrapper.resolve(WhitespaceInclusivePositionProvider)
    lines = wrapper.resolve(PositionProvider)
    text = _Text(source, wrapper.module, spans)
    made = []
    for top, offer in walk.offers:
        content = text.with_offer(offer, top)
        if content != source:
            made.append(
                Draft(
                    file=file,
                    place=str(lines[offer.target].start.line),
                    operator=offer.operator,
                    content=content.encode(),
                    hidden=offer.hidden,
                    touches=offer.touches,
                )
            )
    return made


class _Walk(cst.CSTVisitor):
    """Collects offers with the statement of the module that each stands in. Annotations are never executed."""

    def __init__(self, file: str, operators: Operators) -> None:
        super().__init__()
        self.offers: list[tuple[cst.CSTNode, Offer]] = []
        self._operators = operators
        self._where = Where(file)
        self._top: cst.CSTNode | None = None

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation):
            return False
        if isinstance(node, cst.Module):
            return True
        outermost = self._top is None
        if outermost:
            self._top = node
        assert self._top is not None
        for kind, operator in self._operators:
            if isinstance(node, kind):
                self.offers.extend((self._top, offer) for offer in operator(node, self._where))
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._where.around.append(node.name.value)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._where.around.pop()
        if original_node is self._top:
            self._top = None


class _Text:
    """A module's text, and how it reads with one node replaced."""

    def __init__(self, source: str, module: cst.Module, spans: Any) -> None:
        self._source = source
        self._module = module
        self._spans = spans
        self._starts = [0, *(number + 1 for number, character in enumerate(source) if character == "\n")]

    def _span(self, node: cst.CSTNode) -> tuple[int, int]:
        span = self._spans[node]
        return (
            self._starts[span.start.line - 1] + span.start.column,
            self._starts[span.end.line - 1] + span.end.column,
        )

    def with_offer(self, offer: Offer, top: cst.CSTNode) -> str:
        """Return the text. Where the node's own code is what stands in the text, only that is exchanged; a node that
        is indented is written anew with the statement of the module around it."""
        start, end = self._span(offer.target)
        if self._module.code_for_node(offer.target) == self._source[start:end]:
            return self._source[:start] + self._module.code_for_node(offer.replacement) + self._source[end:]
        start, end = self._span(top)
        changed = top.visit(_ReplaceOnce(offer.target, offer.replacement))
        assert isinstance(changed, cst.CSTNode)
        return self._source[:start] + self._module.code_for_node(changed) + self._source[end:]


class _ReplaceOnce(cst.CSTTransformer):
    """Replaces the node that *is* ``target``; libcst's own replacement compares by content where nodes repeat."""

    def __init__(self, target: cst.CSTNode, replacement: cst.CSTNode) -> None:
        super().__init__()
        self._target = target
        self._replacement = replacement

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node is not self._target

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        return self._replacement if original_node is self._target else updated_node
