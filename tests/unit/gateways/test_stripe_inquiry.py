"""How a lost answer at Stripe is settled, and what is never concluded from silence."""

from typing import Any

import pytest
from tests.support.gateways import (
    CONFIGS,
    PAYMENT_ID,
    REFERENCE,
    Respond,
    answer,
    completion,
    drive,
    follow_on,
    payment,
)

from interlock.base.money import Money
from interlock.gateways.contract import HttpRequest, HttpResponse, InquireRequest, Operation, StoredCredential
from interlock.gateways.loader import load
from interlock.gateways.outcomes import Result

CONFIG = CONFIGS["stripe"]
CONNECTOR = load("stripe").connector
ID = PAYMENT_ID["stripe"]
EMPTY = answer({"object": "search_result", "data": [], "has_more": False})
DAY = 86_400_000


def intent(status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    received = 1099 if status == "succeeded" else 0
    return {
        "id": ID,
        "object": "payment_intent",
        "status": status,
        "amount": 1099,
        "amount_received": received,
        "currency": "usd",
        "metadata": {"interlock_attempt": REFERENCE},
        **fields,
    }


def ask(*responses: Respond, **changes: Any) -> tuple[list[HttpRequest], Result]:
    values: dict[str, Any] = {
        "operation": Operation.SALE,
        "reference": REFERENCE,
        "idempotency_key": f"{REFERENCE}-1",
        "amount": Money(1099, "usd"),
        "age_ms": 200_000,
        "sent_at_ms": 1_790_000_000_000,
    }
    return drive(CONNECTOR.inquire(CONFIG, InquireRequest(**{**values, **changes})), *responses)


def paths(sent: list[HttpRequest]) -> list[str]:
    return [request.path.partition("?")[0] for request in sent]


def test_a_known_id_is_retrieved() -> None:
    sent, result = ask(answer(intent()), gateway_reference=ID)
    assert (sent[0].method, paths(sent), result.outcome) == ("GET", [f"/v1/payment_intents/{ID}"], "approved")


def test_an_identical_request_is_sent_again_under_its_key() -> None:
    first = next(CONNECTOR.sale(CONFIG, payment()))
    sent, result = ask(answer(intent()), original=payment(), identical=True)
    assert (sent, result.outcome) == ([first], "approved")


def test_a_request_that_stores_its_card_is_sent_again_for_the_same_customer() -> None:
    storing, customer = (
        payment(stored_credential=StoredCredential(store=True)),
        answer({"id": "cus_1", "object": "customer"}),
    )
    first, _ = drive(CONNECTOR.sale(CONFIG, storing), customer, answer(intent()))
    sent, result = ask(customer, answer(intent()), original=storing, identical=True)
    assert (sent, result.outcome) == (first, "approved")
    assert [request.path for request in sent] == ["/v1/customers", "/v1/payment_intents"]
    refusal = answer({"error": {"type": "invalid_request_error", "message": "No."}}, 400)
    assert ask(refusal, original=storing, identical=True)[1].outcome == "unknown"


def test_a_request_that_lost_its_cvc_is_never_sent_again() -> None:
    sent, _ = ask(EMPTY, original=payment(), identical=False)
    assert {request.method for request in sent} == {"GET"}


def test_nothing_is_sent_again_after_the_keys_life() -> None:
    sent, _ = ask(EMPTY, original=payment(), identical=True, age_ms=DAY)
    assert {request.method for request in sent} == {"GET"}
    sent, _ = ask(answer(intent()), operation=Operation.REFUND, original=follow_on("stripe"), age_ms=DAY)
    assert {request.method for request in sent} == {"GET"}


def test_what_the_search_finds_is_read_fresh() -> None:
    stale = answer({"object": "search_result", "data": [intent("processing")], "has_more": False})
    sent, result = ask(stale, answer(intent()))
    assert paths(sent) == ["/v1/payment_intents/search", f"/v1/payment_intents/{ID}"]
    assert result.outcome == "approved"


def test_what_the_search_misses_is_found_in_the_list_of_its_time() -> None:
    others = [intent(id=f"pi_{n}", metadata={}) for n in range(100)]
    page = answer({"object": "list", "data": others, "has_more": True})
    last = answer({"object": "list", "data": [intent()], "has_more": False})
    sent, result = ask(EMPTY, page, last, answer(intent()))
    assert "starting_after=pi_99" in sent[2].path
    assert result.outcome == "approved"


def test_absence_counts_only_from_an_exhausted_list_older_than_the_delay() -> None:
    assert ask(EMPTY)[1].outcome == "not_sent"
    assert ask(EMPTY, age_ms=100_000)[1].outcome == "unknown"
    assert ask(EMPTY, sent_at_ms=0)[1].outcome == "unknown"
    endless = answer({"object": "list", "data": [intent(id="pi_x", metadata={})], "has_more": True})
    sent, result = ask(EMPTY, endless)
    assert result.outcome == "unknown"
    assert len(sent) <= load("stripe").manifest.limits.requests


CROWD = answer({"object": "list", "data": [intent(id="pi_x", metadata={})], "has_more": True})
LATER = answer({"object": "search_result", "data": [intent(id="pi_later", metadata={})], "has_more": True})


def test_in_a_crowd_an_empty_search_counts_once_the_index_has_passed_that_time() -> None:
    responses = (EMPTY, CROWD, CROWD, CROWD, CROWD)
    sent, result = ask(*responses, LATER, age_ms=300_000)
    assert "query=created%3E1790000060&limit=1" in sent[-1].path
    assert len(sent) <= load("stripe").manifest.limits.requests
    assert (result.outcome, result.code) == ("not_sent", "not_found")
    assert ask(*responses, EMPTY, age_ms=300_000)[1].outcome == "unknown"
    assert ask(*responses, answer({}, 429), age_ms=300_000)[1].outcome == "unknown"
    assert ask(*responses, LATER, age_ms=299_000)[1].outcome == "unknown"
    assert ask(answer({}, 500), CROWD, CROWD, CROWD, CROWD, LATER, age_ms=300_000)[1].outcome == "unknown"


def test_what_may_be_sent_again_is_never_given_up_for_a_search_that_passed() -> None:
    kept_error = answer({"error": {"type": "api_error"}}, 500)
    sent, result = ask(
        kept_error, EMPTY, CROWD, CROWD, CROWD, CROWD, LATER, original=payment(), identical=True, age_ms=900_000
    )
    assert result.outcome == "unknown"
    assert "created%5Blte%5D=1790000960" in sent[2].path, "the list reaches to the last time it was sent"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_an_inquiry_that_fails_proves_nothing(status: int) -> None:
    refusal = answer({"error": {"type": "invalid_request_error", "message": "No."}}, status)
    assert ask(refusal)[1].outcome == "unknown"
    assert ask(refusal, gateway_reference=ID)[1].outcome == "unknown"
    assert ask(refusal, operation=Operation.VERIFY)[1].outcome == "unknown"


@pytest.mark.parametrize("status", [401, 403, 409, 429])
def test_a_resend_that_is_turned_away_at_the_door_proves_nothing(status: int) -> None:
    refusal = answer({"error": {"type": "invalid_request_error", "message": "No."}}, status)
    assert ask(refusal, original=payment(), identical=True)[1].outcome == "unknown"
    assert ask(refusal, operation=Operation.CAPTURE, original=follow_on("stripe"))[1].outcome == "unknown"


REFUSED = answer({"error": {"type": "invalid_request_error", "message": "No."}}, 400)


@pytest.mark.parametrize("operation", [Operation.SALE, Operation.VERIFY])
def test_a_refused_resend_is_believed_only_where_nothing_is_found(operation: Operation) -> None:
    asked: dict[str, Any] = {"operation": operation, "original": payment(), "identical": True}
    assert ask(REFUSED, **asked)[1].outcome == "unknown", "everything is turned away"
    assert ask(REFUSED, EMPTY, **asked)[1].outcome == "refused"
    assert ask(REFUSED, EMPTY, **asked, age_ms=100_000)[1].outcome == "unknown", "too young to be found"
    shown = intent() if operation is Operation.SALE else {**intent(), "id": "seti_1", "object": "setup_intent"}
    page = answer({"object": "list", "data": [shown], "has_more": False})
    assert ask(REFUSED, page, answer(shown), **asked)[1].outcome == "approved"


@pytest.mark.parametrize("operation", [Operation.CAPTURE, Operation.VOID, Operation.INCREMENT])
def test_a_refused_resend_of_a_follow_on_is_believed_only_where_the_payment_shows_nothing(operation: Operation) -> None:
    asked: dict[str, Any] = {"operation": operation, "original": follow_on("stripe")}
    untouched, done = (
        intent("requires_capture", amount=500),
        {Operation.CAPTURE: "succeeded", Operation.VOID: "canceled"},
    )
    assert ask(REFUSED, **asked)[1].outcome == "unknown"
    assert ask(REFUSED, answer(untouched), **asked)[1].outcome == "refused"
    assert ask(REFUSED, answer(intent(done.get(operation, "requires_capture"))), **asked)[1].outcome == "approved"


def test_a_refused_resend_of_a_refund_is_believed_only_where_the_list_holds_none() -> None:
    asked: dict[str, Any] = {"operation": Operation.REFUND, "original": follow_on("stripe")}
    refund = {"id": "re_1", "object": "refund", "amount": 1099, "currency": "usd", "status": "succeeded"}
    page = answer({"object": "list", "data": [{**refund, "metadata": {"interlock_attempt": REFERENCE}}]})
    assert ask(REFUSED, **asked)[1].outcome == "unknown"
    assert ask(REFUSED, EMPTY, **asked)[1].outcome == "refused"
    assert ask(REFUSED, page, answer(refund), **asked)[1].outcome == "approved"


@pytest.mark.parametrize("operation", [Operation.SALE, Operation.VERIFY])
@pytest.mark.parametrize(
    "refusal",
    [answer({"error": {"type": "idempotency_error", "message": "Other parameters."}}, 400), answer({}, 500)],
)
def test_a_resend_that_tells_nothing_is_followed_by_a_look_at_the_objects(
    operation: Operation, refusal: HttpResponse
) -> None:
    shown = intent() if operation is Operation.SALE else {**intent(), "id": "seti_1", "object": "setup_intent"}
    page = answer({"object": "list", "data": [shown], "has_more": False})
    sent, result = ask(refusal, page, answer(shown), operation=operation, original=payment(), identical=True)
    assert [request.method for request in sent] == ["POST", "GET", "GET"]
    assert result.outcome == "approved"


def test_a_kept_server_error_is_looked_behind() -> None:
    broken = answer({"error": {"type": "api_error"}}, 500)
    sent, result = ask(broken, answer(intent()), operation=Operation.CAPTURE, original=follow_on("stripe"))
    assert [request.method for request in sent] == ["POST", "GET"]
    assert (result.outcome, result.captured) == ("approved", True)


@pytest.mark.parametrize(
    ("operation", "shown", "outcome"),
    [
        (Operation.CAPTURE, intent(), "approved"),
        (Operation.CAPTURE, intent("requires_capture"), "not_sent"),
        (Operation.VOID, intent("canceled"), "approved"),
        (Operation.VOID, intent("requires_capture"), "not_sent"),
        (Operation.INCREMENT, intent("requires_capture", amount=1099), "approved"),
        (Operation.INCREMENT, intent("requires_capture", amount=500), "not_sent"),
    ],
)
def test_old_follow_ons_are_read_off_the_payment(operation: Operation, shown: dict[str, Any], outcome: str) -> None:
    sent, result = ask(answer(shown), operation=operation, original=follow_on("stripe"), age_ms=DAY)
    assert (sent[0].method, result.outcome) == ("GET", outcome)


def test_an_old_refund_is_found_by_our_reference() -> None:
    refund = {
        "id": "re_1",
        "object": "refund",
        "amount": 1099,
        "currency": "usd",
        "status": "succeeded",
        "metadata": {"interlock_attempt": REFERENCE},
    }

    def respond(request: HttpRequest) -> HttpResponse:
        listing = "?" in request.path
        return answer({"object": "list", "data": [refund], "has_more": False} if listing else refund)

    sent, result = ask(respond, operation=Operation.REFUND, original=follow_on("stripe"), age_ms=DAY)
    assert paths(sent) == ["/v1/refunds", "/v1/refunds/re_1"]
    assert (result.outcome, result.gateway_reference) == ("approved", "re_1")
    absent = ask(EMPTY, operation=Operation.REFUND, original=follow_on("stripe"), age_ms=DAY)[1]
    assert absent.outcome == "not_sent"


def test_a_completion_is_inquired_by_its_intent() -> None:
    sent, result = ask(answer(intent()), operation=Operation.COMPLETE, original=completion("stripe"))
    assert (paths(sent), result.outcome) == ([f"/v1/payment_intents/{ID}"], "approved")


def test_a_follow_on_without_its_original_cannot_be_settled() -> None:
    sent, result = ask(EMPTY, operation=Operation.REFUND)
    assert (sent, result.outcome) == ([], "unknown")
