"""The transport of the gate's house: the real one, which also remembers what was sent and can lose its patience.

The package stays as it is. Where a case needs a gateway that never answers, :func:`impatient` makes the operations of
that task (and of what it starts) count by short timeouts: the loaded manifest is replaced in memory, for one call.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from contextvars import ContextVar

import msgspec

from interlock.gateways.contract import ConnectorConfig, HttpRequest, Operation
from interlock.gateways.loader import LoadedConnector
from interlock.gateways.manifest import Manifest, Timeouts
from interlock.gateways.transport import Execution, OperationRequest, Transport
from interlock.gateways.wire import MaySend

replace = msgspec.structs.replace
_IMPATIENT: ContextVar[bool] = ContextVar("impatient", default=False)
_READ_MS = 400
_SENT_MAX = 20_000
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


class WatchedTransport(Transport):
    """A transport that remembers every request by its key. One per run."""

    def __init__(self) -> None:
        """Prepare both pools; must be called inside the event loop that will use them."""
        super().__init__()
        self._hurried = Transport()
        self._hurried_connectors: dict[str, LoadedConnector] = {}
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
        if _IMPATIENT.get():
            hurried = self._hurry(loaded)
            execution = await self._hurried.execute(
                hurried, config, operation, request, deadline_ms=deadline_ms, may_send=may_send
            )
        else:
            execution = await super().execute(
                loaded, config, operation, request, deadline_ms=deadline_ms, may_send=may_send
            )
        if execution.result.gateway_reference:
            self.references[execution.result.gateway_reference] = loaded.release_id
        self._remember(loaded, operation, request.reference, [one.request for one in execution.exchanges])
        return execution

    def _hurry(self, loaded: LoadedConnector) -> LoadedConnector:
        known = self._hurried_connectors.get(loaded.release_id)
        if known is None:
            times = loaded.manifest.timeouts
            read_ms = min(times.read_ms, _READ_MS)
            short = Timeouts(
                resolve_ms=times.resolve_ms,
                connect_ms=times.connect_ms,
                tls_ms=times.tls_ms,
                write_ms=times.write_ms,
                read_ms=read_ms,
                total_ms=times.total_ms,
            )
            known = replace(loaded, manifest=replace(loaded.manifest, timeouts=short))
            self._hurried_connectors[loaded.release_id] = known
        return known

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
