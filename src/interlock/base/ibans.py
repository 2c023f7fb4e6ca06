"""Bank accounts written as IBANs (ISO 13616): the plain form, the check digits, what the digits tell; IBANs in text.

Pure. Called by ``vault`` and ``payments.instruments`` for the first, by ``base.redaction`` for the last. Only countries
of the Single Euro Payments Area are known: an account elsewhere cannot be debited in euros.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

_SEPARATORS = str.maketrans("", "", " -\t")
_CHECK_DIVISOR = 97
_HEAD = 4


class Layout(NamedTuple):
    """How a country writes its IBANs: characters in all, and where the bank's and the branch's code stand."""

    length: int
    bank: tuple[int, int]
    branch: tuple[int, int] | None = None


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "AD": Layout(24, (4, 8), (8, 12)),
        "AT": Layout(20, (4, 9)),
        "BE": Layout(16, (4, 7)),
        "BG": Layout(22, (4, 8), (8, 12)),
        "CH": Layout(21, (4, 9)),
        "CY": Layout(28, (4, 7), (7, 12)),
        "CZ": Layout(24, (4, 8)),
        "DE": Layout(22, (4, 12)),
        "DK": Layout(18, (4, 8)),
        "EE": Layout(20, (4, 6), (6, 8)),
        "ES": Layout(24, (4, 8), (8, 12)),
        "FI": Layout(18, (4, 7)),
        "FR": Layout(27, (4, 9), (9, 14)),
        "GB": Layout(22, (4, 8), (8, 14)),
        "GI": Layout(23, (4, 8)),
        "GR": Layout(27, (4, 7), (7, 11)),
        "HR": Layout(21, (4, 11)),
        "HU": Layout(28, (4, 7), (7, 11)),
        "IE": Layout(22, (4, 8), (8, 14)),
        "IS": Layout(26, (4, 6), (6, 8)),
        "IT": Layout(27, (5, 10), (10, 15)),
        "LI": Layout(21, (4, 9)),
        "LT": Layout(20, (4, 9)),
        "LU": Layout(20, (4, 7)),
        "LV": Layout(21, (4, 8)),
        "MC": Layout(27, (4, 9), (9, 14)),
        "MT": Layout(31, (4, 8), (8, 13)),
        "NL": Layout(18, (4, 8)),
        "NO": Layout(15, (4, 8)),
        "PL": Layout(28, (4, 12)),
        "PT": Layout(25, (4, 8), (8, 12)),
        "RO": Layout(24, (4, 8)),
        "SE": Layout(24, (4, 7)),
        "SI": Layout(19, (4, 9)),
        "SK": Layout(24, (4, 8)),
        "SM": Layout(27, (5, 10), (10, 15)),
        "VA": Layout(22, (4, 7)),
    }
)


class IbanTraits(NamedTuple):
    """What an IBAN tells by itself."""

    country: str
    bank_code: str
    branch_code: str | None
    last4: str


def plain_iban(text: str) -> str:
    """Return ``text`` as IBANs are compared: upper case, without the spaces people write."""
    return text.translate(_SEPARATORS).upper()


def is_valid_iban(iban: str) -> bool:
    """Return True for a plain IBAN of a SEPA country: its length and check digits are right."""
    layout = LAYOUTS.get(iban[:2])
    if layout is None or len(iban) != layout.length or not (iban.isascii() and iban.isalnum()):
        return False
    if not iban[2:_HEAD].isdigit() or iban != iban.upper():
        return False
    digits = "".join(str(int(character, 36)) for character in iban[_HEAD:] + iban[:_HEAD])
    return int(digits) % _CHECK_DIVISOR == 1


def traits_of(iban: str) -> IbanTraits:
    """Return what a valid plain IBAN tells."""
    layout = LAYOUTS[iban[:2]]
    branch = None if layout.branch is None else iban[slice(*layout.branch)]
    return IbanTraits(iban[:2], iban[slice(*layout.bank)], branch, iban[-4:])


# What may stand before one: nothing of a word, or the end of an escape that forms and URLs write.
_FIRST_FOUR = "[A-Za-z]{2}[0-9]{2}"
_START = re.compile(rf"{_FIRST_FOUR}(?:(?<![0-9A-Za-z_]{_FIRST_FOUR})|(?<=%3D{_FIRST_FOUR})|(?<=%2[02]{_FIRST_FOUR}))")
_GAP = re.compile(r"[ +\-]|%20|%2B")


def iban_spans(text: str) -> list[tuple[int, int]]:
    """Return where valid IBANs stand in ``text``, however they are grouped; in order, without overlap."""
    spans: list[tuple[int, int]] = []
    position = 0
    while (found := _START.search(text, position)) is not None:
        end = _end_of(text, found.start())
        if end is not None:
            spans.append((found.start(), end))
        position = found.end() if end is None else end
    return spans


def _end_of(text: str, start: int) -> int | None:
    """Return where the IBAN that begins at ``start`` ends, or None when there is none."""
    layout = LAYOUTS.get(text[start : start + 2].upper())
    if layout is None:
        return None
    characters: list[str] = []
    at = start
    while len(characters) < layout.length and at < len(text):
        gap = _GAP.match(text, at)
        if gap is not None:
            at = gap.end()
        if at >= len(text) or not (text[at].isascii() and text[at].isalnum()):
            return None
        characters.append(text[at])
        at += 1
    goes_on = at < len(text) and text[at].isascii() and text[at].isalnum()
    return at if not goes_on and is_valid_iban("".join(characters).upper()) else None
