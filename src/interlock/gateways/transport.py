"""The one transport: drives a connector's generator over the wire and decides what a failed wire means.

``payments`` calls :meth:`Transport.execute`; there is one Transport per process, made by bootstrap. It owns timeouts,
limits, classification and bookkeeping, so that a connector holds nothing but the provider's protocol. It follows no
redirect, keeps no cookie, decompresses nothing and never repeats a request on its own.
"""

import ssl
import time
from typing import Any

import msgspec

from interlock.base.errors import ConnectorError
from interlock.base.money import Money
from interlock.base.redaction import scrub
from interlock.gateways.classification import wire_failure
from interlock.gateways.contract import (
    CompleteRequest,
    ConnectorConfig,
    FollowOnRequest,
    HttpRequest,
    HttpResponse,
    InquireRequest,
    Operation,
    PaymentRequest,
    Step,
)
from interlock.gateways.echo import EchoVerdict
from interlock.gateways.exchanges import Exchange
from interlock.gateways.loader import LoadedConnector
from interlock.gateways.manifest import base_url
from interlock.gateways.outcomes import Phase, Result, holds_nul, storable
from interlock.gateways.wire import Call, GatewayPool, MaySend, Target, exchange

OperationRequest = PaymentRequest | CompleteRequest | FollowOnRequest | InquireRequest
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_CONNECTIONS = 2000
_MAX_TARGETS = 1024
_NO_ECHO = EchoVerdict()


class Asked(msgspec.Struct, frozen=True):
    """What an operation is about, so that the answer can be held against it: for an inquiry, what is inquired about.

    ``request`` is what the connector was given, card and all; the repr hides it, and nobody may keep it.
    """

    operation: Operation
    money: Money
    subject: Operation
    captured_before_minor: int = 0
    request: OperationRequest | None = None

    def __repr__(self) -> str:
        """Return a text without the request."""
        return f"Asked({self.operation}, {self.money.amount_minor} {self.money.currency}, …)"

    __str__ = __repr__


class Execution(msgspec.Struct, kw_only=True):
    """One operation, run. ``phase`` is ``done`` when the last request was answered; ``status`` is its HTTP status.

    ``request_id`` is the provider's own id for the last answer: it proves that DNS, TCP, TLS and their front door
    worked. ``echo`` is the money the switch itself read; ``echo_mismatch`` is an incident. ``connect_ms`` is 0 on a
    reused connection. ``exchanges`` are raw: only ``redacted()`` ones may be kept; so is what was ``asked``.
    """

    result: Result
    phase: Phase = Phase.BUILD
    status: int | None = None
    latency_ms: int = 0
    connect_ms: int = 0
    request_id: str | None = None
    echo: Money | None = None
    echo_mismatch: bool = False
    release_id: str = ""
    exchanges: list[Exchange] = []
    asked: Asked | None = None


class _Progress:
    """What one run has done so far."""

    __slots__ = ("call", "exchanges", "may_send", "phase", "response", "started")

    def __init__(self, may_send: MaySend | None = None) -> None:
        self.may_send = may_send
        self.started = time.perf_counter()
        self.phase = Phase.BUILD
        self.call: Call | None = None
        self.response: HttpResponse | None = None
        self.exchanges: list[Exchange] = []

    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000


