"""The values that pass between the HTTP server and the simulated gateways: a request, a reply, how it goes out."""

from collections.abc import Iterator
from enum import StrEnum
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
        FormError: when the keys contradict each other or nest too deeply.

    """
    root: Form = {}
    nested = False
    for key, value in parse_pairs(text):
        if "[" not in key:
            root[key] = value
            continue
        nested = True
        head, *rest = key.split("[", _MAX_FORM_DEPTH)
        _insert(root, [head, *(part.removesuffix("]") for part in rest)], value)
    return {name: _listed(value) for name, value in root.items()} if nested else root


def _insert(root: Form, path: list[str], value: str) -> None:
    node = root
    for place, name in enumerate(path[:-1]):
        label = str(len(node)) if not name and place else name
        child = node.setdefault(label, {})
        if not isinstance(child, dict):
            message = f"{name} is both a value and a hash"
            raise FormError(message)
        node = child
    node[path[-1] or str(len(node))] = value


def _listed(value: object) -> "str | Form | list[object]":
    if isinstance(value, str):
        return value
    tree: dict[str, object] = value if isinstance(value, dict) else {}
    if tree and all(name.isdigit() for name in tree):
        return [_listed(tree[name]) for name in sorted(tree, key=int)]
    return {name: _listed(child) for name, child in tree.items()}
