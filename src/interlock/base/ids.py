"""Identifiers made by the application: prefix, then time, then randomness, all in base 62.

Any room may call this. Time comes first so that ids sort by age within a prefix (pagination and index
locality need no second column); no sequence is used because a distributed engine has none (design 7.2).
"""

import secrets
import time

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 8
_RANDOM_DIGITS = 16
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_PAIR_BASE = len(_PAIRS)


def _encode(value: int, pairs: int) -> str:
    out = ""
    for _ in range(pairs):
        value, rest = divmod(value, _PAIR_BASE)
        out = _PAIRS[rest] + out
    return out


def new_id(prefix: str, now_ms: int | None = None) -> str:
    """Return a new id such as ``pi_0Rk2…`` (24 characters after the prefix).

    Args:
        prefix: what the id names, without underscore (``pi``, ``ch``, ``at``).
        now_ms: the time to encode, in epoch milliseconds; the wall clock when absent.

    """
    stamp = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return f"{prefix}_{_encode(stamp, _TIME_DIGITS // 2)}{new_secret(_RANDOM_DIGITS)}"


def new_secret(length: int) -> str:
    """Return ``length`` (even) unguessable base-62 characters: 5.95 bits each."""
    return _encode(secrets.randbits(length * 6 + 16), length // 2)
