"""Covering designs: few rows in which every pair of values of any two axes stands together at least once."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

Pair = tuple[int, int, int, int]
"""Two axes and a value of each, by number."""


def pairwise(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return rows (a value of each axis) that cover all pairs; greedy, the same every time.

    Each row begins with the first pair that no row has yet, and takes for every other axis the value that brings most
    new pairs. About twice the minimum, at a cost that does not matter for the sizes here.

    Args:
        axes: values by axis.

    """
    names = list(axes)
    sizes = [len(axes[name]) for name in names]
    open_pairs: dict[Pair, None] = {
        (a, x, b, y): None
        for a, b in combinations(range(len(names)), 2)
        for x in range(sizes[a])
        for y in range(sizes[b])
    }
    rows: list[dict[str, Any]] = []
    while open_pairs:
        row = _row(next(iter(open_pairs)), sizes, open_pairs)
        for a, b in combinations(range(len(names)), 2):
            open_pairs.pop((a, row[a], b, row[b]), None)
        rows.append({name: axes[name][row[index]] for index, name in enumerate(names)})
    return rows


def _row(first: Pair, sizes: Sequence[int], open_pairs: Mapping[Pair, None]) -> list[int]:
    chosen = {first[0]: first[1], first[2]: first[3]}
    for axis, size in enumerate(sizes):
        if axis in chosen:
            continue
        best, most = 0, -1
        for value in range(size):
            gain = sum(_pair(axis, value, other, taken) in open_pairs for other, taken in chosen.items())
            if gain > most:
                best, most = value, gain
        chosen[axis] = best
    return [chosen[axis] for axis in range(len(sizes))]


def _pair(axis: int, value: int, other: int, taken: int) -> Pair:
    return (axis, value, other, taken) if axis < other else (other, taken, axis, value)
