"""What went over the wire for one operation, kept raw for the moment and redacted before anyone may keep it.

Made by the transport; read by payments (to store a few, for disputes and replay), shadow and triage. The raw objects
hold card numbers and keys: only :meth:`Exchange.redacted` may leave the process, and ``repr`` shows neither.
"""

from collections.abc import Mapping

import msgspec

from interlock.base.redaction import SECRET, scrub
from interlock.gateways.contract import HttpRequest, HttpResponse

_KEPT_BYTES = 16_384
# Longer than any card number, account number or key that is scrubbed, with whatever stands between its digits.
_CUT_AWAY = 512
_SECRET_HEADERS = frozenset({"authorization", "x-api-key", "proxy-authorization", "cookie", "set-cookie"})


class RedactedExchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request and its answer, free of card data and secrets, cut to 16 KiB a side; ``…_cut`` says where that, or
    bytes that are no text, took something away."""

    method: str
    path: str
    request_headers: dict[str, str]
    request_body: str
    status: int | None
    response_headers: dict[str, str]
    response_body: str
    latency_ms: int
    request_cut: bool = False
    response_cut: bool = False


class Exchange(msgspec.Struct, frozen=True):
    """One request and, when it came, its answer. Never store or print this object; see :meth:`redacted`."""

    request: HttpRequest
    response: HttpResponse | None
    latency_ms: int

    def __repr__(self) -> str:
        """Return a text without bodies and headers."""
        status = self.response.status if self.response else None
        return f"Exchange({self.request.method} …, status={status}, latency_ms={self.latency_ms})"

    __str__ = __repr__

    def redacted(self) -> RedactedExchange:
        """Return what may be stored."""
        response = self.response
        request_body, request_cut = _text(self.request.body)
        response_body, response_cut = _text(response.body) if response else ("", False)
        return RedactedExchange(
            method=self.request.method,
            path=scrub(self.request.path),
            request_headers=_headers(self.request.headers),
            request_body=request_body,
            status=response.status if response else None,
            response_headers=_headers(response.headers) if response else {},
            response_body=response_body,
            latency_ms=self.latency_ms,
            request_cut=request_cut,
            response_cut=response_cut,
        )


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: SECRET if name.lower() in _SECRET_HEADERS else scrub(value) for name, value in headers.items()}


def _text(body: bytes) -> tuple[str, bool]:
    """Return the first part of a body, scrubbed, and whether that is less than all of it. Only that part is looked at:
    a page of a list may be a megabyte.

    Where the text is cut, a number may have been cut in half and not be known as one any more; so the end of what was
    scrubbed goes too.
    """
    decoded = body[: 4 * (_KEPT_BYTES + _CUT_AWAY)].decode("utf-8", "replace")
    text = decoded.replace("\0", "\ufffd")
    if len(text) > _KEPT_BYTES + _CUT_AWAY:
        return scrub(text[: _KEPT_BYTES + _CUT_AWAY])[:-_CUT_AWAY][:_KEPT_BYTES], True
    scrubbed = scrub(text)
    return scrubbed[:_KEPT_BYTES], len(scrubbed) > _KEPT_BYTES or "\ufffd" in text
