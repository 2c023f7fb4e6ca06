"""Finding card numbers in text that nobody promised anything about; pure, called by ``base.redaction``.

A card number (PAN) here is 13 to 19 digits that pass Luhn and begin like an issued range. It is found written plainly,
in groups (space, dash, dot, plus), percent-encoded once or twice, JSON-escaped, as HTML entities and inside magnetic
stripe tracks. Digits glued to letters are *not* a card number: our own base-62 ids and hashes hold such runs.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_DOUBLED = str.maketrans("0123456789", "0246813579")
_SHORTEST, _LONGEST = 13, 19
_LENGTHS_BY_LIKELIHOOD = (16, 15, 19, 14, 18, 17, 13)

_DIGIT = r"(?:[0-9]|%(?:25)?3[0-9]|\\{1,2}(?:u003|x3)[0-9]|&#(?:4[89]|5[0-7]);)"
_SEPARATOR = r"(?:[ \t\-.+]|%(?:25)?(?:20|2[BDEbde]|09|[Cc]2%(?:25)?[Aa]0)|\\{1,2}(?:t|u0020|u00[aA]0|xa0|u002[dDeE]))"
_FOREIGN_DIGIT = _DIGIT.replace("[0-9]|%", r"\d|%", 1)
_FOREIGN_SEPARATORS = "\u00a0\u2002-\u200a\u2010-\u2015\u202f\u3000"
_FOREIGN_SEPARATOR = _SEPARATOR.replace(r"[ \t\-.+]", rf"[ \t\-.+{_FOREIGN_SEPARATORS}]", 1)
# Digits of other scripts that keyboards and forms produce: full width, Arabic, Persian, Devanagari.
_FOREIGN = re.compile(f"[{_FOREIGN_SEPARATORS}\uff10-\uff19\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]")
_MORE = _SHORTEST - 1

# Each run pattern begins with a character class (the engine skips to it) and looks behind only then: the first digit
# must not follow a digit, so that a run too short to be a card is tried once and not once per digit.
_PLAIN_RUN = re.compile(rf"[0-9](?<![0-9][0-9])(?=[0-9 \t\-.+]{{{_MORE}}})(?:[ \t\-.+]{{0,3}}[0-9]){{{_MORE},}}")
_ESCAPED_RUN = re.compile(
    rf"[0-9%\\&](?:(?<=[0-9])(?<![0-9][0-9])|(?<=%)(?:25)?3[0-9]|(?<=\\)\\?(?:u003|x3)[0-9]|(?<=&)#(?:4[89]|5[0-7]);)"
    rf"(?:{_SEPARATOR}{{0,3}}{_DIGIT}){{{_MORE},}}"
)
_FOREIGN_RUN = re.compile(rf"(?<!\d){_FOREIGN_DIGIT}(?:{_FOREIGN_SEPARATOR}{{0,3}}{_FOREIGN_DIGIT}){{{_MORE},}}")
_PLAIN_GROUP = re.compile(r"([0-9]+)([^0-9]*)")
_UNIT = re.compile(f"(?P<digit>{_FOREIGN_DIGIT})|(?P<separator>{_FOREIGN_SEPARATOR}{{1,3}})")

# What may stand directly before a number although it ends in a letter or digit.
_GLUED_BEFORE = re.compile(
    r"(?:%(?:25)?[0-9A-Fa-f]{2}|\\[nrtbfv]|\\u[0-9A-Fa-f]{4}|%B|%25B|"
    r"(?<![0-9A-Za-z_])(?:[Cc]ard|[Aa]ccount|[Aa]cct|[Cc][Cc])?[_-]?(?:[Nn]umber|[Nn]um|[Nn]o|PAN|[Pp]an|[Cc]ard))$"
)
_HASHED_ID_BEFORE = re.compile(r"(?<![0-9A-Za-z])(?:rel|sha256|req|evt|whsec)[_:]$")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
_TRACK_2_REST = re.compile(r"(?:=|D|%(?:25)?3[Dd]|\\u003[dD])[0-9]{4,24}\??")
_TRACK_1_REST = re.compile(r"(?:\^|%(?:25)?5[Ee])[^^?\r\n%]{2,40}(?:\^|%(?:25)?5[Ee])[0-9]{4}[^?\r\n\"'&]{0,60}\??")

# First four digits (from, to) and the lengths issued; wide where networks share a range.
_RANGES: tuple[tuple[int, int, range], ...] = (
    (2200, 2204, range(16, 20)),  # Mir
    (2221, 2720, range(16, 17)),  # Mastercard
    (3000, 3099, range(14, 20)),  # Diners Club, JCB
    (3400, 3499, range(15, 16)),  # American Express
    (3500, 3699, range(14, 20)),  # JCB, Diners Club
    (3700, 3799, range(15, 16)),  # American Express
    (3800, 3999, range(14, 20)),  # Diners Club
    (4000, 4999, range(13, 20)),  # Visa
    (5000, 5099, range(13, 20)),  # Maestro, Verve, Elo
    (5100, 5599, range(16, 17)),  # Mastercard
    (5600, 5899, range(13, 20)),  # Maestro
    (6000, 6999, range(13, 20)),  # Discover, UnionPay, Maestro, RuPay, Troy
    (8100, 8299, range(16, 20)),  # UnionPay, RuPay
    (9792, 9792, range(16, 20)),  # Troy
)
_RANGES_BY_DIGIT = tuple(tuple(entry for entry in _RANGES if entry[0] // 1000 == digit) for digit in range(10))

# What a request is refused for is judged narrowly: the lengths that networks issue in practice. Of the wide table every
# tenth number that begins with 4, 5 or 6 is a card, and shops number their orders with 13 (Shopify), 17, 18 digits
# (snowflakes). 15 digits with 35 are a phone's IMEI, 19 with 89 a SIM card: both pass Luhn always.
_ISSUED: tuple[tuple[int, int, range], ...] = (
    (2200, 2204, range(16, 20)),  # Mir
    (2221, 2720, range(16, 17)),  # Mastercard
    (3000, 3059, range(14, 15)),  # Diners Club
    (3400, 3499, range(15, 16)),  # American Express
    (3528, 3589, range(16, 17)),  # JCB
    (3600, 3699, range(14, 15)),  # Diners Club
    (3700, 3799, range(15, 16)),  # American Express
    (3800, 3999, range(14, 15)),  # Diners Club
    (4000, 4999, range(16, 17)),  # Visa
    (5018, 5099, range(16, 17)),  # Maestro, Verve, Elo
    (5100, 5599, range(16, 17)),  # Mastercard
    (5600, 5899, range(16, 17)),  # Maestro
    (6000, 6199, range(16, 17)),  # Discover, RuPay
    (6200, 6299, range(16, 20)),  # UnionPay
    (6300, 6999, range(16, 17)),  # Discover, Maestro, RuPay, Troy
    (8100, 8299, range(16, 17)),  # UnionPay, RuPay
    (9792, 9792, range(16, 17)),  # Troy
)
_NOT_DIGITS = re.compile("[^0-9]")


def passes_luhn(digits: str) -> bool:
    """Return True when ``digits`` (ASCII digits only) end in their Luhn check digit."""
    return (sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))) % 10 == 0


def begins_like_a_card(digits: str) -> bool:
    """Return True when first digits and length fit a range that card networks issue.

    1 is left out on purpose (airline cards of 15 digits): epoch times in milli-, micro- and nanoseconds begin so.
    """
    length = len(digits)
    head = int(digits[:4])
    return any(first <= head <= last and length in lengths for first, last, lengths in _RANGES_BY_DIGIT[head // 1000])


def is_card_number(digits: str) -> bool:
    """Return True for 13 to 19 ASCII digits that begin like a card and pass Luhn."""
    return _SHORTEST <= len(digits) <= _LONGEST and begins_like_a_card(digits) and passes_luhn(digits)


class _Group(NamedTuple):
    """Digits without a separator between them: where each begins, where the last one ends, and what follows."""

    digits: str
    starts: Sequence[int]
    end: int
    separator_after: str


def _value_of(unit: str) -> str:
    """Return the ASCII digit that ``unit`` (plain, escaped, entity or foreign digit) stands for."""
    return chr(int(unit[2:-1])) if unit.startswith("&") else str(int(unit[-1]))


def _plain_groups(text: str, start: int, end: int) -> list[_Group]:
    return [
        _Group(found[1], range(found.start(), found.end(1)), found.end(1), found[2][:1])
        for found in _PLAIN_GROUP.finditer(text, start, end)
    ]


def _escaped_groups(text: str, start: int, end: int) -> list[_Group]:
    groups: list[_Group] = []
    digits, starts, position = "", list[int](), start
    while position < end and (unit := _UNIT.match(text, position, end)) is not None:
        if unit.lastgroup == "separator":
            groups.append(_Group(digits, starts, position, unit.group()))
            digits, starts = "", []
        else:
            digits += _value_of(unit.group())
            starts.append(position)
        position = unit.end()
    return [*groups, _Group(digits, starts, position, "")]


def _may_begin_at(text: str, start: int) -> bool:
    """Return True unless the character before ``start`` makes the digits part of an id, a hash or a fraction."""
    if start == 0:
        return True
    before = text[start - 1]
    if not before.isalnum():
        if before == ".":
            return not (start > 1 and text[start - 2].isdigit())
        return before not in "_:" or _HASHED_ID_BEFORE.search(text, max(0, start - 12), start) is None
    return _GLUED_BEFORE.search(text, max(0, start - 16), start) is not None


def _may_end_at(text: str, end: int) -> bool:
    if end >= len(text) or not text[end].isalnum():
        return True
    return text[end] == "D" and _TRACK_2_REST.match(text, end) is not None


def _window(groups: list[_Group], first: int) -> Iterator[tuple[int, str]]:
    """Yield (last group, digits) for the runs of groups from ``first`` on that one kind of separator holds together."""
    digits, _starts, _end, separator = groups[first]
    last = first
    yield last, digits
    while groups[last].separator_after == separator and last + 1 < len(groups) and len(digits) < _LONGEST:
        last += 1
        digits += groups[last].digits
        if separator != "." or last > first + 1:  # one dot is a decimal point
            yield last, digits


def _inside_uuid(text: str, start: int, end: int) -> bool:
    return any(
        found.start() <= start and end <= found.end() for found in _UUID.finditer(text, max(0, start - 36), end + 36)
    )


def _card_in_window(text: str, groups: list[_Group], first: int) -> tuple[int, int, int] | None:
    """Return (start, end, last group) of the likeliest card number that begins with group ``first``."""
    fits: dict[int, tuple[int, int, int]] = {}
    head = groups[first]
    for last, digits in _window(groups, first):
        # A literal percent sign and an escape look alike: "%4242…" may hide the number with or without two digits.
        skips = (0, 2) if text[head.starts[0] - 1 : head.starts[0]] == "%" and len(head.digits) > 2 else (0,)
        for skip in skips:
            candidate = digits[skip:]
            if len(candidate) in fits or not is_card_number(candidate):
                continue
            start, end = head.starts[skip], groups[last].end
            if (skip or _may_begin_at(text, start)) and _may_end_at(text, end) and not _inside_uuid(text, start, end):
                fits[len(candidate)] = (start, end, last)
    for length in _LENGTHS_BY_LIKELIHOOD:
        if length in fits:
            return fits[length]
    return None


def _with_track(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span grown by what follows the number on a magnetic stripe (name, expiry, discretionary data)."""
    rest = _TRACK_2_REST.match(text, end) or _TRACK_1_REST.match(text, end)
    return (start, rest.end()) if rest else (start, end)


