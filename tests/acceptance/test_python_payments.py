"""Payments by the official Python SDK: taken, captured, cancelled, raised, authenticated, declined."""

from typing import Any

import pytest
import stripe
from tests.support.official_clients import BACK, Pay, authenticate, refused

CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
HOLD = {"capture_method": "manual"}
SUCCESSES = (
    "4242424242424242", "4000056655665556", "5555555555554444", "2223003122003222", "5200828282828210",
    "5105105105105100", "378282246310005", "371449635398431", "6011111111111117", "6011000990139424",
    "6011981111111113", "3056930009020004", "36227206271667", "3566002020360505", "6200000000000005",
    "6200000000000047", "6205500000000000004", "6555900000604105",
)  # fmt: skip
NAMES = {
    "pm_card_visa": "visa", "pm_card_visa_debit": "visa", "pm_card_mastercard": "mastercard", "pm_card_amex": "amex",
    "pm_card_discover": "discover", "pm_card_diners": "diners", "pm_card_jcb": "jcb", "pm_card_unionpay": "unionpay",
}  # fmt: skip
DECLINES = (
    ("4000000000000002", "card_declined", "generic_decline"),
    ("4000000000009995", "card_declined", "insufficient_funds"),
    ("4000000000009987", "card_declined", "lost_card"),
    ("4000000000009979", "card_declined", "stolen_card"),
    ("4000000000000069", "expired_card", "expired_card"),
    ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    ("4000000000000119", "processing_error", "processing_error"),
    ("4000000000006975", "card_declined", "card_velocity_exceeded"),
    ("4000000000000341", "card_declined", "generic_decline"),
    ("4100000000000019", "card_declined", "fraudulent"),
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ("pm_card_radarBlock", "card_declined", "fraudulent"),
)


def raw(number: str, **more: Any) -> dict[str, Any]:
    return {"payment_method_data": {"type": "card", "card": {**CARD, "number": number, **more}}}


def charge_of(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return client.v1.charges.retrieve(str(intent.latest_charge))


@pytest.mark.parametrize("number", SUCCESSES)
def test_every_documented_card_number_pays(pay: Pay, number: str) -> None:
    intent = pay(None, **raw(number))
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)


@pytest.mark.parametrize(("name", "brand"), NAMES.items())
def test_every_named_card_pays_and_shows_its_brand(pay: Pay, name: str, brand: str) -> None:
    intent: Any = pay(name, expand=["latest_charge", "payment_method"])
    assert intent.status == "succeeded"
    assert intent.payment_method.card.brand == brand
    assert intent.latest_charge.payment_method_details.card.brand == brand


@pytest.mark.parametrize(("card", "code", "decline_code"), DECLINES)
def test_every_declining_card_is_declined_in_its_own_words(
    pay: Pay, client: stripe.StripeClient, card: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay(card) if card.startswith("pm_") else pay(None, **raw(card))
    error: Any = caught.value
    assert (error.http_status, error.code, error.error.decline_code) == (402, code, decline_code)
    assert error.error.payment_method.type == "card"
    assert error.error.charge
    intent = client.v1.payment_intents.retrieve(error.error.payment_intent.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == decline_code
    charge = client.v1.charges.retrieve(error.error.charge)
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)
    again = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": BACK})
    assert again.status == "succeeded"


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": 1970}, "invalid_expiry_year", "exp_year"),
        ({"cvc": "99"}, "invalid_cvc", "cvc"),
    ],
)
def test_a_card_that_cannot_be_one_is_refused_before_anything_is_sent(
    client: Any, change: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_methods.create({"type": "card", "card": {**CARD, **change}})
    assert (caught.value.http_status, caught.value.code) == (402, code)
    assert str(caught.value.param).endswith(param)


@pytest.mark.parametrize("name", ["pm_card_riskLevelElevated", "pm_card_visa"])
def test_the_outcome_is_shown_with_the_charge(pay: Pay, name: str) -> None:
    intent: Any = pay(name, expand=["latest_charge"])
    outcome = intent.latest_charge.outcome
    assert (outcome.type, outcome.network_status) == ("authorized", "approved_by_network")


def test_a_cvc_that_fails_its_check_is_shown_with_the_charge(pay: Pay) -> None:
    intent: Any = pay("pm_card_cvcCheckFail", expand=["latest_charge"])
    assert intent.latest_charge.payment_method_details.card.checks.cvc_check == "fail"


def test_tokens_pay_once(client: Any, pay: Pay) -> None:
    token = client.v1.tokens.create({"card": {**CARD, "exp_month": "12", "exp_year": "2034"}})
    assert (token.type, token.used) == ("card", False)
    intent = pay(None, payment_method_data={"type": "card", "card": {"token": token.id}})
    assert intent.status == "succeeded"
    assert client.v1.tokens.retrieve(token.id).used
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay(None, payment_method_data={"type": "card", "card": {"token": token.id}})
    assert caught.value.code == "token_already_used"
    assert pay(None, payment_method_data={"type": "card", "card": {"token": "tok_visa"}}).status == "succeeded"


def test_in_steps_create_update_confirm(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "eur", "metadata": {"order": "1", "a": "b"}})
    assert (intent.status, intent.capture_method) == ("requires_payment_method", "automatic_async")
    changed = client.v1.payment_intents.update(
        intent.id, {"amount": 1600, "payment_method": "pm_card_visa", "metadata": {"a": "", "c": "d"}}
    )
    assert (changed.status, changed.amount, changed.metadata.to_dict()) == (
        "requires_confirmation", 1600, {"order": "1", "c": "d"},
    )  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.confirm(intent.id)
    done = client.v1.payment_intents.confirm(intent.id, {"return_url": BACK})
    assert (done.status, done.amount_received, done.currency) == ("succeeded", 1600, "eur")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.confirm(intent.id, {"return_url": BACK})
    error: Any = caught.value
    assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")
    assert error.error.payment_intent.id == intent.id
    assert error.error.payment_intent.status == "succeeded"


