"""Webhooks of both providers: real signatures verify, anything else is not believed; events say what they mean."""

import base64
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.gateways import CONFIGS, PAYMENT_ID, REFERENCE
from tests.support.openapi import ADYEN_WEBHOOKS, document

from interlock.base.money import Money
from interlock.gateways.adyen import notifications as adyen
from interlock.gateways.adyen.objects import NOTIFICATION
from interlock.gateways.contract import ConnectorConfig, Notification, NotificationKind, SignatureInvalid
from interlock.gateways.loader import load

NOW_MS = 1_790_000_000_000
NOW = NOW_MS // 1000
SECRET = CONFIGS["stripe"].credentials["webhook_secret"]
KEY = CONFIGS["adyen"].credentials["hmac_key"]


def stripe_signature(body: bytes, *, at: int = NOW, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), f"{at}.".encode() + body, "sha256").hex()


def stripe_parse(
    body: bytes, header: str | None, *, config: ConnectorConfig = CONFIGS["stripe"], now_ms: int = NOW_MS
) -> list[Notification] | SignatureInvalid:
    headers = {} if header is None else {"stripe-signature": header}
    return load("stripe").connector.parse_notification(config, headers, body, now_ms)


def event(kind: str, thing: dict[str, Any], **fields: Any) -> bytes:
    envelope = {"id": "evt_1", "object": "event", "type": kind, "created": NOW - 5, "livemode": False}
    return msgspec.json.encode({**envelope, "data": {"object": thing}, **fields})


def signed(body: bytes) -> Notification:
    parsed = stripe_parse(body, f"t={NOW},v1={stripe_signature(body)}")
    assert isinstance(parsed, list), parsed
    return parsed[0]


def intent(status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    return {
        "id": PAYMENT_ID["stripe"],
        "object": "payment_intent",
        "status": status,
        "amount": 1099,
        "currency": "usd",
        "metadata": {"interlock_attempt": REFERENCE},
        **fields,
    }


PAID = event("payment_intent.succeeded", intent())
GOOD = stripe_signature(PAID)


def test_a_genuine_stripe_event_is_read() -> None:
    found = signed(PAID)
    assert (found.kind, found.reference, found.gateway_reference) == ("payment", REFERENCE, PAYMENT_ID["stripe"])
    assert found.result is not None
    assert (found.result.outcome, found.result.captured, found.amount) == ("approved", True, Money(1099, "usd"))
    assert (found.notification_id, found.occurred_at_ms) == ("evt_1", (NOW - 5) * 1000)


@pytest.mark.parametrize(
    "header",
    [
        f"t={NOW},v1={'0' * 64},v1={GOOD}",
        f"v1={GOOD}, t={NOW},v0=old",
    ],
)
def test_any_one_of_several_signatures_is_enough(header: str) -> None:
    assert isinstance(stripe_parse(PAID, header), list)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        f"t={NOW}",
        f"v1={GOOD}",
        f"t={NOW},v0={GOOD}",
        f"t={NOW},v1={GOOD[:-1]}",
        f"t={NOW},v1={stripe_signature(PAID, secret='whsec_other')}",
        f"t={NOW - 1},v1={GOOD}",
        f"t={NOW},t={NOW},v1={GOOD}",
        f"t=-{NOW},v1={GOOD}",
        f"t=99999999999999999999,v1={GOOD}",
        f"t={NOW},v1=ünïcode",
        f"t={NOW}," + "v1=0," * 2000,
    ],
)
def test_a_stripe_event_without_genuine_signature_says_nothing(header: str | None) -> None:
    assert isinstance(stripe_parse(PAID, header), SignatureInvalid)


def test_a_tampered_old_or_foreign_stripe_event_says_nothing() -> None:
    header = f"t={NOW},v1={GOOD}"
    assert isinstance(stripe_parse(PAID.replace(b"1099", b"9909"), header), SignatureInvalid)
    assert isinstance(stripe_parse(PAID, header, now_ms=NOW_MS + 301_000), SignatureInvalid)
    assert isinstance(stripe_parse(PAID, header, now_ms=NOW_MS - 301_000), SignatureInvalid)
    assert isinstance(stripe_parse(PAID, header, now_ms=NOW_MS + 299_000), list)
    bare = ConnectorConfig(livemode=False, credentials={"secret_key": "x"})
    assert isinstance(stripe_parse(PAID, header, config=bare), SignatureInvalid)
    live = ConnectorConfig(livemode=True, credentials={"webhook_secret": SECRET})
    assert isinstance(stripe_parse(PAID, header, config=live), SignatureInvalid)


