"""Keep functions and files small: a function has at most 60 lines, a file at most 500.

Usage: ``python tools/size_ratchet.py src tests``. Prints one line per offender and exits 1 when there is one.
There is no list of exceptions: what outgrows the limit is split.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FUNCTION_LINES = 60
FILE_LINES = 500


def offenders(path: Path) -> Iterator[str]:
    """Yield one line of text for each thing in ``path`` that is too long."""
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    if lines > FILE_LINES:
        yield f"{path}:1: file has {lines} lines, at most {FILE_LINES}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            length = (node.end_lineno or first) - first + 1
            if length > FUNCTION_LINES:
                yield f"{path}:{first}: function {node.name} has {length} lines, at most {FUNCTION_LINES}"


def main() -> int:
    """Check every Python file under the folders named on the command line."""
    paths = sorted(path for folder in sys.argv[1:] for path in Path(folder).rglob("*.py"))
    found = [line for path in paths for line in offenders(path)]
    for line in found:
        print(line)
    print(f"sizes: {len(paths)} files, {len(found)} too long")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
