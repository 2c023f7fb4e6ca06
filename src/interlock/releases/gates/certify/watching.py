"""The transport of the gate's house: the real one, which also remembers what was sent and can lose its patience.

The package stays as it is. Where a case needs a gateway that never answers, :func:`impatient` makes the operations of
that task (and of what it starts) count by short timeouts: the loaded manifest is replaced in memory, for one call.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import msgspec

from interlock.base.errors import ConnectorError
from interlock.gateways.contract import ConnectorConfig, HttpRequest, Operation
from interlock.gateways.loader import LoadedConnector, place_of
from interlock.gateways.manifest import Manifest, Timeouts
from interlock.gateways.outcomes import Result
from interlock.gateways.transport import Execution, OperationRequest, Transport
from interlock.gateways.wire import MaySend

replace = msgspec.structs.replace
_IMPATIENT: ContextVar[bool] = ContextVar("impatient", default=False)
_READ_MS = 400
_SENT_MAX = 20_000
_RAISED_MAX = 50
_TEXT_MAX = 200
BREACH = "connector_error"
"""The transport's code for a connector that raised or broke the contract."""
_DIGEST_BYTES = 12


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Wait no longer than 0.4 s for an answer inside the block."""
    token = _IMPATIENT.set(True)
    try:
        yield
    finally:
        _IMPATIENT.reset(token)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One request that went out: for which attempt, what about, under which idempotency key.

    ``asked`` is the operation that was run (``inquire`` for an inquiry, which may send the original again). ``body``
    is a digest: what was in it stays on the wire.
    """

    release_id: str
    reference: str
    asked: Operation
    method: str
    path: str
    key: str | None
    body: str


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """An exception of a connector: where in its package it arose, its type and text, during which operation."""

    place: str
    kind: str
    text: str
    asked: str
    reference: str


class Told(msgspec.Struct, frozen=True):
    """Everything a connector said of one operation, as JSON."""

    reference: str
    asked: str
    words: bytes


class _Watched:
    """A connector as it is; what it returns or raises is noted before anybody else has touched it."""

    def __init__(
        self,
        connector: object,
        said: Callable[[str, str, object], None],
        raised: Callable[[str, str, BaseException], None],
    ) -> None:
        self._connector = connector
        self._said = said
        self._raised = raised

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connector, name)

        def run(config: ConnectorConfig, request: OperationRequest) -> Any:
            try:
                result = yield from method(config, request)
            except (SystemExit, KeyboardInterrupt):
                raise  # ends the run, which names the place
            except BaseException as error:
                if isinstance(error, GeneratorExit) and ":" not in place_of(error):
                    raise  # the transport closes the operation
                self._raised(name, request.reference, error)
                if isinstance(error, Exception):
                    raise
                # Else it would end a task of ours, and nobody would see why.
                raise ConnectorError(f"the connector raised {type(error).__name__}") from None
            self._said(name, request.reference, result)
            return result

        return run


