"""What a Stripe object must look like: the published schema and the published example, as one assertion.

Any test may call :func:`assert_shape`. The data lives outside the repository (``shared/specs``); a test that needs it
on a machine without it is skipped and says so. Two checks, because each alone is too loose: the schema allows most keys
to be absent, and the example (``stripe_fixtures3``) shows them all but not their types.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import stripe

_SPEC = "stripe_openapi_2026-05-27.json"
_FIXTURES = "stripe_fixtures3_2026-08.json"
_SHOWN_ERRORS = 10
_PROSE = frozenset({"description", "title", "x-expansionResources"})

# Places where the example shows one of several alternatives, or a free-form map, so that its keys bind nobody.
_FREE_FORM = frozenset({"metadata", "payment_method_options", "previous_attributes", "object_details"})
_ALTERNATIVES = frozenset({"next_action", "source", "parent", "payment_method_details", "generated_from", "networks"})


# The published dispute has a form for disputed cards and wallets and none for a debited bank account.
_MAY_BE_ABSENT = frozenset({("dispute", "payment_method_details")})


def specs_folder() -> Path | None:
    """Return the folder of published specifications above the repository, or None on a machine without it."""
    for folder in Path(__file__).resolve().parents:
        candidate = folder / "shared" / "specs"
        if (candidate / _SPEC).is_file():
            return candidate
    return None


def _read(name: str) -> Any:
    folder = specs_folder()
    if folder is None:
        pytest.skip("shared/specs is not on this machine")
    return msgspec.json.decode((folder / name).read_bytes())


@cache
def fixtures() -> dict[str, dict[str, Any]]:
    """Return the published example of every object, by kind (``payment_intent``, ``checkout.session``)."""
    resources: dict[str, dict[str, Any]] = _read(_FIXTURES)["resources"]
    return resources


@cache
def _spec() -> dict[str, Any]:
    spec: dict[str, Any] = _read(_SPEC)
    return spec


@cache
def _schemas() -> dict[str, Any]:
    return {name: _as_json_schema(schema) for name, schema in _spec()["components"]["schemas"].items()}


def _as_json_schema(node: Any) -> Any:
    """Rewrite OpenAPI 3.0 ``nullable`` to JSON Schema, drop what only documents, keep the rest."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    kept = {key: _as_json_schema(value) for key, value in node.items() if key not in _PROSE}
    if "properties" in node:
        kept["properties"] = {key: _as_json_schema(value) for key, value in node["properties"].items()}
    if "$ref" in kept:
        kept = {"$ref": str(kept["$ref"]).replace("#/components/schemas/", "#/$defs/")}
    if node.get("nullable") is True:
        kept.pop("nullable", None)
        return {"anyOf": [{"type": "null"}, kept]}
    return kept


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix("#/$defs/")
            else:
                yield from _references(value)


def _with_definitions(schema: Any) -> dict[str, Any]:
    """Return ``schema`` with just the definitions that it reaches."""
    definitions: dict[str, Any] = {}
    waiting = list(_references(schema))
    while waiting:
        name = waiting.pop()
        if name not in definitions:
            definitions[name] = _schemas()[name]
            waiting.extend(_references(definitions[name]))
    return {**schema, "$defs": definitions}


@cache
def _validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_with_definitions(_schemas()[kind]))


@cache
def _response_validator(method: str, path: str, status: int) -> jsonschema_rs.Draft202012Validator:
    responses = _spec()["paths"][path][method.lower()]["responses"]
    answer = responses.get(str(status), responses["default"])
    schema = _as_json_schema(answer["content"]["application/json"]["schema"])
    return jsonschema_rs.Draft202012Validator(_with_definitions(schema))


def published_paths() -> Mapping[str, Mapping[str, Any]]:
    """Return the published operations: path template → method → operation."""
    paths: Mapping[str, Mapping[str, Any]] = _spec()["paths"]
    return paths


@cache
def error_codes() -> frozenset[str]:
    """Return every error code the official SDK names."""
    return frozenset(re.findall(r"'([a-z_0-9]+)'", str(stripe.PaymentIntent.LastPaymentError.__annotations__["code"])))


def _collect(validator: jsonschema_rs.Draft202012Validator, value: object) -> list[str]:
    found: list[str] = []
    for error in validator.iter_errors(value):
        place = "/".join(str(part) for part in error.instance_path)
        found.append(f"{place or '(top)'}: {error.message[:300]}")
        if len(found) >= _SHOWN_ERRORS:
            break
    return found


def _missing_keys(example: Any, value: Any, place: str) -> Iterator[str]:
    """Yield the keys of ``example`` that ``value`` lacks, where the two show the same kind of thing."""
    if isinstance(example, list) and isinstance(value, list) and example:
        for index, item in enumerate(value):
            yield from _missing_keys(example[0], item, f"{place}[{index}]")
    if not isinstance(example, Mapping) or not isinstance(value, Mapping):
        return
    other_type = example.get("type") if example.get("type") != value.get("type") else None
    for key, shown in example.items():
        if key == other_type:
            continue
        if key not in value:
            if (example.get("object"), key) in _MAY_BE_ABSENT:
                continue
            yield f"{place}{key}: absent"
        elif key not in _FREE_FORM and key not in _ALTERNATIVES:
            yield from _missing_keys(shown, value[key], f"{place}{key}.")


def shape_errors(kind: str, value: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with ``value`` as an object of ``kind``, nothing when it is right.

    Args:
        kind: Stripe's resource name, such as ``payment_intent`` or ``checkout.session``.
        value: the rendered object (it is passed through JSON first, as a client would see it).

    """
    seen = msgspec.json.decode(msgspec.json.encode(value))
    found = _collect(_validator(kind), seen) if kind in _schemas() else []
    example = fixtures().get(kind)
    if example is not None:
        found.extend(_missing_keys(example, seen, ""))
    return found


def key_errors(kind: str, value: Mapping[str, Any]) -> list[str]:
    """Return which keys of the published example of ``kind`` an object lacks; nothing for kinds without one."""
    example = fixtures().get(kind)
    return [] if example is None else list(_missing_keys(example, value, ""))


def response_errors(method: str, path: str, status: int, value: object) -> list[str]:
    """Return how an answered ``value`` breaks the published response schema of an operation."""
    return _collect(_response_validator(method.lower(), path, status), value)


def assert_shape(kind: str, value: Mapping[str, Any]) -> None:
    """Fail unless ``value`` fits Stripe's schema of ``kind`` and carries every key of Stripe's example."""
    found = shape_errors(kind, value)
    assert not found, f"{kind} {value.get('id')}: " + "; ".join(found)


def assert_list_shape(kind: str, value: Mapping[str, Any]) -> None:
    """Fail unless ``value`` is a list page (``object``, ``data``, ``has_more``, ``url``) of ``kind``."""
    assert value["object"] == "list"
    assert isinstance(value["has_more"], bool)
    assert str(value["url"]).startswith("/v1/")
    for item in value["data"]:
        assert_shape(kind, item)


def assert_response(method: str, path: str, status: int, value: Mapping[str, Any]) -> None:
    """Fail unless ``value`` fits the published response schema of an operation.

    Args:
        method: HTTP method, any case.
        path: the path template of the specification, such as ``/v1/customers/{customer}``.
        status: the HTTP status answered.
        value: the decoded body.

    """
    found = _collect(_response_validator(method.lower(), path, status), msgspec.json.decode(msgspec.json.encode(value)))
    assert not found, f"{method} {path} {status}: " + "; ".join(found)
