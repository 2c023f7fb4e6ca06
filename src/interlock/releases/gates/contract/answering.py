"""Canned answers: what each documented answer must be read as. Golden answers, closed vocabularies, and refusals."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from interlock.gateways.contract import HttpResponse, Operation
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.accounts import FIRST
from interlock.releases.gates.contract.cases import Act, Case, Expected, Group
from interlock.releases.gates.contract.knowledge import Errors, Golden, Knowledge, Words
from interlock.releases.gates.contract.requests import ordinary
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.contract.templates import Variant
from interlock.releases.gates.providers.tables import ProviderTable

_CURRENCIES = ("jpy", "kwd", "isk", "idr", "clp", "ugx")
_MINOR = 12_300
_BROKEN = HttpResponse(status=500)
"""What is answered where a word makes a connector ask for more."""
_UNHEARD_OF = ("a_word_of_next_year", "", "approved?")
_NO_WORDS: tuple[Any, ...] = (None, True, 7, 1.5, [], {}, ["succeeded"], {"status": "succeeded"})


def answering(stage: Stage) -> Iterator[Case]:
    """Yield a case for each documented answer; none where the provider is not known."""
    knowledge = stage.knowledge
    if knowledge is None:
        return
    for golden in knowledge.golden:
        yield from _golden(stage, golden)
    for words in knowledge.words:
        yield from _words(stage, knowledge, words)
    for errors in knowledge.errors:
        yield from _errors(stage, errors)


def asked_for(stage: Stage, operation: Operation, ask: Mapping[str, Any]) -> OperationRequest:
    """Return the ordinary request of ``operation``, changed by an expectation's ``ask``."""
    assert stage.filler is not None
    filled = {name: stage.filler.fill(value, dict(stage.ids)) for name, value in ask.items()}
    return ordinary(operation, stage.payment, filled)


def laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``under`` with the fields of ``over``, objects merged."""
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[name] = laid_over(below, value) if both else value  # type: ignore[arg-type]  # both are maps
    return merged


def expected_of(expect: Mapping[str, Any], *, mismatch: bool, **more: Any) -> Expected:
    """Return an expectation's ``expect`` as what the checks work by."""
    fields = dict(expect)
    outcome = fields.pop("outcome")
    outcomes = frozenset(outcome if isinstance(outcome, list) else [outcome])
    return Expected(outcomes=outcomes, fields=fields, mismatch=mismatch, **more)


def _golden(stage: Stage, golden: Golden) -> Iterator[Case]:
    filler = stage.filler
    assert filler is not None
    variants = {Variant.PLAIN: None}
    if golden.variants:
        variants |= {variant: None for spec in golden.answers for variant in filler.variants(spec)}
    movable = golden.expect.get("echo") == "$asked" and not {"amount", "currency"} & set(golden.ask)
    for operation in golden.operations:
        if not stage.supports(operation):
            continue
        expected = expected_of(golden.expect, mismatch=golden.mismatch, requests=golden.requests)
        shown: list[tuple[Variant, dict[str, Any]]] = [(variant, {}) for variant in variants]
        if movable and not golden.mismatch:
            amount = {} if operation is Operation.VERIFY else {"amount": _MINOR}
            shown += [(Variant.PLAIN, {"currency": currency, **amount}) for currency in _CURRENCIES]
        for variant, change in shown:
            title = f"{operation}: {golden.name}" + _aside(variant, change)
            answers = stage.answers_of(FIRST, golden.answers, variant=variant)
            request = asked_for(stage, operation, {**golden.ask, **change})
            act = Act(operation=operation, request=request, answers=answers, expected=expected)
            yield Case(name=title, group=Group.ANSWER, account=FIRST, acts=(act,), topic=golden.name)


def _aside(variant: Variant, change: Mapping[str, Any]) -> str:
    if change:
        return f", in {change['currency']}"
    return "" if variant is Variant.PLAIN else f", {variant}"


