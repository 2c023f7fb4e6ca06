"""Hostile answers: what comes back when something stands between us and the provider, or when an answer is damaged.

None of them may ever become an approval, a decline or anything else but *unknown*, with two exceptions: an answer that
is still whole may be read as what it says, and what failed before the money was asked for may be *not sent*.
"""

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import msgspec

from interlock.gateways.contract import HttpRequest, HttpResponse, Operation, PaymentRequest
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.accounts import FIRST
from interlock.releases.gates.contract.cases import Act, Case, Expected, Group
from interlock.releases.gates.contract.conversing import without_code
from interlock.releases.gates.contract.requests import NOW_MS, inquiry_about, ordinary
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.observation import Answer, Trace

_UNKNOWN = frozenset({"unknown"})
_AS_IT_SAYS = frozenset({"approved", "pending", "unknown"})
_NEVER_APPROVED = frozenset({"unknown", "refused"})
_UNSENT = frozenset({"not_sent"})
_CUTS = 48
_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><center>succeeded</center></body></html>"
)
_JSON_HEADERS = {"content-type": "application/json"}
_HTML_HEADERS = {"content-type": "text/html; charset=utf-8"}
_STATUSES = (
    *(100, 199, 202, 203, 204, 205, 206, 226, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406),
    *(407, 408, 409, 410, 411, 412, 413, 414, 415, 418, 421, 422, 424, 425, 426, 428, 429, 431, 451, 499, 500, 501),
    *(502, 503, 504, 505, 507, 508, 511, 520, 521, 522, 523, 524, 525, 526, 530, 599, 999),
)
_FEW_STATUSES = (200, 302, 400, 401, 404, 429, 500, 502, 503)
_VALUES: tuple[Any, ...] = (None, "x", "", 7, -1, 0, 10**30, 1.5, True, False, [], ["x"], {}, {"id": "x"}, "x" * 70_000)
_REMOVED = object()
_FAULTLESS: dict[str, Any] = {"error": None, "error_code": None, "errorCode": None, "errors": [], "warnings": ["x"]}
_DEEP = 100_000


class Spoilt(msgspec.Struct, frozen=True):
    """An answer, what it is called, what sort it is of, and the outcomes that may be made of it."""

    title: str
    response: HttpResponse
    sort: str
    allowed: frozenset[str] = _UNKNOWN


Spoil = Callable[[HttpResponse], HttpResponse]


def hostile(stage: Stage) -> Iterator[Case]:
    """Yield a case for each operation and each hostile answer."""
    for operation in Operation:
        if stage.supports(operation) and operation is not Operation.INQUIRE:
            yield from _spoilt(stage, operation, operation.value, {}, 0)
    if stage.supports(Operation.SALE) and "customer" in stage.manifest.capabilities.stored_credentials:
        for place in (0, 1):
            title = f"sale with a card to be kept, answer {place + 1}"
            yield from _spoilt(stage, Operation.SALE, title, {"stored_credential": {"store": True}}, place)
    if stage.supports(Operation.INQUIRE):
        yield from _inquiries(stage)


def _spoilt(stage: Stage, operation: Operation, title: str, ask: Mapping[str, Any], place: int) -> Iterator[Case]:
    """Yield cases in which the answer number ``place`` is hostile, those before it being good."""
    request = ordinary(operation, stage.payment, ask)
    good = _good(stage, operation, request, dict(ask), place)
    if place and len(good) <= place:
        return
    for each in (*strangers(), *(_made_of(stage, good[place].body) if len(good) > place else ())):
        expected = Expected(outcomes=each.allowed, unsent_outcomes=_UNSENT)
        answers = _repeated((*good[:place], each.response))
        act = Act(operation=operation, request=request, answers=answers, expected=expected)
        yield Case(name=f"{title}: {each.title}", group=Group.HOSTILE, account=FIRST, acts=(act,), topic=each.sort)


def _made_of(stage: Stage, whole: bytes) -> Iterator[Spoilt]:
    assert stage.knowledge is not None
    yield from damaged(whole)
    yield from _under_other_statuses(whole, stage.knowledge.success_statuses)
    yield from _changed(whole)


def _good(
    stage: Stage, operation: Operation, request: OperationRequest, ask: dict[str, Any], place: int
) -> list[HttpResponse]:
    """Return the answers of the first documented approval that was asked for in the same way; none without one."""
    filler, knowledge = stage.filler, stage.knowledge
    if filler is None or knowledge is None:
        return []
    for golden in knowledge.golden:
        good = golden.expect.get("outcome") in {"approved", "pending"} and not golden.mismatch
        if good and operation in golden.operations and golden.ask == ask and len(golden.answers) == place + 1:
            values = stage.context(FIRST, request)
            return [filler.answer(spec, values) for spec in golden.answers]
    return []


