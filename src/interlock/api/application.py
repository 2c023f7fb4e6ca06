"""The ASGI application: the pipeline every request goes through, and the factory that wires it.

Called by whoever serves HTTP (``cli``, tests). Order of the pipeline: route, headers, body, key, rate, parameters,
expand, idempotency key, use case. Everything refused on that way is refused before anything was done.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from interlock.api import answers, browsers, expansion, forms, multipart, permissions, public, stray_cards
from interlock.api import idempotency as keys
from interlock.api.authentication import Access, KeyRecord, read_key, secret_key_required, unknown_account, unknown_key
from interlock.api.call import Call
from interlock.api.limits import Disconnected, Guess, Limits, RateLimiter, read_body
from interlock.api.parameters.base import Parameters
from interlock.api.parameters.decoding import decode
from interlock.api.repeating import Repeats
from interlock.api.requests import Incoming, Send, send_answer, send_preflight
from interlock.api.router import Endpoint, Router
from interlock.api.services import Services
from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem, invalid
from interlock.base.redaction import exception_text
from interlock.payments.work import CONFLICT, Answer

ASGIApp = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Send], Awaitable[None]]

_log = logging.getLogger("interlock.api")
_FORM = b"application/x-www-form-urlencoded"
_NOT_A_FORM = (
    "Invalid request (check that your POST content type is application/x-www-form-urlencoded). "
    "This API takes form bodies, neither JSON nor multipart."
)
_LARGE_HEAD = invalid("The request's headers or query string are too large.", status=431)
_ENCODED = "The request body is compressed (Content-Encoding); this API takes bodies as they are."


class Application:
    """The API as an ASGI application."""

    def __init__(
        self,
        services: Services,
        endpoints: Sequence[Endpoint],
        limits: Limits,
        expander: expansion.Expander,
        document: Callable[[], bytes],
        absent: Sequence[Endpoint] = (),
    ) -> None:
        """Serve ``endpoints`` with ``services`` within ``limits``.

        ``document`` makes the OpenAPI document; ``absent`` is looked at where no endpoint fits.
        """
        self._services = services
        self._router = Router(endpoints)
        self._absent = Router(absent)
        self._limits = limits
        self._document = document
        self._expander = expander
        self._rate = RateLimiter(limits.requests_per_s, limits.burst, limits.tracked_keys)
        self._failures = RateLimiter(limits.failed_keys_per_s, limits.failed_keys_burst, limits.tracked_keys)
        self._repeats = Repeats()
        self._in_flight = 0

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _serve(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        request = Incoming(scope)
        if request.method == "OPTIONS":
            await send_preflight(send)
            return
        if self._in_flight >= self._limits.in_flight:
            await send_answer(send, request, answers.of_problem(answers.OVERLOADED))
            return
        self._in_flight += 1
        try:
            result = await self._answer(request, receive)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - the last line: a bug here may not become a broken connection
            _log.error("%s %s %s failed: %s", request.request_id, request.method, request.path, exception_text(error))
            result = answers.INTERNAL
        finally:
            self._in_flight -= 1
        await send_answer(send, request, answers.of_problem(result) if isinstance(result, Problem) else result)

    async def _answer(self, request: Incoming, receive: Callable[[], Awaitable[Any]]) -> Answer | Problem:
        found = self._find(request)
        if not found or not isinstance(found[0], Endpoint):
            return await self._unrouted(request, found)
        endpoint, ids = found[0], found[1]
        form = await (self._read_upload if endpoint.uploads else self._read)(request, receive)
        if isinstance(form, Problem):
            return form
        record = await self._authenticate(request, form)
        if isinstance(record, Problem):
            return record
        if record.publishable and endpoint.access is Access.SECRET:
            return secret_key_required()
        if record.permissions is not None:
            refused = permissions.refusal(record, record.permissions, endpoint)
            if refused is not None:
                return refused
        problem = _as_sent(request, form, record) or _misplaced(request, form, record)
        if problem is not None:
            return problem
        if not self._rate.take(record.account_id + ("l" if record.livemode else "t"), time.monotonic()):
            return answers.RATE_LIMITED
        outcome = await self._perform(request, endpoint, ids, form, record)
        return public.problem(outcome) if record.publishable and isinstance(outcome, Problem) else outcome

    def _find(self, request: Incoming) -> tuple[Endpoint, tuple[str, ...]] | tuple[str, ...]:
        method = "GET" if request.method == "HEAD" else request.method
        found = self._router.find(method, request.path)
        if not found and "//" in request.path:  # a client whose base address ends in a slash
            request.path = re.sub("/{2,}", "/", request.path)
            found = self._router.find(method, request.path)
        return found or (self._absent.find(method, request.path) if method == "GET" else found)

    async def _read(self, request: Incoming, receive: Callable[[], Awaitable[Any]]) -> forms.Form | Problem:
        limits = self._limits
        if request.header_bytes > limits.header_bytes or len(request.query) > limits.query_bytes:
            return _LARGE_HEAD
        announced = request.headers.get(b"content-length")
        if announced in {None, b"0"} and b"transfer-encoding" not in request.headers:
            return _parameters(request, b"")
        body = await read_body(receive, limits, announced)
        return body if isinstance(body, Problem) else _parameters(request, body)

    async def _read_upload(self, request: Incoming, receive: Callable[[], Awaitable[Any]]) -> forms.Form | Problem:
        """Read a body that holds a file; only who has a key may send so much."""
        if request.header_bytes > self._limits.header_bytes:
            return _LARGE_HEAD
        record = await self._authenticate(request, forms.Form({}))
        if isinstance(record, Problem):
            return record
        limits = msgspec.structs.replace(
            self._limits, body_bytes=max(self._limits.upload_bytes, self._limits.body_bytes)
        )
        body = await read_body(receive, limits, request.headers.get(b"content-length"))
        if isinstance(body, Problem):
            return body
        return multipart.parse(request.headers.get(b"content-type", b"").decode("latin-1"), body)

    async def _perform(
        self, request: Incoming, endpoint: Endpoint, ids: tuple[str, ...], form: forms.Form, record: KeyRecord
    ) -> Answer | Problem:
        parameters = decode(endpoint.parameters, form)
        if isinstance(parameters, Problem):
            return parameters
        expand = _expand(parameters)
        if expand:
            problem = expansion.check(endpoint.answers, endpoint.shape, expand, publishable=record.publishable)
            if problem is None and record.permissions is not None:
                places = expansion.reached(endpoint.answers, expand)
                problem = permissions.refusal_to_expand(record, record.permissions, places)
            if problem is not None:
                return problem
        key = keys.read_key(request.headers.get(b"idempotency-key")) if request.method == "POST" else None
        if isinstance(key, Problem):
            return key
        context = RequestContext(
            scope=Scope(record.account_id, record.livemode),
            request_id=request.request_id,
            path=request.path,
            idempotency_key=key,
            fingerprint=""
            if key is None
            else keys.fingerprint(self._services.fingerprint_secret, request.path, form.values),
            publishable=record.publishable,
        )
        agent, version = request.headers.get(b"user-agent"), request.headers.get(b"stripe-version")
        call = Call(
            self._services,
            self._expander_for(record),
            context,
            parameters,
            ids,
            expand,
            request.client_ip,
            None if agent is None else agent.decode("latin-1")[:500],
            None if version is None else version.decode("latin-1"),
        )
        outcome = await endpoint.handler(call)
        if outcome is CONFLICT:
            outcome = await self._repeats.again(endpoint, call)
        if key is not None and not isinstance(outcome, Answer):
            outcome = await self._services.idempotency.settle(context, outcome, call.resume)
        if not expand or isinstance(outcome, Problem) or request.method in {"GET", "HEAD"}:
            return outcome
        return await call.finish(outcome)

    def _expander_for(self, record: KeyRecord) -> expansion.Expander:
        allowed = record.permissions
        if allowed is None:
            return self._expander
        return self._expander.limited(lambda kind: permissions.may_show(allowed, kind))

    async def _authenticate(self, request: Incoming, form: forms.Form) -> KeyRecord | Problem:
        header = request.headers.get(b"authorization")
        in_body = form.values.pop("key", None) if header is None else None
        if isinstance(in_body, str) and in_body.startswith("pk_"):
            header = b"Bearer " + in_body.encode()
        key = read_key(header)
        if isinstance(key, Problem):
            return key
        guess = Guess(self._failures, request.client_ip or "")
        record = await self._services.authenticate(key, guess.take)
        if record is not None:
            guess.was_right()
            return record
        return unknown_key(key) if guess.take() else answers.RATE_LIMITED

    async def _unrouted(self, request: Incoming, methods: tuple[Any, ...]) -> Answer | Problem:
        """Answer what is not an endpoint of the API: health, the document, a wrong path or method."""
        if request.method in {"GET", "HEAD"}:
            if request.path == "/healthz":
                return Answer(status=200, body=b'{"status":"ok"}')
            if request.path == "/readyz":
                ready = await self._services.ready()
                return Answer(status=200, body=b'{"status":"ready"}') if ready else answers.NOT_READY
            if request.path == "/openapi.json":
                return Answer(status=200, body=self._document())
        if methods:
            problem = invalid(f"Method {request.method} is not allowed for {request.path[:200]}.", status=405)
            answer = answers.of_problem(problem)
            return Answer(status=405, body=answer.body, headers={"allow": ", ".join(methods)})
        return invalid(
            f"Unrecognized request URL ({request.method}: {request.path[:200]}). Please see "
            "https://docs.stripe.com/api for the URLs that exist, and /openapi.json for those Interlock serves.",
            status=404,
        )


def _as_sent(request: Incoming, form: forms.Form, record: KeyRecord) -> Problem | None:
    """Take what a browser's library adds out of ``form``; return the refusal of acting for another account."""
    account: Any = request.headers.get(b"stripe-account") or request.headers.get(b"stripe-context")
    if record.publishable:
        account = form.values.pop("_stripe_account", None) or account
        version = browsers.forget_additions(form)
        if version is not None:
            request.headers.setdefault(b"stripe-version", version.encode())
    if not account:
        return None
    name = account.decode("latin-1") if isinstance(account, bytes) else str(account)
    return None if name == record.account_id else unknown_account(name)


def _misplaced(request: Incoming, form: forms.Form, record: KeyRecord) -> Problem | None:
    """Return the refusal of card numbers in free text, and of a browser that decides what is for the shop's server."""
    if request.method != "POST":
        return None
    return (browsers.decided(form) if record.publishable else None) or stray_cards.refusal(form.values)


def _parameters(request: Incoming, body: bytes) -> forms.Form | Problem:
    """Return query and body parameters as one form."""
    if body:
        kind = request.headers.get(b"content-type", _FORM).partition(b";")[0].strip().lower()
        if kind != _FORM:
            return invalid(_NOT_A_FORM)
        if request.headers.get(b"content-encoding", b"identity") != b"identity":
            return invalid(_ENCODED, status=415)
    query = request.query
    return forms.parse(query + b"&" + body if query and body else query or body)


def _expand(parameters: Parameters) -> tuple[str, ...]:
    paths = getattr(parameters, "expand", None)
    return tuple(paths) if paths else ()


async def _lifespan(receive: Callable[[], Awaitable[Any]], send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
