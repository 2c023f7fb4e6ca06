"""The values that pass between the HTTP server and the simulated gateways: a request, a reply, how it goes out."""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote_plus

import msgspec

MAX_BODY_BYTES = 1_048_576
_MAX_FORM_PAIRS = 2_000
_MAX_FORM_DEPTH = 12

Form = dict[str, "str | Form | list[object]"]


class Wire(StrEnum):
    """How a reply leaves the machine."""

    NORMAL = "normal"
    HANG = "hang"
    RESET = "reset"
    TRUNCATED = "truncated"


class Request(msgspec.Struct, gc=False):
    """One HTTP request, read completely. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Reply(msgspec.Struct, gc=False):
    """One HTTP reply. ``stream`` replaces ``body`` for long exports."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = {}
    wire: Wire = Wire.NORMAL
    stream: Iterator[bytes] | None = None


class FormError(ValueError):
    """A form body that cannot be read."""


def parse_pairs(text: str) -> list[tuple[str, str]]:
    """Return the pairs of a query string or form body, decoded.

    Raises:
        FormError: when there are more pairs than any honest request has.

    """
    if not text:
        return []
    parts = text.split("&")
    if len(parts) > _MAX_FORM_PAIRS:
        message = "too many parameters"
        raise FormError(message)
    pairs = []
    for part in parts:
        key, _, value = part.partition("=")
        if "%" in key or "+" in key:
            key = unquote_plus(key)
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if key:
            pairs.append((key, value))
    return pairs


def parse_form(text: str) -> Form:
    """Return a form body as a tree: ``a[b]=1`` is ``{"a": {"b": "1"}}``, ``a[]=1`` and ``a[0]=1`` are lists.

    Raises:
        FormError: when the keys contradict each other, or there are more than any honest request has.

    """
    root: Form = {}
    if not text:
        return root
    parts = text.split("&")
    if len(parts) > _MAX_FORM_PAIRS:
        message = "too many parameters"
        raise FormError(message)
    numbered = False
    for part in parts:
        key, _, value = part.partition("=")
        if not key:
            continue
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        path, indexed = _path(key)
        if len(path) == 1:
            root[path[0]] = value
        else:
            numbered = numbered or indexed
            _insert(root, path, value)
    if numbered:
        return {name: _listed(child) for name, child in root.items()}
    return root


@lru_cache(maxsize=2048)
def _path(key: str) -> tuple[tuple[str, ...], bool]:
    """Return the names in a key such as ``a[b][]`` and whether a list's place stands anywhere but at the end."""
    head, *rest = unquote_plus(key).split("[", _MAX_FORM_DEPTH)
    names = (head, *(part.removesuffix("]") for part in rest))
    return names, any(not name or name.isdigit() for name in names[1:-1]) or names[-1].isdigit()


def _insert(root: Form, path: tuple[str, ...], value: str) -> None:
    node = root
    last = len(path) - 1
    for place in range(last - 1 if not path[last] else last):
        node = _child(node, path[place])
    if path[last]:
        node[path[last]] = value
        return
    values = node.setdefault(path[last - 1], [])  # a[]=1
    if not isinstance(values, list):
        message = f"{path[last - 1]} is both a hash and a list"
        raise FormError(message)
    values.append(value)


def _child(node: Form, name: str) -> Form:
    child = node.setdefault(name or str(len(node)), {})
    if not isinstance(child, dict):
        message = f"{name} is both a value and a hash"
        raise FormError(message)
    return child


def _listed(value: object) -> "str | Form | list[object]":
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return value
    tree: dict[str, object] = value if isinstance(value, dict) else {}
    if tree and all(name.isdigit() for name in tree):
        return [_listed(tree[name]) for name in sorted(tree, key=int)]
    return {name: _listed(child) for name, child in tree.items()}
