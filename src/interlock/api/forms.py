"""Form bodies and query strings in the API's bracket notation, parsed fast and with limits.

Called by the request pipeline only. ``a=1&b[c]=2&d[]=3&e[0][f]=4`` becomes
``{"a": "1", "b": {"c": "2"}, "d": ["3"], "e": [{"f": "4"}]}``; every leaf is a string. Meaning (integers, booleans,
what may be empty) is given by the parameter structs, not here.
"""

from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from interlock.base.problems import Problem, invalid

MAX_FIELDS = 1_000
MAX_DEPTH = 10
MAX_KEY_LENGTH = 512

_KEY_CACHE_SIZE = 4_096
_KEYS: dict[str, tuple[str, ...]] = {}

# Free-form maps: their digit keys are names, never positions.
_MAPS = frozenset({"metadata"})

# A value that begins like this may mean something to a lenient decoder that a strict reader refuses (1e3, 5.0, null).
_SUSPECT = frozenset("0123456789+-.nN")


class Form(msgspec.Struct):
    """Parsed parameters; ``plain`` is True when no value needs the careful decoder (empty, odd number, ``null``)."""

    values: dict[str, Any]
    plain: bool = True


def parse(raw: bytes) -> Form | Problem:
    """Return the parameters in ``raw`` (a form body or a query string), or what is wrong with it."""
    if not raw:
        return Form({})
    if raw.count(b"&") >= MAX_FIELDS:
        return invalid(f"Too many parameters: at most {MAX_FIELDS} are allowed in one request.")
    try:
        return _parse(raw.decode("ascii" if raw.isascii() else "utf-8"))
    except UnicodeDecodeError:
        return invalid("Invalid characters: parameters must be UTF-8.", code="invalid_characters")
    except _Malformed as problem:
        return invalid(str(problem), param=problem.param)


class _Malformed(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


def _parse(text: str) -> Form:
    values: dict[str, Any] = {}
    plain = True
    positions = False
    cached = _KEYS.get
    for pair in text.split("&"):
        raw_key, separator, value = pair.partition("=")
        if not raw_key and not separator:
            continue
        if "%" in value or "+" in value:
            value = _unquote(value)
        if "\0" in value:
            raise _Malformed("Invalid characters: a parameter may not contain NUL.", raw_key[:MAX_KEY_LENGTH])
        if plain:
            plain = not _needs_care(value)
        key = cached(raw_key) or _split_key(raw_key)
        if len(key) == 1:
            name = key[0]
            if name in values and not isinstance(values[name], str):
                raise _Malformed(f"Invalid parameter: {name} was given both as a value and as a hash.", name)
            values[name] = value
        else:
            positions = _place(values, key, value) or positions
    return Form(_with_lists(values) if positions else values, plain)


def _needs_care(value: str) -> bool:
    first = value[:1]
    if not first:
        return True
    if first not in _SUSPECT:
        return False
    if first in "nN":
        return value.lower() == "null"
    return not (len(value) < 19 and value.isdigit())


def _unquote(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode()


def _split_key(raw_key: str) -> tuple[str, ...]:
    """Return the segments of ``a[b][]`` as ``("a", "b", "")``; remembered, since clients send few distinct keys."""
    if len(raw_key) > MAX_KEY_LENGTH:
        raise _Malformed("Invalid parameter: the name is too long.", raw_key[:40])
    name = _unquote(raw_key) if "%" in raw_key or "+" in raw_key else raw_key
    if "\0" in name:
        raise _Malformed("Invalid characters: a parameter name may not contain NUL.", "")
    head, bracket, rest = name.partition("[")
    if not bracket or not head:
        key: tuple[str, ...] = (name,)
    else:
        if not rest.endswith("]"):
            raise _Malformed(f"Invalid parameter name: {name}", name)
        key = (head, *rest[:-1].split("]["))
        if any("[" in part or "]" in part for part in key):
            raise _Malformed(f"Invalid parameter name: {name}", name)
    if len(key) > MAX_DEPTH:
        raise _Malformed(f"Invalid parameter: {name} is nested deeper than {MAX_DEPTH} levels.", name)
    if len(_KEYS) < _KEY_CACHE_SIZE:
        _KEYS[raw_key] = key
    return key


def _place(values: dict[str, Any], key: tuple[str, ...], value: str) -> bool:
    """Put ``value`` at the nested ``key``; return True when the key named positions of a list."""
    node = values
    positions = False
    last = len(key) - 1
    for depth, part in enumerate(key):
        name = part
        if depth and key[depth - 1] not in _MAPS and (not part or part.isdigit()):
            positions = True
            name = part or _next_position(node, key, depth)
        if depth == last:
            if isinstance(node.get(name), dict):
                raise _Malformed(
                    f"Invalid parameter: {shown(key)} was given both as a value and as a hash.", shown(key)
                )
            node[name] = value
            return positions
        below = node.get(name)
        if below is None:
            below = node[name] = {}
        elif not isinstance(below, dict):
            raise _Malformed(f"Invalid parameter: {shown(key)} was given both as a value and as a hash.", shown(key))
        node = below
    return positions


def _next_position(node: dict[str, Any], key: tuple[str, ...], depth: int) -> str:
    """Return the position that ``[]`` means: the last element, or a new one where the last has all of what follows.

    Rack's rule, by which many clients write: ``a[][b][c]=1&a[][b][d]=2&a[][b][c]=3`` are two elements, not three.
    """
    size = len(node)
    if depth + 1 < len(key) and size and key[depth + 1]:
        latest = node.get(str(size - 1))
        if isinstance(latest, dict) and not _holds(latest, key[depth + 1 :]):
            return str(size - 1)
    return str(size)


def _holds(element: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Return True when ``path`` leads to something in ``element``; a path through ``[]`` never does."""
    node: Any = element
    for name in path:
        if not name or not isinstance(node, dict) or name not in node:
            return False
        node = node[name]
    return True


def _with_lists(node: dict[str, Any]) -> dict[str, Any]:
    for name, value in node.items():
        if isinstance(value, dict):
            node[name] = _with_lists(value) if name in _MAPS else _as_list(_with_lists(value))
    return node


def _as_list(node: dict[str, Any]) -> dict[str, Any] | list[Any]:
    if not all(name.isdecimal() and name.isascii() for name in node):
        return node
    return [node[name] for name in sorted(node, key=int)]


def shown(path: tuple[str, ...]) -> str:
    """Return a path in bracket notation: ``("card", "exp_month")`` → ``card[exp_month]``."""
    return path[0] + "".join(f"[{part}]" for part in path[1:]) if path else ""
