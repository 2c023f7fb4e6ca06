"""Writes: what a caller asks :class:`~interlock.storage.group_commit.GroupCommit` to do, and what came of it.

Frozen values without behaviour; every room that changes rows makes them. *Gates* (``Claim``, ``Update``) are writes
that may lose a race: when one of a caller's gates loses, none of that caller's writes happen.
"""

from typing import Any, Literal

import msgspec

from interlock.storage.tables import Table


class Insert(msgspec.Struct, frozen=True):
    """Write a new row; a row that exists already is a constraint failure."""

    table: Table[Any]
    value: msgspec.Struct


class Claim(msgspec.Struct, frozen=True):
    """Write a new row unless it exists: the first caller wins, every other is rejected with ``exists``. A gate."""

    table: Table[Any]
    value: msgspec.Struct


class Update(msgspec.Struct, frozen=True):
    """Replace the row whose key is the value's and whose version is one less; else ``version``. A gate."""

    table: Table[Any]
    value: msgspec.Struct


class Delete(msgspec.Struct, frozen=True):
    """Remove the row with ``key`` (in the order of the table's key columns); nothing happens when there is none."""

    table: Table[Any]
    key: tuple[Any, ...]


Write = Insert | Claim | Update | Delete


class Committed(msgspec.Struct, frozen=True):
    """Everything the caller asked for is durable."""


class Rejected(msgspec.Struct, frozen=True):
    """Nothing of what the caller asked for was written.

    ``write_index`` says which write; ``reason`` is ``exists`` (a claim lost), ``version`` (an update found another
    version or no row) or ``constraint`` (the row breaks a rule of the table). ``detail`` names the constraint or
    column and never holds a value.
    """

    write_index: int
    reason: Literal["exists", "version", "constraint"]
    detail: str
