"""A case: its name, what it belongs to, and how it is played."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from interlock.base.money import iso_exponent
from interlock.releases.gates.certify.stage import Stage

Play = Callable[[Stage], Awaitable[None]]
CORE, USUAL = 0, 1
"""Ranks: core cases are played first, they tell most for least time."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case. ``name`` is what findings call it, ``group`` the check it counts for (``certify.refunds``)."""

    name: str
    group: str
    play: Play
    rank: int = USUAL


def amount_in(currency: str) -> int:
    """Return an amount of ``currency`` in ISO minor units that every provider can express, and a half of it too."""
    return {0: 2_400, 3: 24_000}.get(iso_exponent(currency) or 0, 2_400)