class WatchedTransport(Transport):
    """A transport that remembers every request by its key, what was said of it, and what was raised. One per run."""

    def __init__(self) -> None:
        """Prepare both pools; must be called inside the event loop that will use them."""
        super().__init__()
        self._hurried = Transport()
        self._watched: dict[tuple[str, bool], LoadedConnector] = {}
        self.out_of_memory: Callable[[Raised], None] = lambda _: None
        self.raised: list[Raised] = []
        self.told: list[Told] = []
        self.other_money: list[tuple[str, str]] = []
        """Attempt and operation of each answer that spoke of other money than the operation was about."""
        self.sent: list[Sent] = []
        self.references: dict[str, str] = {}
        self.manifests: dict[str, Manifest] = {}

    async def close(self) -> None:
        """Close all connections."""
        await self._hurried.close()
        await super().close()

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
        """Run ``operation`` as :meth:`Transport.execute` does, and remember what was sent."""
        self.references[request.reference] = loaded.release_id
        self.manifests.setdefault(loaded.release_id, loaded.manifest)
        hurried = _IMPATIENT.get()
        watched = self._watch(loaded, hurried=hurried)
        execute = self._hurried.execute if hurried else super().execute
        execution = await execute(watched, config, operation, request, deadline_ms=deadline_ms, may_send=may_send)
        self._note_breach(loaded, operation, request.reference, execution.result)
        if execution.echo_mismatch:
            self.other_money.append((request.reference, operation.value))
        if execution.result.gateway_reference:
            self.references[execution.result.gateway_reference] = loaded.release_id
        self._remember(loaded, operation, request.reference, [one.request for one in execution.exchanges])
        return execution

    def _watch(self, loaded: LoadedConnector, *, hurried: bool) -> LoadedConnector:
        key = (loaded.release_id, hurried)
        known = self._watched.get(key)
        if known is None:
            manifest = _hurry(loaded.manifest) if hurried else loaded.manifest
            watched: Any = _Watched(loaded.connector, self._note_said, self._note_raised)
            known = self._watched[key] = replace(loaded, manifest=manifest, connector=watched)
        return known

    def _note_said(self, asked: str, reference: str, result: object) -> None:
        if len(self.told) < _SENT_MAX and isinstance(result, Result):
            self.told.append(Told(reference, asked, msgspec.json.encode(result)))

    def _note_raised(self, asked: str, reference: str, error: BaseException) -> None:
        kind, text = type(error).__name__, _text(error)
        raised = Raised(place=place_of(error), kind=kind, text=text, asked=asked, reference=reference)
        if len(self.raised) < _RAISED_MAX:
            self.raised.append(raised)
        if isinstance(error, MemoryError):
            self.out_of_memory(raised)

    def _note_breach(self, loaded: LoadedConnector, asked: Operation, reference: str, result: Result) -> None:
        """Note what the transport would not go on with: too many requests, no result, a path that cannot be sent."""
        noted = any(one.reference == reference and one.asked == asked for one in self.raised)
        if result.code == BREACH and not noted and len(self.raised) < _RAISED_MAX:
            place, text = _place_of_method(loaded.connector, asked), (result.message or "")[:_TEXT_MAX]
            kind = "nothing, and keeps no contract"
            self.raised.append(Raised(place=place, kind=kind, text=text, asked=asked.value, reference=reference))

    def _remember(
        self, loaded: LoadedConnector, operation: Operation, reference: str, requests: list[HttpRequest]
    ) -> None:
        wanted = loaded.manifest.idempotency.header.lower()
        for request in requests:
            if len(self.sent) >= _SENT_MAX:
                return
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.sent.append(
                Sent(
                    release_id=loaded.release_id,
                    reference=reference,
                    asked=operation,
                    method=request.method,
                    path=request.path,
                    key=headers.get(wanted),
                    body=hashlib.blake2b(request.body, digest_size=_DIGEST_BYTES).hexdigest(),
                )
            )


def _hurry(manifest: Manifest) -> Manifest:
    """Return ``manifest`` with no patience for an answer."""
    times = manifest.timeouts
    short = Timeouts(
        resolve_ms=times.resolve_ms,
        connect_ms=times.connect_ms,
        tls_ms=times.tls_ms,
        write_ms=times.write_ms,
        read_ms=min(times.read_ms, _READ_MS),
        total_ms=times.total_ms,
    )
    return replace(manifest, timeouts=short)


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_TEXT_MAX]
    except Exception:  # noqa: BLE001 - the candidate's own __str__ may be what is broken
        return "its text cannot be read"


def _place_of_method(connector: object, operation: Operation) -> str:
    """Return file and line of the connector's method for an operation."""
    code = getattr(getattr(connector, operation.value, None), "__code__", None)
    return "the connector" if code is None else f"{code.co_filename.partition('/')[2]}:{code.co_firstlineno}"
