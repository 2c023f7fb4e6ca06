"""The search language, read into a tree. Pure.

``status:'succeeded' AND metadata['order']:'6735'`` is a :class:`Query` of two clauses. A clause is a field, an operator
(``:`` equal, ``~`` contains, ``>``, ``<``, ``>=``, ``<=``) and a value; a minus before it negates it. Clauses are
joined by ``AND`` (or a space) or by ``OR``, never both in one query, as the language's documentation says.
"""

import re
from typing import Literal

import msgspec

from interlock.base.problems import Problem, invalid

MAX_CLAUSES = 10
MIN_SUBSTRING = 3
MAX_DIGITS = 18

Operator = Literal[":", "~", ">", "<", ">=", "<="]
Joint = Literal["AND", "OR"]

_CLAUSE = re.compile(
    r"""(?P<negated>-)?
        (?P<field>[A-Za-z_][A-Za-z0-9_.]{0,100})
        (?:\[\s*(?:'(?P<key1>(?:[^'\\]|\\.){0,200})'|"(?P<key2>(?:[^"\\]|\\.){0,200})")\s*\])?
        \s*(?P<operator>>=|<=|:|~|>|<)\s*
        (?:'(?P<value1>(?:[^'\\]|\\.){0,2000})'|"(?P<value2>(?:[^"\\]|\\.){0,2000})"|(?P<bare>[^\s'"()]{1,200}))""",
    re.VERBOSE,
)
_JOINT = re.compile(r"(AND|OR)(?=\s|$)", re.IGNORECASE)
_SPACE = re.compile(r"\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Clause(msgspec.Struct, frozen=True):
    """One condition. ``key`` is set for ``metadata['key']``; ``is_null`` stands for the bare word null."""

    field: str
    operator: Operator
    value: str
    key: str | None = None
    negated: bool = False
    is_null: bool = False


class Query(msgspec.Struct, frozen=True):
    """Conditions, all of which (AND) or one of which (OR) must hold."""

    clauses: tuple[Clause, ...]
    joint: Joint = "AND"


def parse(text: str) -> Query | Problem:
    """Return the query that ``text`` means, or where it cannot be read."""
    clauses: list[Clause] = []
    joints: set[str] = set()
    position = _skip(text, 0)
    while position < len(text):
        if clauses:
            joint = _JOINT.match(text, position)
            joints.add(joint[1].upper() if joint else "AND")
            position = _skip(text, joint.end()) if joint else position
        found = _CLAUSE.match(text, position)
        if found is None or not _ends_cleanly(text, found.end()):
            return _unreadable(text, position)
        clauses.append(_clause(found))
        position = _skip(text, found.end())
        if len(clauses) > MAX_CLAUSES:
            return _problem(f"A search query may have at most {MAX_CLAUSES} clauses.")
    if not clauses:
        return _problem("The search query is empty.")
    if len(joints) > 1:
        return _problem("A search query may not combine AND and OR.")
    return Query(tuple(clauses), "OR" if joints == {"OR"} else "AND")


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _ends_cleanly(text: str, position: int) -> bool:
    return position == len(text) or text[position].isspace()


def _clause(found: re.Match[str]) -> Clause:
    key = found["key1"] if found["key1"] is not None else found["key2"]
    quoted = found["value1"] if found["value1"] is not None else found["value2"]
    operator = found["operator"]
    return Clause(
        field=found["field"],
        operator=operator,  # type: ignore[arg-type]  # the pattern admits these words only
        value=_plain(quoted) if quoted is not None else found["bare"],
        key=None if key is None else _plain(key),
        negated=found["negated"] is not None,
        is_null=quoted is None and found["bare"].lower() == "null",
    )


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _unreadable(text: str, position: int) -> Problem:
    shown = text[position : position + 40]
    return _problem(
        f"We could not read your search query at '{shown}'. A clause is a field, an operator and a value, such as "
        "status:'succeeded' or amount>1000."
    )


def _problem(message: str) -> Problem:
    return invalid(message, param="query")
