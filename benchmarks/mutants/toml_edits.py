"""Makes one change in a TOML text and leaves every other byte as it was (tomlkit). Called by ``manifests``.

Only the table that a change is in is parsed anew: a manifest has three hundred lines and a thousand mutants.
"""

import re
from typing import Any, Literal

import msgspec
import tomlkit

_HEADER = re.compile(r"^\[([^\[\]]+)\][^\n]*$", re.MULTILINE)


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One change: at ``path`` (names of tables and the key), called ``operator``.

    ``action`` says what is done: ``set`` a key to ``value``, ``remove`` it, ``drop`` the item that equals ``value``
    from an array, ``append`` one to it, ``rename`` the key to ``value``, or ``table``: remove all of a table.
    """

    path: tuple[str, ...]
    operator: str
    action: Literal["set", "remove", "drop", "append", "rename", "table"]
    value: Any = None


def edited(text: str, edit: Edit) -> str:
    """Return ``text`` with one change made.

    Raises:
        KeyError: what is to be changed does not exist.

    """
    pieces = _pieces(text)
    if edit.action == "table":
        name = ".".join(edit.path)
        kept = [piece for title, piece in pieces if title != name and not title.startswith(f"{name}.")]
        if len(kept) == len(pieces):
            raise KeyError(name)
        return "".join(kept)
    index = _index(pieces, edit.path)
    if index is None:
        table = tomlkit.table()
        table.add(edit.path[-1], edit.value)
        return f"{text}\n[{'.'.join(edit.path[:-1])}]\n{table.as_string()}"
    title, piece = pieces[index]
    pieces[index] = (title, _changed(piece, edit))
    return "".join(piece for _, piece in pieces)


def _pieces(text: str) -> list[tuple[str, str]]:
    """Return the text cut before each header, each piece with the name of its table."""
    starts = [(0, ""), *((found.start(), found[1].strip()) for found in _HEADER.finditer(text))]
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return [(title, text[start:end]) for (start, title), end in zip(starts, ends, strict=True)]


def _index(pieces: list[tuple[str, str]], path: tuple[str, ...]) -> int | None:
    """Return which piece holds ``path``: that of its table, or of the nearest table around it that has one."""
    titles = [title for title, _ in pieces]
    for depth in range(len(path) - 1, -1, -1):
        name = ".".join(path[:depth])
        if name in titles:
            return titles.index(name) if depth else (0 if len(path) == 1 else None)
    return None


def _changed(piece: str, edit: Edit) -> str:
    document = tomlkit.parse(piece)
    *tables, key = edit.path
    holder: Any = document
    for name in tables:
        holder = holder[name]
    if edit.action == "set":
        holder[key] = edit.value
    elif edit.action == "remove":
        del holder[key]
    elif edit.action == "append":
        holder[key].append(edit.value)
    elif edit.action == "drop":
        del holder[key][list(holder[key]).index(edit.value)]
    else:
        _rename(holder, key, edit.value)
    return tomlkit.dumps(document)


def _rename(holder: Any, key: str, name: str) -> None:
    value = holder[key]
    del holder[key]
    holder[name] = value
