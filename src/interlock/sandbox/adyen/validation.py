"""Checks Adyen requests against Adyen's published specification (closed JSON objects)."""

from pathlib import Path
from typing import Any

import jsonschema_rs

from interlock.sandbox import specs
from interlock.sandbox.adyen.errors import Failure

Json = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
REQUESTS = {
    "payments": "PaymentRequest",
    "details": "PaymentDetailsRequest",
    "capture": "PaymentCaptureRequest",
    "cancel": "PaymentCancelRequest",
    "refund": "PaymentRefundRequest",
    "reversal": "PaymentReversalRequest",
    "update": "PaymentAmountUpdateRequest",
    "technical": "StandalonePaymentCancelRequest",
}


class AdyenValidation:
    """The request schemas of the endpoints we serve, compiled when first used."""

    def __init__(self, folder: Path) -> None:
        """Read the specification from ``folder``."""
        document = specs.load(folder, specs.ADYEN_FILE)
        self.version = "" if document is None else f"v{document['info']['version']}"
        self._components: Json = {} if document is None else document["components"]
        if document is not None:
            del document["paths"]
            self._components.pop("examples", None)
        self._compiled: dict[str, jsonschema_rs.Validator] = {}

    def check(self, kind: str, body: Json) -> Failure | None:
        """Return what the specification has against ``body``."""
        if not self._components:
            return None
        validator = self._compiled.get(kind)
        if validator is None:
            schema = {
                "$schema": DIALECT,
                "$ref": f"#/components/schemas/{REQUESTS[kind]}",
                "components": self._components,
            }
            validator = self._compiled[kind] = jsonschema_rs.validator_for(schema)
        if validator.is_valid(body):
            return None
        return _failure(next(iter(validator.iter_errors(body))), REQUESTS[kind])


def _failure(error: jsonschema_rs.ValidationError, structure: str) -> Failure:
    path = ".".join(str(step) for step in error.instance_path)
    kind = type(error.kind).__name__.rpartition("_")[2]
    if kind == "AdditionalProperties":
        names = ", ".join(getattr(error.kind, "unexpected", []))
        where = f"{structure}.{path}" if path else structure
        return Failure(422, "702", f"Structure of {where} contains the following unknown fields: [{names}]")
    if kind == "Required":
        name = str(getattr(error.kind, "property", "")).strip('"')
        return Failure(422, "702", f"Required field '{path + '.' if path else ''}{name}' is not provided.")
    if kind == "OneOfNotValid":
        return Failure(422, "702", f"Structure of {structure}.{path} fits none of the known kinds")
    return Failure(422, "702", f"Invalid value for field '{path or structure}'")
