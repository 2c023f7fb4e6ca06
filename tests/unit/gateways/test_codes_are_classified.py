"""Every status, result and event that a provider's published document names has a meaning here."""

from pathlib import Path

import msgspec
import pytest
from tests.support.openapi import ADYEN, ADYEN_WEBHOOKS, STRIPE, document, enum_of

from interlock.gateways.adyen import notifications as adyen_notifications
from interlock.gateways.loader import load
from interlock.gateways.outcomes import Outcome
from interlock.gateways.stripe import notifications as stripe_notifications

STRIPE_DECLINES = frozenset(load("stripe").manifest.codes.declines.values())


def statuses(name: str, group: str) -> dict[str, Outcome]:
    return load(name).manifest.codes.statuses[group]


@pytest.mark.parametrize("kind", ["payment_intent", "setup_intent", "charge"])
def test_every_stripe_status_is_classified(specs: Path, kind: str) -> None:
    published = enum_of(specs / STRIPE, "components", "schemas", kind, "properties", "status")
    assert set(published) == set(statuses("stripe", kind))


def test_every_documented_stripe_refund_status_is_classified() -> None:
    assert set(statuses("stripe", "refund")) == {"pending", "requires_action", "succeeded", "failed", "canceled"}


def test_every_stripe_error_type_is_classified(specs: Path) -> None:
    published = enum_of(specs / STRIPE, "components", "schemas", "api_errors", "properties", "type")
    assert set(published) <= set(statuses("stripe", "error_type"))


def test_every_stripe_payment_event_has_a_kind(specs: Path) -> None:
    body = document(specs / STRIPE)["paths"]["/v1/webhook_endpoints"]["post"]["requestBody"]["content"]
    events = body["application/x-www-form-urlencoded"]["schema"]["properties"]["enabled_events"]["items"]["enum"]
    ours = {name for name in events if name.startswith(("payment_intent.", "charge.", "refund.", "setup_intent."))}
    assert ours == set(stripe_notifications.EVENT_KINDS)


def test_every_stripe_dispute_status_that_ends_is_told_apart(specs: Path) -> None:
    published = enum_of(specs / STRIPE, "components", "schemas", "dispute", "properties", "status")
    assert set(stripe_notifications.DISPUTE_ENDS) <= set(published)
    assert {"won", "lost", "warning_closed", "prevented"} == set(stripe_notifications.DISPUTE_ENDS)


@pytest.mark.parametrize("schema", ["PaymentResponse", "PaymentDetailsResponse"])
def test_every_adyen_result_code_is_classified(specs: Path, schema: str) -> None:
    published = enum_of(specs / ADYEN, "components", "schemas", schema, "properties", "resultCode")
    assert set(published) == set(statuses("adyen", "result_code"))


@pytest.mark.parametrize(
    "schema",
    ["PaymentCaptureResponse", "PaymentCancelResponse", "PaymentRefundResponse", "PaymentAmountUpdateResponse"],
)
def test_every_adyen_modification_status_is_classified(specs: Path, schema: str) -> None:
    published = enum_of(specs / ADYEN, "components", "schemas", schema, "properties", "status")
    assert set(published) <= set(statuses("adyen", "modification"))


@pytest.mark.parametrize("path", ["/payments", "/payments/details", "/payments/{paymentPspReference}/captures"])
def test_every_http_status_of_the_adyen_document_is_classified(specs: Path, path: str) -> None:
    published = document(specs / ADYEN)["paths"][path]["post"]["responses"]
    assert {status for status in published if not status.startswith("2")} <= set(statuses("adyen", "http"))


def test_every_adyen_event_code_has_a_kind(specs: Path) -> None:
    spec = document(specs / ADYEN_WEBHOOKS)
    published = {path[1:] for path in spec["webhooks"]}
    for schema in spec["components"]["schemas"].values():
        published |= set(schema.get("properties", {}).get("eventCode", {}).get("enum", ()))
    assert published == set(adyen_notifications.EVENT_KINDS)


def test_every_documented_adyen_refusal_reason_has_stripes_word() -> None:
    documented = {str(code) for code in range(2, 47)} - {"13", "30"}
    declines = load("adyen").manifest.codes.declines
    assert documented <= set(declines)
    assert set(declines.values()) <= STRIPE_DECLINES


@pytest.mark.parametrize(("name", "module"), [("stripe", stripe_notifications), ("adyen", adyen_notifications)])
def test_only_understood_events_are_subscribed_to(name: str, module: object) -> None:
    webhook = load(name).manifest.webhook
    assert webhook is not None
    kinds = module.EVENT_KINDS  # type: ignore[attr-defined]  # both modules have it
    assert all(kinds[event] != "ignored" for event in webhook.subscriptions)


def test_stripes_example_objects_can_be_read(specs: Path) -> None:
    examples = document(specs / "stripe_fixtures3_2026-08.json")["resources"]
    from interlock.gateways.stripe import objects  # noqa: PLC0415 - the decoders are the subject of this test alone

    for decoder, kind in (
        (objects.INTENT, "payment_intent"),
        (objects.SETUP, "setup_intent"),
        (objects.REFUND, "refund"),
    ):
        assert decoder.decode(msgspec.json.encode(examples[kind])).id == examples[kind]["id"]
    assert objects.CHARGE.decode(msgspec.json.encode(examples["charge"])).id == examples["charge"]["id"]
    assert objects.DISPUTE.decode(msgspec.json.encode(examples["dispute"])).id == examples["dispute"]["id"]
