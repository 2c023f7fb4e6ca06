"""Compares the files of two packages: which functions, classes and constants changed, and the text that changed.

Pure; used by ``comparing``. Modules are compared as syntax trees, so that comments, formatting and docstrings do not
show as changes; the text of the diff shows them all the same, because people approve texts.
"""

import ast
import difflib
import io
import tokenize
from collections.abc import Iterator, Sequence
from typing import Any

from interlock.base.redaction import scrub
from interlock.gateways.package import MANIFEST_FILE, Package
from interlock.releases.diff.types import FileChange, PartChange, State, state_of
from interlock.releases.showing import shown, visible

LINES_MAX = 10_000
_CONTEXT = 3
_IMPORTS = "imports"
_REST = "statements"
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

Parts = dict[str, tuple[str, str]]
"""Qualified name → kind and normalised syntax."""


def file_changes(before: Package, after: Package, *, manifest_told: bool) -> tuple[FileChange, ...]:
    """Return every file that differs.

    Args:
        before: the files as they were.
        after: the files as they are.
        manifest_told: True where the manifest's fields or tables differ; its text then says nothing more.

    """
    found = []
    for name in sorted({*before.files, *after.files}):
        old, new = before.files.get(name), after.files.get(name)
        if old != new and not (name == MANIFEST_FILE and manifest_told):
            found.append(_file(name, old, new))
    return tuple(found)


def _file(name: str, old: bytes | None, new: bytes | None) -> FileChange:
    state = state_of(old, new)
    text = unified(_text(old), _text(new), python=name.endswith(".py"))
    if not name.endswith(".py"):
        return FileChange(name=shown(name), state=state, only_text=name == MANIFEST_FILE, text=text)
    try:
        parts = _part_changes(_parts(old), _parts(new))
    except _UNREADABLE as error:
        line = getattr(error, "lineno", None)
        place = f" (line {line})" if line else ""
        return FileChange(name=shown(name), state=state, problem=f"is no Python that can be read{place}", text=text)
    only_text = state is State.CHANGED and not parts
    return FileChange(name=shown(name), state=state, parts=parts, only_text=only_text, text=text)


def _text(content: bytes | None) -> str:
    return "" if content is None else content.decode("utf-8", "backslashreplace")


# -- what changed -----------------------------------------------------------------------------------------------------


def _parts(content: bytes | None) -> Parts:
    """Return the parts of a module; raises one of ``_UNREADABLE`` where it is no Python."""
    return {} if content is None else _named(ast.parse(content.decode()).body, "")


def _named(body: Sequence[ast.stmt], prefix: str) -> Parts:
    found: Parts = {}
    imports: list[str] = []
    rest: list[ast.AST] = []
    for node in _without_docstring(body):
        if isinstance(node, _FUNCTIONS):
            _add(found, prefix + node.name, "function", _normal(node))
        elif isinstance(node, ast.ClassDef):
            found.update(_class(node, prefix))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(_normal(node))
        elif (name := _constant(node)) is not None:
            _add(found, prefix + name, "constant", _normal(node))
        else:
            rest.append(node)
    if imports:
        _add(found, f"{prefix}({_IMPORTS})", _IMPORTS, "\n".join(sorted(imports)))
    if rest:
        _add(found, f"{prefix}({_REST})", _REST, "\n".join(map(_normal, rest)))
    return found


def _class(node: ast.ClassDef, prefix: str) -> Parts:
    inner = _named(node.body, f"{prefix}{node.name}.")
    head = "\n".join(_normal(each) for each in (*node.bases, *node.keywords, *node.decorator_list))
    return {f"{prefix}{node.name}": ("class", head), **inner}


def _add(found: Parts, name: str, kind: str, syntax: str) -> None:
    """Keep every definition of one name, in order: the last one counts, and so does how it came about."""
    known = found.get(name)
    found[name] = (kind, syntax if known is None else f"{known[1]}\n{syntax}")


def _constant(node: ast.stmt) -> str | None:
    if isinstance(node, ast.AnnAssign):
        return node.target.id if isinstance(node.target, ast.Name) else None
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def _without_docstring(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    is_docstring = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return list(body[1:] if is_docstring else body)


class _Undocumented(ast.NodeTransformer):
    """Takes the docstrings out of everything below a node."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            node.body = _without_docstring(node.body) or [ast.Pass()]
        return node


def _normal(node: ast.AST) -> str:
    return ast.dump(_Undocumented().visit(node))


def _part_changes(old: Parts, new: Parts) -> tuple[PartChange, ...]:
    changes = []
    for name in (*old, *(name for name in new if name not in old)):
        before, after = old.get(name), new.get(name)
        if before != after:
            kind = (after or before or ("", ""))[0]
            changes.append(PartChange(name=shown(name), kind=kind, state=state_of(before, after)))
    return tuple(sorted(changes, key=lambda change: change.name))


# -- the text ---------------------------------------------------------------------------------------------------------


def unified(before: str, after: str, *, python: bool) -> tuple[str, ...]:
    """Return the unified diff of two texts, without secrets; a line that differs in a secret alone is shown.

    Args:
        before: the whole text as it was.
        after: the whole text as it is.
        python: True for source, in which a rule about ``name: value`` would hide code that only looks like a secret.

    """
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > LINES_MAX:
        return (f"(more than {LINES_MAX} lines: not compared)",)
    old_shown, new_shown = _masked(before, old, python=python), _masked(after, new, python=python)
    found: list[str] = []
    for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        found.append(f"@@ -{first[1] + 1},{last[2] - first[1]} +{first[3] + 1},{last[4] - first[3]} @@")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                found += [f" {line}" for line in new_shown[j1:j2]]
            else:
                found += [f"-{line}" for line in old_shown[i1:i2]]
                found += [f"+{line}" for line in new_shown[j1:j2]]
    return tuple(found)


def _lines(text: str) -> list[str]:
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else []


def _masked(text: str, lines: list[str], *, python: bool) -> list[str]:
    masked = _masked_source(lines, text) if python else None
    return [visible(line, keep="\t") for line in masked or [scrub(line) for line in lines]]


def _masked_source(lines: list[str], text: str) -> list[str] | None:
    """Return the lines with what is secret in each literal and comment masked, or None where they cannot be told."""
    result = list(lines)
    try:
        for token in reversed(list(_literals(text))):
            (row, start), (last_row, end) = token.start, token.end
            if row == last_row:
                line = result[row - 1]
                result[row - 1] = line[:start] + scrub(line[start:end]) + line[end:]
            else:
                result[row - 1 : last_row] = [scrub(line) for line in result[row - 1 : last_row]]
    except (tokenize.TokenError, SyntaxError, ValueError, IndexError):
        return None
    return result


def _literals(text: str) -> Iterator[Any]:
    kinds = {tokenize.STRING, tokenize.COMMENT, tokenize.NUMBER, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in kinds:
            yield token
