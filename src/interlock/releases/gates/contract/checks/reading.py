"""What is read in answers: outcomes that may be made of them, and every field of the result."""

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.gateways.contract import FollowOnRequest, HttpResponse, InquireRequest, Operation
from interlock.gateways.loader import LoadedConnector
from interlock.gateways.outcomes import Result
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.cases import Act, Group, Performed, subject_of
from interlock.releases.gates.contract.checks.sense import contradictions, reasonless
from interlock.releases.gates.contract.knowledge import vocabulary
from interlock.releases.gates.contract.matching import is_request
from interlock.releases.gates.contract.notes import Notes
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.observation import SentRequest, Trace

_CHECKS = {
    Group.MATRIX: "outcomes",
    Group.ANSWER: "answers",
    Group.WORD: "words",
    Group.ERROR: "errors",
    Group.HOSTILE: "hostile",
    Group.CONVERSATION: "conversations",
}
_REMEDIES = {
    Group.MATRIX: "read the provider's ordinary answer as what it says",
    Group.ANSWER: "read this documented answer as it is documented",
    Group.WORD: "map the word in the manifest's codes; what is not mapped is unknown",
    Group.ERROR: "map the error in the manifest's codes; what is not mapped is unknown",
    Group.HOSTILE: "an answer that cannot be classified is unknown, never approved and never declined",
    Group.CONVERSATION: "an operation whose answer was lost is settled only by what the provider documents",
}
_ANY = "$any"
_FREE = frozenset({"code", "message"})


