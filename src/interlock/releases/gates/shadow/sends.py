"""Requests as they are kept, so that one sent long ago and one built now can be held against each other. Pure."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from interlock.base.redaction import SECRET, scrub
from interlock.gateways.contract import HttpRequest
from interlock.gateways.exchanges import Exchange
from interlock.releases.gates.observation import Difference, SentRequest, fields_of
from interlock.releases.gates.shadow.types import PERSONAL, RecordedSend, Recording


def sent_then(method: str, path: str, headers: dict[str, str], body: str) -> RecordedSend:
    """Return a redacted request, taken apart."""
    parts = urlsplit(path)
    return RecordedSend(
        method=method,
        path=parts.path,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in headers.items()},
        fields=_scrubbed(fields_of(body.encode())),
    )


def sent_now(request: SentRequest) -> RecordedSend:
    """Return a request that was just built, redacted in the same way."""
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    path = f"{request.path}?{query}" if query else request.path
    made = HttpRequest(method=request.method, path=path, headers=request.headers, body=request.raw)
    kept = Exchange(made, None, 0).redacted()
    return RecordedSend(
        method=request.method,
        path=scrub(request.path),
        query={name: scrub(value) for name, value in request.query.items()},
        headers={name.lower(): value for name, value in kept.request_headers.items()},
        fields=_scrubbed(fields_of(kept.request_body.encode())),
    )


def _scrubbed(fields: dict[str, Any]) -> dict[str, Any]:
    return {place: scrub(value) if isinstance(value, str) else value for place, value in fields.items()}


def asks_the_same(recording: Recording, requests: tuple[SentRequest, ...]) -> bool:
    """Return True when a release asked what was asked then: the same methods and paths in the same order."""
    then = [(send.method, send.path) for send in recording.sent]
    return then == [(request.method, scrub(request.path)) for request in requests]


def drifted(recording: Recording, requests: tuple[SentRequest, ...]) -> list[Difference]:
    """Return how the requests that a release builds now differ from those that were sent then.

    A field that told of the shopper is compared by being there; what was a secret is no more than that.
    """
    found: list[Difference] = []
    for number, (then, request) in enumerate(zip(recording.sent, requests, strict=False)):
        name = "request" if number == 0 else f"request#{number + 1}"
        before, after = _facts(name, then), _facts(name, sent_now(request))
        found += [
            Difference(
                case=recording.case,
                operation=recording.slice.operation,
                place=place,
                before=before.get(place),
                after=after.get(place),
            )
            for place in sorted({*before, *after})
            if not _same(before.get(place), after.get(place))
        ]
    return found


_INCOMPARABLE = (PERSONAL, SECRET)


def _same(before: str | None, after: str | None) -> bool:
    if before is None or after is None:
        return before == after
    return before == after or any(marker in before for marker in _INCOMPARABLE)


def _facts(name: str, send: RecordedSend) -> dict[str, str]:
    facts = {f"{name} method": send.method, f"{name} path": send.path}
    facts |= {f"{name} query {key}": value for key, value in send.query.items()}
    facts |= {f"{name} header {key}": value for key, value in send.headers.items()}
    return facts | {f"{name} {place}": repr(value) for place, value in send.fields.items()}
