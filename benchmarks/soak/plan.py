"""What a soak does: how many payments, for how long, how often something is killed. Values only."""

from pathlib import Path

import msgspec

FAULT_SHARE = 0.10


class SoakPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One soak.

    ``payments`` and ``kills`` are the least of each; payments go on until both are reached. ``seconds`` bounds the part
    with faults. ``refused`` is how many payments are taken while one gateway refuses everything (half for each).
    ``budget_ms`` is the switch's request budget. After ``patience_s`` of waiting for recovery, what it still waits for
    (a provider's search needs an hour to prove that a payment is not there) is moved forward, as if time had passed.
    """

    folder: Path
    payments: int = 20_000
    kills: int = 40
    seed: int = 7
    seconds: float = 7_200.0
    rate_per_s: float = 40.0
    kill_every_s: float = 8.0
    refused: int = 600
    in_flight_max: int = 1_000
    budget_ms: int = 10_000
    settle_within_s: float = 420.0
    patience_s: float = 150.0


class Figures(msgspec.Struct, kw_only=True):
    """What a soak found; the names are those of figures.md."""

    payments: int = 0
    kills: int = 0
    lost: int = 0
    duplicates: int = 0
    unknown_left: int = 0
    books_difference_minor: int = 0
    pans_outside_vault: int = 0
    shopper_failures_when_one_gateway_refuses: int = 0


BARS: dict[str, tuple[str, int]] = {
    "payments": (">=", 20_000),
    "kills": (">=", 40),
    "lost": ("==", 0),
    "duplicates": ("==", 0),
    "unknown_left": ("==", 0),
    "books_difference_minor": ("==", 0),
    "pans_outside_vault": ("==", 0),
    "shopper_failures_when_one_gateway_refuses": ("==", 0),
}
UNITS = {"books_difference_minor": "minor units", "payments": "payments", "kills": "kills"}


def holds(name: str, value: int) -> bool:
    """Return whether ``value`` of a figure meets its bar."""
    operator, bar = BARS[name]
    return value >= bar if operator == ">=" else value == bar
