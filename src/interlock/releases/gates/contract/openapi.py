"""Checks an outbound request against a provider's published OpenAPI document: path, query, headers and body.

Used by the gate and by tests. Form bodies are decoded into the types their schema names. Where asked, every object is
closed, so that a field the provider does not know is a problem, and the one known gap of Stripe's document is filled:
it leaves raw cards out of ``payment_method_data`` (the field and its type), so the ``card`` of ``POST
/v1/payment_methods`` is used.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs
import msgspec

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_KEY = re.compile(r"([^\[\]]+)|\[([^\[\]]*)\]")
_REFERENCE = "$ref"


@cache
def document(path: Path) -> Any:
    """Return the parsed document."""
    return msgspec.json.decode(path.read_bytes())


class RequestChecker:
    """Checks requests against one document; what it compiles is kept."""

    def __init__(self, path: Path, *, closed: bool, raw_cards: bool) -> None:
        """Read the document.

        Args:
            path: its file.
            closed: whether bodies may have no other fields than listed.
            raw_cards: whether ``payment_method_data`` takes a card though the document leaves it out.

        """
        self._document = document(path)
        self._closed = closed
        self._raw_cards = raw_cards
        self._validators: dict[str, jsonschema_rs.Validator] = {}
        self._schemas: dict[str, dict[str, Any]] = {}
        self._templates: dict[tuple[str, str], str | None] = {}
        self._paths = [
            (re.compile("^" + re.sub(r"\\\{[^/]+?\\\}", "[^/?]+", re.escape(template)) + "$"), template)
            for template in self._document["paths"]
        ]

    def problems(self, method: str, target: str, body: bytes, headers: Mapping[str, str] | None = None) -> list[str]:
        """Return what is wrong with a request; empty when the document allows it.

        Args:
            method: upper case.
            target: path and query.
            body: final bytes.
            headers: by lower-case name; not looked at when None.

        """
        parts = urlsplit(target)
        template = self._template(parts.path, method)
        if template is None:
            return [f"the document has no {method} of this path"]
        operation = self._document["paths"][template][method.lower()]
        found = [*self._query_problems(operation, parts.query)]
        if headers is not None:
            found.extend(self._header_problems(operation, headers, body))
        return [*found, *self._body_problems(f"{method} {template}", operation, body)]

    def template(self, method: str, path: str) -> str | None:
        """Return the document's path template for ``path``, None where it has none for ``method``."""
        return self._template(path, method)

    def warm(self, requests: tuple[tuple[str, str], ...]) -> None:
        """Compile what ``requests`` (method and template) need."""
        for method, template in requests:
            operation = self._document["paths"].get(template, {}).get(method.lower())
            if operation is not None:
                self._body_problems(f"{method} {template}", operation, b"")

    def _form_schema(self, key: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        known = self._schemas.get(key)
        if known is None:
            known = self._schemas[key] = _closed(schema) if self._closed else dict(schema)
            data = known.get("properties", {}).get("payment_method_data")
            if data and self._raw_cards:
                data["properties"]["card"] = _closed(self._raw_card())
                data["properties"]["type"]["enum"].append("card")
        return known

    def _raw_card(self) -> Mapping[str, Any]:
        body = self._document["paths"]["/v1/payment_methods"]["post"]["requestBody"]["content"][FORM]["schema"]
        alternatives: list[Mapping[str, Any]] = body["properties"]["card"]["anyOf"]
        return next(alternative for alternative in alternatives if "number" in alternative.get("properties", {}))

    def _template(self, path: str, method: str) -> str | None:
        key = (path, method)
        if key not in self._templates:
            if len(self._templates) > 10_000:
                self._templates.clear()
            paths = self._document["paths"]
            fitting = [t for pattern, t in self._paths if pattern.match(path) and method.lower() in paths[t]]
            self._templates[key] = min(fitting, key=lambda template: template.count("{")) if fitting else None
        return self._templates[key]

    def _parameters(self, operation: Mapping[str, Any], where: str) -> Iterator[Mapping[str, Any]]:
        for parameter in operation.get("parameters", ()):
            found = parameter
            if _REFERENCE in parameter:
                found = self._document["components"]["parameters"][parameter[_REFERENCE].rpartition("/")[2]]
            if found.get("in") == where:
                yield found

    def _query_problems(self, operation: Mapping[str, Any], query: str) -> list[str]:
        parameters = {parameter["name"]: parameter for parameter in self._parameters(operation, "query")}
        required = {name for name, parameter in parameters.items() if parameter.get("required")}
        pairs = parse_qsl(query, keep_blank_values=True)
        given = {unquote(key).partition("[")[0] for key, _ in pairs}
        found = [f"unknown query parameter {name}" for name in sorted(given - set(parameters))]
        found += [f"missing query parameter {name}" for name in sorted(required - given)]
        for name in sorted(given & set(parameters)):
            values = {value for key, value in pairs if unquote(key) == name}
            schema = parameters[name].get("schema", {})
            if schema.get("type") == "integer" and not all(re.fullmatch(r"-?\d+", value) for value in values):
                found.append(f"query parameter {name} is no integer")
            if "enum" in schema and not values <= set(schema["enum"]):
                found.append(f"query parameter {name} has a value that is not in the document")
        return found

    def _header_problems(self, operation: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> list[str]:
        names = {name.lower() for name in headers}
        found = [
            f"missing header {parameter['name']}"
            for parameter in self._parameters(operation, "header")
            if parameter.get("required") and parameter["name"].lower() not in names
        ]
        content = operation.get("requestBody", {}).get("content", {})
        kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
        if body and content and kind.partition(";")[0].strip().lower() not in content:
            found.append(f"content type {kind or '(none)'} where the document has {', '.join(content)}")
        return found

    def _body_problems(self, key: str, operation: Mapping[str, Any], body: bytes) -> list[str]:
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            return ["a body where none is allowed"] if body else []
        form = FORM in content
        schema = self._form_schema(key, content[FORM]["schema"]) if form else dict(content[JSON]["schema"])
        try:
            value = decode_form(body, schema) if form else msgspec.json.decode(body or b"null")
        except (msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError):
            return ["the body cannot be read"]
        validator = self._validators.get(key)
        if validator is None:
            root = schema if form else {**schema, "components": self._document["components"]}
            validator = self._validators[key] = jsonschema_rs.validator_for(root)
        return [f"{_place(error.instance_path)}: {_problem(error)}" for error in validator.iter_errors(value)]


def _place(path: list[Any]) -> str:
    return "/".join(map(str, path)) or "(body)"


def _problem(error: Any) -> str:
    """Return what is wrong without the value, which may be a card or a secret."""
    kind = type(error.kind).__name__.rpartition("_")[2]
    detail: Callable[[Any], str] | None = {
        "AdditionalProperties": lambda kind: f"unknown field {', '.join(kind.unexpected)[:100]}",
        "Required": lambda kind: f"missing field {kind.property}",
        "Enum": lambda _: "not one of the values that the document lists",
        "Type": lambda kind: f"not of type {', '.join(kind.types)}" if hasattr(kind, "types") else "of a wrong type",
        "MaxLength": lambda kind: f"longer than {kind.limit}",
        "MinLength": lambda kind: f"shorter than {kind.limit}",
        "Pattern": lambda kind: f"does not match {kind.pattern}",
        "Maximum": lambda kind: f"above {kind.limit}",
        "Minimum": lambda kind: f"below {kind.limit}",
        "AnyOf": lambda _: "none of the forms that the document allows",
        "OneOf": lambda _: "none of the forms that the document allows",
    }.get(kind)
    return str(detail(error.kind)) if detail else f"breaks the document's rule {kind}"


def _closed(node: Any) -> Any:
    """Return a copy in which every object that lists its properties takes no others."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    copy = {key: _closed(value) for key, value in node.items() if key != "description"}
    if "properties" in node and isinstance(node["properties"], Mapping) and node.get("type") == "object":
        copy["properties"] = {key: _closed(value) for key, value in node["properties"].items()}
        copy.setdefault("additionalProperties", False)
    return copy


def decode_form(body: bytes, schema: Mapping[str, Any]) -> Any:
    """Return the value a form body stands for, each leaf converted to the type its schema names.

    Raises:
        ValueError: this is no form, or one field is given twice or as a value and an object.

    """
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body)):
        names = [first or second for first, second in _KEY.findall(key)]
        branch = tree
        for name in names[:-1]:
            branch = branch.setdefault(name, {})
            if not isinstance(branch, dict):
                raise ValueError(f"{key} is a value and an object")  # noqa: TRY004 - the form is wrong, not a type
        if not names or names[-1] in branch:
            raise ValueError(f"{key} is given twice")
        branch[names[-1]] = value
    return _typed(tree, schema)


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    options = list(_alternatives(schema))
    if isinstance(value, dict):
        for option in options:
            if option.get("type") == "array":
                return [
                    _typed(item, option["items"]) for _, item in sorted(value.items(), key=lambda pair: int(pair[0]))
                ]
        known = next((option for option in options if option.get("type") == "object"), {})
        extra = known.get("additionalProperties")
        extra = extra if isinstance(extra, Mapping) else {}
        properties = known.get("properties", {})
        return {key: _typed(item, properties.get(key, extra)) for key, item in value.items()}
    kinds = {option.get("type") for option in options}
    if "integer" in kinds and re.fullmatch(r"-?\d+", value):
        return int(value)
    if "boolean" in kinds and value in {"true", "false"}:
        return value == "true"
    return value


def _alternatives(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from _alternatives(option)
    else:
        yield schema
