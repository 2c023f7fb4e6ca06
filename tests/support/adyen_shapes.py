"""What an Adyen answer or notification must look like: the published, closed schemas as one assertion."""

from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from tests.support.stripe_shapes import specs_folder

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FILES = {"checkout": "adyen_checkout_v72.json", "webhooks": "adyen_webhooks_v1.json"}


@cache
def _document(name: str) -> dict[str, Any]:
    folder = specs_folder()
    if folder is None:
        pytest.skip("shared/specs is not on this machine")
    document: dict[str, Any] = msgspec.json.decode((folder / _FILES[name]).read_bytes())
    return document


@cache
def _validator(name: str, schema: str) -> jsonschema_rs.Draft202012Validator:
    components = _document(name)["components"]
    return jsonschema_rs.Draft202012Validator(
        {"$schema": _DIALECT, "$ref": f"#/components/schemas/{schema}", "components": components}
    )


def assert_adyen(schema: str, value: object, *, document: str = "checkout") -> None:
    """Fail unless ``value`` fits the published ``schema``; Adyen's objects are closed, so unknown keys are faults."""
    errors = [
        f"{'/'.join(str(part) for part in error.instance_path)}: {error.message[:300]}"
        for error in _validator(document, schema).iter_errors(value)
    ]
    assert not errors, f"{schema}: " + "; ".join(errors[:10])


def assert_notification(body: bytes) -> dict[str, Any]:
    """Fail unless ``body`` is a notification as published for its event; returns its only item."""
    whole = msgspec.json.decode(body)
    (wrapper,) = whole["notificationItems"]
    item: dict[str, Any] = wrapper["NotificationRequestItem"]
    operation = _document("webhooks")["webhooks"][f"/{item['eventCode']}"]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert_adyen(reference.rpartition("/")[2], whole, document="webhooks")
    return item
