"""A case: one or more operations on a made-up account with scripted answers, or one webhook; and how it is run.

Cases know nothing of the connector's code. Running one gives the trace of each operation, which checks judge.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from interlock.gateways.contract import (
    CompleteRequest,
    ConnectorConfig,
    HttpRequest,
    HttpResponse,
    InquireRequest,
    Operation,
)
from interlock.gateways.loader import LoadedConnector
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.observation import Answer, Trace, drive, hear


class Group(StrEnum):
    """What a case is for."""

    MATRIX = "matrix"
    ANSWER = "answer"
    WORD = "word"
    ERROR = "error"
    HOSTILE = "hostile"
    CONVERSATION = "conversation"
    WEBHOOK = "webhook"
    FORGERY = "forgery"


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What must come of an operation; what is left out does not matter.

    ``outcomes`` are those allowed, ``unsent_outcomes`` further ones where no request was made that carries the
    idempotency key as it was asked for. ``fields`` are the result's other fields, those not named being absent
    (``code`` and ``message`` are free); they and ``requests`` (every request, ``METHOD path`` patterns) may hold words
    such as ``$payment``. ``mismatch`` is what the switch's own reading of the money must say. ``lost``: the last
    answer never comes. ``same_request_as`` is the number of an earlier act whose last changing request must be made
    again byte by byte. ``named`` says that an approval must tell the gateway's own name of what was approved.
    """

    outcomes: frozenset[str] | None = None
    unsent_outcomes: frozenset[str] = frozenset()
    fields: Mapping[str, Any] | None = None
    decline_codes: frozenset[str] | None = None
    requests: tuple[str, ...] | None = None
    mismatch: bool | None = None
    lost: bool = False
    same_request_as: int | None = None
    named: bool = True


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of a case. ``request`` may depend on the traces before it."""

    operation: Operation
    request: OperationRequest | Callable[[Sequence[Trace]], OperationRequest]
    answers: Callable[[OperationRequest, Sequence[Trace]], Answer]
    expected: Expected = Expected()
    facets: Mapping[str, Any] = {}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Operations in order, on one account. ``topic`` groups cases that one finding may speak of."""

    name: str
    group: Group
    account: str
    acts: tuple[Act, ...]
    topic: str = ""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook. ``genuine`` says whether its signature is right; None leaves open whether it is heard or not.

    ``expected`` are the notifications that must be heard, in builtin form with words such as ``$payment`` (``$any``
    does not matter); of a delivery that is not heard for sure they are the only ones that may be. ``kinds`` are the
    kinds allowed where there is nothing exact to expect, ``never`` outcomes that may not be heard.
    """

    name: str
    group: Group
    account: str
    headers: Mapping[str, str]
    body: bytes
    now_ms: int
    genuine: bool | None
    expected: tuple[Mapping[str, Any], ...] | None = None
    kinds: frozenset[str] | None = None
    never: frozenset[str] = frozenset()
    topic: str = ""
    config: ConnectorConfig | None = None


class Performed(msgspec.Struct, frozen=True, kw_only=True):
    """A case that was run: the requests it asked with, the answers that were given, and what came of each act.
    ``changed`` says that an act changed the account or request that it was given."""

    case: Case
    config: ConnectorConfig
    asked: tuple[OperationRequest, ...]
    answered: tuple[tuple[HttpResponse, ...], ...]
    traces: tuple[Trace, ...]
    changed: bool = False


def perform(loaded: LoadedConnector, config: ConnectorConfig, case: Case) -> Performed:
    """Run ``case`` with the connector as the account ``config``; acts end where one has no result to go on with."""
    asked: list[OperationRequest] = []
    answered: list[tuple[HttpResponse, ...]] = []
    traces: list[Trace] = []
    changed = False
    for number, act in enumerate(case.acts, start=1):
        request = act.request(traces) if callable(act.request) else act.request
        name = case.name if len(case.acts) == 1 else f"{case.name} #{number} {act.operation}"
        given, answer = _recorded(act.answers(request, traces))
        before = msgspec.to_builtins((config, request))
        traces.append(drive(loaded, config, act.operation, request, answer, name))
        changed = changed or msgspec.to_builtins((config, request)) != before
        asked.append(request)
        answered.append(tuple(given))
        if traces[-1].error is not None:
            break
    return Performed(
        case=case,
        config=config,
        asked=tuple(asked),
        answered=tuple(answered),
        traces=tuple(traces),
        changed=changed,
    )


def deliver(loaded: LoadedConnector, config: ConnectorConfig, delivery: Delivery) -> Trace:
    """Let the connector hear ``delivery`` as the account ``config``, or as the one that the delivery names itself."""
    return hear(loaded, delivery.config or config, delivery.headers, delivery.body, delivery.now_ms, delivery.name)


def subject_of(operation: Operation, request: OperationRequest) -> tuple[Operation, OperationRequest | None]:
    """Return the operation whose money an answer speaks of, and its request: as the transport does it."""
    about: OperationRequest | None = request
    if isinstance(request, InquireRequest):
        operation, about = request.operation, request.original
    if isinstance(about, CompleteRequest):
        operation = Operation.SALE if about.capture else Operation.AUTHORISE
    return operation, about


def _recorded(answer: Answer) -> tuple[list[HttpResponse], Answer]:
    """Return ``answer`` and the list in which its answers will stand."""
    given: list[HttpResponse] = []

    def recording(request: HttpRequest, number: int) -> HttpResponse | None:
        response = answer(request, number)
        if response is not None:
            given.append(response)
        return response

    return given, recording