def _words(stage: Stage, knowledge: Knowledge, words: Words) -> Iterator[Case]:
    allowed = _allowed(stage, knowledge, words)
    unheard = frozenset(words.unheard_of)
    unheard_decline = frozenset({words.unheard_of_decline}) if words.unheard_of_decline else None
    listed = stage.documents.words(words.document, words.pointers) if stage.documents is not None else []
    tried: dict[str, tuple[Any, Expected]] = {}
    for word in dict.fromkeys([*listed, *allowed, *_UNHEARD_OF]):
        outcomes, declines = allowed.get(word, (unheard, unheard_decline))
        tried[repr(word)] = (word, Expected(outcomes=outcomes, decline_codes=declines))
    for value in _NO_WORDS:
        tried[repr(value)] = (value, Expected(outcomes=unheard | {"unknown"}))
    for operation in words.operations:
        if not stage.supports(operation):
            continue
        for title, (word, expected) in tried.items():
            extra = words.extra.get(word, {}) if isinstance(word, str) else {}
            spec = laid_over(words.answer, {"body": extra})
            answers = stage.answers_of(FIRST, [spec], then=_BROKEN, word=word)
            request = asked_for(stage, operation, words.ask)
            act = Act(operation=operation, request=request, answers=answers, expected=expected)
            name = f"{operation}: {words.name} is {title}"
            yield Case(name=name, group=Group.WORD, account=FIRST, acts=(act,), topic=words.name)


Allowed = dict[str, tuple[frozenset[str], frozenset[str] | None]]


def _allowed(stage: Stage, knowledge: Knowledge, words: Words) -> Allowed:
    """Return what may be made of each word: by the expectations, then by the provider table's further words."""
    allowed: Allowed = {word: (frozenset(outcomes), None) for word, outcomes in words.allowed.items()}
    allowed |= {word: (frozenset({"declined"}), frozenset({code})) for word, code in words.declines.items()}
    table = stage.table
    if table is None:
        return allowed
    for word, meant in (table.statuses.get(words.group, {}) if words.group else {}).items():
        allowed.setdefault(word, (frozenset({*map(str, meant), "unknown"}), None))
    for word, codes in _further_declines(knowledge, words, table):
        allowed.setdefault(word, (frozenset({"declined"}), frozenset(codes)))
    for word, codes in table.declines.items():
        outcomes, known = allowed.get(word, (frozenset(), None))
        if known is not None:
            allowed[word] = (outcomes, known | set(codes))
    return allowed


def _further_declines(
    knowledge: Knowledge, words: Words, table: ProviderTable
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the table's decline words that no vocabulary of the expectations has."""
    if words.raw is None:
        return
    known = {word for each in knowledge.words for word in each.declines}
    for word, codes in table.declines.items():
        if word not in known and re.fullmatch(words.raw, word):
            yield word, codes


def _errors(stage: Stage, errors: Errors) -> Iterator[Case]:
    rows: list[tuple[int | None, Mapping[str, Any], Mapping[str, str], Expected, Sequence[Operation]]] = []
    for row in errors.rows:
        declines = frozenset({row.decline_code}) if row.decline_code else None
        expected = Expected(outcomes=frozenset(row.outcomes), decline_codes=declines)
        rows.append((row.status, row.body, row.headers, expected, row.not_for))
    for code, outcomes in _further_codes(stage, errors):
        expected = Expected(outcomes=outcomes)
        rows.append((None, {str(errors.code): code}, {}, expected, ()))
    for operation in errors.operations:
        if not stage.supports(operation):
            continue
        for status, body, headers, expected, not_for in rows:
            if operation in not_for:
                continue
            spec: dict[str, Any] = {**errors.answer, "headers": dict(headers)}
            if status is not None:
                spec["status"] = status
            spec = laid_over(spec, {"body": {errors.at: body} if errors.at else body})
            request = ordinary(operation, stage.payment)
            act = Act(operation=operation, request=request, answers=stage.answers_of(FIRST, [spec]), expected=expected)
            shown = " ".join(str(part) for part in (status, *body.values(), *(f"{n}: {v}" for n, v in headers.items())))
            name = f"{operation}: {errors.name}: {shown}"
            yield Case(name=name, group=Group.ERROR, account=FIRST, acts=(act,), topic=errors.name)


def _further_codes(stage: Stage, errors: Errors) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the provider table's error codes that no row has, with the outcomes that may be made of them."""
    table = stage.table
    if table is None or errors.code is None:
        return
    known = {str(row.body.get(errors.code)) for row in errors.rows}
    meant: dict[str, frozenset[str]] = {}
    for word, outcomes in table.statuses.get("error_code", {}).items():
        meant[word] = frozenset({*map(str, outcomes), "unknown"})
    meant |= {word: frozenset({"refused", "unknown"}) for word in table.codes.refusals}
    meant |= {word: frozenset({"unknown"}) for word in table.codes.uncertain}
    for word, outcomes_of_word in meant.items():
        if word not in known:
            yield word, outcomes_of_word