def test_a_rolled_secret_is_accepted_beside_the_new_one() -> None:
    config = ConnectorConfig(livemode=False, credentials={"webhook_secret": f"whsec_new,{SECRET}"})
    assert isinstance(stripe_parse(PAID, f"t={NOW},v1={GOOD}", config=config), list)


@pytest.mark.parametrize(
    ("kind", "thing", "expected", "outcome"),
    [
        ("payment_intent.amount_capturable_updated", intent("requires_capture"), "payment", "approved"),
        ("payment_intent.payment_failed", intent("requires_payment_method"), "payment", "declined"),
        ("payment_intent.processing", intent("processing"), "payment", "pending"),
        (
            "payment_intent.canceled",
            intent("canceled", cancellation_reason="requested_by_customer"),
            "void",
            "approved",
        ),
        ("payment_intent.canceled", intent("canceled", cancellation_reason="expired"), "expired", "approved"),
        (
            "charge.captured",
            {"id": "ch_1", "currency": "usd", "amount_captured": 400, "payment_intent": "pi_1"},
            "capture",
            "approved",
        ),
        ("charge.expired", {"id": "ch_1", "currency": "usd", "payment_intent": "pi_1"}, "expired", "approved"),
        (
            "refund.failed",
            {"id": "re_1", "object": "refund", "amount": 1, "currency": "usd", "status": "failed"},
            "refund",
            "declined",
        ),
        (
            "charge.refund.updated",
            {"id": "re_1", "object": "refund", "amount": 1, "currency": "usd", "status": "succeeded"},
            "refund",
            "approved",
        ),
    ],
)
def test_stripe_events_say_what_they_mean(kind: str, thing: dict[str, Any], expected: str, outcome: str) -> None:
    found = signed(event(kind, thing))
    assert found.result is not None
    assert (found.kind, found.result.outcome) == (expected, outcome)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("charge.dispute.created", "needs_response", "dispute_opened"),
        ("charge.dispute.funds_withdrawn", "needs_response", "dispute_updated"),
        ("charge.dispute.closed", "won", "dispute_won"),
        ("charge.dispute.closed", "lost", "dispute_lost"),
        ("charge.dispute.closed", "warning_closed", "dispute_won"),
        ("charge.dispute.closed", "prevented", "dispute_won"),
    ],
)
def test_stripe_disputes_are_followed(kind: str, status: str, expected: str) -> None:
    thing = {
        "id": "dp_1",
        "amount": 1099,
        "currency": "usd",
        "status": status,
        "reason": "fraudulent",
        "payment_intent": "pi_1",
        "evidence_details": {"due_by": NOW},
    }
    found = signed(event(kind, thing))
    assert (found.kind, found.dispute_reference, found.dispute_reason) == (expected, "dp_1", "fraudulent")
    assert found.inquiry is (None if status == "prevented" else status.startswith("warning"))
    assert (found.gateway_reference, found.evidence_due_at_ms) == ("pi_1", NOW_MS)


def test_events_of_no_concern_or_of_next_year_are_ignored_once_verified() -> None:
    for kind in ("charge.succeeded", "customer.created", "payment_intent.invented_next_year"):
        assert signed(event(kind, {"id": "x"})).kind is NotificationKind.IGNORED


def test_a_signed_body_that_cannot_be_read_says_nothing() -> None:
    for body in (b"", b"{}", b"[]", b"\xff\xfe", event("payment_intent.succeeded", {"id": 1})):
        assert isinstance(stripe_parse(body, f"t={NOW},v1={stripe_signature(body)}"), SignatureInvalid)


def adyen_item(code: str = "AUTHORISATION", **fields: Any) -> dict[str, Any]:
    return {
        "pspReference": PAYMENT_ID["adyen"],
        "originalReference": "",
        "merchantAccountCode": "InterlockTest",
        "merchantReference": REFERENCE,
        "amount": {"value": 1099, "currency": "USD"},
        "eventCode": code,
        "eventDate": "2026-09-01T01:00:00+01:00",
        "success": "true",
        "additionalData": {},
        **fields,
    }


