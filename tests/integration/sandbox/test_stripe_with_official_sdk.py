"""The unmodified official Python SDK against the simulated Stripe: the judge is its own code, not ours."""

import time
from typing import Any

import pytest
import stripe
from tests.support.sandboxes import STRIPE_KEY, Gateway, fetch, wait_until

BACK = "http://shop.test/back"


@pytest.fixture
def client(stripe_gateway: Gateway) -> stripe.StripeClient:
    return stripe.StripeClient(STRIPE_KEY, base_addresses={"api": stripe_gateway.url}, max_network_retries=0)


def pay(client: stripe.StripeClient, method: str = "pm_card_visa", **more: Any) -> stripe.PaymentIntent:
    form: Any = {
        "amount": 1099,
        "currency": "usd",
        "payment_method": method,
        "confirm": True,
        "return_url": BACK,
        **more,
    }
    return client.v1.payment_intents.create(form)


def authenticate(intent: stripe.PaymentIntent, outcome: str) -> str:
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    page = str(intent.next_action.redirect_to_url.url)
    assert b"Complete authentication" in fetch("GET", page).body
    answer = fetch("GET", f"{page}?outcome={outcome}")
    assert answer.status == 303
    return answer.headers["location"]


def test_a_sale_is_charged_and_booked_with_our_reference(client: stripe.StripeClient, stripe_gateway: Gateway) -> None:
    intent = pay(client, metadata={"order_id": "sale-1"}, expand=["latest_charge.balance_transaction"])
    charge: Any = intent.latest_charge
    assert (intent.status, intent.amount_received) == ("succeeded", 1099)
    assert charge.outcome.type == "authorized"
    assert charge.balance_transaction.net == 1099 - 31 - 30
    booked = stripe_gateway.books(reference="sale-1")
    assert [(entry["kind"], entry["amount_minor"], entry["amount_major"]) for entry in booked] == [
        ("authorisation", 1099, "10.99"),
        ("capture", 1099, "10.99"),
    ]
    assert booked[0]["metadata"] == {"order_id": "sale-1"}
    assert booked[0]["idempotency_key"]


def test_manual_capture_partial_refund_and_too_much(client: stripe.StripeClient, stripe_gateway: Gateway) -> None:
    intent = pay(client, capture_method="manual")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 1099)
    captured = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1000})
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 1000, 0)
    with pytest.raises(stripe.InvalidRequestError, match="could not be captured"):
        client.v1.payment_intents.capture(intent.id)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 400})
    assert (refund.status, refund.amount) == ("succeeded", 400)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 601})
    client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"
    kinds = [(entry["kind"], entry["amount_minor"]) for entry in stripe_gateway.books(payment_id=intent.id)]
    assert kinds == [("authorisation", 1099), ("capture", 1000), ("void", 99), ("refund", 400), ("refund", 600)]


def test_multicapture_when_it_was_asked_for(client: stripe.StripeClient) -> None:
    intent = pay(
        client, capture_method="manual", payment_method_options={"card": {"request_multicapture": "if_available"}}
    )
    first = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 500, "final_capture": False})
    assert (first.status, first.amount_capturable, first.amount_received) == ("requires_capture", 599, 500)
    last = client.v1.payment_intents.capture(intent.id)
    assert (last.status, last.amount_received) == ("succeeded", 1099)


