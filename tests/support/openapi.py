"""Checks an outbound request against a provider's published OpenAPI document: path, query, and body.

Any test may call it. Stripe's form bodies are decoded into the types their schema names; every object is closed, so
that a field the provider does not know is a problem. One known gap of Stripe's document is filled in: it leaves raw
cards out of ``payment_method_data`` (the field and its type), so the ``card`` of ``POST /v1/payment_methods`` is used.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs
import msgspec

STRIPE = "stripe_openapi_2026-05-27.json"
ADYEN = "adyen_checkout_v72.json"
ADYEN_WEBHOOKS = "adyen_webhooks_v1.json"
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_KEY = re.compile(r"([^\[\]]+)|\[([^\[\]]*)\]")


@cache
def document(path: Path) -> Any:
    """Return the parsed document."""
    return msgspec.json.decode(path.read_bytes())


def enum_of(path: Path, *keys: str) -> list[str]:
    """Return the enum found by following ``keys`` through the document."""
    node = document(path)
    for key in keys:
        node = node[key]
    return list(node["enum"])


class RequestChecker:
    """Checks requests against one document."""

    def __init__(self, path: Path) -> None:
        self._document = document(path)
        self._validators: dict[str, jsonschema_rs.Validator] = {}
        self._schemas: dict[str, dict[str, Any]] = {}
        self._paths = [
            (re.compile("^" + re.sub(r"\\\{[^/]+?\\\}", "[^/?]+", re.escape(template)) + "$"), template)
            for template in self._document["paths"]
        ]

    def problems(self, method: str, target: str, body: bytes, *, base_path: str = "") -> list[str]:
        """Return what is wrong with a request; empty when the document allows it.

        Args:
            method: upper case.
            target: path and query.
            body: final bytes.
            base_path: what the host's base URL adds, taken off the path first.

        """
        parts = urlsplit(target)
        template = self._template(parts.path.removeprefix(base_path), method)
        if template is None:
            return [f"no operation {method} {parts.path}"]
        operation = self._document["paths"][template][method.lower()]
        return [
            *self._query_problems(operation, parts.query),
            *self._body_problems(f"{method} {template}", operation, body),
        ]

    def _form_schema(self, key: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        known = self._schemas.get(key)
        if known is None:
            known = self._schemas[key] = _closed(schema)
            data = known.get("properties", {}).get("payment_method_data")
            if data:
                data["properties"]["card"] = _closed(self._raw_card())
                data["properties"]["type"]["enum"].append("card")
        return known

    def _raw_card(self) -> Mapping[str, Any]:
        body = self._document["paths"]["/v1/payment_methods"]["post"]["requestBody"]["content"][_FORM]["schema"]
        alternatives: list[Mapping[str, Any]] = body["properties"]["card"]["anyOf"]
        return next(alternative for alternative in alternatives if "number" in alternative.get("properties", {}))

    def _template(self, path: str, method: str) -> str | None:
        fitting = [
            t for pattern, t in self._paths if pattern.match(path) and method.lower() in self._document["paths"][t]
        ]
        return min(fitting, key=lambda template: template.count("{")) if fitting else None

    def _query_problems(self, operation: Mapping[str, Any], query: str) -> list[str]:
        known = {
            parameter.get("name") for parameter in operation.get("parameters", ()) if parameter.get("in") == "query"
        }
        required = {p["name"] for p in operation.get("parameters", ()) if p.get("in") == "query" and p.get("required")}
        given = {unquote(key).partition("[")[0] for key, _ in parse_qsl(query, keep_blank_values=True)}
        unknown = [f"unknown query parameter {name}" for name in sorted(given - known)]
        return unknown + [f"missing query parameter {name}" for name in sorted(required - given)]

    def _body_problems(self, key: str, operation: Mapping[str, Any], body: bytes) -> list[str]:
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            return ["a body where none is allowed"] if body else []
        if _FORM in content:
            schema = self._form_schema(key, content[_FORM]["schema"])
            value = decode_form(body, schema)
        else:
            schema = dict(content[_JSON]["schema"])
            value = msgspec.json.decode(body)
        validator = self._validators.get(key)
        if validator is None:
            root = {**schema, "components": self._document["components"]} if _JSON in content else schema
            validator = self._validators[key] = jsonschema_rs.validator_for(root)
        return [
            f"{'/'.join(map(str, error.instance_path))}: {error.message[:200]}"
            for error in validator.iter_errors(value)
        ]


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
    """Return the value a form body stands for, each leaf converted to the type its schema names."""
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body)):
        names = [first or second for first, second in _KEY.findall(key)]
        branch = tree
        for name in names[:-1]:
            branch = branch.setdefault(name, {})
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
