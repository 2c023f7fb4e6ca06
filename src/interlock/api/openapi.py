"""The OpenAPI document of what we serve, made from the table of endpoints and the parameter structs.

Called by the application factory (``GET /openapi.json``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from interlock import __version__
from interlock.api.authentication import Access
from interlock.api.parameters.base import Parameters
from interlock.api.router import Endpoint

_REFERENCE = "#/components/schemas/{name}"
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"

_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"enum": ["api_error", "card_error", "idempotency_error", "invalid_request_error"]},
                "message": {"type": "string"},
                "code": {"type": "string"},
                "param": {"type": "string"},
                "decline_code": {"type": "string"},
                "doc_url": {"type": "string"},
                "charge": {"type": "string"},
                "payment_intent": {"type": "object"},
                "setup_intent": {"type": "object"},
                "payment_method": {"type": "object"},
            },
        }
    },
}
_PROBLEMS = {
    "400": "The request is wrong.",
    "401": "No key, an unknown key, or one that may not do this.",
    "402": "The payment failed.",
    "404": "There is no such object.",
    "405": "The method is not allowed here.",
    "408": "The body did not arrive in time.",
    "409": "Another request is working with this idempotency key.",
    "413": "The body is too large.",
    "429": "Too many requests, or another one is changing this object. Retry.",
    "431": "The headers or the query string are too large.",
    "503": "Overloaded, or the database does not answer. Retry.",
}
_ACCESS = {
    Access.SECRET: "A secret key is needed.",
    Access.CLIENT_SECRET: "A publishable key may do this with the object's client_secret.",
    Access.PUBLISHABLE: "A publishable key may do this.",
}


def document(endpoints: Sequence[Endpoint]) -> bytes:
    """Return the document as JSON."""
    kinds = sorted({endpoint.parameters for endpoint in endpoints}, key=lambda kind: (kind.__module__, kind.__name__))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    by_kind = dict(zip(kinds, schemas, strict=True))
    objects = {_object_name(endpoint.answers): _object(endpoint.answers) for endpoint in endpoints}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, by_kind, components)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Interlock",
                "version": __version__,
                "description": "A Stripe-compatible payment API in front of several gateways.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "security": [{"bearer": []}, {"basic": []}],
            "paths": paths,
            "components": {
                "schemas": {**components, **objects, "error": _ERROR},
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "basic": {"type": "http", "scheme": "basic", "description": "The key is the user name."},
                },
            },
        }
    )


def _object_name(kind: str) -> str:
    return "object_" + kind.replace(".", "_")


def _object(kind: str) -> dict[str, Any]:
    """Return the schema of an answer's object: its kind, and an id where it has one."""
    required = ["object"] if kind == "balance" else ["id", "object"]
    return {
        "type": "object",
        "required": required,
        "properties": {"id": {"type": "string"}, "object": {"type": "string"}, "livemode": {"type": "boolean"}},
    }


def _operation(
    endpoint: Endpoint, schemas: Mapping[type[Parameters], Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    method = endpoint.method.lower()
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "description": _ACCESS[endpoint.access],
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "maxLength": 255, "minLength": 1},
            }
            for name in _placeholders(endpoint.path)
        ],
        "responses": {
            "200": {"description": "Done.", "content": {_JSON: {"schema": _answer(endpoint)}}},
            **{
                status: {"description": text, "content": {_JSON: {"schema": {"$ref": "#/components/schemas/error"}}}}
                for status, text in _PROBLEMS.items()
            },
        },
    }
    if method == "post":
        operation["requestBody"] = {
            "required": False,
            "content": _upload(endpoint)
            if endpoint.uploads
            else {_FORM: {"schema": schemas[endpoint.parameters], "encoding": _encoding(endpoint.parameters)}},
        }
        operation["parameters"].append(
            {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255, "minLength": 1}}
        )
    else:
        operation["parameters"].extend(_query(schemas[endpoint.parameters], components))
    return operation


def _upload(endpoint: Endpoint) -> dict[str, Any]:
    """Return the content of a body that holds a file beside plain fields."""
    fields = [field.encode_name for field in msgspec.structs.fields(endpoint.parameters)]
    plain = {name: {"type": "string"} for name in fields if name not in {"expand", "file"}}
    file = {"type": "string", "format": "binary"}
    schema = {"type": "object", "required": ["file"], "properties": {"file": file, **plain}}
    return {"multipart/form-data": {"schema": schema}}


def _operation_id(endpoint: Endpoint) -> str:
    words = endpoint.path.removeprefix("/v1/").replace("{", "by_").replace("}", "").replace("/", "_")
    return f"{endpoint.method.lower()}_{words}"


def _placeholders(path: str) -> list[str]:
    return [segment[1:-1] for segment in path.split("/") if segment.startswith("{")]


def _encoding(parameters: type[Parameters]) -> dict[str, Any]:
    names = [field.encode_name for field in msgspec.structs.fields(parameters)]
    return {name: {"style": "deepObject", "explode": True} for name in names}


def _query(schema: Mapping[str, Any], components: Mapping[str, Any]) -> list[dict[str, Any]]:
    name = schema["$ref"].rpartition("/")[2]
    struct = components[name]
    required = set(struct.get("required", ()))
    return [
        {
            "name": field,
            "in": "query",
            "required": field in required,
            "style": "deepObject" if field in {"created", "expand"} else "form",
            "explode": True,
            "schema": kind,
        }
        for field, kind in struct["properties"].items()
    ]


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    item = {"$ref": _REFERENCE.format(name=_object_name(endpoint.answers))}
    if endpoint.shape == "object":
        return item
    is_list = endpoint.shape == "list"
    properties: dict[str, Any] = {
        "object": {"const": "list" if is_list else "search_result"},
        "data": {"type": "array", "items": item},
        "has_more": {"type": "boolean"},
        "url": {"type": "string"},
    }
    if not is_list:
        properties["next_page"] = {"type": ["string", "null"]}
    required = sorted(properties)
    if not is_list:
        properties["total_count"] = {"type": "integer"}  # on request
    return {"type": "object", "required": required, "properties": properties}
