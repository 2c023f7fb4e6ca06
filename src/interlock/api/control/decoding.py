"""Bodies and query strings of the control API as typed parameters, or one line that names what is wrong with them."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from interlock.api.control.parameters import Parameters
from interlock.base.card_numbers import holds_issued_card_number
from interlock.base.problems import Problem, invalid

P = TypeVar("P", bound=Parameters)
_FIELDS_MAX = 50
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_VAULTED = frozenset({"credentials", "files"})
"""Where a number may look like a card's: secrets are sealed, code is the gate lint's to look at."""


def of_body(body: bytes, kind: type[P]) -> P | Problem:
    """Return a JSON body as ``kind``; an empty one says nothing."""
    if _NUL.search(body):
        return invalid("Invalid characters: no text may contain NUL.", code="invalid_characters")
    try:
        found = msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        return _wrong(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return invalid(f"The body is no JSON: {str(error)[:200]}.")
    return _stray_card(found) or found


def of_query(query: bytes, kind: type[P]) -> P | Problem:
    """Return a query string as ``kind``; what is a list there is given by repeating its name."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(query),
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except (ValueError, UnicodeDecodeError):
        return invalid(f"The query string cannot be read: give name=value, at most {_FIELDS_MAX} of them, in UTF-8.")
    lists = {name for name, hint in get_type_hints(kind).items() if get_origin(hint) is tuple}
    values: dict[str, Any] = {}
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            return invalid("Invalid characters: no parameter may contain NUL.", code="invalid_characters")
        if name in lists:
            values.setdefault(name, []).append(value)
        elif name in values:
            return invalid(f"{name[:100]} is given twice.", param=name[:100])
        else:
            values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        return _wrong(error)


def _wrong(error: msgspec.ValidationError) -> Problem:
    """Return what is wrong, with its place in the words of the request."""
    said, _, place = str(error).partition(" - at ")
    path = place.strip("`").removeprefix("$").removeprefix(".")
    unknown, missing = _UNKNOWN.search(said), _MISSING.search(said)
    named = unknown or missing
    if named is not None:
        path = f"{path}.{named[1]}".removeprefix(".")[:100]
        problem = "is unknown here" if unknown else "is missing"
        return invalid(f"{path}: {problem}; see /control/v1/openapi.json.", param=path)
    problem = said[:1].lower() + said[1:300]
    return invalid(f"{path}: {problem}." if path else f"The body: {problem}.", param=path or None)


def _stray_card(parameters: Parameters) -> Problem | None:
    """Return the refusal of texts that hold a card number: they would be stored and shown as they are."""
    for path, text in _texts(msgspec.structs.asdict(parameters), ""):
        if len(text) >= 13 and holds_issued_card_number(text):
            return invalid(
                f"{path} holds what looks like a card number, and it would be stored and shown as it is. If it is a "
                "number of your own, put a letter directly before it.",
                param=path,
            )
    return None


def _texts(node: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if not path and name in _VAULTED:
            continue
        here = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            yield from _texts(value, here)
        elif isinstance(value, str):
            yield here, value
