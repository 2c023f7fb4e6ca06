"""SQL text: splits a file into statements; called by ``migrations`` and by the schema lint's tests. Pure."""

import re

from interlock.base.errors import ConfigurationError

_PIECES = re.compile(
    r"""
    (?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<line>--[^\n]*)
    |(?P<block>/\*.*?\*/)
    |(?P<dollar>\$[A-Za-z_]*\$)
    |(?P<end>;)
    |(?P<other>[^'"\-/$;]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def split_statements(source: str, text: str) -> list[str]:
    """Return the statements of ``text`` without comments; ``source`` is named in errors.

    Raises:
        ConfigurationError: a dollar-quoted body, which only stored procedures need (design 7.4).

    """
    statements: list[str] = []
    current = ""
    for piece in _PIECES.finditer(text):
        kind = piece.lastgroup
        if kind == "dollar":
            raise ConfigurationError(
                source, "holds a dollar-quoted body", "stored procedures are not used (design 7.4)"
            )
        if kind in {"line", "block"}:
            current += " "
        elif kind == "end":
            statements.append(current.strip())
            current = ""
        else:
            current += piece.group()
    statements.append(current.strip())
    return [statement for statement in statements if statement]
