"""How the text of a release is shown to people: no card number, no secret, nothing invisible.

Whoever wrote a manifest or a module chose its characters, and whoever approves it must see all of them: an escape
sequence that clears the screen, or a mark that turns the direction of reading, would show another release than the one
that is approved. Called by the release diff, the handbook and the command line.
"""

import unicodedata

from interlock.base.redaction import scrub

TEXT_MAX = 600
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_UNITS = ((86_400_000, "day"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def visible(text: str, *, keep: str = "") -> str:
    r"""Return ``text`` with every character that cannot be seen written as its code (``\x1b``, ``\u202e``).

    Args:
        text: from outside.
        keep: characters to leave as they are, such as ``"\t"``.

    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character in keep or unicodedata.category(character) not in _HIDDEN else _code(character)
        for character in text
    )


def shown(value: object, *, longest: int = TEXT_MAX) -> str:
    """Return one value of a release as one line that can be shown anywhere.

    Args:
        value: a text, number, truth value, None or list of them.
        longest: characters; what is longer is cut, and that is said.

    """
    if isinstance(value, list | tuple):
        text = ", ".join(shown(each, longest=longest) for each in value) or "none"
    elif isinstance(value, dict):
        text = ", ".join(f"{shown(name)} = {shown(each)}" for name, each in value.items()) or "none"
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif value is None:
        text = "none"
    else:
        text = visible(scrub(str(value)))
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest} more)"


def duration(milliseconds: int) -> str:
    """Return ``milliseconds`` in the unit a person would use: ``300 ms``, ``30 s``, ``6.5 days``."""
    for size, unit in _UNITS:
        if milliseconds >= size:
            number = f"{milliseconds / size:.2f}".rstrip("0").rstrip(".")
            return f"{number} {unit}{'s' if unit == 'day' and number != '1' else ''}"
    return f"{milliseconds} ms"


def _code(character: str) -> str:
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
