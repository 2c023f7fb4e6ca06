"""Conversations: several operations on one payment, answers that never come, and every way to ask what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from interlock.gateways.contract import InquireRequest, Operation, PaymentRequest
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.accounts import FIRST
from interlock.releases.gates.contract.answering import expected_of
from interlock.releases.gates.contract.cases import Act, Case, Expected, Group
from interlock.releases.gates.contract.knowledge import Conversation, ConversationStep
from interlock.releases.gates.contract.requests import inquiry_about, ordinary
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.observation import Trace


def conversing(stage: Stage) -> Iterator[Case]:
    """Yield a case for each conversation that the package can hold; none where the provider is not known."""
    if stage.knowledge is None:
        return
    for conversation in stage.knowledge.conversation:
        if all(stage.supports(step.operation) for step in conversation.step):
            yield _case(stage, conversation)


def _case(stage: Stage, conversation: Conversation) -> Case:
    asked: list[OperationRequest] = []
    acts = tuple(
        _act(stage, conversation, number, step, asked) for number, step in enumerate(conversation.step, start=1)
    )
    return Case(name=conversation.name, group=Group.CONVERSATION, account=FIRST, acts=acts, topic=conversation.name)


def _act(
    stage: Stage, conversation: Conversation, number: int, step: ConversationStep, asked: list[OperationRequest]
) -> Act:
    def request(before: Sequence[Trace]) -> OperationRequest:
        del asked[number - 1 :]
        asked.append(_request(stage, conversation, step, before, asked))
        return asked[-1]

    more: dict[str, Any] = {
        "requests": step.requests,
        "same_request_as": step.same_request_as,
        "lost": step.lost,
    }
    expected = Expected(**more) if step.lost else expected_of(step.expect, mismatch=step.mismatch, **more)
    return Act(
        operation=step.operation,
        request=request,
        answers=stage.answers_of(FIRST, step.answers),
        expected=expected,
    )


def _request(
    stage: Stage,
    conversation: Conversation,
    step: ConversationStep,
    before: Sequence[Trace],
    asked: Sequence[OperationRequest],
) -> OperationRequest:
    """Return the request of a step; what it says of earlier steps is filled in."""
    filler = stage.filler
    assert filler is not None
    values: dict[str, Any] = {**stage.ids, "account": stage.accounts[FIRST].settings}
    for number, trace in enumerate(before, start=1):
        values[str(number)] = msgspec.to_builtins(trace.result) if trace.result is not None else {}
    ask = {name: filler.fill(value, values) for name, value in step.ask.items()}
    if step.operation is not Operation.INQUIRE:
        return ordinary(step.operation, stage.payment, ask)
    about = ask.pop("about") - 1
    return _inquiry(conversation.step[about].operation, asked[about], ask)


def _inquiry(operation: Operation, request: OperationRequest, ask: Mapping[str, Any]) -> InquireRequest:
    """Return the question about ``request``, which the vault gives back without its security code unless identical."""
    ask = dict(ask)
    original = ask.pop("original", True)
    if isinstance(request, PaymentRequest) and not ask.get("identical"):
        request = without_code(request)
    return inquiry_about(operation, request, ask, original=original)


def without_code(request: PaymentRequest) -> PaymentRequest:
    """Return ``request`` as it can be rebuilt later: a security code is not kept."""
    if not hasattr(request.instrument, "cvc"):
        return request
    return msgspec.structs.replace(request, instrument=msgspec.structs.replace(request.instrument, cvc=None))