def _repeated(made: Sequence[HttpResponse]) -> Callable[[OperationRequest, Sequence[Trace]], Answer]:
    """Return ``made`` as answers in order, the last again and again."""

    def answer(_: HttpRequest, number: int) -> HttpResponse | None:
        return made[min(number, len(made) - 1)]

    return lambda _request, _before: answer


_ASKED: dict[str, dict[str, Any]] = {
    "sent again": {"identical": True, "age_ms": 5_000},
    "looked for": {"age_ms": 200_000, "sent_at_ms": NOW_MS},
    "long after": {"identical": True, "age_ms": 864_000_000, "sent_at_ms": NOW_MS},
    "by its name": {"age_ms": 60_000, "gateway_reference": "$payment"},
}


def _inquiries(stage: Stage) -> Iterator[Case]:
    """Yield questions whose every answer is hostile: nothing may be proven by one."""
    for operation in Operation:
        if operation in {Operation.INQUIRE, Operation.FUND} or not stage.supports(operation):
            continue
        request = ordinary(operation, stage.payment)
        good = _good(stage, operation, request, {}, 0)
        answers = [*strangers(few=True), *(damaged(good[0].body, cuts=8) if good else ())]
        for way, ask in _ASKED.items():
            told = {name: stage.payment if value == "$payment" else value for name, value in ask.items()}
            about = request
            if isinstance(request, PaymentRequest) and not told.get("identical"):
                about = without_code(request)
            question = inquiry_about(operation, about, told, original=True)
            for each in answers:
                expected = Expected(outcomes=each.allowed, named=False)
                act = Act(
                    operation=Operation.INQUIRE,
                    request=question,
                    answers=_repeated((each.response,)),
                    expected=expected,
                )
                name = f"inquire about a {operation}, {way}: {each.title}"
                yield Case(name=name, group=Group.HOSTILE, account=FIRST, acts=(act,), topic=each.sort)


@cache
def strangers(*, few: bool = False) -> tuple[Spoilt, ...]:
    """Return answers that no provider gives: they say nothing whatever their status is.

    Args:
        few: leave out most statuses.

    """
    bodies = {"nothing": b"", "HTML": _HTML}
    found: list[Spoilt] = []
    for status, (kind, body) in product(_FEW_STATUSES if few else (200, 201, *_STATUSES), bodies.items()):
        headers = _HTML_HEADERS if kind == "HTML" else {}
        response = HttpResponse(status=status, headers=headers, body=body)
        sort = "an HTML page" if kind == "HTML" else "an empty answer"
        found.append(Spoilt(f"{status} with {kind}", response, sort))
    documents: dict[str, bytes] = {
        "an empty object": b"{}",
        "an empty list": b"[]",
        "null": b"null",
        "true": b"true",
        "a number": b"7",
        "a text": b'"succeeded"',
        "another service's object": b'{"ok":true,"status":"success","message":"approved"}',
        "an error that is null": b'{"error":null}',
        "an error that is empty": b'{"error":{}}',
        "an error that is a text": b'{"error":"succeeded"}',
        "plain text": b"OK",
        "a form": b"status=succeeded&resultCode=Authorised&id=pi_1&pspReference=X",
        "XML": b'<?xml version="1.0"?><status>succeeded</status>',
        "spaces": b" " * 4_000,
        "NUL bytes": b"\0" * 4_000,
        "lists without end": b"[" * _DEEP,
        "objects without end": b'{"a":' * _DEEP,
        "lists as deep as can be closed": b"[" * _DEEP + b"]" * _DEEP,
        "a number of a million digits": b"1" * 1_000_000,
        "bytes that are no text": bytes(range(256)) * 8,
    }
    for title, body in documents.items():
        for status in (200,) if few else (200, 400, 402, 500):
            response = HttpResponse(status=status, headers=_JSON_HEADERS, body=body)
            found.append(Spoilt(f"{status} with {title}", response, "an answer of somebody else"))
    return tuple(found)


