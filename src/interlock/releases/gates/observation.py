"""Everything that can be observed of a connector: the requests it makes of one command and what it reads in answers.

Pure; no socket, no clock. Used by the gates ``contract`` and ``shadow``, by the release diff and by the mutation
benchmark: two releases that show the same traces over the same cases behave alike.
"""

import fnmatch
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from interlock.gateways.contract import (
    ConnectorConfig,
    HttpRequest,
    HttpResponse,
    Notification,
    Operation,
    SignatureInvalid,
)
from interlock.gateways.loader import LoadedConnector, place_of
from interlock.gateways.manifest import Change
from interlock.gateways.outcomes import Result
from interlock.gateways.transport import OperationRequest

Answer = Callable[[HttpRequest, int], HttpResponse | None]
"""Given a request and its number (from 0), returns the answer, or None where the recording ends."""


class SentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request, taken apart: ``fields`` are its body's values by place (JSON pointers, or form keys after ``/``),
    in the order they were sent; ``query`` and ``headers`` by name; ``target`` is path and query as they were made."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    fields: dict[str, Any]
    raw: bytes


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What one operation did in one case. Exactly one of ``result``, ``error`` and ``unfinished`` is set.

    ``error`` is what the connector raised, with its place in the code (a bug, whatever it was); ``unfinished`` says
    that it asked for more answers than there are.
    """

    case: str
    operation: Operation | None
    requests: tuple[SentRequest, ...] = ()
    result: Result | None = None
    notifications: tuple[Notification, ...] | None = None
    signature_invalid: str | None = None
    error: str | None = None
    unfinished: bool = False


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that two traces of a case do not share. ``place`` is what a manifest's ``changes`` announces."""

    case: str
    operation: Operation | None
    place: str
    before: str | None
    after: str | None


REQUESTS_MAX = 20
_PARTS = {"method": str, "path": str, "headers": Mapping, "body": bytes}


def drive(
    loaded: LoadedConnector,
    config: ConnectorConfig,
    operation: Operation,
    request: OperationRequest,
    answer: Answer,
    case: str,
) -> Trace:
    """Run one operation without a wire.

    Args:
        loaded: the connector.
        config: the account it believes to run for.
        operation: which operation.
        request: what is asked of it.
        answer: gives the provider's answers.
        case: how the trace is called.

    """
    steps = driving(loaded, config, operation, request, answer, case)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return cast("Trace", stop.value)


def driving(
    loaded: LoadedConnector,
    config: ConnectorConfig,
    operation: Operation,
    request: OperationRequest,
    answer: Answer,
    case: str,
) -> Generator[None, None, Trace]:
    """Run one operation like :func:`drive`, and stop after each request, so that others can run in between."""
    sent: list[SentRequest] = []
    try:
        step = getattr(loaded.connector, operation.value)(config, request)
        response: HttpResponse | None = None
        while len(sent) <= REQUESTS_MAX:
            made = next(step) if response is None else step.send(response)
            if problem := _malformed(made):
                step.close()
                return Trace(case=case, operation=operation, requests=tuple(sent), error=problem)
            sent.append(take_apart(made))
            yield
            response = answer(made, len(sent) - 1)
            if response is None:
                step.close()
                return Trace(case=case, operation=operation, requests=tuple(sent), unfinished=True)
        step.close()
    except StopIteration as stop:
        if isinstance(stop.value, Result):
            return Trace(case=case, operation=operation, requests=tuple(sent), result=stop.value)
        error = f"returned {type(stop.value).__name__}, no Result"
    except Exception as raised:  # noqa: BLE001 - whatever the connector does is an observation
        error = f"{type(raised).__name__} at {place_of(raised)}"
    else:
        error = f"made more than {REQUESTS_MAX} requests"
    return Trace(case=case, operation=operation, requests=tuple(sent), error=error)


def hear(
    loaded: LoadedConnector,
    config: ConnectorConfig,
    headers: Mapping[str, str],
    body: bytes,
    now_ms: int,
    case: str,
) -> Trace:
    """Let the connector parse one webhook.

    Args:
        loaded: the connector.
        config: the account it believes to run for.
        headers: lower-case names.
        body: the exact bytes.
        now_ms: the receiver's time.
        case: how the trace is called.

    """
    try:
        said = loaded.connector.parse_notification(config, headers, body, now_ms)
        if isinstance(said, list) and all(isinstance(each, Notification) for each in said):
            return Trace(case=case, operation=None, notifications=tuple(said))
        if isinstance(said, SignatureInvalid) and isinstance(said.reason, str):
            return Trace(case=case, operation=None, signature_invalid=said.reason)
        error = f"returned {type(said).__name__}, neither notifications nor SignatureInvalid with its reason"
        return Trace(case=case, operation=None, error=error)
    except Exception as raised:  # noqa: BLE001 - whatever the connector does is an observation
        return Trace(case=case, operation=None, error=f"{type(raised).__name__} at {place_of(raised)}")