def test_an_intent_without_a_payment_method_is_not_confirmed_and_shown_with_the_error(
    client: stripe.StripeClient,
) -> None:
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "eur"})
    error = refused(
        stripe.InvalidRequestError, lambda: client.v1.payment_intents.confirm(intent.id, {"return_url": BACK})
    )
    assert (error.http_status, error.code, error.param) == (400, "payment_intent_unexpected_state", None)
    assert error.user_message.startswith(
        "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
    )
    assert (error.error.payment_intent.id, error.error.payment_intent.status) == (intent.id, "requires_payment_method")
    paid = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": BACK})
    assert paid.status == "succeeded"


def test_a_hold_is_captured_in_full_once(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay(**HOLD)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 2000, 0)
    assert not charge_of(client, intent).captured
    done = client.v1.payment_intents.capture(intent.id)
    assert (done.status, done.amount_capturable, done.amount_received) == ("succeeded", 0, 2000)
    assert charge_of(client, done).captured
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.capture(intent.id)
    assert caught.value.code in {"payment_intent_unexpected_state", "charge_already_captured"}


def test_a_hold_tells_until_when_it_can_be_captured_while_it_is_one(pay: Pay, client: stripe.StripeClient) -> None:
    def capture_before(intent: stripe.PaymentIntent) -> int | None:
        charge = client.v1.charges.retrieve(str(intent.latest_charge)).to_dict()
        found: int | None = charge["payment_method_details"]["card"].get("capture_before")
        return found

    held, canceled = pay(capture_method="manual"), pay(capture_method="manual")
    until = capture_before(held)
    assert until is not None
    assert 7 * 86_400 - 60 <= until - held.created <= 7 * 86_400 + 60
    client.v1.payment_intents.capture(held.id)
    client.v1.payment_intents.cancel(canceled.id)
    assert [capture_before(intent) for intent in (held, canceled, pay())] == [None, None, None]


def test_a_partial_capture_lets_the_rest_go(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay(**HOLD)
    with pytest.raises(stripe.InvalidRequestError, match="2000"):
        client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 2001})
    done = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 750, "metadata": {"part": "1"}})
    assert (done.status, done.amount_capturable, done.amount_received) == ("succeeded", 0, 750)
    charge = charge_of(client, done)
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (2000, 750, 1250)


def test_several_captures_of_one_hold(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay(**HOLD, payment_method_options={"card": {"request_multicapture": "if_available"}})
    first = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 500, "final_capture": False})
    assert (first.status, first.amount_capturable, first.amount_received) == ("requires_capture", 1500, 500)
    second = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 700, "final_capture": False})
    assert (second.status, second.amount_capturable, second.amount_received) == ("requires_capture", 800, 1200)
    last = client.v1.payment_intents.capture(intent.id)
    assert (last.status, last.amount_capturable, last.amount_received) == ("succeeded", 0, 2000)


