"""What the Adyen connector makes of Adyen's answers."""

from typing import Any

import msgspec
import pytest
from tests.support.gateways import CONFIGS, PAYMENT_ID, REFERENCE, answer, completion, drive, follow_on, payment

from interlock.base.money import Money
from interlock.gateways.contract import Initiator, InquireRequest, Operation, Shopper, StoredCredential
from interlock.gateways.loader import load
from interlock.gateways.outcomes import Outcome, Result

CONFIG = CONFIGS["adyen"]
CONNECTOR = load("adyen").connector
ID = PAYMENT_ID["adyen"]


def paid(code: str = "Authorised", **fields: Any) -> dict[str, Any]:
    amount = {"value": 1099, "currency": "USD"}
    return {"pspReference": ID, "resultCode": code, "merchantReference": REFERENCE, "amount": amount, **fields}


def received(status: str = "received", **fields: Any) -> dict[str, Any]:
    amount = {"value": 1099, "currency": "USD"}
    return {
        "pspReference": "MOD1",
        "paymentPspReference": ID,
        "status": status,
        "merchantAccount": "InterlockTest",
        "amount": amount,
        "reference": REFERENCE,
        **fields,
    }


def error(code: str, status: int) -> dict[str, Any]:
    return {"status": status, "errorCode": code, "message": "No.", "errorType": "validation", "pspReference": "E1"}


def sale(body: object, status: int = 200, **headers: str) -> Result:
    return drive(CONNECTOR.sale(CONFIG, payment()), answer(body, status, **headers))[1]


def sent_body(step: Any) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(next(step).body)
    return body


def test_an_authorised_sale_is_approved_and_captured_with_what_the_answer_tells() -> None:
    data = {
        "authCode": "044925",
        "cvcResult": "1 Matches",
        "avsResult": "6 Postal code matches, but the address does not match",
        "networkTxReference": "MCC1",
        "tokenization.storedPaymentMethodId": "M5N7TQ4TG5PFWR50",
        "threeDAuthenticated": "true",
        "threeDSVersion": "2.2.0",
        "eci": "05",
    }
    result = sale(paid(additionalData=data))
    assert result == Result(
        outcome=Outcome.APPROVED,
        gateway_reference=ID,
        echo=Money(1099, "usd"),
        network_transaction_id="MCC1",
        stored_credential_reference="M5N7TQ4TG5PFWR50",
        authorisation_code="044925",
        cvc_check="pass",
        postal_code_check="pass",
        address_line1_check="fail",
        three_d_secure={"result": "authenticated", "version": "2.2.0", "electronic_commerce_indicator": "05"},
        captured=True,
    )


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("Authorised", "approved"),
        ("Refused", "declined"),
        ("Cancelled", "declined"),
        ("Error", "refused"),
        ("Pending", "pending"),
        ("Received", "pending"),
        ("PresentToShopper", "unknown"),
        ("AuthenticationFinished", "unknown"),
        ("Success", "unknown"),
        ("ACodeOfNextYear", "unknown"),
        ("IdentifyShopper", "unknown"),
    ],
)
def test_each_result_code_has_its_outcome(code: str, outcome: str) -> None:
    assert sale(paid(code)).outcome == outcome


def test_an_approval_without_reference_is_not_believed() -> None:
    assert sale({"resultCode": "Authorised"}).outcome is Outcome.UNKNOWN


def test_a_refusal_speaks_stripes_words() -> None:
    data = {"refusalReasonRaw": "51 : Insufficient funds", "merchantAdviceCode": "02 : Try again later"}
    result = sale(paid("Refused", refusalReason="Not enough balance", refusalReasonCode="12", additionalData=data))
    assert (result.decline_code, result.advice_code, result.network_decline_code) == (
        "insufficient_funds",
        "try_again_later",
        "51",
    )
    assert (result.code, result.message) == ("12", "Not enough balance")


def test_sale_authorise_and_verify_tell_adyen_when_to_capture() -> None:
    sale_body = sent_body(CONNECTOR.sale(CONFIG, payment()))
    assert sale_body["captureDelayHours"] == 0
    held = sent_body(CONNECTOR.authorise(CONFIG, payment(incremental=True)))
    assert held["additionalData"] == {"manualCapture": "true", "authorisationType": "PreAuth"}
    checked = sent_body(CONNECTOR.verify(CONFIG, payment(amount=Money(0, "eur"))))
    assert checked["amount"] == {"value": 0, "currency": "EUR"}
    assert "captureDelayHours" not in checked
    assert drive(CONNECTOR.authorise(CONFIG, payment()), answer(paid()))[1].captured is False