def damaged(whole: bytes, *, cuts: int = _CUTS) -> Iterator[Spoilt]:
    """Yield a good answer's body, damaged on its way: cut after every n-th byte (``cuts`` of them), and otherwise."""
    step = max(1, len(whole) // cuts)
    for end in range(1, len(whole), step):
        yield _well(f"cut after {end * 100 // len(whole)} % ({end} bytes)", whole[:end])
    text = whole.decode()
    yield _well("its end cut", whole[:-1])
    yield _well("its beginning cut", whole[1:])
    yield _well("in UTF-16", text.encode("utf-16"))
    yield _well("in UTF-16, without saying so", text.encode("utf-16-le"))
    yield _well("in UTF-32", text.encode("utf-32"))
    yield _well("in EBCDIC", text.encode("cp037", "replace"))
    yield _well("compressed", gzip.compress(whole, mtime=0))
    yield _well("in base64", b"eyJzdGF0dXMiOiAic3VjY2VlZGVkIn0=")
    yield _well("twice", whole + whole)
    yield _well("with HTML behind it", whole + _HTML)
    yield _well("with HTML before it", _HTML + whole)
    yield _well("as a text", msgspec.json.encode(text))
    yield _well("in a list", b"[" + whole + b"]")
    yield _well("inside another object", b'{"data":' + whole + b"}")
    yield _well("inside a result", b'{"result":{"response":' + whole + b"}}")
    yield _well("with bytes in a text that are no text", whole.replace(b'":"', b'":"\xff\xfe', 1), _AS_IT_SAYS)
    yield _well("with single quotes", whole.replace(b'"', b"'"))
    yield _well("with a byte order mark", b"\xef\xbb\xbf" + whole, _AS_IT_SAYS)
    yield _well("with spaces around it", b"\r\n\t " + whole + b"\r\n", _AS_IT_SAYS)
    for title, headers in (
        ("said to be HTML", _HTML_HEADERS),
        ("without a content type", {}),
        ("said to be plain text", {"content-type": "text/plain"}),
    ):
        response = HttpResponse(status=200, headers=headers, body=whole)
        yield Spoilt(title, response, "an answer of a wrong content type", _AS_IT_SAYS)


def _under_other_statuses(whole: bytes, good: Sequence[int]) -> Iterator[Spoilt]:
    for status in _STATUSES:
        if status in good:
            continue
        allowed = _AS_IT_SAYS if 200 <= status < 300 else _NEVER_APPROVED if 400 <= status < 500 else _UNKNOWN
        response = HttpResponse(status=status, headers=_JSON_HEADERS, body=whole)
        yield Spoilt(f"an approval under {status}", response, "a good body under a bad status", allowed)


def _changed(whole: bytes) -> Iterator[Spoilt]:
    """Yield a good answer with each field absent or of another kind, and with errors that are none."""
    document = msgspec.json.decode(whole)
    for name, value in _FAULTLESS.items():
        body = msgspec.json.encode({**document, name: value})
        response = HttpResponse(status=200, headers=_JSON_HEADERS, body=body)
        allowed = frozenset({"approved", "pending"})
        yield Spoilt(f"an approval with {name} = {value}", response, "a good answer whose error is none", allowed)
    for title, _, changed in changes_of(document):
        yield _well(f"an approval {title}", msgspec.json.encode(changed), _AS_IT_SAYS, "a good answer with a bad field")
    if document:
        deep: Any = "x"
        for _ in range(900):
            deep = [deep]
        yield _well("an approval with a deep field", msgspec.json.encode({**document, "deep": deep}), _AS_IT_SAYS)
        yield _well("an approval of 900 kB", msgspec.json.encode({**document, "x": "x" * 900_000}), _AS_IT_SAYS)


def changes_of(document: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
    """Yield ``document`` with each of its fields absent or of another kind: what was done, where, and what became."""
    for path in _paths(document):
        place = "/".join(path)
        yield f"without {place}", path, put(document, path, _REMOVED)
        for value in _VALUES:
            yield f"with {place} = {_shown(value)}", path, put(document, path, value)


def put(document: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return ``document`` with ``value`` at ``path``."""
    changed = dict(document)
    if len(path) > 1:
        changed[path[0]] = put(changed.get(path[0]) or {}, path[1:], value)
    elif value is _REMOVED:
        changed.pop(path[0], None)
    else:
        changed[path[0]] = value
    return changed


def _paths(document: Any) -> Iterator[tuple[str, ...]]:
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield (name,)
            for rest in _paths(value):
                yield (name, *rest)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else f"{type(value).__name__} of {len(text)} characters"


def _well(title: str, body: bytes, allowed: frozenset[str] = _UNKNOWN, sort: str = "a damaged answer") -> Spoilt:
    return Spoilt(title, HttpResponse(status=200, headers=_JSON_HEADERS, body=body), sort, allowed)
