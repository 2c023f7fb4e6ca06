"""Hooks that Schemathesis loads (``SCHEMATHESIS_HOOKS``): half of what it sends names objects that exist.

With random ids nearly every request ends as 404 and says little. ``SHOP_IDS`` holds JSON: the name of a path parameter
or body field, or the path segment before a parameter, with the ids to choose from.
"""

import json
import os
import zlib
from typing import Any

import schemathesis

_IDS: dict[str, list[str]] = json.loads(os.environ.get("SHOP_IDS", "{}"))


def _draw(value: object) -> int:
    """Return a number that depends on ``value`` alone, so that a seed repeats its run."""
    return zlib.crc32(repr(value).encode("utf-8", "replace"))


def _pick(names: tuple[str, ...], value: object) -> str | None:
    draw = _draw(value)
    known = next((_IDS[name] for name in names if name in _IDS), None)
    return known[draw // 2 % len(known)] if known and draw % 2 else None


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Put an id that exists into the path, every other time."""
    for name, value in (path_parameters or {}).items():
        before = context.operation.path.partition("/{" + name)[0].rpartition("/")[2]
        chosen = _pick((before, name), value)
        if chosen is not None and path_parameters is not None:
            path_parameters[name] = chosen
    return path_parameters


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Put an id that exists into the fields of the body that hold one, every other time."""
    if isinstance(body, dict):
        for name in [name for name in body if name in _IDS]:
            body[name] = _pick((name,), body[name]) or body[name]
    return body
