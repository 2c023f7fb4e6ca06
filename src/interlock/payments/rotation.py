"""How a sweep that looks at a bounded number of rows comes round to all of them. Called by the sweeps of the worker.

A sweep that always began with the oldest would look at the same rows for ever where those cannot be ended (a payment in
flight, a bug with one of them), and at no others.
"""

from collections.abc import Sequence
from typing import Any

_BEFORE_ALL = (0, "")


class Rotation:
    """Where the next sweep goes on: after the last row of the one before, or from the beginning again."""

    def __init__(self, column: str, limit: int) -> None:
        """Begin at the beginning.

        Args:
            column: the rows are read in order of it, then of their id.
            limit: how many are read at once.

        """
        self.limit = limit
        self._column = column
        self._after: tuple[int, str] = _BEFORE_ALL

    @property
    def after(self) -> tuple[int, str]:
        """Return what rows must come after, as their column and id."""
        return self._after

    def read(self, rows: Sequence[Any]) -> None:
        """Note what was read, rows of the database: fewer than the limit were the last ones."""
        last = rows[-1] if len(rows) >= self.limit else None
        self._after = _BEFORE_ALL if last is None else (last[self._column], last["id"])
