"""What requests mean: fields that must say what was asked, fields that must not be there, and text that must arrive."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from interlock.gateways.contract import PaymentRequest
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.cases import Act, Group, Performed
from interlock.releases.gates.contract.knowledge import Rule, Text
from interlock.releases.gates.contract.matching import fits, is_request
from interlock.releases.gates.contract.notes import Notes
from interlock.releases.gates.contract.stage import Stage, matches
from interlock.releases.gates.contract.templates import value_of
from interlock.releases.gates.observation import SentRequest, Trace

_MAY_BE = "?"
_NOT_MADE = frozenset({"not_sent"})


class MeaningChecks:
    """Holds requests against the provider's rules; of an unknown provider it says nothing."""

    def __init__(self, stage: Stage, notes: Notes) -> None:
        """Prepare.

        Args:
            stage: holds the rules.
            notes: where findings go.

        """
        self._stage = stage
        self._notes = notes
        self._rules = stage.knowledge.rule if stage.knowledge else ()
        self._texts = stage.knowledge.text if stage.knowledge else ()

    def check(self, performed: Performed) -> None:
        """Look at the requests of a case."""
        for act, request, trace in zip(performed.case.acts, performed.asked, performed.traces, strict=False):
            values = self._stage.context(performed.case.account, request, before=())
            if act.expected.requests is not None:
                self._sequence(act.expected.requests, trace, values, "the documented way")
            if act.facets and act.expected.outcomes != _NOT_MADE:
                self._meaning(act, trace, values)
            if isinstance(request, PaymentRequest) and performed.case.group is Group.MATRIX:
                self._text(request, trace)

    def _meaning(self, act: Act, trace: Trace, values: Mapping[str, Any]) -> None:
        for rule in self._rules:
            if act.operation in rule.operations and matches(rule.when, act.facets):
                self._notes.looked("fields")
                if rule.sequence is not None:
                    self._sequence(rule.sequence, trace, values, rule.about)
                self._rule(rule, trace, values)

    def _sequence(self, wanted: tuple[str, ...], trace: Trace, values: Mapping[str, Any], about: str) -> None:
        self._notes.looked("requests")
        made = trace.requests
        if trace.error is not None:
            wanted = wanted[: len(made)]  # what is missing after an exception has been told already
        right = len(wanted) == len(made) and all(
            is_request(pattern, sent, values) for pattern, sent in zip(wanted, made, strict=True)
        )
        if not right:
            shown = ", then ".join(f"{sent.method} {_nameless(sent.path, values)}" for sent in made) or "nothing"
            problem = (
                f"{trace.operation} asks {shown[:160]} where {about} is {', then '.join(wanted) or 'to ask nothing'}"
            )
            self._notes.fail("requests", trace.case, problem, "make these requests, in this order")

    def _rule(self, rule: Rule, trace: Trace, values: Mapping[str, Any]) -> None:
        if rule.request is None:
            return
        found = [sent for sent in trace.requests if is_request(rule.request, sent, values)]
        if not found and rule.sequence is None and trace.error is None:
            problem = f"{trace.operation} makes no {rule.request} ({rule.about})"
            self._notes.fail("fields", trace.case, problem, "make the request that the provider documents")
        for sent in found:
            for place, wanted in rule.fields.items():
                self._field(rule, trace, sent, place, wanted, values)
            for pattern in rule.absent:
                for place in sent.fields:
                    if fits(pattern, place):
                        problem = f"{trace.operation}: {place} is there ({rule.about})"
                        self._notes.fail("fields", trace.case, problem, "leave it out")
            for name, wanted in rule.headers.items():
                if sent.headers.get(name) != str(self._filled(wanted, values)):
                    problem = f"{trace.operation}: the header {name} is not as documented ({rule.about})"
                    self._notes.fail("fields", trace.case, problem, "send what the provider documents")

    def _field(
        self, rule: Rule, trace: Trace, sent: SentRequest, place: str, wanted: Any, values: Mapping[str, Any]
    ) -> None:
        source = sent.query if place.startswith("?") else sent.fields
        found = source.get(place.removeprefix("?"))
        value = self._filled(wanted, values)
        if isinstance(value, str) and value.startswith(_MAY_BE):
            if found is None:
                return
            value = value[1:]
        if not _same(found, value):
            said = "is missing" if found is None else "says something else"
            problem = f"{trace.operation}: {place} {said} ({rule.about})"
            self._notes.fail("fields", trace.case, problem, f"send {_shown(wanted, value)} there")

    @staticmethod
    def _filled(wanted: Any, values: Mapping[str, Any]) -> Any:
        return value_of(wanted, values) if isinstance(wanted, str) and wanted.startswith("$") else wanted

    def _text(self, request: PaymentRequest, trace: Trace) -> None:
        for text in self._texts:
            given = [_given(request, path) for path in text.given]
            for sent in trace.requests:
                arrived = sent.fields.get(text.place)
                if arrived is None:
                    continue
                self._notes.looked("texts")
                if problem := _spoilt(text, given, arrived):
                    remedy = "send text as it is, encoded once and cut to the provider's length"
                    self._notes.fail("texts", trace.case, f"{trace.operation}: {text.place} {problem}", remedy)


def _nameless(path: str, values: Mapping[str, Any]) -> str:
    """Return ``path`` with the payment's name as the word that stands for it."""
    return path.replace(str(values.get("payment")), "$payment")


def _same(found: Any, wanted: Any) -> bool:
    if wanted is None or isinstance(wanted, str):
        return bool(found == wanted)
    if isinstance(found, str):  # a form has texts only
        return found == (str(wanted).lower() if isinstance(wanted, bool) else str(wanted))
    return type(found) is type(wanted) and bool(found == wanted)


def _shown(wanted: Any, value: Any) -> str:
    """Return what belongs there: the expectation's word where the value is the case's own."""
    return str(wanted).removeprefix("$.") if isinstance(wanted, str) and wanted.startswith("$") else repr(value)


def _given(request: OperationRequest, path: str) -> str:
    value: Any = request
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return value if isinstance(value, str) else ""


def _spoilt(text: Text, given: Sequence[str], arrived: Any) -> str | None:
    """Return how ``arrived`` differs from what may become of ``given``, None where it does not."""
    if not isinstance(arrived, str):
        return "is no text"
    if text.length_max is not None and len(arrived) > text.length_max:
        return f"is longer than {text.length_max} characters"
    if text.characters is not None:
        return None if re.fullmatch(text.characters, arrived) else "has characters that the provider refuses"
    plain = [each.encode("utf-8", "replace").decode() for each in given]
    if not any(each.startswith(arrived) or each.strip().startswith(arrived) for each in plain):
        return "does not say what was given"
    return "is empty where something was given" if plain[0].strip() and not arrived else None
