"""The OpenAPI document of the control API, made from its table of endpoints (``GET /control/v1/openapi.json``)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from interlock import __version__
from interlock.api.control.calls import ControlEndpoint
from interlock.api.control.parameters import Parameters

_REFERENCE = "#/components/schemas/{name}"
_PLACEHOLDER = re.compile(r"{(\w+)}")
_LISTS = frozenset({"releases", "evidence", "affected", "journal", "gateways", "refusals"})
_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"enum": ["api_error", "invalid_request_error"]},
                "message": {"type": "string"},
                "code": {"type": "string"},
                "param": {"type": "string"},
            },
        }
    },
}
_OBJECT: dict[str, Any] = {"type": "object", "required": ["object"], "properties": {"object": {"type": "string"}}}
_LIST: dict[str, Any] = {
    "type": "object",
    "required": ["object", "data", "has_more", "url"],
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": {"type": "object"}},
        "has_more": {"type": "boolean"},
        "url": {"type": "string"},
    },
}
_PROBLEMS = {
    "400": "The request is wrong, or the release may not do this now: `code` and `param` tell.",
    "401": "No operator's token, or one that is unknown or revoked.",
    "403": "A live release takes a proven operator.",
    "404": "There is no such object in the operator's account.",
    "405": "The method is not allowed here.",
    "408": "The body did not arrive in time.",
    "409": "Somebody else changed this meanwhile, or another run is under way.",
    "413": "The body is too large.",
    "415": "The body is no JSON, or is compressed.",
    "429": "Too many requests, or too many runs wait.",
    "431": "The headers or the query string are too large.",
    "500": "A bug, a secret that cannot be opened, or a process that cannot be started.",
    "503": "Busy, or the database does not answer.",
}


def document(endpoints: Sequence[ControlEndpoint]) -> bytes:
    """Return the document as JSON."""
    kinds = sorted({endpoint.parameters for endpoint in endpoints}, key=lambda kind: kind.__name__)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    by_kind = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, by_kind, components)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Interlock control API",
                "version": __version__,
                "description": "Releases of gateway integrations: made, checked, tried on a sliver, undone, explained.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "security": [{"operator": []}],
            "paths": paths,
            "components": {
                "schemas": {**components, "error": _ERROR, "object": _OBJECT, "list": _LIST},
                "securitySchemes": {
                    "operator": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "An operator's token (iop_…) from `interlock operators add`.",
                    }
                },
            },
        }
    )


def _operation(
    endpoint: ControlEndpoint, by_kind: Mapping[type[Parameters], Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    schema = by_kind[endpoint.parameters]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACEHOLDER.findall(endpoint.path)
    ]
    is_list = endpoint.method == "GET" and endpoint.path.rpartition("/")[2] in _LISTS
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": endpoint.summary,
        "description": (endpoint.handler.__doc__ or "").strip(),
        "responses": _responses("list" if is_list else "object"),
    }
    if endpoint.method == "GET":
        parameters += _query(components[schema["$ref"].rpartition("/")[2]])
    else:
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return {**operation, "parameters": parameters} if parameters else operation


def _query(shape: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": name in shape.get("required", ()), "schema": each}
        for name, each in shape.get("properties", {}).items()
    ]


def _responses(kind: str) -> dict[str, Any]:
    done = {"description": "Done.", "content": _content(kind)}
    refused = {status: {"description": said, "content": _content("error")} for status, said in _PROBLEMS.items()}
    return {"200": done, **refused}


def _content(kind: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=kind)}}}