def _malformed(made: Any) -> str | None:
    """Return why what an operation yielded is no request, None where it is one: a Struct does not look by itself."""
    if not isinstance(made, HttpRequest):
        return f"yielded {type(made).__name__}, no HttpRequest"
    for name, kind in _PARTS.items():
        if not isinstance(getattr(made, name), kind):
            return f"yielded a request whose {name} is of a wrong type"
    if not all(isinstance(part, str) for pair in made.headers.items() for part in pair):
        return "yielded a request whose headers is of a wrong type"
    return None


def take_apart(request: HttpRequest) -> SentRequest:
    """Return ``request`` with its parts by name."""
    parts = urlsplit(request.path)
    return SentRequest(
        method=request.method,
        target=request.path,
        path=parts.path,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=dict(request.headers),
        fields=fields_of(request.body),
        raw=request.body,
    )


def fields_of(body: bytes) -> dict[str, Any]:
    """Return a body's values by place: JSON pointers of a document, else ``/key`` of a form; empty when it is neither.

    A form key that comes twice keeps every value, numbered from the second on.
    """
    return dict(_fields(body))


@lru_cache(maxsize=512)
def _fields(body: bytes) -> Mapping[str, Any]:
    if body[:1] in {b"{", b"["}:
        try:
            return dict(_flat("", msgspec.json.decode(body)))
        except msgspec.DecodeError:
            return {}
    found: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        place, number = f"/{name}", 1
        while place in found:
            number += 1
            place = f"/{name}#{number}"
        found[place] = value
    return found


def _flat(place: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(f"{place}/{name.replace('~', '~0').replace('/', '~1')}", inner)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _flat(f"{place}/{index}", inner)
    else:
        yield place, value


def differences(before: Trace, after: Trace) -> list[Difference]:
    """Return everything that ``after`` shows otherwise than ``before``, which is of the same case."""
    old, new = _facts(before), _facts(after)
    return [
        Difference(
            case=before.case,
            operation=before.operation,
            place=place,
            before=old.get(place),
            after=new.get(place),
        )
        for place in sorted({*old, *new})
        if old.get(place) != new.get(place)
    ]


def _facts(trace: Trace) -> dict[str, str]:
    """Return every observable of a trace as text by place."""
    facts: dict[str, str] = {}
    for number, request in enumerate(trace.requests):
        name = "request" if number == 0 else f"request#{number + 1}"
        facts[f"{name} method"] = request.method
        facts[f"{name} path"] = request.path
        facts.update({f"{name} query {key}": value for key, value in request.query.items()})
        facts.update({f"{name} header {key.lower()}": value for key, value in request.headers.items()})
        facts.update({f"{name} {place}": repr(value) for place, value in request.fields.items()})
        if request.raw and not request.fields:
            facts[f"{name} body"] = repr(request.raw)
    if trace.result is not None:
        facts.update(_named("result", trace.result))
    for number, said in enumerate(trace.notifications or ()):
        facts.update(_named(f"notification#{number + 1}", said))
    if trace.notifications is not None:
        facts["notifications"] = str(len(trace.notifications))
    if trace.signature_invalid is not None:
        facts["signature"] = f"invalid: {trace.signature_invalid}"
    if trace.error is not None:
        facts["error"] = trace.error.partition(" at ")[0]  # a line number is no behaviour
    if trace.unfinished:
        facts["unfinished"] = "asks for more answers than were recorded"
    return facts


def _named(name: str, value: msgspec.Struct) -> dict[str, str]:
    flat = dict(_flat("", msgspec.to_builtins(value)))
    return {f"{name} {place[1:].replace('/', '.')}": repr(inner) for place, inner in flat.items() if inner is not None}


def unannounced(found: Iterable[Difference], announced: Sequence[Change]) -> list[Difference]:
    """Return the differences that no entry of the manifest's ``changes`` covers."""
    return [difference for difference in found if not any(_covers(change, difference) for change in announced)]


def _covers(change: Change, difference: Difference) -> bool:
    if change.operation not in {None, difference.operation}:
        return False
    # By itself first: the brackets of a form's key (``/metadata[order]``) would be a set of letters to a pattern.
    return difference.place == change.place or fnmatch.fnmatchcase(difference.place, change.place)
