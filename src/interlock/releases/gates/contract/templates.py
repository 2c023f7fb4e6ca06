"""Fills the answers, requests and webhooks of the expectations: ``$…`` stands for values of the case at hand.

``$null``, ``$drop`` (no such field) and ``$empty`` (an object without fields) are words of their own; ``$amount``,
``$payment`` and the like come from the context; ``$.instrument.number`` is a field of the request that was asked,
``:02d`` behind it a format; ``$1.gateway_reference`` a field of an earlier step's result.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from interlock.gateways.contract import HttpResponse
from interlock.releases.gates.contract.documents import ProviderDocuments
from interlock.releases.gates.contract.knowledge import Knowledge

_DROP = object()
_EMPTY = object()
_WORDS = {"$null": None, "$drop": _DROP, "$empty": _EMPTY}
_MAPS = frozenset({"metadata", "additionalData", "data", "financial_addresses"})
_UNHEARD_OF = "a_field_of_next_year"

Context = Mapping[str, Any]


class Variant(StrEnum):
    """How much of the published object an answer shows, and in what form. All must be read alike."""

    PLAIN = "plain"
    """What the expectation names."""
    LEAN = "without empty fields"
    WHOLE = "with every field of the provider's example"
    SCHEMA = "with every field of the provider's schema"
    STRANGE = "with fields nobody has heard of"


class Filler:
    """Builds answers for one provider."""

    def __init__(self, knowledge: Knowledge, documents: ProviderDocuments | None) -> None:
        """Use the skeletons of ``knowledge`` and the objects of ``documents``, without which all is plain."""
        self._knowledge = knowledge
        self._documents = documents

    def variants(self, spec: Mapping[str, Any]) -> tuple[Variant, ...]:
        """Return the variants that an answer has."""
        template = self._knowledge.template.get(spec.get("of", ""))
        found = [Variant.PLAIN, Variant.LEAN, Variant.STRANGE]
        if self._documents is not None and template is not None:
            if template.whole:
                found.append(Variant.WHOLE)
            if template.schema:
                found.append(Variant.SCHEMA)
        return tuple(found)

    def answer(self, spec: Mapping[str, Any], context: Context, variant: Variant = Variant.PLAIN) -> HttpResponse:
        """Return the answer ``spec`` (``of``, ``status``, ``headers``, ``body``) stands for."""
        template = self._knowledge.template.get(spec.get("of", ""))
        status = spec.get("status", template.status if template else 200)
        headers = {"content-type": "application/json", **(template.headers if template else {})}
        headers.update({name.lower(): value for name, value in spec.get("headers", {}).items()})
        body = msgspec.json.encode(self.body(spec, {**context, "status": status}, variant))
        return HttpResponse(status=status, headers=headers, body=body)

    def body(self, spec: Mapping[str, Any], context: Context, variant: Variant = Variant.PLAIN) -> Any:
        """Return the document ``spec`` (``of``, ``body``) stands for."""
        name = spec.get("of")
        around: Any = {}
        if name is not None:
            template = self._knowledge.template[name]
            around = self._around(template.whole, template.schema, variant)
            around = self._laid_over(around, template.body, context, variant)
        built = self._laid_over(around, spec.get("body", {}), context, variant)
        if variant is Variant.LEAN:
            return _without_null(built)
        return _with_strange(built) if variant is Variant.STRANGE else built

    def fill(self, value: Any, context: Context) -> Any:
        """Return ``value`` with everything that stands for something replaced."""
        return self._laid_over({}, {"value": value}, context, Variant.PLAIN).get("value")

    def _around(self, whole: str | None, schema: str | None, variant: Variant) -> Any:
        if self._documents is None:
            return {}
        if variant is Variant.WHOLE and whole:
            return self._documents.at(whole)
        if variant is Variant.SCHEMA and schema:
            return self._documents.object_of(schema)
        return {}

    def _laid_over(self, under: Any, over: Any, context: Context, variant: Variant) -> Any:
        if isinstance(over, dict):
            base = under if isinstance(under, dict) else {}
            over = dict(over)
            if name := over.pop("$template", None):
                base = self.body({"of": name}, context, variant)
            if whole := over.pop("$whole", None):
                base = self._around(whole, None, variant)
            merged = dict(base)
            for key, value in over.items():
                filled = self._laid_over(merged.get(key), value, context, variant)
                merged.pop(key, None)
                if filled is not _DROP:
                    merged[key] = filled
            return merged
        if isinstance(over, list | tuple):
            return [self._laid_over({}, inner, context, variant) for inner in over]
        if isinstance(over, str) and over.startswith("$"):
            filled = value_of(over, context)
            return {} if filled is _EMPTY else filled
        return over


def value_of(word: str, context: Context) -> Any:
    """Return what ``word`` (``$…``) stands for; raises KeyError where the context has nothing of that name."""
    if word in _WORDS:
        return _WORDS[word]
    name, _, form = word[1:].partition(":")
    first, _, rest = name.partition(".")
    value: Any = context[first] if first else context["asked_request"]
    for part in rest.split(".") if rest else ():
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return format(value, form) if form and value is not None else value


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(inner) for name, inner in value.items() if inner is not None}
    return [_without_null(inner) for inner in value] if isinstance(value, list) else value


def _with_strange(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        grown = {key: _with_strange(inner, key) for key, inner in value.items()}
        return grown if name in _MAPS else {_UNHEARD_OF: {"x": [None, 1.5]}, **grown}
    return [_with_strange(inner, name) for inner in value] if isinstance(value, list) else value