def _worth_trying(groups: list[_Group], first: int) -> bool:
    """Return False where no card can begin: by its first digit, or in the middle of single spaced digits."""
    head = groups[first].digits
    return (head[0] in "2345689" or len(head) > 1) and not (
        len(head) == 1 and first and len(groups[first - 1].digits) == 1
    )


def _run_spans(text: str, groups: list[_Group]) -> Iterator[tuple[int, int]]:
    first = 0
    while first < len(groups):
        found = _card_in_window(text, groups, first) if _worth_trying(groups, first) else None
        if found is None:
            first += 1
        else:
            yield _with_track(text, found[0], found[1])
            first = found[2] + 1


def card_number_spans(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every card number in ``text``, in order and without overlap."""
    if not text.isascii() and _FOREIGN.search(text):
        pattern, split = _FOREIGN_RUN, _escaped_groups
    elif "%" in text or "\\" in text or "&#" in text:
        pattern, split = _ESCAPED_RUN, _escaped_groups
    else:
        pattern, split = _PLAIN_RUN, _plain_groups
    spans: list[tuple[int, int]] = []
    for run in pattern.finditer(text):
        if text[run.start()] == "1" and run.end() - run.start() <= _LONGEST and run.group().isdigit():
            continue  # by far the most common run: an epoch time in milliseconds
        found = list(_run_spans(text, split(text, run.start(), run.end())))
        if not found and text[run.start()] == "%":  # a literal percent sign before plain digits
            found = list(_run_spans(text, split(text, run.start() + 1, run.end())))
        for start, end in found:
            if spans and start < spans[-1][1]:  # digits of a track already taken out
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
    return spans


def holds_issued_card_number(text: str) -> bool:
    """Return True when ``text`` holds a number that is almost certainly a card's: see ``_ISSUED``."""
    for start, end in card_number_spans(text):
        # Numbers in escapes or in digits of other scripts are no shop's order numbers: the wide table is right there.
        digits = _NOT_DIGITS.sub("", text[start:end])
        if len(digits) < _SHORTEST or not text[start:end].isascii() or "%" in text[start:end]:
            return True
        head = int(digits[:4])
        if any(first <= head <= last and len(digits) in lengths for first, last, lengths in _ISSUED):
            return True
    return False