class ReadingChecks:
    """Checks results."""

    def __init__(self, stage: Stage, notes: Notes, loaded: LoadedConnector) -> None:
        """Prepare.

        Args:
            stage: fills expectations.
            notes: where findings go.
            loaded: whose manifest says where answers name their money.

        """
        self._stage = stage
        self._notes = notes
        self._loaded = loaded

    def check(self, performed: Performed) -> None:
        """Look at every result of a case."""
        for number, trace in enumerate(performed.traces):
            act, request = performed.case.acts[number], performed.asked[number]
            if trace.error is not None:
                self._exception(trace)
                continue
            self._notes.looked("exceptions")
            result = trace.result
            if result is None:
                self._unfinished(act, trace)
                continue
            check = _CHECKS[performed.case.group]
            self._notes.looked(check)
            self._outcome(performed, act, request, trace, result)
            self._sense(performed.case.group, trace, result)
            self._words(trace, result)
            if act.expected.fields is not None and self._allowed(act, trace, result):
                values = self._stage.context(performed.case.account, request, before=performed.traces[:number])
                self._fields(performed.case.group, act.expected.fields, trace, result, values)
            self._echo(act, request, trace, result, performed.answered[number])
            if act.expected.same_request_as is not None:
                self._again(performed, trace, act.expected.same_request_as)

    def _exception(self, trace: Trace) -> None:
        self._notes.looked("exceptions")
        kind, _, place = (trace.error or "").partition(" at ")
        where = place if ":" in place else ""
        problem = f"{trace.operation} raises {kind}" if where else f"{trace.operation} {trace.error}"
        remedy = "a connector raises nothing: what it cannot read is unknown, what it cannot build is not_sent"
        self._notes.fail("exceptions", trace.case, problem, remedy, where=where)

    def _unfinished(self, act: Act, trace: Trace) -> None:
        if not act.expected.lost:
            problem = f"{trace.operation} asks for more than the provider's documented answers"
            self._notes.fail("requests", trace.case, problem, "end with what the answer says")

    def _allowed(self, act: Act, trace: Trace, result: Result) -> bool:
        expected = act.expected
        if expected.outcomes is None or str(result.outcome) in expected.outcomes:
            return True
        asked = str(result.outcome) in expected.unsent_outcomes and self._keyed(act.operation, trace)
        return str(result.outcome) in expected.unsent_outcomes and not asked

    def _keyed(self, operation: Operation, trace: Trace) -> list[SentRequest]:
        """Return the requests that carry the operation itself."""
        knowledge = self._stage.knowledge
        if knowledge is None:
            return list(trace.requests)
        patterns = knowledge.keyed.get(operation, ())
        return [sent for sent in trace.requests if any(is_request(pattern, sent) for pattern in patterns)]

    def _outcome(self, performed: Performed, act: Act, request: OperationRequest, trace: Trace, result: Result) -> None:
        expected, group = act.expected, performed.case.group
        topic = performed.case.topic or performed.case.name
        check, remedy = _CHECKS[group], _REMEDIES[group]
        subject = f"an inquiry about {request.operation}" if isinstance(request, InquireRequest) else act.operation
        wordy = group in {Group.WORD, Group.ERROR}
        detail = trace.case.partition(f"{topic}")[2].removeprefix(" is ").removeprefix(": ") if wordy else ""
        about, where = (topic, topic) if wordy else (f"{subject} {topic}", "")
        wanted = " or ".join(sorted(expected.outcomes or ()))
        problem = None
        if expected.lost:
            problem = f"{subject} is {result.outcome} before the answer has come"
        elif not self._allowed(act, trace, result):
            title = "" if wordy else f"{subject}: {topic} "
            problem = f"{title}becomes {result.outcome}, must be {wanted}"
        elif str(result.outcome) == "declined" and not _in(result.decline_code, expected.decline_codes):
            codes = " or ".join(sorted(expected.decline_codes or ()))
            problem = f"has decline_code {result.decline_code}, must have {codes}"
        if problem is not None:
            self._notes.fail(check, trace.case, problem, remedy, where=where, about=about, detail=detail)

    def _sense(self, group: Group, trace: Trace, result: Result) -> None:
        """Look whether every field is of its type, because a Struct does not look by itself, and all goes together."""
        self._notes.looked("result")
        try:
            msgspec.convert(msgspec.to_builtins(result), Result)
        except (msgspec.ValidationError, TypeError, OverflowError) as error:
            problem = f"{trace.operation} returns a result whose field {_at(error)} is of a wrong type"
            self._notes.fail("result", trace.case, problem, "check what answers hold before it is handed on")
            return
        assert trace.operation is not None
        for problem, remedy in contradictions(trace.operation, result):
            self._notes.fail("result", trace.case, problem, remedy)
        if group is not Group.ERROR and reasonless(trace.operation, result):
            problem = f"{trace.operation} is declined without a decline_code"
            self._notes.fail("result", trace.case, problem, "give generic_decline where the reason is not known")

    def _words(self, trace: Trace, result: Result) -> None:
        words = vocabulary()
        for name, value, known in (
            ("decline_code", result.decline_code, words.decline_codes),
            ("advice_code", result.advice_code, words.advice_codes),
        ):
            if value is not None and value not in known:
                # What an answer holds is not named: it may be anything.
                problem = f"{trace.operation} returns a {name} that is none of Stripe's words"
                self._notes.fail("vocabulary", trace.case, problem, f"translate it, or leave {name} out")
        self._notes.looked("vocabulary")

    def _fields(
        self, group: Group, wanted: Mapping[str, Any], trace: Trace, result: Result, values: Mapping[str, Any]
    ) -> None:
        found = builtin(result)
        filled = filled_fields(self._stage, wanted, values)
        for name in sorted({*found, *filled} - {"outcome"}):
            if name in _FREE and name not in filled:
                continue
            there, must = found.get(name), filled.get(name)
            if name == "challenge" and isinstance(there, dict) and isinstance(must, dict):
                there = {key: value for key, value in there.items() if key in must}
            if must not in (there, _ANY):
                said = "is missing" if there is None else "is there" if must is None else "is another"
                told = "" if must is None else f", must be {str(must)[:80]}"
                check, remedy = _CHECKS[group], _REMEDIES[group]
                about = trace.case.partition(",")[0]
                self._notes.fail(check, trace.case, f"{name} {said}{told}", remedy, about=about)

    def _echo(
        self,
        act: Act,
        request: OperationRequest,
        trace: Trace,
        result: Result,
        answered: tuple[HttpResponse, ...],
    ) -> None:
        """Look whether the switch's own reading of the answer's money sees what it must, and the connector's agrees."""
        if act.expected.mismatch is None or not answered or answered[-1].status >= 300:
            return
        self._notes.looked("echo")
        operation, about = subject_of(act.operation, request)
        before = about.captured_before_minor if isinstance(about, FollowOnRequest) else 0
        verdict = self._loaded.echo.check(
            operation, request.amount, result.outcome, answered[-1].body, captured_before_minor=before
        )
        if verdict.mismatch != act.expected.mismatch:
            if act.expected.mismatch:
                problem = f"{operation}: the manifest's echo does not notice an answer that speaks of other money"
            else:
                problem = f"{operation}: the manifest's echo reads other money in an answer that repeats what was asked"
            remedy = f"correct echo.{operation} or currencies in the manifest"
            self._notes.fail("echo", trace.case, problem, remedy)
        elif not act.expected.mismatch and "echo" not in (act.expected.fields or {}) and _reads_other(result, request):
            problem = f"{operation} in {request.amount.currency}: the connector reads other money in the answer"
            self._notes.fail("echo", trace.case, problem, "use from_provider with the provider's exponents")

    def _again(self, performed: Performed, trace: Trace, number: int) -> None:
        """Look whether what was sent before is sent again, byte by byte."""
        self._notes.looked("resend")
        first = [sent for sent in performed.traces[number - 1].requests if sent.method != "GET"]
        if not first:
            return
        if first[-1] not in trace.requests:
            problem = f"an inquiry about {performed.traces[number - 1].operation} sends something else than was sent"
            remedy = "send the same bytes under the same key, or the provider may execute both"
            self._notes.fail("resend", trace.case, problem, remedy)


def builtin(value: msgspec.Struct) -> dict[str, Any]:
    """Return a result or notification as expectations write it: money as a pair, absent fields left out."""
    plain = msgspec.to_builtins(value)
    found: dict[str, Any] = _pairs(plain)
    return {name: inner for name, inner in found.items() if inner is not None}


def _pairs(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"amount_minor", "currency"}:
            return [value["amount_minor"], value["currency"]]
        return {name: _pairs(inner) for name, inner in value.items()}
    return [_pairs(inner) for inner in value] if isinstance(value, list | tuple) else value


def filled_fields(stage: Stage, wanted: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that must be there, words replaced."""
    if stage.filler is None:
        return dict(wanted)
    filled: dict[str, Any] = stage.filler.fill(dict(wanted), values)
    return {name: inner for name, inner in filled.items() if inner is not None}


def _in(code: str | None, allowed: frozenset[str] | None) -> bool:
    return allowed is None or code in allowed


def _reads_other(result: Result, request: OperationRequest) -> bool:
    return result.echo is not None and result.echo != request.amount


def _at(error: Exception) -> str:
    return str(error).partition(" - at `$.")[2].rstrip("`") or "(top)"
