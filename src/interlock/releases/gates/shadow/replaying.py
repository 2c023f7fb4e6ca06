"""Does recordings again with one release. Pure; this is what runs apart from the gate, in a process of its own.

Everything goes in and comes out as plain values. A recorded answer goes to the request that asks what was asked then
(method and path); where a release asks something else, to the request of the same number, so that a renamed path is one
difference and not the loss of the whole comparison.
"""

from collections.abc import Callable, Sequence

import msgspec

from interlock.base.errors import ConfigurationError, ConnectorError
from interlock.base.redaction import scrub
from interlock.gateways.contract import ConnectorConfig, HttpRequest, HttpResponse
from interlock.gateways.loader import LoadedConnector, load_package
from interlock.gateways.manifest import base_url
from interlock.gateways.package import Package
from interlock.gateways.transport import OperationRequest, asked_of
from interlock.releases.gates.isolation import Report
from interlock.releases.gates.observation import Trace, drive, take_apart
from interlock.releases.gates.shadow.corpus import at_hand, observe
from interlock.releases.gates.shadow.nulls import with_null
from interlock.releases.gates.shadow.requests import restored
from interlock.releases.gates.shadow.types import Observed, RecordedAnswer, Recording

_RECORDINGS = "recordings"
_CASES = "synthetic cases"


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """One recording to do again: with which configuration, and where its last answer is to say null."""

    recording: int
    config: int = 0
    null: tuple[str, ...] = ()


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What one release is to do. ``corpus`` names synthetic cases (``corpus``), None for none; they run under the first
    of ``configs``, and are those for ``corpus_manifest``, the release's own manifest without one."""

    package: Package
    configs: tuple[ConnectorConfig, ...]
    recordings: tuple[Recording, ...] = ()
    reruns: tuple[Rerun, ...] = ()
    corpus: str | None = None
    corpus_manifest: bytes | None = None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What it did. ``broken`` is why it cannot be loaded at all; ``hosts`` are where its requests would go, by
    configuration."""

    observed: tuple[Observed, ...] = ()
    corpus: tuple[Trace, ...] = ()
    hosts: tuple[str, ...] = ()
    broken: str | None = None


def prepare(reference: bytes) -> None:
    """Import the synthetic cases that ``reference`` names, where any are named, before the first release is run."""
    if reference:
        at_hand(reference.decode())


def replay_packed(argument: bytes, report: Report) -> bytes:
    """Do a :class:`Replay` in msgpack and return its :class:`Replayed` in msgpack: the task ``shadow``."""
    return msgspec.msgpack.encode(replay(msgspec.msgpack.decode(argument, type=Replay), report))


def _silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def replay(task: Replay, report: Report = _silent) -> Replayed:
    """Return what the release of ``task`` does with every recording.

    Args:
        task: the release and what it is to do.
        report: told before each recording, which begins a step of bounded processor time.

    """
    try:
        loaded = load_package(task.package)
    except (ConfigurationError, ConnectorError) as error:
        return Replayed(broken=scrub(str(error)))
    requests: dict[int, OperationRequest] = {}
    observed = []
    for number, rerun in enumerate(task.reruns):
        report(_RECORDINGS, number, len(task.reruns))
        recording = task.recordings[rerun.recording]
        if rerun.recording not in requests:
            requests[rerun.recording] = restored(recording.request)
        if rerun.null:
            recording = with_null(recording, rerun.null)
        made = _rerun(loaded, task.configs[rerun.config], recording, requests[rerun.recording])
        observed.append(_portable(made))
    report(_CASES, len(task.reruns), len(task.reruns))
    return Replayed(
        observed=tuple(observed),
        corpus=tuple(_portable_trace(each) for each in _cases_of(task, loaded)),
        hosts=tuple(_host(loaded, config) for config in task.configs),
    )


def _cases_of(task: Replay, loaded: LoadedConnector) -> list[Trace]:
    if task.corpus is None:
        return []
    return observe(task.corpus, loaded, task.configs[0], task.corpus_manifest)


def _host(loaded: LoadedConnector, config: ConnectorConfig) -> str:
    try:
        return base_url(loaded.manifest, config.settings, livemode=config.livemode)
    except ConfigurationError as error:
        return f"none: {error}"


def _rerun(
    loaded: LoadedConnector, config: ConnectorConfig, recording: Recording, request: OperationRequest
) -> Observed:
    operation = recording.slice.operation
    given: list[HttpResponse] = []
    answer = _answers(recording, given)
    trace = drive(loaded, config, operation, request, answer, recording.case)
    refused = _not_sendable(loaded, trace, given)
    if trace.result is None or not given or len(given) < len(trace.requests) or given[-1].status >= 300:
        return Observed(trace=trace, not_sendable=refused)
    asked = asked_of(operation, request)
    echo = loaded.echo.check(
        asked.subject,
        asked.money,
        trace.result.outcome,
        given[-1].body,
        captured_before_minor=asked.captured_before_minor,
    )
    return Observed(trace=trace, echo=echo.money, echo_mismatch=echo.mismatch, not_sendable=refused)


def _portable(observed: Observed) -> Observed:
    """Return ``observed`` as it is read elsewhere; a value of a wrong type in it is the release's error."""
    trace = _portable_trace(observed.trace)
    return observed if trace is observed.trace else Observed(trace=trace)


def _portable_trace(trace: Trace) -> Trace:
    try:
        msgspec.msgpack.decode(msgspec.msgpack.encode(trace), type=Trace)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        reason, _, place = str(error).partition(" - at ")
        where = place.strip("`$.") or "what it made"
        return Trace(case=trace.case, operation=trace.operation, error=f"wrong value in {where}: {scrub(reason)}")
    return trace


def _answers(recording: Recording, given: list[HttpResponse]) -> Callable[[HttpRequest, int], HttpResponse | None]:
    """Return what answers a replay's requests; what it has given is added to ``given``."""
    waiting: dict[int, tuple[tuple[str, str], RecordedAnswer]] = {
        number: ((send.method, send.path), answer)
        for number, (send, answer) in enumerate(zip(recording.sent, recording.answers, strict=False))
    }

    def answer(request: HttpRequest, number: int) -> HttpResponse | None:
        made = take_apart(request)
        asked = (made.method, scrub(made.path))
        fits = next((at for at, (then, _) in waiting.items() if then == asked), number)
        if fits not in waiting:
            return None
        response = waiting.pop(fits)[1].response()
        given.append(response)
        return response

    return answer


def _not_sendable(loaded: LoadedConnector, trace: Trace, given: Sequence[HttpResponse]) -> str | None:
    """Return why the transport would break this operation off: the manifest's own limits."""
    limits = loaded.manifest.limits
    if len(trace.requests) > limits.requests:
        return f"more than {limits.requests} requests"
    if any(len(request.raw) > limits.request_bytes for request in trace.requests):
        return f"a request of more than {limits.request_bytes} bytes"
    if any(len(response.body) > limits.response_bytes for response in given):
        return f"an answer of more than {limits.response_bytes} bytes"
    return None
