"""One module of a package, parsed, with what every code check asks of it: places, names, parents, text.

The tree is what the loader would compile: text decoded as UTF-8, whatever a coding comment says.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cached_property

from interlock.releases.gates.lint.notes import Notes

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

EXCUSABLE = frozenset({"lint.literals", "lint.loops", "lint.paths", "lint.patterns", "lint.security"})
"""Checks that judge by likeness, where a person may know better. Money, signatures, imports, outcomes are no such."""

_EXCUSE = re.compile(r"#\s*allow (?P<check>lint\.[a-z_]+)(?::\s*(?P<reason>.*))?")
_REASON_MIN = 10


class Excuse:
    """A comment ``# allow lint.<check>: <reason>``: it excuses its line from one check and is shown in the report."""

    __slots__ = ("check", "line", "reason", "used")

    def __init__(self, check: str, line: int, reason: str) -> None:
        """Keep what the comment says."""
        self.check, self.line, self.reason = check, line, reason
        self.used = False

    @property
    def valid(self) -> bool:
        """Return True when the check can be excused and a reason is given."""
        return self.check in EXCUSABLE and len(self.reason) >= _REASON_MIN


class Module:
    """A module that parses."""

    def __init__(self, file: str, text: str, tree: ast.Module) -> None:
        """Keep the tree; what is derived from it is made when first asked for."""
        self.file = file
        self.text = text
        self.tree = tree

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Return every node of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Return each node's parent."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def imports(self) -> dict[str, str]:
        """Return what each imported name stands for: ``hmac``, ``urllib.parse.quote``, ``.http.path_part``."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    local = alias.asname or alias.name.split(".")[0]
                    found[local] = alias.name if alias.asname else local
            elif isinstance(node, ast.ImportFrom):
                start = "." * node.level + (node.module or "")
                for alias in node.names:
                    joint = "" if start.endswith(".") or not start else "."
                    found[alias.asname or alias.name] = f"{start}{joint}{alias.name}"
        return found

    @cached_property
    def assigned(self) -> dict[str, ast.expr | None]:
        """Return the names bound at module level, each with its value where one statement gives it alone."""
        found: dict[str, ast.expr | None] = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign):
                for target in statement.targets:
                    for name in _names(target):
                        found[name] = statement.value if isinstance(target, ast.Name) else None
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                found[statement.target.id] = statement.value
            elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[statement.name] = None
        return found

    @cached_property
    def functions(self) -> dict[str, Function]:
        """Return functions by name and methods by ``Class.method``."""
        found: dict[str, Function] = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                found[statement.name] = statement
            elif isinstance(statement, ast.ClassDef):
                for inner in statement.body:
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                        found[f"{statement.name}.{inner.name}"] = inner
        return found

    @cached_property
    def docstrings(self) -> frozenset[ast.AST]:
        """Return the constants that are prose: strings that stand alone."""
        return frozenset(
            node.value for node in self.nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        )

    @cached_property
    def comments(self) -> dict[int, str]:
        """Return the comment of each line that has one."""
        found: dict[int, str] = {}
        try:
            for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
                if token.type == tokenize.COMMENT:
                    found[token.start[0]] = token.string
        except (tokenize.TokenError, SyntaxError):
            pass  # the parser took what the tokenizer does not: the comments up to there are what can be read
        return found

    @cached_property
    def excuses(self) -> list[Excuse]:
        """Return the comments that ask for an exception, valid or not."""
        found = []
        for line, comment in self.comments.items():
            if match := _EXCUSE.search(comment):
                found.append(Excuse(match["check"], line, (match["reason"] or "").strip()))
        return found

    def texts(self) -> Iterator[ast.Constant]:
        """Yield every string that is no prose, the parts of f-strings included."""
        for node in self.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in self.docstrings:
                yield node

    def where(self, node: ast.AST) -> str:
        """Return file and line, as findings name places."""
        return f"{self.file}:{getattr(node, 'lineno', 1)}"

    def origin(self, node: ast.AST) -> str:
        """Return what a name or a chain of attributes stands for, ``""`` for anything else.

        Imported names are followed: ``compare_digest`` is ``hmac.compare_digest`` where it was imported from there.
        """
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        parts.append(self.imports.get(node.id, node.id))
        return ".".join(reversed(parts))

    def scope(self, node: ast.AST) -> Scope | None:
        """Return the function around ``node``, None at module level."""
        parent = self.parents.get(node)
        while parent is not None and not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            parent = self.parents.get(parent)
        return parent

    def report(self, notes: Notes, check: str, node: ast.AST, problem: str, remedy: str) -> None:
        """Write a finding down, unless a comment on its line excuses it with a reason."""
        if not self.excused(notes, check, getattr(node, "lineno", 1)):
            notes.fail(check, self.where(node), problem, remedy)

    def excused(self, notes: Notes, check: str, line: int) -> bool:
        """Return True where a comment on ``line`` excuses it from ``check``; the report then shows the reason."""
        for excuse in self.excuses:
            if excuse.line == line and excuse.check == f"lint.{check}" and excuse.valid:
                excuse.used = True
                shown = notes.measured.setdefault("exceptions", [])
                entry = f"{self.file}:{line} {excuse.check}: {excuse.reason}"
                if entry not in shown:
                    shown.append(entry)
                return True
        return False


def _names(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id


def last(name: str) -> str:
    """Return the last part of a dotted name."""
    return name.rpartition(".")[2]


def parameters(function: Scope) -> dict[str, ast.expr | None]:
    """Return a function's parameters, each with its annotation."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
    return {argument.arg: argument.annotation for argument in every}


def called(node: ast.AST) -> ast.expr | None:
    """Return what a call calls, None for anything that is no call."""
    return node.func if isinstance(node, ast.Call) else None
