"""How patterns of the expectations fit requests and fields: ``*`` is any part of a path, or anything in a field."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

from interlock.gateways.contract import HttpRequest
from interlock.releases.gates.contract.templates import value_of
from interlock.releases.gates.observation import SentRequest

_WORD = re.compile(r"\$[a-z_]+")


def is_request(pattern: str, sent: SentRequest, context: Mapping[str, Any] | None = None) -> bool:
    """Return True when ``sent`` is of ``pattern``.

    Args:
        pattern: method and path, of which a part may be ``*``, hold one, or be a word such as ``$payment``; behind a
            ``?``, query parameters that must be so (``limit=*&query=…'$reference'``), others being free.
        sent: the request.
        context: what words stand for.

    """
    method, _, target = pattern.partition(" ")
    path, _, query = target.partition("?")
    if any(not _query_fits(part, sent.query, context) for part in query.split("&") if part):
        return False
    wanted, given = path.split("/"), sent.path.split("/")
    if method != sent.method or len(wanted) != len(given):
        return False
    return all(_part_fits(part, unquote(shown), context) for part, shown in zip(wanted, given, strict=True))


def _query_fits(part: str, given: Mapping[str, str], context: Mapping[str, Any] | None) -> bool:
    name, _, value = part.partition("=")
    if context is not None:
        value = _WORD.sub(lambda word: str(value_of(word[0], context)), value)
    return name in given and fits(value, given[name])


def made_of(sent: SentRequest) -> HttpRequest:
    """Return ``sent`` as it was made."""
    return HttpRequest(method=sent.method, path=sent.target, headers=sent.headers, body=sent.raw)


def _part_fits(part: str, shown: str, context: Mapping[str, Any] | None) -> bool:
    if part.startswith("$") and context is not None:
        return str(value_of(part, context)) == shown
    return bool(shown) and fits(part, shown) if "*" in part else part == shown


def fits(pattern: str, text: str) -> bool:
    """Return True when ``text`` is of ``pattern``, in which only ``*`` means something: anything."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
