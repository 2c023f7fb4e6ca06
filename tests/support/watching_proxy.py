"""A proxy that lets every byte through and holds every answer of the API against Stripe's published documents.

Clients are given its address as their base URL, so that the SDKs for Python and Node and the CLI stay unmodified and
none of their calls is left out. What is wrong is kept in ``complaints``, what was called in ``called``. On a machine
without the published documents only headers and error objects are checked; ``has_documents`` tells.
"""

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from tests.support import stripe_shapes

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})
_DOWNLOAD = re.compile("/v1/files/[^/]+/contents")
_NOT_PUBLISHED = re.compile("/v1/payment_pages/.*|/v1/events/[^/]+/retry")
# Kinds whose published example shows another case of the object than a test can hold it to.
_NO_EXAMPLE = frozenset({"list", "search_result"})
_NAME = re.compile(r"\{[^/]+\}")


class Templates:
    """The published paths; literal segments win over placeholders."""

    def __init__(self, paths: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the ``paths`` of an OpenAPI document."""
        self._paths = paths
        self._patterns = sorted(
            ((_NAME.sub("[^/]+", re.sub(r"([.])", r"\\\1", path)), path) for path in paths),
            key=lambda pair: pair[1].count("{"),
        )

    def find(self, method: str, path: str) -> str | None:
        """Return the published path that ``path`` is a case of, if it knows ``method``."""
        for pattern, template in self._patterns:
            if re.fullmatch(pattern, path) and method.lower() in self._paths[template]:
                return template
        return None


class WatchingProxy:
    """Forwards to ``target`` from a thread of its own."""

    def __init__(self, target: str) -> None:
        """Prepare; :meth:`start` listens."""
        self._target = target
        self.has_documents = stripe_shapes.specs_folder() is not None
        self._templates = Templates(stripe_shapes.published_paths() if self.has_documents else {})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="watching-proxy", daemon=True)
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.url = ""
        self.complaints: list[str] = []
        self._told: set[tuple[str, str | None, str]] = set()
        self.called: set[tuple[str, str]] = set()
        self.answered = 0

    def start(self) -> "WatchingProxy":
        """Listen on a free port."""
        self._thread.start()
        self._run(self._open())
        return self

    def stop(self) -> None:
        """Stop listening and end the thread."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def take_complaints(self) -> list[str]:
        """Return the complaints since the last call."""
        taken, self.complaints, self._told = self.complaints, [], set()
        return taken

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _open(self) -> None:
        self._session = aiohttp.ClientSession(
            auto_decompress=False, timeout=aiohttp.ClientTimeout(total=90), connector=aiohttp.TCPConnector(limit=0)
        )
        application = web.Application(client_max_size=2**26)
        application.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    async def _forward(self, request: web.Request) -> web.Response:
        assert self._session is not None
        body = await request.read()
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP]
        try:
            async with self._session.request(
                request.method, self._target + request.raw_path, headers=headers, data=body or None,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                content = await answer.read()
        except aiohttp.ClientError as error:
            # A client in front of a connection that breaks must see a connection that breaks.
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError from error
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP]
        if request.method != "HEAD":
            self._watch(request, answer.status, dict(answer.headers), content)
        return web.Response(status=answer.status, headers=kept, body=content)

    def _watch(self, request: web.Request, status: int, headers: Mapping[str, str], content: bytes) -> None:
        if not request.path.startswith("/v1/") or request.method not in {"GET", "POST", "DELETE"}:
            return
        if status == 200 and _DOWNLOAD.fullmatch(request.path):
            return
        self.answered += 1
        template = self._templates.find(request.method, request.path)
        place = f"{request.method} {request.path} {status}"
        self.called.add((request.method, request.path))
        for problem in self._problems(request, template, status, headers, content):
            kind = (request.method, template, problem[:200])
            if kind not in self._told:
                self._told.add(kind)
                self.complaints.append(f"{place}: {problem}")

    def _problems(
        self, request: web.Request, template: str | None, status: int, headers: Mapping[str, str], content: bytes
    ) -> Iterator[str]:
        yield from _header_problems({name.lower(): value for name, value in headers.items()})
        if status in {500, 501}:  # 502 and 503 are honest answers of a full house
            yield "a server error"
        try:
            body = msgspec.json.decode(content)
        except msgspec.DecodeError as error:
            yield f"no JSON: {error}"
            return
        if status >= 400:
            yield from _error_problems(body)
        if self.has_documents:
            yield from self._document_problems(request, template, status, body)

    def _document_problems(self, request: web.Request, template: str | None, status: int, body: Any) -> Iterator[str]:
        if status < 400 and template is None and not _NOT_PUBLISHED.fullmatch(request.path):
            yield "the published document does not know this operation"
        if "pk_" in request.headers.get("Authorization", ""):
            return  # a browser is shown less of an intent than the schema requires, on purpose
        if template is not None:
            yield from stripe_shapes.response_errors(request.method, template, status, body)
        for kind, value in objects_in(body):
            for line in stripe_shapes.key_errors(kind, value):
                # What happened to is of any kind; it is looked at as what it is.
                if kind != "event" or not line.startswith("data.object."):
                    yield f"{kind} {value.get('id')}: {line}"


def _header_problems(names: Mapping[str, str]) -> Iterator[str]:
    if not names.get("request-id", "").startswith("req_"):
        yield "no Request-Id"
    if names.get("content-type") != "application/json":
        yield f"content type {names.get('content-type')}"
    if "stripe-version" not in names:
        yield "no Stripe-Version"


def _error_problems(body: Any) -> Iterator[str]:
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        yield "no error object"
        return
    if error.get("type") not in {"api_error", "card_error", "idempotency_error", "invalid_request_error"}:
        yield f"error type {error.get('type')}"
    if not error.get("message"):
        yield "no error message"
    code = error.get("code")
    if code is not None and code not in stripe_shapes.error_codes():
        yield f"error code {code} is none of the published ones"


def objects_in(node: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every object (a map with ``object``) within ``node``, itself included, with its kind."""
    if isinstance(node, list):
        for item in node:
            yield from objects_in(item)
    elif isinstance(node, Mapping):
        kind = node.get("object")
        if isinstance(kind, str) and kind not in _NO_EXAMPLE and "id" in node:
            yield (f"deleted_{kind}" if node.get("deleted") is True else kind), node
        for value in node.values():
            # The card of a token has an example of its own there, without a customer.
            yield from () if kind == "token" else objects_in(value)