def test_stored_credentials_are_named_as_the_networks_want_them() -> None:
    shopper = Shopper(reference="cus_1")
    first = sent_body(CONNECTOR.sale(CONFIG, payment(shopper=shopper, stored_credential=StoredCredential(store=True))))
    assert (first["shopperInteraction"], first["recurringProcessingModel"]) == ("Ecommerce", "CardOnFile")
    assert (first["storePaymentMethod"], first["shopperReference"]) == (True, "cus_1")
    stored = StoredCredential(initiator=Initiator.MERCHANT, reason="recurring", network_transaction_id="MCC1")
    later = sent_body(CONNECTOR.sale(CONFIG, payment(shopper=shopper, stored_credential=stored)))
    assert (later["shopperInteraction"], later["recurringProcessingModel"]) == ("ContAuth", "Subscription")
    assert later["paymentMethod"]["networkPaymentReference"] == "MCC1"
    assert "cvc" not in later["paymentMethod"]
    assert "authenticationData" not in later


def test_a_redirect_becomes_a_challenge_and_its_return_finishes_it() -> None:
    action = {
        "type": "redirect",
        "url": "https://checkoutshopper-test.adyen.com/3ds",
        "method": "post",
        "data": {"MD": "1"},
    }
    result = sale({"resultCode": "RedirectShopper", "action": action, "pspReference": ID})
    assert result.challenge is not None
    assert (result.challenge.method, result.challenge.data) == ("POST", {"MD": "1"})
    sent, done = drive(CONNECTOR.complete(CONFIG, completion("adyen", continuation={})), answer(paid()))
    assert (sent[0].path, msgspec.json.decode(sent[0].body)) == (
        "/payments/details",
        {"details": {"redirectResult": "X6XtfGC3!Y"}},
    )
    assert (done.outcome, done.captured) == ("approved", True)


def test_a_shopper_who_brings_nothing_back_is_unknown() -> None:
    sent, result = drive(CONNECTOR.complete(CONFIG, completion("adyen", parameters={"x": "1"})), answer(paid()))
    assert (sent, result.outcome) == ([], "unknown")


@pytest.mark.parametrize("status", [401, 403, 422, 500])
def test_a_completion_that_is_refused_proves_nothing(status: int) -> None:
    _, result = drive(CONNECTOR.complete(CONFIG, completion("adyen")), answer(error("14_0408", status), status))
    assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("702", 400, "refused"),
        ("000", 401, "refused"),
        ("901", 403, "refused"),
        ("14_030", 422, "refused"),
        ("905", 500, "refused"),
        ("907", 500, "refused"),
        ("101", 422, "declined"),
        ("103", 422, "declined"),
        ("140", 422, "declined"),
        ("704", 422, "unknown"),
        ("704", 409, "unknown"),
        ("000", 500, "unknown"),
        ("101", 500, "unknown"),
        ("702", 418, "unknown"),
        ("702", 302, "unknown"),
    ],
)
def test_only_a_documented_refusal_is_refused(code: str, status: int, outcome: str) -> None:
    assert sale(error(code, status), status).outcome == outcome


def test_a_transient_error_proves_nothing() -> None:
    assert sale(error("702", 422), 422, transient_error="true").outcome is Outcome.UNKNOWN
    assert sale(error("702", 422), 422, transient_error="false").outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("operation", "path"),
    [("capture", "captures"), ("refund", "refunds"), ("increment", "amountUpdates"), ("void", "cancels")],
)
def test_modifications_wait_for_their_webhook(operation: str, path: str) -> None:
    sent, result = drive(getattr(CONNECTOR, operation)(CONFIG, follow_on("adyen")), answer(received(), 201))
    assert sent[0].path == f"/payments/{ID}/{path}"
    assert (result.outcome, result.gateway_reference) == ("pending", "MOD1")


def test_an_amount_update_may_be_decided_at_once() -> None:
    for status, outcome in (("authorised", "approved"), ("refused", "declined"), ("odd", "unknown")):
        _, result = drive(CONNECTOR.increment(CONFIG, follow_on("adyen")), answer(received(status), 201))
        assert result.outcome == outcome


