"""The provider's published documents, made ready: request checker, example objects, objects built from schemas, words.

Parsed once per process: a keeper holds them for every package that is examined.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from interlock.releases.gates.contract.knowledge import Knowledge, knowledge_of
from interlock.releases.gates.contract.openapi import RequestChecker, document

_DEPTH_MAX = 6
_BY_TYPE = {"string": "made up", "integer": 1, "number": 1, "boolean": True}


class ProviderDocuments:
    """The documents of one provider."""

    def __init__(self, knowledge: Knowledge, folder: Path) -> None:
        """Read the documents that ``knowledge`` names from ``folder``.

        Raises:
            OSError: one is not there.

        """
        names = knowledge.documents
        self._by_name = {"api": document(folder / names.api)}
        if names.fixtures:
            self._by_name["fixtures"] = document(folder / names.fixtures)
        if names.webhooks:
            self._by_name["webhooks"] = document(folder / names.webhooks)
        self.checker = RequestChecker(folder / names.api, closed=names.closed, raw_cards=names.raw_cards)
        self._built: dict[str, Any] = {}

    def warm(self, knowledge: Knowledge) -> None:
        """Compile the schemas of every request that the provider's expectations name."""
        wanted = {reply.request.partition(" ")[::2] for reply in knowledge.reply}
        for method, path in sorted(wanted):
            template = self.checker.template(method, path.replace("*", "x"))
            if template is not None:
                self.checker.warm(((method, template),))

    def at(self, reference: str) -> Any:
        """Return what stands at ``reference`` (``fixtures#/resources/refund``); raises KeyError where nothing does."""
        name, _, pointer = reference.partition("#")
        found = list(_follow(self._by_name[name], pointer.split("/")[1:]))
        if not found:
            raise KeyError(reference)
        return found[0]

    def words(self, name: str, pointers: tuple[str, ...]) -> list[str]:
        """Return the words of the enums at ``pointers`` (``*`` for any key) of the document ``name``."""
        spec = self._by_name.get(name)
        found = [word for pointer in pointers for enum in _follow(spec, pointer.split("/")[1:]) for word in enum]
        return [word for word in dict.fromkeys(found) if isinstance(word, str)]

    def object_of(self, schema: str) -> Any:
        """Return an object with every field that ``schema`` (a name under components) lists."""
        if schema not in self._built:
            schemas = self._by_name["api"]["components"]["schemas"]
            self._built[schema] = _build(schemas[schema], schemas, 0)
        return self._built[schema]


@cache
def documents_of(provider: str, folder: Path) -> ProviderDocuments | None:
    """Return the documents of ``provider`` in ``folder``, None where the provider is not known or one is not there."""
    knowledge = knowledge_of(provider)
    if knowledge is None:
        return None
    try:
        return ProviderDocuments(knowledge, folder)
    except OSError:
        return None


def _follow(node: Any, parts: list[str]) -> Iterator[Any]:
    if not parts:
        yield node
        return
    part = parts[0].replace("~1", "/").replace("~0", "~")
    if isinstance(node, list) and part.isdigit() and int(part) < len(node):
        yield from _follow(node[int(part)], parts[1:])
    elif isinstance(node, dict):
        inner = list(node.values()) if part == "*" else [node[part]] if part in node else []
        for each in inner:
            yield from _follow(each, parts[1:])


def _build(schema: Any, schemas: dict[str, Any], depth: int) -> Any:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in schema:
            return _build(schema[choice][0], schemas, depth)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        if depth >= _DEPTH_MAX:
            return {}
        return {name: _build(inner, schemas, depth + 1) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [] if depth >= _DEPTH_MAX else [_build(schema.get("items", {}), schemas, depth + 1)]
    return _BY_TYPE.get(kind, "made up")