class Transport:
    """Runs operations; safe for any number of concurrent calls in one event loop. Close it with :meth:`close`."""

    def __init__(self, *, connections: int = _CONNECTIONS, ssl_context: ssl.SSLContext | None = None) -> None:
        """Prepare the pool; must be called inside the event loop that will use it.

        Args:
            connections: the most connections open at once, to all gateways together.
            ssl_context: the trust store to use instead of the system's; verification cannot be switched off.

        """
        context = ssl_context or ssl.create_default_context()
        if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
            raise ValueError("the transport verifies certificates; an ssl_context without that is refused")
        self._pool = GatewayPool(limit=connections, ssl_context=context)
        self._targets: dict[tuple[str, int], tuple[ConnectorConfig, Target]] = {}

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def execute(
        self,
        loaded: LoadedConnector,
        config: ConnectorConfig,
        operation: Operation,
        request: OperationRequest,
        *,
        deadline_ms: int,
        may_send: MaySend | None = None,
    ) -> Execution:
        """Run ``operation`` and return what came of it; raises nothing a gateway or connector can cause.

        Args:
            loaded: the connector.
            config: the gateway account.
            operation: which operation; ``request`` must be of its type.
            request: what to do.
            deadline_ms: how long all of it may take; the manifest's total is the most.
            may_send: asked right before the first byte of each request; always allowed without it.

        """
        asked = asked_of(operation, request)
        try:
            step = getattr(loaded.connector, operation.value)(config, request)
        except Exception as error:  # noqa: BLE001 - a connector's bug must become an outcome, not a crash
            result = wire_failure(error, Phase.BUILD, operation, first_request=True)
            return Execution(result=result, release_id=loaded.release_id)
        return await self.run(loaded, config, step, deadline_ms=deadline_ms, asked=asked, may_send=may_send)

    async def run(
        self,
        loaded: LoadedConnector,
        config: ConnectorConfig,
        step: Step,
        *,
        deadline_ms: int,
        asked: Asked | None = None,
        may_send: MaySend | None = None,
    ) -> Execution:
        """Drive ``step`` to its end; prefer :meth:`execute`, which also names what was asked.

        Args:
            loaded: the connector the step belongs to.
            config: the gateway account.
            step: the connector's generator, not yet started.
            deadline_ms: how long all of it may take; the manifest's total is the most.
            asked: what the answer's money is compared with; no comparison without it.
            may_send: asked right before the first byte of each request; always allowed without it.

        """
        progress = _Progress(may_send)
        operation = asked.operation if asked else None
        budget_ms = min(deadline_ms, loaded.manifest.timeouts.total_ms)
        try:
            result = await self._drive(loaded, config, step, progress, budget_ms)
        except Exception as error:  # noqa: BLE001 - whatever broke, the phase decides what it means
            result = wire_failure(error, progress.phase, operation, first_request=progress.response is None)
        finally:
            step.close()
        return _execution(loaded, result, progress, asked)

    async def _drive(
        self, loaded: LoadedConnector, config: ConnectorConfig, step: Step, progress: _Progress, budget_ms: int
    ) -> Result:
        limits = loaded.manifest.limits
        response: HttpResponse | None = None
        for _ in range(limits.requests + 1):
            try:
                request = next(step) if response is None else step.send(response)
            except StopIteration as stop:
                if not isinstance(stop.value, Result):
                    raise ConnectorError("the connector returned no Result") from None
                return stop.value
            if len(progress.exchanges) == limits.requests:
                raise ConnectorError(f"the connector made more than {limits.requests} requests")
            response = await self._send(loaded, config, request, progress, budget_ms)
        raise ConnectorError("unreachable")

    async def _send(
        self,
        loaded: LoadedConnector,
        config: ConnectorConfig,
        request: HttpRequest,
        progress: _Progress,
        budget_ms: int,
    ) -> HttpResponse:
        progress.phase = Phase.BUILD
        target = self._target(loaded, config)
        limits = loaded.manifest.limits
        if len(request.body) > limits.request_bytes:
            raise ConnectorError("the request body is larger than the manifest allows")
        message = _message(target, request)
        begun_ms = progress.elapsed_ms()
        if begun_ms >= budget_ms:
            raise TimeoutError("no time left before the deadline")
        call = progress.call = Call(target, budget_ms - begun_ms, progress.may_send)
        response = None
        try:
            response = await exchange(self._pool, call, message, limit_bytes=limits.response_bytes)
            call.phase = Phase.DONE
        finally:
            progress.phase = call.phase
            progress.exchanges.append(Exchange(request, response, round(progress.elapsed_ms() - begun_ms)))
        progress.response = response
        return response

    def _target(self, loaded: LoadedConnector, config: ConnectorConfig) -> Target:
        # By identity: a config is frozen, and the entry keeps it alive, so that its id cannot come again meanwhile.
        key = (loaded.release_id, id(config))
        known = self._targets.get(key)
        if known is not None:
            return known[1]
        url = base_url(loaded.manifest, config.settings, livemode=config.livemode)
        target = Target(url, loaded.manifest.timeouts)
        if len(self._targets) >= _MAX_TARGETS:
            self._targets.clear()
        self._targets[key] = (config, target)
        return target


def asked_of(operation: Operation, request: OperationRequest) -> Asked:
    """Return what an answer to ``operation`` is held against; a completion or inquiry speaks of what it settles.

    Called by the transport for every operation, and by the shadow gate for what it does again.
    """
    subject: Operation = operation
    about: OperationRequest | None = request
    if isinstance(request, InquireRequest):
        subject, about = request.operation, request.original
    if isinstance(about, CompleteRequest):
        subject = Operation.SALE if about.capture else Operation.AUTHORISE
    before = about.captured_before_minor if isinstance(about, FollowOnRequest) else 0
    return Asked(operation, request.amount, subject, before, request)


def _message(target: Target, request: HttpRequest) -> bytes:
    """Return the request as it goes over the wire; raises ConnectorError where text could break out of its line."""
    path, body = request.path, request.body
    if request.method not in _METHODS:
        raise ConnectorError(f"the connector used method {request.method!r}")
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise ConnectorError("the connector made a path that is not printable ASCII beginning with /")
    lines = [f"{request.method} {target.path_prefix}{path} HTTP/1.1\r\n{target.fixed_headers}"]
    for name, value in request.headers.items():
        if not value.isprintable() or not name.isascii() or not name.replace("-", "").isalnum():
            raise ConnectorError(f"the connector made an unprintable header {name!r}")
        lines.append(f"{name}: {value}\r\n")
    if body or request.method != "GET":
        lines.append(f"content-length: {len(body)}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1") + body


def _clean(result: Result) -> Result:
    """Return ``result`` with the gateway's words scrubbed: providers do echo what they were sent."""
    if result.message is None and result.code is None:
        return result
    changes: dict[str, Any] = {}
    if result.message is not None and (cleaned := scrub(result.message)) != result.message:
        changes["message"] = cleaned
    if result.code is not None and (cleaned := scrub(result.code)) != result.code:
        changes["code"] = cleaned
    return msgspec.structs.replace(result, **changes) if changes else result


def _execution(loaded: LoadedConnector, result: Result, progress: _Progress, asked: Asked | None) -> Execution:
    response = progress.response
    echo = _NO_ECHO
    answered = response is not None and progress.phase is Phase.DONE
    if answered and response is not None and asked is not None and response.status < 300:
        echo = loaded.echo.check(
            asked.subject, asked.money, result.outcome, response.body, captured_before_minor=asked.captured_before_minor
        )
    header = loaded.manifest.request_id_header
    result = _clean(result)
    for each in progress.exchanges:
        if each.response is not None and holds_nul(each.response.body):
            result = storable(result)
    return Execution(
        result=result,
        phase=progress.phase,
        status=response.status if answered and response is not None else None,
        latency_ms=round(progress.elapsed_ms()),
        connect_ms=progress.call.connect_ms if progress.call else 0,
        request_id=response.headers.get(header) if response is not None and header else None,
        echo=echo.money,
        echo_mismatch=echo.mismatch,
        release_id=loaded.release_id,
        exchanges=progress.exchanges,
        asked=asked,
    )
