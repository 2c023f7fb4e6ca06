"""What the Stripe connector makes of Stripe's answers."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from tests.support.gateways import CARD, CONFIGS, PAYMENT_ID, REFERENCE, answer, completion, drive, follow_on, payment

from interlock.base.money import Money
from interlock.gateways.contract import HttpResponse, Initiator, StoredCredential
from interlock.gateways.loader import load
from interlock.gateways.outcomes import ALREADY_CAPTURED, Outcome, Result, Transfer

CONFIG = CONFIGS["stripe"]
CONNECTOR = load("stripe").connector
ID = PAYMENT_ID["stripe"]


def intent(status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "object": "payment_intent",
        "status": status,
        "amount": 1099,
        "amount_received": 1099 if status == "succeeded" else 0,
        "currency": "usd",
        "livemode": False,
        "metadata": {"interlock_attempt": REFERENCE},
        **fields,
    }


def failure(kind: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "message": "No.", **fields}}


def sale(body: object, status: int = 200) -> Result:
    return drive(CONNECTOR.sale(CONFIG, payment()), answer(body, status))[1]


def test_a_succeeded_intent_is_approved_with_everything_the_charge_tells() -> None:
    charge = {
        "id": "ch_1",
        "object": "charge",
        "payment_method_details": {
            "card": {
                "checks": {"cvc_check": "pass", "address_postal_code_check": "fail", "address_line1_check": None},
                "network_transaction_id": "MCC123",
                "authorization_code": "A1",
                "three_d_secure": {"result": "authenticated", "version": "2.2.0", "transaction_id": None},
            }
        },
    }
    result = sale(intent(latest_charge=charge, payment_method="pm_1", customer="cus_1"))
    assert result == Result(
        outcome=Outcome.APPROVED,
        gateway_reference=ID,
        echo=Money(1099, "usd"),
        network_transaction_id="MCC123",
        stored_credential_reference="cus_1/pm_1",
        authorisation_code="A1",
        cvc_check="pass",
        postal_code_check="fail",
        three_d_secure={"result": "authenticated", "version": "2.2.0"},
        captured=True,
    )


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("succeeded", "approved"),
        ("requires_capture", "approved"),
        ("processing", "pending"),
        ("requires_payment_method", "declined"),
        ("canceled", "declined"),
        ("requires_confirmation", "unknown"),
        ("a_status_of_next_year", "unknown"),
    ],
)
def test_each_status_has_its_outcome(status: str, outcome: str) -> None:
    assert sale(intent(status)).outcome == outcome


def test_a_redirect_becomes_a_challenge_that_complete_can_finish() -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds", "return_url": "x"}}
    result = sale(intent("requires_action", next_action=action))
    assert result.outcome is Outcome.CHALLENGE
    assert result.challenge is not None
    assert result.challenge.url == "https://hooks.stripe.com/3ds"
    request = completion("stripe", gateway_reference=None, continuation=result.challenge.continuation)
    sent, done = drive(CONNECTOR.complete(CONFIG, request), answer(intent()))
    assert [(r.method, r.path.partition("?")[0]) for r in sent] == [("GET", f"/v1/payment_intents/{ID}")]
    assert done.outcome is Outcome.APPROVED


def test_an_action_that_cannot_be_shown_is_unknown() -> None:
    assert sale(intent("requires_action", next_action={"type": "use_stripe_sdk"})).outcome is Outcome.UNKNOWN


def test_completion_confirms_an_intent_that_waits_for_it() -> None:
    sent, result = drive(
        CONNECTOR.complete(CONFIG, completion("stripe")), answer(intent("requires_confirmation")), answer(intent())
    )
    assert [r.path.partition("?")[0].rpartition("/")[2] for r in sent] == [ID, "confirm"]
    assert result.outcome is Outcome.APPROVED


def test_a_failed_authentication_is_a_decline() -> None:
    error = {"type": "invalid_request_error", "code": "payment_intent_authentication_failure", "message": "Failed."}
    request = completion("stripe")
    _, result = drive(
        CONNECTOR.complete(CONFIG, request), answer(intent("requires_payment_method", last_payment_error=error))
    )
    assert (result.outcome, result.decline_code) == ("declined", "authentication_required")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_a_completion_that_is_refused_proves_nothing(status: int) -> None:
    _, result = drive(
        CONNECTOR.complete(CONFIG, completion("stripe")), answer(failure("invalid_request_error"), status)
    )
    assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "decline_code"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds"),
        ({"code": "card_declined", "decline_code": "a_reason_of_next_year"}, "generic_decline"),
        ({"code": "card_declined"}, "generic_decline"),
        ({"code": "expired_card"}, "expired_card"),
        ({"code": "incorrect_number"}, "incorrect_number"),
        ({"code": "authentication_required", "decline_code": "authentication_required"}, "authentication_required"),
    ],
)
def test_a_card_error_is_a_decline_in_stripes_words(fields: dict[str, str], decline_code: str) -> None:
    body = failure("card_error", advice_code="try_again_later", network_decline_code="51", **fields)
    body["error"]["payment_intent"] = intent("requires_payment_method")
    result = sale(body, 402)
    assert (result.outcome, result.decline_code, result.gateway_reference) == ("declined", decline_code, ID)
    assert (result.advice_code, result.network_decline_code) == ("try_again_later", "51")


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, failure("invalid_request_error", code="parameter_unknown", param="x"), "refused"),
        (401, failure("invalid_request_error"), "refused"),
        (403, failure("invalid_request_error"), "refused"),
        (404, failure("invalid_request_error", code="resource_missing"), "refused"),
        (429, failure("invalid_request_error", code="rate_limit"), "refused"),
        (429, failure("invalid_request_error", code="lock_timeout"), "refused"),
        (400, failure("idempotency_error"), "unknown"),
        (409, failure("invalid_request_error", code="idempotency_key_in_use"), "unknown"),
        (409, failure("idempotency_error"), "unknown"),
        (424, failure("api_error"), "unknown"),
        (500, failure("api_error"), "unknown"),
        (500, failure("card_error", code="card_declined"), "unknown"),
        (503, failure("invalid_request_error"), "unknown"),
        (402, failure("invalid_request_error"), "unknown"),
        (418, failure("invalid_request_error"), "unknown"),
        (400, failure("an_error_type_of_next_year"), "unknown"),
    ],
)
def test_only_a_documented_refusal_is_refused(status: int, body: object, outcome: str) -> None:
    assert sale(body, status).outcome == outcome


def test_an_answer_about_another_payment_or_mode_is_not_believed() -> None:
    assert sale(intent(metadata={"interlock_attempt": "at_other"})).code == "foreign_answer"
    assert sale(intent(livemode=True)).code == "livemode_mismatch"
    assert sale(intent(object="charge")).outcome is Outcome.UNKNOWN
    other = drive(CONNECTOR.capture(CONFIG, follow_on("stripe")), answer(intent(id="pi_other")))[1]
    assert other.code == "foreign_answer"


def test_captures_are_told_from_running_totals() -> None:
    request = follow_on("stripe", amount=Money(400, "usd"), final=False, captured_before_minor=300)
    sent, result = drive(CONNECTOR.capture(CONFIG, request), answer(intent("requires_capture", amount_received=700)))
    assert sent[0].body == b"amount_to_capture=400&final_capture=false"
    assert (result.outcome, result.echo, result.captured) == ("approved", Money(400, "usd"), True)


def test_cancelling_what_is_cancelled_is_done() -> None:
    body = failure("invalid_request_error", code="payment_intent_unexpected_state")
    body["error"]["payment_intent"] = intent("canceled")
    result = drive(CONNECTOR.void(CONFIG, follow_on("stripe")), answer(body, 400))[1]
    assert result.outcome is Outcome.APPROVED
    body["error"]["payment_intent"] = intent("processing")
    assert drive(CONNECTOR.void(CONFIG, follow_on("stripe")), answer(body, 400))[1].outcome is Outcome.REFUSED


def test_a_void_of_what_was_captured_is_declined_for_ever() -> None:
    body = failure("invalid_request_error", code="payment_intent_unexpected_state", payment_intent=intent())
    result = drive(CONNECTOR.void(CONFIG, follow_on("stripe")), answer(body, 400))[1]
    assert (result.outcome, result.code, result.gateway_reference) == (Outcome.DECLINED, ALREADY_CAPTURED, ID)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("succeeded", "approved"),
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("failed", "declined"),
        ("canceled", "declined"),
        (None, "unknown"),
        ("odd", "unknown"),
    ],
)
def test_refund_statuses(status: str | None, outcome: str) -> None:
    body = {"id": "re_1", "object": "refund", "amount": 1099, "currency": "usd", "status": status}
    result = drive(CONNECTOR.refund(CONFIG, follow_on("stripe")), answer(body))[1]
    assert (result.outcome, result.gateway_reference) == (outcome, "re_1")


def test_a_verified_card_leaves_its_reference() -> None:
    body = {
        "id": "seti_1",
        "object": "setup_intent",
        "status": "succeeded",
        "payment_method": {"id": "pm_9", "card": {"checks": {"cvc_check": "pass"}}},
        "metadata": {"interlock_attempt": REFERENCE},
    }
    request = payment(amount=Money(0, "usd"), stored_credential=StoredCredential(store=True))
    customer = answer({"id": "cus_1", "object": "customer"})
    sent, result = drive(CONNECTOR.verify(CONFIG, request), customer, answer({**body, "customer": "cus_1"}))
    assert [each.path for each in sent] == ["/v1/customers", "/v1/setup_intents"]
    assert b"&customer=cus_1&" in sent[1].body
    assert (result.outcome, result.stored_credential_reference, result.cvc_check) == ("approved", "cus_1/pm_9", "pass")


def test_a_card_kept_at_stripe_is_charged_as_the_one_that_was_set_up() -> None:
    stored = StoredCredential(initiator=Initiator.MERCHANT, reference="cus_1/pm_9", network_transaction_id="MCC1")
    request = payment(stored_credential=stored)
    (sent,) = drive(CONNECTOR.sale(CONFIG, request), answer(intent()))[0]
    fields = dict(parse_qsl(sent.body.decode()))
    assert (fields["customer"], fields["payment_method"], fields["off_session"]) == ("cus_1", "pm_9", "true")
    assert not [name for name in fields if name.startswith("payment_method_data")]


@pytest.mark.parametrize(
    ("stored", "cvc", "kept"),
    [
        (StoredCredential(reference="cus_1/pm_9"), None, True),
        (StoredCredential(reference="cus_1/pm_9"), "123", False),
        (StoredCredential(initiator=Initiator.MERCHANT, reference="pm_9"), None, False),
        (StoredCredential(initiator=Initiator.MERCHANT, network_transaction_id="MCC1"), None, False),
    ],
)
def test_the_card_itself_is_sent_with_a_fresh_code_or_where_stripe_keeps_none(
    stored: StoredCredential, cvc: str | None, kept: bool
) -> None:
    request = payment(stored_credential=stored, instrument=msgspec.structs.replace(CARD, cvc=cvc))
    (sent,) = drive(CONNECTOR.sale(CONFIG, request), answer(intent()))[0]
    assert (b"payment_method=pm_9" in sent.body) is kept
    assert (b"number%5D=4242424242424242" in sent.body) is not kept


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [
        (answer({"error": {"type": "invalid_request_error", "message": "No."}}, 401), "refused"),
        (answer({"error": {"type": "api_error"}}, 500), "not_sent"),
        (answer({"id": "pi_1", "object": "payment_intent"}), "not_sent"),
    ],
)
def test_without_a_customer_nothing_is_charged_and_another_route_may_be_tried(
    refusal: HttpResponse, outcome: str
) -> None:
    for operation in (CONNECTOR.sale, CONNECTOR.verify):
        sent, result = drive(operation(CONFIG, payment(stored_credential=StoredCredential(store=True))), refusal)
        assert ([each.path for each in sent], result.outcome) == (["/v1/customers"], outcome)


def test_increments_name_the_new_total() -> None:
    request = follow_on("stripe", amount=Money(1500, "usd"))
    sent, result = drive(CONNECTOR.increment(CONFIG, request), answer(intent("requires_capture", amount=1500)))
    assert sent[0].body == b"amount=1500"
    assert (result.outcome, result.echo) == ("approved", Money(1500, "usd"))


def test_a_connected_account_travels_in_its_header() -> None:
    config = type(CONFIG)(livemode=False, settings={"account": "acct_1"}, credentials=CONFIG.credentials)
    for step in (CONNECTOR.sale(config, payment()), CONNECTOR.complete(config, completion("stripe"))):
        assert next(step).headers["stripe-account"] == "acct_1"


def awaiting(**told: Any) -> dict[str, Any]:
    instructions = {
        "type": "jp_bank_transfer",
        "amount_remaining": 700,
        "currency": "usd",
        "reference": "R1",
        "hosted_instructions_url": "https://pay.example/1",
        "financial_addresses": [{"type": "zengin"}],
        **told,
    }
    action = {"type": "display_bank_transfer_instructions", "display_bank_transfer_instructions": instructions}
    return intent("requires_action", next_action=action, customer="cus_1")


def test_instructions_for_a_transfer_are_pending_and_say_what_is_missing_and_where_it_goes() -> None:
    result = sale(awaiting())
    assert result.outcome is Outcome.PENDING
    assert result.transfer == Transfer(
        kind="jp_bank_transfer",
        account="cus_1",
        remaining=Money(700, "usd"),
        reference="R1",
        page="https://pay.example/1",
        addresses=({"type": "zengin"},),
    )


@pytest.mark.parametrize("body", [awaiting(amount_remaining=None), {**awaiting(), "customer": None}])
def test_instructions_that_lack_something_are_not_guessed_at(body: dict[str, Any]) -> None:
    result = sale(body)
    assert (result.outcome, result.code, result.transfer) == (Outcome.UNKNOWN, "unsupported_next_action", None)


def test_a_test_transfer_that_arrived_says_how_much() -> None:
    arrived = {"id": "cc_1", "object": "customer_cash_balance_transaction", "net_amount": 1099, "currency": "usd"}
    _, result = drive(CONNECTOR.fund(CONFIG, follow_on("stripe")), answer(arrived))
    assert (result.outcome, result.echo) == (Outcome.APPROVED, Money(1099, "usd"))


def test_a_void_after_a_part_was_captured_releases_the_rest() -> None:
    request = follow_on("stripe", captured_before_minor=300)
    released, taken = intent(amount_received=300), intent(amount_received=400)
    assert drive(CONNECTOR.void(CONFIG, request), answer(released))[1].outcome is Outcome.APPROVED
    assert drive(CONNECTOR.void(CONFIG, request), answer(taken))[1].outcome is Outcome.UNKNOWN
    for shown, code in ((released, "already_canceled"), (taken, ALREADY_CAPTURED)):
        body = failure("invalid_request_error", code="payment_intent_unexpected_state", payment_intent=shown)
        assert drive(CONNECTOR.void(CONFIG, request), answer(body, 400))[1].code == code