def adyen_body(*items: dict[str, Any], key: str = KEY, live: str = "false") -> bytes:
    for item in items:
        fields = [
            item["pspReference"],
            item.get("originalReference") or "",
            item["merchantAccountCode"],
            item["merchantReference"],
            str(item["amount"]["value"]),
            item["amount"]["currency"],
            item["eventCode"],
            item["success"],
        ]
        text = ":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in fields)
        mac = base64.b64encode(hmac.digest(bytes.fromhex(key), text.encode(), "sha256")).decode()
        item["additionalData"] = {**item["additionalData"], "hmacSignature": mac}
    wrapped = [{"NotificationRequestItem": item} for item in items]
    return msgspec.json.encode({"live": live, "notificationItems": wrapped})


def adyen_parse(body: bytes, config: ConnectorConfig = CONFIGS["adyen"]) -> list[Notification] | SignatureInvalid:
    return load("adyen").connector.parse_notification(config, {}, body, NOW_MS)


def adyen_one(**fields: Any) -> Notification:
    parsed = adyen_parse(adyen_body(adyen_item(**fields)))
    assert isinstance(parsed, list), parsed
    return parsed[0]


def test_adyens_published_signature_example_verifies() -> None:
    item = adyen_item(
        pspReference="7914073381342284",
        merchantAccountCode="TestMerchant",
        merchantReference="TestPayment-1407325143704",
        amount={"value": 1130, "currency": "EUR"},
    )
    item["additionalData"] = {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="}
    body = msgspec.json.encode({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]})
    signed_item = NOTIFICATION.decode(body).notification_items[0].item
    expected = "7914073381342284::TestMerchant:TestPayment-1407325143704:1130:EUR:AUTHORISATION:true"
    assert adyen.signed_text(signed_item) == expected
    assert isinstance(adyen_parse(body), list)


def test_a_genuine_adyen_item_is_read() -> None:
    found = adyen_one(additionalData={"authCode": "A1", "networkTxReference": "N1"})
    assert found.result is not None
    assert (found.kind, found.reference, found.gateway_reference) == ("payment", REFERENCE, PAYMENT_ID["adyen"])
    assert (found.result.outcome, found.result.echo) == ("approved", Money(1099, "usd"))
    assert found.occurred_at_ms == 1_788_220_800_000


@pytest.mark.parametrize(
    "break_it",
    [
        lambda body: body.replace(b"1099", b"9909"),
        lambda body: body.replace(b'"true"', b'"false"'),
        lambda body: body.replace(b"hmacSignature", b"hmacsignature"),
        lambda body: body.replace(REFERENCE.encode(), b"at_other"),
        lambda body: body[:-5],
        lambda _: b"",
        lambda _: b'{"live":"false","notificationItems":[]}',
        lambda _: b"\xff",
        lambda _: adyen_body(adyen_item(), key="00" * 32),
        lambda _: adyen_body(adyen_item(), live="true"),
        lambda _: adyen_body(*[adyen_item() for _ in range(101)]),
    ],
)
def test_an_adyen_body_without_genuine_signature_says_nothing(break_it: Callable[[bytes], bytes]) -> None:
    assert isinstance(adyen_parse(break_it(adyen_body(adyen_item()))), SignatureInvalid)


def test_one_bad_item_condemns_the_whole_body() -> None:
    good, bad = adyen_item(), adyen_item(pspReference="OTHER")
    body = adyen_body(good, bad).replace(b'"OTHER"', b'"OTHERS"')
    assert isinstance(adyen_parse(body), SignatureInvalid)


@pytest.mark.parametrize("key", ["", "not hex", "abc", "44,"])
def test_without_usable_key_nothing_is_believed(key: str) -> None:
    config = ConnectorConfig(livemode=False, settings=CONFIGS["adyen"].settings, credentials={"hmac_key": key})
    assert isinstance(adyen_parse(adyen_body(adyen_item()), config), SignatureInvalid)


def test_a_rolled_key_is_accepted_beside_the_new_one() -> None:
    config = ConnectorConfig(
        livemode=False, settings=CONFIGS["adyen"].settings, credentials={"hmac_key": f"{'ab' * 32},{KEY}"}
    )
    assert isinstance(adyen_parse(adyen_body(adyen_item()), config), list)


