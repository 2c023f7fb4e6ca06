"""The ASGI application for paths below ``/control/``, put before the payments' API by :func:`with_control`.

Order of the pipeline: path and method, head, token, rate, body, fields, use case. Everything refused on that way is
refused before anything was done. Few requests are worked on at a time and heavy ones one by one, because this process
answers payments; they wait, never the payments.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import msgspec

from interlock.api import answers
from interlock.api.control.calls import PREFIX, Call, ControlEndpoint
from interlock.api.control.decoding import of_body, of_query
from interlock.api.control.endpoints import ENDPOINTS
from interlock.api.control.openapi import document
from interlock.api.control.parameters import Parameters
from interlock.api.limits import Disconnected, Guess, Limits, RateLimiter, read_body
from interlock.api.requests import Incoming, Send
from interlock.api.router import Router
from interlock.base.errors import CommitUnknownError, ConfigurationError, IsolationError, StorageError, VaultError
from interlock.base.problems import Problem, invalid
from interlock.base.redaction import exception_text, scrub
from interlock.bootstrap import Control, ControlRooms
from interlock.payments.work import Answer
from interlock.releases.operators import Operator, looks_like_a_token

Receive = Callable[[], Awaitable[Any]]
ASGIApp = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

_ROOT = "/control/"
_DOCUMENT = f"{PREFIX}/openapi.json"
_JSON = b"application/json"
LIMITS = Limits(
    body_bytes=3 << 20,  # a package of 1 MiB whose every second character is escaped
    in_flight=8,
    requests_per_s=10.0,
    burst=50.0,
    failed_keys_per_s=1.0,
    failed_keys_burst=20.0,
    tracked_keys=1_000,
)
_NOTHING_SHOWN = (
    "An operator's token is needed: 'Authorization: Bearer iop_…'. Make one with 'interlock operators add NAME'; API "
    "keys (sk_, rk_, pk_) do nothing here."
)
_NOBODYS = "This is no operator's token, or a revoked one."
_BUSY = Problem(
    status=503,
    type="api_error",
    message="The control API is busy with other requests. Repeat this one in a moment.",
    retryable=True,
)
_NO_DATABASE = Problem(
    status=503, type="api_error", message="The database does not answer; nothing was changed.", retryable=True
)
_LOST = Problem(
    status=503,
    type="api_error",
    message="The database's answer was lost: look whether the change was made before you repeat it.",
    retryable=False,
)
_LARGE_HEAD = invalid("The request's headers or query string are too large.", status=431)
_log = logging.getLogger("interlock.api.control")


@cache
def _document() -> bytes:
    return document(ENDPOINTS)


class ControlApplication:
    """The control API as an ASGI application."""

    def __init__(self, control: Control, limits: Limits = LIMITS) -> None:
        """Answer through ``control`` within ``limits``."""
        self._control = control
        self._limits = limits
        self._router = Router(ENDPOINTS)
        self._rate = RateLimiter(limits.requests_per_s, limits.burst, limits.tracked_keys)
        self._failures = RateLimiter(limits.failed_keys_per_s, limits.failed_keys_burst, limits.tracked_keys)
        self._one_heavy = asyncio.Lock()
        self._in_flight = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        request = Incoming(scope)
        if self._in_flight >= self._limits.in_flight:
            await _send(send, request, of_problem(_BUSY))
            return
        self._in_flight += 1
        try:
            result = await self._guarded(request, receive)
        except Disconnected:
            return
        finally:
            self._in_flight -= 1
        await _send(send, request, of_problem(result) if isinstance(result, Problem) else result)

    async def _guarded(self, request: Incoming, receive: Receive) -> Answer | Problem:
        """Return the answer; infrastructure that fails, and bugs, are answers too."""
        try:
            return await self._answer(request, receive)
        except ConfigurationError as error:
            return invalid(scrub(str(error)), code="release_invalid", param=error.field[:200])
        except CommitUnknownError as error:
            _log.warning("%s %s: %s", request.request_id, request.path, exception_text(error))
            return _LOST
        except StorageError as error:
            _log.warning("%s %s: %s", request.request_id, request.path, exception_text(error))
            return _NO_DATABASE
        except (IsolationError, VaultError) as error:
            _log.error("%s %s: %s", request.request_id, request.path, exception_text(error))
            return Problem(status=500, type="api_error", message=scrub(f"{error}."))
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 - the last line: a bug here may not become a broken connection
            _log.error("%s %s %s failed: %s", request.request_id, request.method, request.path, exception_text(error))
            return answers.INTERNAL

    async def _answer(self, request: Incoming, receive: Receive) -> Answer | Problem:
        method = "GET" if request.method == "HEAD" else request.method
        if method == "GET" and request.path == _DOCUMENT:
            return Answer(status=200, body=_document())
        found = self._router.find(method, request.path)
        if not found or not isinstance(found[0], ControlEndpoint):
            return _unrouted(request, found)
        endpoint, ids = found[0], found[1]
        if request.header_bytes > self._limits.header_bytes or len(request.query) > self._limits.query_bytes:
            return _LARGE_HEAD
        known = await self._authenticated(request)
        if isinstance(known, Problem):
            return known
        rooms, operator = known
        if not self._rate.take(operator.id, time.monotonic()):
            return answers.RATE_LIMITED
        parameters = await self._parameters(request, receive, endpoint)
        if isinstance(parameters, Problem):
            return parameters
        call: Call[Any] = Call(rooms, operator, ids, parameters, request.path)
        if not endpoint.heavy:
            return await endpoint.handler(call)
        async with self._one_heavy:
            return await endpoint.handler(call)

    async def _authenticated(self, request: Incoming) -> tuple[ControlRooms, Operator] | Problem:
        scheme, _, rest = request.headers.get(b"authorization", b"").partition(b" ")
        shown = rest.strip().decode("latin-1")
        if scheme.lower() != b"bearer" or not looks_like_a_token(shown):
            return invalid(_NOTHING_SHOWN, code="operator_required", status=401)
        guess = Guess(self._failures, request.client_ip or "")
        if not guess.take():
            return answers.RATE_LIMITED
        rooms = await self._control.rooms()
        operator = await rooms.operators.find(shown)
        if operator is None:
            return invalid(_NOBODYS, code="operator_required", status=401)
        guess.was_right()
        return rooms, operator

    async def _parameters(self, request: Incoming, receive: Receive, endpoint: ControlEndpoint) -> Parameters | Problem:
        if endpoint.method == "GET":
            return of_query(request.query, endpoint.parameters)
        if request.query:
            return invalid("This takes a JSON body and no query string.")
        announced = request.headers.get(b"content-length")
        if announced in {None, b"0"} and b"transfer-encoding" not in request.headers:
            return of_body(b"", endpoint.parameters)
        if request.headers.get(b"content-encoding", b"identity") != b"identity":
            return invalid("The request body is compressed (Content-Encoding); send it as it is.", status=415)
        kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != _JSON:
            return invalid("The control API takes JSON bodies (Content-Type: application/json).", status=415)
        body = await read_body(receive, self._limits, announced)
        return body if isinstance(body, Problem) else of_body(body, endpoint.parameters)


async def _send(send: Send, request: Incoming, answer: Answer) -> None:
    """Send ``answer``. No page of another origin may read it: programs call this, and no browser."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
        (b"request-id", request.request_id.encode()),
        *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else answer.body})


def of_problem(problem: Problem) -> Answer:
    """Return the answer that tells ``problem``, in the shape of every other; our codes are on no page of Stripe's."""
    error = answers.error_object(problem)
    error.pop("doc_url", None)
    headers = answers.of_problem(problem).headers
    if problem.status == 401:
        headers = {**headers, "www-authenticate": "Bearer"}
    return Answer(status=problem.status, body=msgspec.json.encode({"error": error}), headers=headers)


def _unrouted(request: Incoming, methods: tuple[Any, ...]) -> Answer | Problem:
    if not methods:
        message = f"There is no {request.method} {request.path[:200]}; see {_DOCUMENT} for what there is."
        return invalid(message, status=404)
    answer = of_problem(invalid(f"Method {request.method} is not allowed for {request.path[:200]}.", status=405))
    return msgspec.structs.replace(answer, headers={"allow": ", ".join(methods)})


def with_control(application: ASGIApp, control: Control, limits: Limits = LIMITS) -> ASGIApp:
    """Return ``application`` with the control API served beside it."""
    control_application = ControlApplication(control, limits)

    async def serve(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_ROOT):
            await control_application(scope, receive, send)
        else:
            await application(scope, receive, send)

    return serve
