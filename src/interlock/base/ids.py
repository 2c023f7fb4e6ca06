"""Identifiers made by the application: prefix, then time, then randomness, all in base 62.

Any room may call this. Time comes first so that ids sort by age within a prefix (pagination and index
locality need no second column); no sequence is used because a distributed engine has none (design 7.2).
"""

import os
import time
from collections import deque
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 8
_RANDOM_DIGITS = 16
_BULK = 2048
# 256 is no multiple of 62: eight characters come a little more often, which leaves 5.93 of 5.95 bits a character.
_FROM_BYTE = bytes(ord(_ALPHABET[byte % len(_ALPHABET)]) for byte in range(256))


_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]


@lru_cache(maxsize=64)
def _leading_digits(pairs: int) -> str:
    digits = ""
    for _ in range(_TIME_DIGITS // 2 - 1):
        pairs, rest = divmod(pairs, len(_PAIRS))
        digits = _PAIRS[rest] + digits
    return digits


def _time_digits(stamp_ms: int) -> str:
    # The last two digits take four seconds to come round; those before them are remembered meanwhile.
    leading, last = divmod(stamp_ms, len(_PAIRS))
    return _leading_digits(leading) + _PAIRS[last]


def new_id(prefix: str, now_ms: int | None = None) -> str:
    """Return a new id such as ``pi_0Rk2…`` (24 characters after the prefix).

    Args:
        prefix: what the id names, without underscore (``pi``, ``ch``, ``at``).
        now_ms: the time to encode, in epoch milliseconds; the wall clock when absent.

    """
    stamp_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return f"{prefix}_{_time_digits(stamp_ms)}{_RANDOMNESS.piece()}"


def first_id(prefix: str, at_ms: int) -> str:
    """Return a text that sorts before every id of ``prefix`` made at ``at_ms`` (epoch milliseconds) or later."""
    return f"{prefix}_{_time_digits(at_ms)}"


class _Randomness:
    """Characters fetched from the operating system in bulk: one system call for a hundred ids instead of one each."""

    def __init__(self) -> None:
        self._pieces: deque[str] = deque()
        # A forked child must not hand out what its parent will.
        os.register_at_fork(after_in_child=self._pieces.clear)

    def piece(self) -> str:
        """Return 16 characters; taking one from a deque is atomic, so threads never get the same."""
        try:
            return self._pieces.popleft()
        except IndexError:
            text = os.urandom(_BULK).translate(_FROM_BYTE).decode("ascii")
            self._pieces.extend([text[at : at + _RANDOM_DIGITS] for at in range(_RANDOM_DIGITS, _BULK, _RANDOM_DIGITS)])
            return text[:_RANDOM_DIGITS]


_RANDOMNESS = _Randomness()


def new_secret(length: int) -> str:
    """Return ``length`` unguessable base-62 characters from the operating system: 5.93 bits each."""
    text = _RANDOMNESS.piece()
    while len(text) < length:
        text += _RANDOMNESS.piece()
    return text[:length]
