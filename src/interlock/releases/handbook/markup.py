"""Markdown, written so that no text from outside can become markup: the smallest set of parts the handbook needs.

``prose`` and ``code`` are the only ways in for text that others wrote; ``cells`` go through ``table``.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from interlock.releases.showing import shown

_MARKS = re.compile(r"([\\`*_\[\]<>&~#|$])")
_LIST_START = re.compile(r"^(\d+)([.)])|^([+=-])")
_SAFE_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[A-Za-z0-9._~/%?=&#:+,@-]*)?")
_TICKS = re.compile(r"`+")
NOTHING = "-"


def prose(value: object) -> str:
    """Return text from outside as Markdown that reads as exactly that text."""
    text = _MARKS.sub(r"\\\1", shown(value))
    return _LIST_START.sub(lambda start: f"{start[1]}\\{start[2]}" if start[1] else f"\\{start[3]}", text)


def code(value: object) -> str:
    """Return text from outside as inline code."""
    text = shown(value)
    if not text.strip():
        return "(empty)" if not text else "(blank)"
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def codes(values: Iterable[object], nothing: str = NOTHING) -> str:
    """Return several as inline code, with commas."""
    return ", ".join(map(code, values)) or nothing


def link(address: str) -> str:
    """Return a link where ``address`` is a plain https address, else the text of it."""
    is_plain = _SAFE_ADDRESS.fullmatch(address) and shown(address) == address
    return f"[{prose(address)}](<{address}>)" if is_plain else code(address)


def paragraph(*lines: str) -> str:
    """Return a paragraph; every line is Markdown already."""
    return " ".join(lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every cell is Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def listing(items: Iterable[str], *, numbered: bool = False) -> str:
    """Return a list; every item is Markdown already."""
    return "\n".join(f"{f'{number}.' if numbered else '-'} {item}" for number, item in enumerate(items, 1))


def yes(value: object) -> str:
    """Return ``yes`` or ``no``."""
    return "yes" if value else "no"


def moment(at_ms: int | None) -> str:
    """Return epoch milliseconds as a date and time in UTC."""
    return NOTHING if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