def test_an_answer_about_another_payment_is_not_believed() -> None:
    assert sale(paid(merchantReference="at_other")).code == "foreign_answer"
    _, result = drive(CONNECTOR.refund(CONFIG, follow_on("adyen")), answer(received(paymentPspReference="OTHER"), 201))
    assert result.code == "foreign_answer"


def test_a_part_that_was_authorised_is_released_and_the_payment_declined() -> None:
    partly = answer(paid("PartiallyAuthorised", amount={"value": 500, "currency": "USD"}))
    sent, result = drive(CONNECTOR.sale(CONFIG, payment()), partly, answer(received(), 201))
    assert [request.path for request in sent] == ["/payments", f"/payments/{ID}/cancels"]
    assert sent[0].headers["idempotency-key"] != sent[1].headers["idempotency-key"]
    assert (result.outcome, result.decline_code) == ("declined", "insufficient_funds")
    _, stuck = drive(CONNECTOR.sale(CONFIG, payment()), partly, answer(error("000", 500), 500))
    assert (stuck.outcome, stuck.gateway_reference) == ("unknown", ID)


def test_keeping_the_rest_of_an_authorisation_is_not_pretended() -> None:
    sent, result = drive(CONNECTOR.capture(CONFIG, follow_on("adyen", final=False)), answer(received()))
    assert (sent, result.outcome, result.code) == ([], "not_sent", "multicapture_unsupported")


def inquiry(**changes: Any) -> InquireRequest:
    values: dict[str, Any] = {
        "operation": Operation.SALE,
        "reference": REFERENCE,
        "idempotency_key": f"{REFERENCE}-1",
        "amount": Money(1099, "usd"),
        "original": payment(),
    }
    return InquireRequest(**{**values, **changes})


def test_an_inquiry_sends_the_very_same_request_again() -> None:
    first = next(CONNECTOR.sale(CONFIG, payment()))
    sent, result = drive(CONNECTOR.inquire(CONFIG, inquiry(identical=True)), answer(paid()))
    assert sent == [first]
    assert result.outcome is Outcome.APPROVED


@pytest.mark.parametrize("operation", [Operation.CAPTURE, Operation.VOID, Operation.REFUND, Operation.INCREMENT])
def test_follow_ons_are_inquired_the_same_way(operation: Operation) -> None:
    first = next(getattr(CONNECTOR, operation.value)(CONFIG, follow_on("adyen")))
    request = inquiry(operation=operation, original=follow_on("adyen"))
    sent, result = drive(CONNECTOR.inquire(CONFIG, request), answer(received(), 201))
    assert (sent, result.outcome) == ([first], "pending")


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500])
def test_an_inquiry_that_is_itself_refused_proves_nothing(status: int) -> None:
    _, result = drive(CONNECTOR.inquire(CONFIG, inquiry()), answer(error("000", status), status))
    assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "age_ms", "outcome"),
    [(422, 86_399_999, "unknown"), (422, 86_400_000, "refused"), (400, 86_400_000, "refused")]
    + [(status, 86_400_000, "unknown") for status in (401, 403, 404, 429)],
)
def test_a_refused_resend_is_believed_after_a_day_and_only_where_adyen_has_read_it(
    status: int, age_ms: int, outcome: str
) -> None:
    _, result = drive(CONNECTOR.inquire(CONFIG, inquiry(age_ms=age_ms)), answer(error("14_030", status), status))
    assert result.outcome == outcome


@pytest.mark.parametrize("changes", [{"original": None}, {"age_ms": 8 * 86_400_000}])
def test_without_original_or_after_the_keys_life_only_the_webhook_can_tell(changes: dict[str, Any]) -> None:
    sent, result = drive(CONNECTOR.inquire(CONFIG, inquiry(**changes)), answer(paid()))
    assert (sent, result.code) == ([], "await_webhook")


def test_every_return_parameter_that_the_manifest_names_is_handed_in() -> None:
    named = load("adyen").manifest.challenge.return_parameters
    assert named
    for name in named:
        sent, _ = drive(CONNECTOR.complete(CONFIG, completion("adyen", parameters={name: "brought"})), answer(paid()))
        assert msgspec.json.decode(sent[0].body)["details"] == {name: "brought"}