def test_a_hold_is_cancelled_and_released(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay(**HOLD)
    gone = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "requested_by_customer"})
    assert (gone.status, gone.cancellation_reason, gone.amount_capturable) == ("canceled", "requested_by_customer", 0)
    assert gone.canceled_at is not None
    charge = charge_of(client, gone)
    assert (charge.refunded, charge.captured) == (True, False)
    for again in (client.v1.payment_intents.cancel, client.v1.payment_intents.capture):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            again(intent.id)
        error: Any = caught.value
        assert error.code == "payment_intent_unexpected_state"
        assert error.error.payment_intent.status == "canceled"


def test_an_intent_that_never_was_paid_is_cancelled(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "usd"})
    gone = client.v1.payment_intents.cancel(intent.id)
    assert (gone.status, gone.cancellation_reason, gone.latest_charge) == ("canceled", None, None)


def test_an_authorisation_is_raised_and_captured(pay: Pay, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.increment_authorization(pay(**HOLD).id, {"amount": 2500})
    options = {"card": {"request_incremental_authorization": "if_available"}}
    intent = pay(**HOLD, payment_method_options=options)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.increment_authorization(intent.id, {"amount": 2000})
    raised = client.v1.payment_intents.increment_authorization(intent.id, {"amount": 2600})
    assert (raised.status, raised.amount, raised.amount_capturable) == ("requires_capture", 2600, 2600)
    done = client.v1.payment_intents.capture(intent.id)
    assert done.amount_received == 2600


@pytest.mark.parametrize("card", ["pm_card_authenticationRequired", "pm_card_threeDSecure2Required"])
def test_a_shopper_who_authenticates_has_paid(pay: Pay, client: stripe.StripeClient, card: str) -> None:
    intent = pay(card)
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    back = authenticate(intent, "succeed")
    assert f"payment_intent={intent.id}" in back
    assert f"payment_intent_client_secret={intent.client_secret}" in back
    assert "redirect_status=succeeded" in back
    done = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (done.status, done.next_action, done.amount_received) == ("succeeded", None, 2000)
    charge: Any = done.latest_charge
    assert charge.payment_method_details.card.three_d_secure is not None


def test_a_shopper_who_fails_to_authenticate_may_try_another_card(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay("pm_card_authenticationRequired")
    back = authenticate(intent, "fail")
    assert "redirect_status=failed" in back
    failed = client.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    done = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": BACK})
    assert done.status == "succeeded"


def test_authenticated_and_then_declined(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay("pm_card_threeDSecureRequiredChargeDeclined")
    assert intent.status == "requires_action"
    assert "redirect_status=failed" in authenticate(intent, "succeed")
    declined = client.v1.payment_intents.retrieve(intent.id)
    assert declined.status == "requires_payment_method"
    assert declined.last_payment_error is not None
    assert declined.last_payment_error.code == "card_declined"


def test_a_held_payment_that_is_authenticated_waits_for_its_capture(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay("pm_card_authenticationRequired", **HOLD)
    authenticate(intent, "succeed")
    held = client.v1.payment_intents.retrieve(intent.id)
    assert (held.status, held.amount_capturable) == ("requires_capture", 2000)
    assert client.v1.payment_intents.capture(intent.id).status == "succeeded"


def test_confirmed_by_hand_the_server_has_the_last_word(
    pay: Pay, client: stripe.StripeClient, browser: stripe.StripeClient
) -> None:
    by_hand = {"confirmation_method": "manual", "payment_method_types": ["card"]}
    intent = pay("pm_card_authenticationRequired", **by_hand)
    assert intent.status == "requires_action"
    authenticate(intent, "succeed")
    waiting = client.v1.payment_intents.retrieve(intent.id)
    assert (waiting.status, waiting.amount_received, waiting.next_action) == ("requires_confirmation", 0, None)
    with pytest.raises(stripe.InvalidRequestError, match="publishable key"):
        browser.raw_request("post", f"/v1/payment_intents/{intent.id}/confirm", client_secret=intent.client_secret)
    done = client.v1.payment_intents.confirm(intent.id)
    assert (done.status, done.amount_received) == ("succeeded", 2000)


def test_use_stripe_sdk_leaves_the_redirect_to_the_browser(pay: Pay) -> None:
    intent = pay("pm_card_authenticationRequired", use_stripe_sdk=True)
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"


def test_where_no_shopper_is_there_authentication_is_an_error(pay: Pay, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        pay("pm_card_authenticationRequired", off_session=True)
    error: Any = caught.value
    assert (error.http_status, error.code) == (402, "authentication_required")
    assert error.error.payment_intent.status == "requires_payment_method"
    with pytest.raises(stripe.CardError) as other:
        pay("pm_card_authenticationRequired", error_on_requires_action=True)
    assert other.value.code == "authentication_required"


def test_a_challenge_that_was_left_is_cancelled(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay("pm_card_authenticationRequired")
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"
    assert "redirect_status=failed" in authenticate(intent, "succeed")
    assert client.v1.payment_intents.retrieve(intent.id).status == "canceled"


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [(49, "usd", "amount_too_small"), (29, "gbp", "amount_too_small"), (49, "jpy", "amount_too_small"),
     (100_000_000, "usd", "amount_too_large"), (0, "usd", None), (-5, "usd", None), (1001, "kwd", None)],
)  # fmt: skip
def test_amounts_that_are_not_allowed(
    client: stripe.StripeClient, amount: int, currency: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert caught.value.param == "amount"
    assert code is None or caught.value.code == code


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(50, "usd"), (500, "jpy"), (5000, "ugx"), (50000, "isk"), (5000, "kwd"), (1000, "USD"), (5000, "mga"),
     (99_999_999, "usd"), (60000, "krw"), (10_000, "bhd")],
)  # fmt: skip
def test_every_kind_of_currency_pays_to_the_unit(
    pay: Pay, client: stripe.StripeClient, amount: int, currency: str
) -> None:
    intent = pay(amount=amount, currency=currency)
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", amount, currency.lower())
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert (refund.status, refund.amount) == ("succeeded", amount)


def test_both_ways_to_pay_at_once_are_refused(pay: Pay, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay("pm_card_visa", **raw("4242424242424242"))
    assert caught.value.code == "parameters_exclusive"
    intent = client.v1.payment_intents.create({"amount": 1500, "currency": "usd"})
    both: Any = {"payment_method": "pm_card_visa", **raw("4242424242424242"), "return_url": BACK}
    with pytest.raises(stripe.InvalidRequestError) as other:
        client.v1.payment_intents.confirm(intent.id, both)
    assert other.value.code == "parameters_exclusive"


def test_the_legacy_charge_with_a_token(client: stripe.StripeClient) -> None:
    charge = client.v1.charges.create({"amount": 900, "currency": "usd", "source": "tok_visa", "description": "old"})
    assert (charge.status, charge.paid, charge.captured) == ("succeeded", True, True)
    held = client.v1.charges.create({"amount": 900, "currency": "usd", "source": "tok_visa", "capture": False})
    assert (held.status, held.captured) == ("succeeded", False)
    taken = client.v1.charges.capture(held.id, {"amount": 400})
    assert (taken.captured, taken.amount_captured, taken.amount_refunded) == (True, 400, 500)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.charges.capture(held.id)
    assert caught.value.code == "charge_already_captured"
    with pytest.raises(stripe.CardError) as declined:
        client.v1.charges.create({"amount": 900, "currency": "usd", "source": "tok_chargeDeclined"})
    assert (declined.value.code, declined.value.http_status) == ("card_declined", 402)


def test_a_charge_is_described_afterwards(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay()
    charge = client.v1.charges.update(str(intent.latest_charge), {"description": "Box", "metadata": {"k": "v"}})
    assert (charge.description, charge.metadata.to_dict()) == ("Box", {"k": "v"})
    assert client.v1.charges.retrieve(charge.id).description == "Box"


def test_the_global_way_of_the_sdk_works_too(product: Any, proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "api_key", product.secret_key)
    monkeypatch.setattr(stripe, "api_base", proxy.url)
    intent = stripe.PaymentIntent.create(
        amount=1234,
        currency="usd",
        payment_method="pm_card_visa",
        confirm=True,
        automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
    )
    assert intent.status == "succeeded"
    refund = stripe.Refund.create(payment_intent=intent.id)
    assert refund.status == "succeeded"
    assert stripe.Charge.retrieve(str(intent.latest_charge)).refunded


def test_the_attempts_of_a_payment_are_shown(pay: Pay, client: stripe.StripeClient) -> None:
    intent = pay()
    found: Any = client.v1.payment_attempt_records.list({"payment_record": intent.id})
    (record,) = found.data
    assert (record.object, record.amount.value, record.amount.currency) == ("payment_attempt_record", 2000, "usd")
    assert client.v1.payment_attempt_records.retrieve(record.id).id == record.id
