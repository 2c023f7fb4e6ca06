"""What each fault does to a reply on its way out. The books are never touched here: they tell what really happened."""

from typing import Any

import msgspec

from interlock.sandbox.faults import FaultSpec
from interlock.sandbox.http import Reply, Wire

NOT_EXECUTED = frozenset(("refuse", "timeout_before", "reset_before"))
_EXECUTED_UNLESS_SAID = frozenset(("html",))
_AMOUNT_KEYS = frozenset(
    ("amount", "amount_received", "amount_capturable", "amount_captured", "amount_authorized", "amount_refunded",
     "maximum_amount_capturable", "value")
)  # fmt: skip
_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"


def executes(spec: FaultSpec) -> bool:
    """Return True when the gateway carries the request out in spite of ``spec``."""
    if spec.kind in NOT_EXECUTED:
        return False
    if spec.kind == "status_5xx":
        return bool(spec.executes)
    return spec.executes is not False


def disfigure(spec: FaultSpec, reply: Reply) -> Reply:
    """Return what the client gets instead of ``reply``."""
    kind = spec.kind
    if kind.startswith("timeout_"):
        reply.wire = Wire.HANG
    elif kind.startswith("reset_"):
        reply.wire = Wire.RESET
    elif kind == "truncated":
        reply.wire = Wire.TRUNCATED
    elif kind == "empty":
        reply.body = b""
    elif kind == "status_5xx":
        return _status(spec, spec.status or 503)
    elif kind == "html":
        return Reply(spec.status or 200, _HTML.format("Bad Gateway").encode(), "text/html")
    elif kind == "misencoded":
        reply.body = _misencode(reply.body, spec.variant)
    elif kind == "wrong_amount":
        reply.body = _edit(reply.body, lambda node: _scale(node, spec.factor if spec.factor is not None else 100))
    elif kind == "wrong_currency":
        reply.body = _edit(reply.body, lambda node: _swap(node, spec.currency))
    return reply


def _status(spec: FaultSpec, status: int) -> Reply:
    if spec.body is not None:
        return Reply(status, spec.body.encode(), "text/plain")
    return Reply(status, _HTML.format(f"{status} Service Temporarily Unavailable").encode(), "text/html")


def _misencode(body: bytes, variant: str) -> bytes:
    if variant == "utf16":
        return body.decode().encode("utf-16-le")
    return body.replace(b'":"', b'":"\xff\xfe', 3)


def _edit(body: bytes, edit: Any) -> bytes:
    try:
        tree = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    _walk(tree, edit)
    return msgspec.json.encode(tree)


def _walk(node: Any, edit: Any) -> None:
    if isinstance(node, dict):
        edit(node)
        for child in node.values():
            _walk(child, edit)
    elif isinstance(node, list):
        for child in node:
            _walk(child, edit)


def _scale(node: dict[str, Any], factor: float) -> None:
    for key in _AMOUNT_KEYS & node.keys():
        if isinstance(node[key], int) and not isinstance(node[key], bool):
            node[key] = int(node[key] * factor)


def _swap(node: dict[str, Any], currency: str | None) -> None:
    was = node.get("currency")
    if isinstance(was, str):
        wanted = currency or ("usd" if was.lower() == "eur" else "eur")
        node["currency"] = wanted.upper() if was.isupper() else wanted.lower()