def test_an_authorisation_can_be_raised_and_cancelled(client: stripe.StripeClient, stripe_gateway: Gateway) -> None:
    options: Any = {"card": {"request_incremental_authorization": "if_available"}}
    intent = pay(client, capture_method="manual", payment_method_options=options)
    raised = client.v1.payment_intents.increment_authorization(intent.id, {"amount": 1500})
    assert (raised.amount, raised.amount_capturable) == (1500, 1500)
    cancelled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "requested_by_customer"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "requested_by_customer")
    kinds = [(entry["kind"], entry["amount_minor"]) for entry in stripe_gateway.books(payment_id=intent.id)]
    assert kinds == [("authorisation", 1099), ("increment", 401), ("void", 1500)]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.confirm(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
        ("pm_card_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
def test_declines_are_card_errors_with_the_intent_inside(
    client: stripe.StripeClient, stripe_gateway: Gateway, method: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(client, method)
    error: Any = caught.value.error
    assert (caught.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_intent.last_payment_error.charge == error.charge
    charge = client.v1.charges.retrieve(error.charge)
    assert charge.status == "failed"
    assert charge.outcome is not None
    assert charge.outcome.type == ("blocked" if "radar" in method else "issuer_declined")
    assert [entry["status"] for entry in stripe_gateway.books(payment_id=error.payment_intent.id)] == ["declined"]


def test_a_declined_intent_can_be_paid_with_another_card(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(client, "pm_card_chargeDeclined")
    error: Any = caught.value.error
    again = client.v1.payment_intents.confirm(error.payment_intent.id, {"payment_method": "pm_card_mastercard"})
    assert (again.status, again.last_payment_error) == ("succeeded", None)


def test_three_d_secure_completes_on_the_sandboxs_page(client: stripe.StripeClient, stripe_gateway: Gateway) -> None:
    intent = pay(client, "pm_card_authenticationRequired")
    assert intent.status == "requires_action"
    assert stripe_gateway.books(payment_id=intent.id) == []
    location = authenticate(intent, "succeed")
    assert location.startswith(f"{BACK}?payment_intent={intent.id}&")
    assert location.endswith("redirect_status=succeeded")
    done = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    charge: Any = done.latest_charge
    assert done.status == "succeeded"
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_a_failed_authentication_waits_for_another_card(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_threeDSecure2Required")
    assert authenticate(intent, "fail").endswith("redirect_status=failed")
    failed: Any = client.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"


@pytest.mark.parametrize("number", ["4000008400001629", "4000008260003178"])
def test_some_cards_are_declined_after_authentication(client: stripe.StripeClient, number: str) -> None:
    method = client.v1.payment_methods.create(
        {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123"}}
    )
    intent = pay(client, method.id)
    authenticate(intent, "succeed")
    declined: Any = client.v1.payment_intents.retrieve(intent.id)
    assert (declined.status, declined.last_payment_error.code) == ("requires_payment_method", "card_declined")


def test_off_session_needs_no_page_or_is_declined(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(client, "pm_card_authenticationRequired", off_session=True)
    assert caught.value.code == "authentication_required"
    assert pay(client, "pm_card_authenticationRequiredSetupForOffSession", off_session=True).status == "succeeded"


def test_a_card_set_up_once_is_charged_off_session_later(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "a@shop.test"})
    form: Any = {"payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True, "return_url": BACK}
    form["customer"] = customer.id
    setup: Any = client.v1.setup_intents.create(form)
    assert setup.status == "requires_action"
    authenticate(setup, "succeed")
    done: Any = client.v1.setup_intents.retrieve(setup.id)
    assert done.status == "succeeded"
    paid = pay(client, done.payment_method, customer=customer.id, off_session=True)
    assert paid.status == "succeeded"


def test_the_same_card_given_again_in_clear_was_never_set_up(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    form: Any = {"payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True, "return_url": BACK}
    setup: Any = client.v1.setup_intents.create(form | {"customer": customer.id})
    authenticate(setup, "succeed")
    with pytest.raises(stripe.CardError) as caught:
        pay(client, "pm_card_authenticationRequiredOnSetup", customer=customer.id, off_session=True)
    assert caught.value.code == "authentication_required"


def test_a_card_saved_while_paying_is_its_customers_alone(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    paid = pay(client, customer=customer.id, setup_future_usage="off_session")
    method = str(paid.payment_method)
    assert pay(client, method, customer=customer.id, off_session=True).status == "succeeded"
    for other in ({}, {"customer": client.v1.customers.create({}).id}):
        with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
            pay(client, method, **other)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        pay(client, customer="cus_none")


def test_a_card_that_belongs_to_nobody_pays_once(client: stripe.StripeClient) -> None:
    card = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}}
    form: Any = {"amount": 1099, "currency": "usd", "confirm": True, "return_url": BACK, "payment_method_data": card}
    once: Any = client.v1.payment_intents.create(form)
    with pytest.raises(stripe.InvalidRequestError, match="previously used"):
        pay(client, once.payment_method)


def test_cards_that_cannot_be_saved_fail_their_setup(client: stripe.StripeClient) -> None:
    form: Any = {"payment_method": "pm_card_chargeDeclined", "confirm": True, "payment_method_types": ["card"]}
    with pytest.raises(stripe.CardError) as caught:
        client.v1.setup_intents.create(form)
    error: Any = caught.value.error
    assert error.setup_intent.status == "requires_payment_method"


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"number": "42424242424242AA"}, "invalid_number"),
        ({"exp_month": 13}, "invalid_expiry_month"),
        ({"exp_year": 2020}, "invalid_expiry_year"),
        ({"cvc": "99"}, "invalid_cvc"),
    ],
)
def test_a_wrong_card_is_named(client: stripe.StripeClient, card: dict[str, Any], code: str) -> None:
    given: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123", **card}
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_methods.create({"type": "card", "card": given})
    assert caught.value.code == code


def test_checks_of_code_and_address_are_reported(client: stripe.StripeClient) -> None:
    address: Any = {"address": {"line1": "1 Main St", "postal_code": "12345"}}
    for number, expected in (
        ("4242424242424242", ("pass", "pass", "pass")),
        ("4000000000000101", ("pass", "pass", "fail")),
        ("4000000000000036", ("pass", "fail", "pass")),
        ("4000000000000010", ("fail", "fail", "pass")),
        ("4000000000000044", ("unavailable", "unavailable", "pass")),
    ):
        card: Any = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123"}
        method = client.v1.payment_methods.create({"type": "card", "card": card, "billing_details": address})
        charge: Any = pay(client, method.id, expand=["latest_charge"]).latest_charge
        checks = charge.payment_method_details.card.checks
        assert (checks.address_line1_check, checks.address_postal_code_check, checks.cvc_check) == expected


def test_lists_page_and_search_finds_by_metadata(client: stripe.StripeClient) -> None:
    made = [pay(client, metadata={"cart": "list-me", "n": str(n)}).id for n in range(5)]
    page = client.v1.payment_intents.list({"limit": 2})
    assert [intent.id for intent in page.data] == [made[4], made[3]]
    assert page.has_more
    following = client.v1.payment_intents.list({"limit": 2, "starting_after": made[3]})
    assert [intent.id for intent in following.data] == [made[2], made[1]]
    before = client.v1.payment_intents.list({"limit": 2, "ending_before": made[1]})
    assert [intent.id for intent in before.data] == [made[3], made[2]]
    walked = [intent.id for intent in client.v1.payment_intents.list({"limit": 2}).auto_paging_iter()]
    assert walked[:5] == made[::-1]
    found = client.v1.payment_intents.search({"query": "metadata['cart']:'list-me' AND metadata['n']:'3'"})
    assert [intent.id for intent in found.data] == [made[3]]
    for query, fits in ((f"created>{int(time.time()) - 100}", True), (f"created>{int(time.time()) + 100}", False)):
        assert bool(client.v1.payment_intents.search({"query": query, "limit": 1}).data) is fits
    recent = client.v1.payment_intents.list({"created": {"gte": int(time.time()) + 100}})
    assert recent.data == []


def test_disputes_open_by_themselves_and_evidence_decides(client: stripe.StripeClient, stripe_gateway: Gateway) -> None:
    intent = pay(client, "pm_card_createDispute")
    wait_until(lambda: client.v1.disputes.list({"payment_intent": intent.id}).data)
    dispute = client.v1.disputes.list({"payment_intent": intent.id}).data[0]
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 1099)
    won = client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert won.status == "won"
    kinds = [entry["kind"] for entry in stripe_gateway.books(payment_id=intent.id)]
    assert kinds == ["authorisation", "capture", "dispute", "dispute_won"]


def test_some_refunds_take_their_time_and_some_fail(client: stripe.StripeClient, stripe_gateway: Gateway) -> None:
    for method, first, last in (
        ("pm_card_pendingRefund", "pending", "succeeded"),
        ("pm_card_refundFail", "succeeded", "failed"),
    ):
        refund = client.v1.refunds.create({"payment_intent": pay(client, method).id})
        assert refund.status == first
        wait_until(lambda: client.v1.refunds.retrieve(refund.id).status == last)  # noqa: B023 - called in this turn
    reversed_entries = stripe_gateway.books(kind="refund_reversal")
    assert [entry["amount_minor"] for entry in reversed_entries] == [1099]


def test_resending_a_key_never_books_twice(client: stripe.StripeClient, stripe_gateway: Gateway) -> None:
    form: Any = {
        "amount": 500,
        "currency": "eur",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "return_url": BACK,
    }
    first = client.v1.payment_intents.create(form, {"idempotency_key": "once-1"})
    again = client.v1.payment_intents.create(form, {"idempotency_key": "once-1"})
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert len(stripe_gateway.books(idempotency_key="once-1")) == 2
    other: Any = {**form, "amount": 501}
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        client.v1.payment_intents.create(other, {"idempotency_key": "once-1"})


def test_a_decline_is_replayed_too_but_a_bad_request_is_not(client: stripe.StripeClient) -> None:
    form: Any = {
        "amount": 500, "currency": "eur", "payment_method": "pm_card_chargeDeclined", "confirm": True,
        "return_url": BACK,
    }  # fmt: skip
    seen = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            client.v1.payment_intents.create(form, {"idempotency_key": "declined-1"})
        error: Any = caught.value.error
        seen.append(error.payment_intent.id)
    assert seen[0] == seen[1]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({"amount": 1, "currency": "usd"}, {"idempotency_key": "bad-1"})
    assert client.v1.payment_intents.create({"amount": 100, "currency": "usd"}, {"idempotency_key": "bad-1"}).id


def test_wrong_keys_are_refused(stripe_gateway: Gateway) -> None:
    for key, status in (("sk_test_another", 401), ("sk_live_x", 401), ("pk_test_sandbox", 403), ("", 401)):
        answer = stripe_gateway.stripe("GET", "/v1/account", authorization=f"Bearer {key}" if key else "")
        assert (answer.status, answer.json()["error"]["type"]) == (status, "invalid_request_error")
    assert stripe_gateway.stripe("GET", "/v1/account").json()["object"] == "account"