@pytest.mark.parametrize(
    ("code", "success", "kind", "outcome"),
    [
        ("AUTHORISATION", "false", "payment", "declined"),
        ("CAPTURE", "true", "capture", "approved"),
        ("CAPTURE", "false", "capture", "declined"),
        ("CAPTURE_FAILED", "true", "capture", "declined"),
        ("CANCELLATION", "true", "void", "approved"),
        ("CANCELLATION", "false", "void", "declined"),
        ("TECHNICAL_CANCEL", "true", "void", "approved"),
        ("REFUND", "true", "refund", "approved"),
        ("REFUND", "false", "refund", "declined"),
        ("REFUND_FAILED", "true", "refund", "declined"),
        ("REFUNDED_REVERSED", "true", "refund", "declined"),
        ("POSTPONED_REFUND", "true", "refund", "pending"),
        ("AUTHORISATION_ADJUSTMENT", "true", "increment", "approved"),
        ("EXPIRE", "true", "expired", "approved"),
        ("CANCEL_OR_REFUND", "true", "void", "approved"),
    ],
)
def test_adyen_events_say_what_they_mean(code: str, success: str, kind: str, outcome: str) -> None:
    found = adyen_one(code=code, success=success, originalReference="ORIGINAL1", pspReference="MOD1")
    assert found.result is not None
    assert (found.kind, found.result.outcome) == (kind, outcome)
    assert (found.gateway_reference, found.result.gateway_reference) == ("ORIGINAL1", "MOD1")


def test_a_refused_authorisation_keeps_its_reason() -> None:
    found = adyen_one(success="false", reason="Not enough balance")
    assert found.result is not None
    assert found.result.decline_code == "insufficient_funds"


@pytest.mark.parametrize(
    ("code", "kind", "inquiry"),
    [
        ("REQUEST_FOR_INFORMATION", "dispute_opened", True),
        ("NOTIFICATION_OF_CHARGEBACK", "dispute_opened", False),
        ("CHARGEBACK", "dispute_opened", False),
        ("INFORMATION_SUPPLIED", "dispute_updated", None),
        ("DISPUTE_DEFENSE_PERIOD_ENDED", "dispute_updated", None),
        ("CHARGEBACK_REVERSED", "dispute_won", False),
        ("SECOND_CHARGEBACK", "dispute_lost", False),
        ("PREARBITRATION_LOST", "dispute_lost", False),
    ],
)
def test_adyen_disputes_are_followed(code: str, kind: str, inquiry: bool | None) -> None:
    data = {"chargebackReasonCode": " 4853", "defensePeriodEndsAt": "2026-09-01T01:00:00+01:00"}
    found = adyen_one(code=code, additionalData=data, originalReference="ORIGINAL1", pspReference="DISPUTE1")
    assert (found.kind, found.dispute_reference, found.gateway_reference) == (kind, "DISPUTE1", "ORIGINAL1")
    assert found.inquiry is inquiry
    assert (found.dispute_reason, found.evidence_due_at_ms, found.result) == ("4853", 1_788_220_800_000, None)


def test_another_merchants_item_is_ignored_though_genuine() -> None:
    assert adyen_one(merchantAccountCode="SomebodyElse").kind is NotificationKind.IGNORED


def test_every_published_adyen_example_can_be_read(specs: Path) -> None:
    for name, example in document(specs / ADYEN_WEBHOOKS)["components"]["examples"].items():
        items = example["value"].get("notificationItems")
        if not items:
            continue
        item = items[0]["NotificationRequestItem"]
        item = {**item, "merchantAccountCode": "InterlockTest", "additionalData": item.get("additionalData", {})}
        parsed = adyen_parse(adyen_body(item))
        assert isinstance(parsed, list), name


text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None, max_examples=100)
@given(reference=text, original=text, psp=text)
def test_awkward_references_neither_break_nor_confuse_the_signature(reference: str, original: str, psp: str) -> None:
    item = adyen_item(merchantReference=reference, originalReference=original, pspReference=psp)
    assert isinstance(adyen_parse(adyen_body(item)), list)


@settings(deadline=None, max_examples=200)
@given(body=st.binary(max_size=120), header=st.text(max_size=80))
def test_noise_is_never_believed(body: bytes, header: str) -> None:
    assert isinstance(stripe_parse(body, header), SignatureInvalid)
    assert isinstance(adyen_parse(body), SignatureInvalid)
