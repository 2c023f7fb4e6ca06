"""Checks Stripe requests against Stripe's published specification. Form values are texts, so the schemas are rewritten
to texts; every object is closed, because Stripe answers an unknown parameter with ``parameter_unknown``."""

from pathlib import Path
from typing import Any

import jsonschema_rs

from interlock.sandbox import specs
from interlock.sandbox.http import Form
from interlock.sandbox.stripe.errors import Refusal, invalid, missing_param

Json = dict[str, Any]
FORM = "application/x-www-form-urlencoded"
RESOURCES = (
    "payment_intents", "refunds", "setup_intents", "charges", "payment_methods", "customers", "disputes", "account",
    "balance_transactions",
)  # fmt: skip
_PLAIN: dict[str, Json] = {
    "integer": {"type": "string", "pattern": "^-?[0-9]+$"},
    "number": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"},
    "boolean": {"enum": ["true", "false"]},
}

# The published file leaves raw cards (field and type) out of payment_method_data; Stripe takes them from enabled
# accounts.
_RAW_CARD: Json = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "exp_month": {"type": "integer"},
        "exp_year": {"type": "integer"},
        "cvc": {"type": "string"},
        "token": {"type": "string"},
        "networks": {"type": "object", "properties": {"preferred": {"type": "string"}}},
    },
}


def as_text(schema: Json) -> Json:
    """Return ``schema`` for values that arrive as texts, every object closed."""
    if "anyOf" in schema:
        return {"anyOf": [as_text(one) for one in schema["anyOf"]]}
    kind = schema.get("type")
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "array":
        return {"type": "array", "items": as_text(schema.get("items", {}))}
    if kind == "object":
        return _object(schema)
    kept: Json = {name: schema[name] for name in ("type", "maxLength", "pattern", "enum") if name in schema}
    return kept


def _object(schema: Json) -> Json:
    properties = {name: as_text(child) for name, child in schema.get("properties", {}).items()}
    rest = schema.get("additionalProperties", not properties)
    closed: Json = {"type": "object", "properties": properties}
    closed["additionalProperties"] = as_text(rest) if isinstance(rest, dict) else rest
    if schema.get("required"):
        closed["required"] = schema["required"]
    return closed


def _with_raw_card(schema: Json) -> Json:
    data = schema.get("properties", {}).get("payment_method_data")
    if isinstance(data, dict):
        data["properties"]["card"] = _RAW_CARD
        kinds = data["properties"]["type"]["enum"]
        data["properties"]["type"]["enum"] = sorted({*kinds, "card"})
    return schema


def unknown_parameter(schema: Json, value: object, where: str) -> str | None:
    """Return the first parameter of ``value`` that no branch of ``schema`` knows, as Stripe writes it."""
    branches = schema.get("anyOf", [schema])
    if isinstance(value, list):
        items = [branch["items"] for branch in branches if "items" in branch]
        found = (unknown_parameter({"anyOf": items}, one, f"{where}[{n}]") for n, one in enumerate(value) if items)
        return next((name for name in found if name is not None), None)
    objects = [branch for branch in branches if branch.get("type") == "object"]
    if not isinstance(value, dict) or not objects:
        return None
    if any(branch["additionalProperties"] is not False for branch in objects):
        return None
    for name, child in value.items():
        path = f"{where}[{name}]" if where else name
        known = [branch["properties"][name] for branch in objects if name in branch["properties"]]
        if not known:
            return path
        flat = [option for branch in known for option in branch.get("anyOf", [branch])]
        inner = unknown_parameter({"anyOf": flat}, child, path)
        if inner is not None:
            return inner
    return None


class StripeValidation:
    """The request schemas of the endpoints we serve, compiled when first used."""

    def __init__(self, folder: Path) -> None:
        """Read the specification from ``folder``; what we do not serve is dropped at once."""
        self._schemas: dict[tuple[str, str, str], Json] = {}
        self._compiled: dict[tuple[str, str, str], jsonschema_rs.Validator] = {}
        document = specs.load(folder, specs.STRIPE_FILE)
        self.version = "" if document is None else str(document["info"]["version"])
        for path, operations in ({} if document is None else document["paths"]).items():
            key = route_key(path)
            if key is not None:
                self._take(key, operations)

    def _take(self, key: tuple[str, str], operations: Json) -> None:
        if "post" in operations:
            body = operations["post"]["requestBody"]["content"].get(FORM, {}).get("schema")
            if body is not None:
                self._schemas["POST", *key] = as_text(_with_raw_card(body))
        if "get" in operations:
            parameters = [one for one in operations["get"].get("parameters", []) if one["in"] == "query"]
            self._schemas["GET", *key] = as_text(
                {
                    "type": "object",
                    "properties": {one["name"]: one["schema"] for one in parameters},
                    "required": [one["name"] for one in parameters if one.get("required")],
                    "additionalProperties": False,
                }
            )

    def check(self, method: str, resource: str, action: str, form: Form) -> Refusal | None:
        """Return what the specification has against a request's parameters."""
        key = (method, resource, action)
        schema = self._schemas.get(key)
        if schema is None:
            return None
        validator = self._compiled.get(key)
        if validator is None:
            validator = self._compiled[key] = jsonschema_rs.validator_for(schema)
        if validator.is_valid(form):
            return None
        unknown = unknown_parameter(schema, form, "")
        if unknown is not None:
            return invalid(f"Received unknown parameter: {unknown}", code="parameter_unknown", param=unknown)
        return _refusal(next(iter(validator.iter_errors(form))))


def route_key(path: str) -> tuple[str, str] | None:
    """Return (resource, action) of a path template in the gateway's own form, None for what we do not serve."""
    parts = path.strip("/").split("/")
    if parts[0] != "v1" or len(parts) < 2 or parts[1] not in RESOURCES:
        return None
    rest = parts[2:]
    if not rest:
        return parts[1], ""
    if len(rest) == 1:
        return parts[1], "{}" if rest[0].startswith("{") else f"={rest[0]}"
    return (parts[1], "/".join(rest[1:])) if rest[0].startswith("{") else None


def _refusal(error: jsonschema_rs.ValidationError) -> Refusal:
    path = [str(step) for step in error.instance_path]
    param = path[0] + "".join(f"[{step}]" for step in path[1:]) if path else ""
    kind = type(error.kind).__name__.rpartition("_")[2]
    if kind == "Required":
        name = str(getattr(error.kind, "property", "")).strip('"')
        return missing_param(f"{param}[{name}]" if param else name)
    value = str(error.instance)[:100]
    if kind == "Pattern":
        return invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)
    if value == "":
        return invalid(
            f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{param}' cannot be unset.",
            code="parameter_invalid_empty",
            param=param,
        )
    return invalid(f"Invalid {param}: {value}", param=param)
