"""Looks for the shoppers' card numbers in bytes: plain, in groups, percent-encoded, and in hexadecimal columns."""

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote_to_bytes

from interlock.sandbox.shoppers.deck import DECK

PANS = frozenset({card.number for card in DECK} | {"5555555555554444"})
_LENGTHS = sorted({len(number) for number in PANS})
_SHORTEST = _LENGTHS[0]
_HEADS = frozenset(number[:4] for number in PANS)
_RUN = re.compile(rb"[0-9](?:[ \-.+_/]{0,2}[0-9]){%d,}" % (_SHORTEST - 1))
_NO_DIGIT = bytes(byte for byte in range(256) if not 48 <= byte <= 57)
_HEX = re.compile(rb"\\\\?x((?:[0-9a-f]{2}){16,})")
_CHUNK = 1 << 22
_OVERLAP = 256


def count_pans(data: bytes) -> int:
    """Return how often a card number stands in ``data`` in any of the forms looked for."""
    found = _plain(data)
    if b"%3" in data or b"%20" in data:
        found += max(0, _plain(unquote_to_bytes(data)) - found)
    for digits in _HEX.findall(data):
        decoded = bytes.fromhex(digits.decode())
        found += _plain(decoded)
    return found


def _plain(data: bytes) -> int:
    return sum(_in_run(run.translate(None, _NO_DIGIT).decode()) for run in _RUN.findall(data))


def _in_run(digits: str) -> int:
    found = 0
    for start in range(len(digits) - _SHORTEST + 1):
        if digits[start : start + 4] in _HEADS:
            found += any(digits[start : start + length] in PANS for length in _LENGTHS)
    return found


def count_in_files(paths: Iterable[Path]) -> dict[str, int]:
    """Return the files in which a card number stands, with how often."""
    found: dict[str, int] = {}
    for path in paths:
        kept = b""
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                # What overlaps may be counted twice: it must be nothing anyway.
                count = count_pans(kept + chunk)
                if count:
                    found[str(path)] = found.get(str(path), 0) + count
                kept = chunk[-_OVERLAP:]
    return found
