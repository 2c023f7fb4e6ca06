"""Every published parameter of an endpoint we serve is a field or is refused by name; nothing is silently ignored."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect
from tests.support import stripe_shapes

from interlock.api.endpoints import ENDPOINTS
from interlock.api.parameters.base import Parameters
from interlock.api.router import Endpoint

FORM = "application/x-www-form-urlencoded"

# Ours beside the published ones: legacy and browser-only parameters that clients send, and our own filter.
EXTRA = {
    "card",
    "payment_method_data[card]",
    "card[metadata]",
    "card[object]",
    "ending_before",
    "expand",
    "payment_intent",
    "mandate_data",
    "use_stripe_sdk",
    "shipping[carrier]",
    "shipping[tracking_number]",
    "transfer_group",
    "type",
    "statement_descriptor",
}


def _published(path: str, method: str) -> dict[str, Any] | None:
    spec = stripe_shapes._spec()
    by_shape = {_shape(known): known for known in spec["paths"]}
    known = by_shape.get(_shape(path))
    operation = None if known is None else spec["paths"][known].get(method.lower())
    if operation is None:
        return None
    properties = {item["name"]: item["schema"] for item in operation.get("parameters", ()) if item["in"] == "query"}
    body = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema", {})
    return {**properties, **body.get("properties", {})}


def _shape(path: str) -> str:
    return "/".join("{}" if segment.startswith("{") else segment for segment in path.split("/"))


def _structs(kind: inspect.Type) -> Iterator[type[Parameters]]:
    if isinstance(kind, inspect.Metadata):
        yield from _structs(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for option in kind.types:
            yield from _structs(option)
    elif isinstance(kind, inspect.ListType):
        yield from _structs(kind.item_type)
    elif isinstance(kind, inspect.StructType):
        assert issubclass(kind.cls, Parameters)
        yield kind.cls


def _nested(schema: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for choice in (schema, *schema.get("anyOf", ()), schema.get("items", {})):
        found.update(choice.get("properties", {}))
    return found


def _uncovered(struct: type[Parameters], published: Mapping[str, Any], place: str) -> Iterator[str]:
    fields = {field.encode_name: field for field in inspect.type_info(struct).fields}  # type: ignore[attr-defined]  # a struct's info
    for name, schema in published.items():
        here = f"{place}[{name}]" if place else name
        if name in struct.REFUSED:
            continue
        if name not in fields:
            yield here
            continue
        nested = _nested(schema)
        for inner in _structs(fields[name].type):
            if nested:
                yield from _uncovered(inner, nested, here)


PUBLISHED = [
    endpoint for endpoint in ENDPOINTS if stripe_shapes.specs_folder() and _published(endpoint.path, endpoint.method)
]


@pytest.mark.parametrize("endpoint", PUBLISHED, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_every_published_parameter_is_taken_or_refused(endpoint: Endpoint, specs: Path) -> None:
    published = _published(endpoint.path, endpoint.method)
    assert published is not None
    assert list(_uncovered(endpoint.parameters, published, "")) == []


@pytest.mark.parametrize("endpoint", PUBLISHED, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_nothing_is_taken_that_the_published_api_does_not_know(endpoint: Endpoint, specs: Path) -> None:
    published = _published(endpoint.path, endpoint.method) or {}
    own = {field.encode_name for field in msgspec.structs.fields(endpoint.parameters)}
    assert own - set(published) - EXTRA == set()


def test_all_endpoints_of_the_first_class_are_served() -> None:
    served = {(endpoint.method, _shape(endpoint.path)) for endpoint in ENDPOINTS}
    objects = ("payment_intents", "payment_methods", "customers", "refunds", "setup_intents", "webhook_endpoints")
    wanted = {("POST", f"/v1/{name}") for name in objects} | {("GET", f"/v1/{name}") for name in objects}
    wanted |= {("GET", f"/v1/{name}/{{}}") for name in (*objects, "charges", "events", "mandates", "disputes")}
    wanted |= {("POST", f"/v1/{name}/{{}}") for name in (*objects, "charges", "disputes")}
    wanted |= {("POST", f"/v1/payment_intents/{{}}/{name}") for name in ("confirm", "capture", "cancel")}
    wanted |= {("POST", f"/v1/setup_intents/{{}}/{name}") for name in ("confirm", "cancel")}
    wanted |= {("POST", f"/v1/payment_methods/{{}}/{name}") for name in ("attach", "detach")}
    wanted |= {("DELETE", "/v1/customers/{}"), ("DELETE", "/v1/webhook_endpoints/{}"), ("GET", "/v1/charges")}
    wanted |= {("GET", "/v1/balance"), ("GET", "/v1/account"), ("GET", "/v1/events"), ("POST", "/v1/refunds/{}/cancel")}
    wanted |= {("GET", "/v1/customers/{}/payment_methods"), ("GET", "/v1/customers/{}/payment_methods/{}")}
    assert wanted - served == set()
