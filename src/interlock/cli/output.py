"""What every verb prints with: tables for people, JSON for programs, one line for a mistake, and the exit codes."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from interlock.base.errors import InterlockError
from interlock.base.redaction import scrub


class ExitCode(IntEnum):
    """How a command ended; documented in docs/cli.md and ``interlock --help``."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


class RefusedError(InterlockError):
    """A command cannot be done; shown as one line."""

    def __init__(self, field: str, problem: str, remedy: str, code: ExitCode = ExitCode.FAILED) -> None:
        """Name the ``field``, its ``problem`` and the ``remedy``; the process ends with ``code``."""
        super().__init__(f"{field}: {problem}; {remedy}")
        self.code = code


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]

_GAP = 2
_LONGEST_MIN = 24
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Print one line for people, without card data or secrets."""
    console.print(scrub(text), soft_wrap=True)


def complain(line: str) -> None:
    """Print one line about a mistake on standard error, without card data or secrets."""
    text = " ".join(scrub(line).split())
    errors.print(f"interlock: {text}", soft_wrap=True, markup=False)


def print_json(value: object) -> None:
    """Print ``value`` as JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print a listing.

    Args:
        rows: the things, each with at least ``columns``.
        columns: what a table shows, in order; JSON shows everything.
        as_json: print a JSON array instead.
        empty: the line that says that there is nothing, and how to make something.

    """
    if as_json:
        print_json([dict(row) for row in rows])
        return
    if not rows:
        say(empty)
        return
    cells = [[cell(row.get(column)) for column in columns] for row in rows]
    names = [column.replace("_", " ") for column in columns]
    widths = [max(cell_len(text) for text in column) for column in zip(names, *cells, strict=True)]
    if not _is_read_here():
        wide = max(console.width, sum(widths) + _GAP * len(widths))
        Console(file=console.file, width=wide, highlight=False).print(_table(names, cells))
    elif _fits(widths):
        console.print(_table(names, cells))
    else:
        for number, row_cells in enumerate(cells):
            if number:
                console.print()
            console.print(_block(names, row_cells))


def _table(names: Sequence[str], cells: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in names:
        # What is copied into the next command stays in one piece.
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    for row_cells in cells:
        table.add_row(*row_cells)
    return table


def _is_read_here() -> bool:
    """Return True for a terminal, or where somebody said how wide it is; for other programs each thing is one line."""
    return console.is_terminal or "COLUMNS" in os.environ


def _fits(widths: Sequence[int]) -> bool:
    """Return True where a table keeps every column but its longest in one line, and leaves that one some room."""
    *others, longest = sorted(widths)
    return sum(others) + min(longest, _LONGEST_MIN) + _GAP * len(others) <= console.width


def _block(names: Sequence[str], cells: Sequence[str]) -> Table:
    """Return one thing as lines of name and value: what is read on a narrow terminal."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in zip(names, cells, strict=True):
        grid.add_row(name, text)
    return grid


def cell(value: object) -> str:
    """Return ``value`` as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def time_text(at_ms: int | None) -> str | None:
    """Return epoch milliseconds as UTC to the millisecond, or None."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
