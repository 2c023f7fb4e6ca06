"""The simulated Adyen over HTTP: outcomes, challenge, modifications, books; answers as published."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.adyen_shapes import assert_adyen
from tests.support.sandboxes import Gateway, adyen_sale, fetch, running, wait_until

ACCOUNT = {"merchantAccount": "InterlockSandbox"}


def pay(gateway: Gateway, number: str = "4242424242424242", **more: Any) -> Any:
    answer = gateway.adyen("/payments", adyen_sale(number, **more))
    assert answer.status == 200, answer.body
    assert_adyen("PaymentResponse", answer.json())
    return answer.json()


def modify(gateway: Gateway, psp: str, kind: str, **body: Any) -> Any:
    answer = gateway.adyen(f"/payments/{psp}/{kind}", {**ACCOUNT, **body})
    assert answer.status == 201, answer.body
    assert answer.json()["status"] == "received"
    return answer.json()


def kinds(gateway: Gateway, psp: str) -> list[tuple[str, int]]:
    return [(entry["kind"], entry["amount_minor"]) for entry in gateway.books(payment_id=psp, status="approved")]


def usd(value: int) -> dict[str, object]:
    return {"value": value, "currency": "USD"}


HELD: dict[str, Any] = {"additionalData": {"manualCapture": "true"}}


def test_a_sale_is_authorised_captured_and_booked(adyen_gateway: Gateway, specs: Path) -> None:
    paid = pay(adyen_gateway, reference="at_sale", metadata={"order": "7"})
    assert (paid["resultCode"], paid["merchantReference"], paid["amount"]) == ("Authorised", "at_sale", usd(1099))
    booked = adyen_gateway.books(reference="at_sale")
    assert [(entry["kind"], entry["amount_major"], entry["currency"]) for entry in booked] == [
        ("authorisation", "10.99", "usd"),
        ("capture", "10.99", "usd"),
    ]
    assert booked[0]["metadata"] == {"order": "7"}


@pytest.mark.parametrize(
    ("number", "result", "code"),
    [
        ("4000000000000002", "Refused", "2"),
        ("4000000000009995", "Refused", "12"),
        ("4000000000009987", "Refused", "5"),
        ("4000000000000069", "Refused", "6"),
        ("4000000000000127", "Refused", "24"),
        ("4000000000000119", "Error", "4"),
        ("4100000000000019", "Refused", "20"),
        ("4000008400001280", "Refused", "42"),
    ],
)
def test_the_shared_test_cards_mean_the_same_here(
    adyen_gateway: Gateway, specs: Path, number: str, result: str, code: str
) -> None:
    refused = pay(adyen_gateway, number)
    assert (refused["resultCode"], refused["refusalReasonCode"]) == (result, code)
    assert [entry["status"] for entry in adyen_gateway.books(payment_id=refused["pspReference"])] == ["declined"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"card_holderName": "DECLINED"}, "2"),
        ({"card_holderName": "NOT_ENOUGH_BALANCE"}, "12"),
        ({"card_holderName": "DECLINED : 06 : ERROR"}, "2"),
        ({"card_holderName": "CVC_DECLINED"}, "24"),
        ({"additionalData": {"RequestedTestAcquirerResponseCode": "6"}}, "6"),
        ({"card_expiryYear": "2020"}, "6"),
        ({"card_number": "4111111111111111", "card_cvc": "000"}, "24"),
    ],
)
def test_adyens_own_ways_to_ask_for_a_refusal_work(
    adyen_gateway: Gateway, specs: Path, change: dict[str, Any], code: str
) -> None:
    assert pay(adyen_gateway, **change)["refusalReasonCode"] == code


def test_adyens_own_test_card_with_its_own_code_is_authorised(adyen_gateway: Gateway, specs: Path) -> None:
    assert pay(adyen_gateway, "4111111111111111", card_cvc="737")["resultCode"] == "Authorised"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"card_number": "4242424242424241"}, 422, "101"),
        ({"card_cvc": "1"}, 422, "103"),
        ({"card_expiryMonth": "13"}, 422, "140"),
        ({"amount": {"value": -5, "currency": "USD"}}, 422, "137"),
        ({"amount": {"value": 5, "currency": "usd"}}, 422, "138"),
        ({"merchantAccount": "Another"}, 403, "901"),
        ({"colour": "red"}, 422, "702"),
        ({"amount": {"value": "5", "currency": "USD"}}, 422, "702"),
    ],
)
def test_wrong_requests_are_refused_as_published(
    adyen_gateway: Gateway, specs: Path, change: dict[str, Any], status: int, code: str
) -> None:
    answer = adyen_gateway.adyen("/payments", adyen_sale(**change))
    assert (answer.status, answer.json()["errorCode"]) == (status, code)
    assert_adyen("ServiceError", answer.json())


def test_wrong_credentials_and_unreadable_bodies_are_refused(adyen_gateway: Gateway, specs: Path) -> None:
    assert adyen_gateway.adyen("/payments", adyen_sale(), x_api_key="other").status == 401
    answer = fetch("POST", f"{adyen_gateway.url}/v72/payments", b"{", {"x-api-key": "sandbox"})
    assert (answer.status, answer.json()["errorCode"]) == (400, "702")
    assert adyen_gateway.adyen("/payment", {}).status == 404


@pytest.mark.parametrize(("outcome", "result"), [("succeed", "Authorised"), ("fail", "Refused")])
def test_a_challenge_is_completed_by_its_redirect_result(
    adyen_gateway: Gateway, specs: Path, outcome: str, result: str
) -> None:
    waiting = pay(adyen_gateway, "4000002760003184", reference=f"at_3ds_{outcome}")
    assert waiting["resultCode"] == "RedirectShopper"
    assert adyen_gateway.books(reference=f"at_3ds_{outcome}") == []
    page = fetch("GET", waiting["action"]["url"])
    assert b"Fail authentication" in page.body
    back = fetch("GET", f"{waiting['action']['url']}?outcome={outcome}").headers["location"]
    redirect_result = parse_qs(urlsplit(back).query)["redirectResult"][0]
    for _ in range(2):
        answer = adyen_gateway.adyen("/payments/details", {"details": {"redirectResult": redirect_result}})
        assert_adyen("PaymentDetailsResponse", answer.json())
        assert answer.json()["resultCode"] == result
    authorisations = adyen_gateway.books(reference=f"at_3ds_{outcome}", kind="authorisation")
    assert [entry["status"] for entry in authorisations] == ["approved" if outcome == "succeed" else "declined"]


def test_merchant_initiated_payments_use_the_stored_card(adyen_gateway: Gateway, specs: Path) -> None:
    first = pay(
        adyen_gateway,
        shopperReference="shopper-1",
        storePaymentMethod=True,
        recurringProcessingModel="UnscheduledCardOnFile",
    )
    token = first["additionalData"]["tokenization.storedPaymentMethodId"]
    body = adyen_sale(shopperReference="shopper-1", recurringProcessingModel="UnscheduledCardOnFile")
    body["paymentMethod"] = {"type": "scheme", "storedPaymentMethodId": token}
    body["shopperInteraction"] = "ContAuth"
    again = adyen_gateway.adyen("/payments", body).json()
    assert (again["resultCode"], again["additionalData"]["cardSummary"]) == ("Authorised", "4242")
    stranger = adyen_gateway.adyen("/payments", {**body, "shopperReference": "someone-else"})
    assert (stranger.status, stranger.json()["errorCode"]) == (422, "800")


def test_merchant_initiated_payments_that_need_the_shopper_are_refused(adyen_gateway: Gateway, specs: Path) -> None:
    assert pay(adyen_gateway, "4000002760003184", shopperInteraction="ContAuth")["refusalReasonCode"] == "38"


def test_captures_and_refunds_are_received_then_booked(adyen_gateway: Gateway, specs: Path) -> None:
    psp = pay(adyen_gateway, **HELD)["pspReference"]
    captured = modify(adyen_gateway, psp, "captures", amount=usd(1000), reference="cap-1")
    assert_adyen("PaymentCaptureResponse", captured)
    refunded = modify(adyen_gateway, psp, "refunds", amount=usd(400), reference="ref-1")
    assert_adyen("PaymentRefundResponse", refunded)
    modify(adyen_gateway, psp, "refunds", amount=usd(601), reference="too-much")
    wait_until(lambda: len(kinds(adyen_gateway, psp)) == 3)
    assert kinds(adyen_gateway, psp) == [("authorisation", 1099), ("capture", 1000), ("refund", 400)]
    assert adyen_gateway.books(reference="ref-1")[0]["entry_id"] == refunded["pspReference"]
    assert adyen_gateway.books(reference="too-much") == []


def test_cancels_reversals_and_amount_updates(adyen_gateway: Gateway, specs: Path) -> None:
    psp = pay(adyen_gateway, **HELD)["pspReference"]
    assert_adyen(
        "PaymentAmountUpdateResponse", modify(adyen_gateway, psp, "amountUpdates", amount=usd(1500), reference="up")
    )
    assert_adyen("PaymentCancelResponse", modify(adyen_gateway, psp, "cancels", reference="void-1"))
    wait_until(lambda: len(kinds(adyen_gateway, psp)) == 3)
    assert kinds(adyen_gateway, psp) == [("authorisation", 1099), ("increment", 401), ("void", 1500)]
    sold = pay(adyen_gateway)["pspReference"]
    assert_adyen("PaymentReversalResponse", modify(adyen_gateway, sold, "reversals", reference="rev-1"))
    wait_until(lambda: len(kinds(adyen_gateway, sold)) == 3)
    assert kinds(adyen_gateway, sold)[-1] == ("refund", 1099)


def test_a_technical_cancel_finds_payments_by_our_reference(adyen_gateway: Gateway, specs: Path) -> None:
    psp = pay(adyen_gateway, reference="lost-answer", **HELD)["pspReference"]
    answer = adyen_gateway.adyen("/cancels", {**ACCOUNT, "paymentReference": "lost-answer", "reference": "tc-1"})
    assert_adyen("StandalonePaymentCancelResponse", answer.json())
    wait_until(lambda: len(kinds(adyen_gateway, psp)) == 2)
    assert kinds(adyen_gateway, psp)[-1] == ("void", 1099)


def test_modifications_of_unknown_payments_are_refused(adyen_gateway: Gateway) -> None:
    answer = adyen_gateway.adyen("/payments/NOSUCHPAYMENT000/captures", {**ACCOUNT, "amount": usd(1)})
    assert (answer.status, answer.json()["errorCode"]) == (422, "167")


def test_resending_a_key_returns_the_first_answer_and_books_once(adyen_gateway: Gateway) -> None:
    body = adyen_sale(reference="at_once")
    first = adyen_gateway.adyen("/payments", body, idempotency_key="adyen-once")
    again = adyen_gateway.adyen("/payments", body, idempotency_key="adyen-once")
    assert first.body == again.body
    assert again.headers["idempotency-key"] == "adyen-once"
    assert len(adyen_gateway.books(reference="at_once")) == 2


def test_decimals_follow_adyens_table(adyen_gateway: Gateway, specs: Path) -> None:
    for currency, value, major in (
        ("JPY", 500, "500"),
        ("KWD", 1234, "1.234"),
        ("ISK", 50000, "500.00"),
        ("UGX", 500, "500"),
    ):
        psp = pay(adyen_gateway, amount={"value": value, "currency": currency})["pspReference"]
        assert adyen_gateway.books(payment_id=psp)[0]["amount_major"] == major


@pytest.fixture
def unchecked(tmp_path: Path) -> Iterator[Gateway]:
    with running("adyen", tmp_path, "--no-validate") as gateway:
        yield gateway


def test_without_validation_the_built_in_checks_remain(unchecked: Gateway) -> None:
    assert unchecked.control("GET", "health")["checks"] == "built-in minimal checks"
    assert unchecked.adyen("/payments", adyen_sale(colour="red")).status == 200
    without = {name: value for name, value in adyen_sale().items() if name != "reference"}
    assert unchecked.adyen("/payments", without).json()["errorCode"] == "130"
