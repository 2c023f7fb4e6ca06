"""Customers, payment methods, setup intents, stored credentials, mandates, confirmation tokens by the official SDK."""

from typing import Any

import pytest
import stripe
from tests.support.official_clients import BACK, Pay, authenticate

CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
OFFLINE = {"customer_acceptance": {"type": "offline"}}
ONLINE = {"customer_acceptance": {"type": "online", "online": {"ip_address": "192.0.2.7", "user_agent": "Test/1"}}}


def set_up(client: Any, customer: str, card: str = "pm_card_visa", **more: Any) -> Any:
    form = {"customer": customer, "payment_method": card, "confirm": True, "return_url": BACK, **more}
    return client.v1.setup_intents.create(form)


def test_a_customers_life(client: Any) -> None:
    made = client.v1.customers.create(
        {
            "email": "jenny@example.com",
            "name": "Jenny Rosen",
            "phone": "+15555550100",
            "description": "first",
            "address": {"line1": "1 Main St", "city": "Springfield", "country": "US", "postal_code": "12345"},
            "shipping": {"name": "Jenny", "address": {"line1": "2 Side St"}},
            "metadata": {"a": "1", "b": "2"},
            "preferred_locales": ["de", "en"],
        }
    )
    assert (made.email, made.address.city, made.shipping.address.line1) == (
        "jenny@example.com",
        "Springfield",
        "2 Side St",
    )
    changed = client.v1.customers.update(
        made.id, {"metadata": {"a": "", "c": "3"}, "email": "j@example.com", "phone": ""}
    )
    assert (changed.email, changed.phone, changed.metadata.to_dict()) == ("j@example.com", None, {"b": "2", "c": "3"})
    assert client.v1.customers.update(made.id, {"metadata": ""}).metadata.to_dict() == {}
    assert client.v1.customers.retrieve(made.id).name == "Jenny Rosen"
    gone = client.v1.customers.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "customer")
    again = client.v1.customers.retrieve(made.id)
    assert (again.deleted, again.object) == (True, "customer")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.update(made.id, {"name": "x"})
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.create({"amount": 500, "currency": "usd", "customer": made.id})
    assert (refused.value.code, refused.value.param) == ("resource_missing", "customer")


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"email": "no-address"}, "email"),
        ({"metadata": {"k" * 41: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 501}}, "metadata"),
        ({"metadata": {f"k{i}": "v" for i in range(51)}}, "metadata"),
        ({"unknown_thing": "1"}, "unknown_thing"),
    ],
)
def test_customers_that_are_refused_by_name_of_the_field(client: Any, form: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.create(form)
    assert str(caught.value.param).startswith(param)


def test_a_payment_methods_life(client: Any) -> None:
    customer = client.v1.customers.create({"name": "A"})
    other = client.v1.customers.create({"name": "B"})
    method = client.v1.payment_methods.create(
        {"type": "card", "card": CARD, "billing_details": {"name": "Jenny"}, "metadata": {"k": "v"}}
    )
    assert (method.customer, method.card.last4, method.card.brand) == (None, "4242", "visa")
    attached = client.v1.payment_methods.attach(method.id, {"customer": customer.id})
    assert attached.customer == customer.id
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_methods.attach(method.id, {"customer": other.id})
    changed = client.v1.payment_methods.update(
        method.id, {"billing_details": {"email": "j@example.com"}, "metadata": {"k": ""}, "card": {"exp_year": 2035}}
    )
    assert (changed.billing_details.email, changed.metadata.to_dict(), changed.card.exp_year) == (
        "j@example.com",
        {},
        2035,
    )
    assert client.v1.customers.payment_methods.retrieve(customer.id, method.id).id == method.id
    assert [one.id for one in client.v1.customers.payment_methods.list(customer.id).data] == [method.id]
    listed = client.v1.payment_methods.list({"customer": customer.id, "type": "card"})
    assert [one.id for one in listed.data] == [method.id]
    assert client.v1.payment_methods.list({"customer": other.id, "type": "card"}).data == []
    detached = client.v1.payment_methods.detach(method.id)
    assert (detached.id, detached.customer) == (method.id, None)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_methods.attach(method.id, {"customer": customer.id})
    assert "previously" in str(caught.value.user_message)


def test_a_card_that_is_kept_and_then_declines(client: Any, pay: Pay) -> None:
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    assert method.customer == customer.id
    with pytest.raises(stripe.CardError) as caught:
        pay(method.id, customer=customer.id)
    assert caught.value.code == "card_declined"
    assert client.v1.payment_methods.retrieve(method.id).customer == customer.id


def test_the_default_method_of_a_customer_pays_legacy_charges(client: Any) -> None:
    customer = client.v1.customers.create({"source": "tok_visa"})
    charge = client.v1.charges.create({"amount": 700, "currency": "usd", "customer": customer.id})
    assert (charge.status, charge.customer) == ("succeeded", customer.id)


def test_a_card_that_was_used_without_a_customer_is_used_up(client: Any, pay: Pay) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": CARD})
    assert pay(method.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay(method.id)
    assert caught.value.code == "payment_method_unexpected_state" or "attach" in str(caught.value.user_message).lower()


def test_another_customers_method_does_not_pay(client: Any, pay: Pay) -> None:
    owner, other = (client.v1.customers.create({}) for _ in range(2))
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    with pytest.raises(stripe.InvalidRequestError):
        pay(method.id, customer=other.id)
    assert pay(method.id, customer=owner.id).customer == owner.id


def test_a_card_is_saved_while_paying_and_charged_later_without_its_owner(client: Any, pay: Pay) -> None:
    customer = client.v1.customers.create({})
    first = pay("pm_card_visa", customer=customer.id, setup_future_usage="off_session")
    (saved,) = client.v1.payment_methods.list({"customer": customer.id}).data
    assert saved.id == first.payment_method
    later = pay(saved.id, customer=customer.id, off_session=True, amount=3100)
    assert (later.status, later.amount_received) == ("succeeded", 3100)


def test_a_card_is_set_up_and_charged_later_without_its_owner(client: Any, pay: Pay) -> None:
    customer = client.v1.customers.create({})
    setup = set_up(client, customer.id, mandate_data=OFFLINE, expand=["latest_attempt", "payment_method"])
    assert (setup.status, setup.usage, setup.customer) == ("succeeded", "off_session", customer.id)
    assert setup.latest_attempt.status == "succeeded"
    assert setup.payment_method.customer == customer.id
    later = pay(setup.payment_method.id, customer=customer.id, off_session=True)
    assert later.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.setup_intents.confirm(setup.id)
    assert caught.value.code == "setup_intent_unexpected_state"
    assert caught.value.error is not None
    assert caught.value.error.setup_intent is not None
    assert caught.value.error.setup_intent.id == setup.id


def test_a_setup_in_steps(client: Any) -> None:
    setup = client.v1.setup_intents.create(
        {"description": "d", "metadata": {"a": "1"}, "payment_method_types": ["card"]}
    )
    assert setup.status == "requires_payment_method"
    setup = client.v1.setup_intents.update(setup.id, {"payment_method": "pm_card_visa", "metadata": {"b": "2"}})
    assert (setup.status, setup.metadata.to_dict()) == ("requires_confirmation", {"a": "1", "b": "2"})
    assert client.v1.setup_intents.confirm(setup.id).status == "succeeded"
    attempts = client.v1.setup_attempts.list({"setup_intent": setup.id}).data
    assert [one.status for one in attempts] == ["succeeded"]
    after = {"setup_intent": setup.id, "starting_after": attempts[0].id}
    assert client.v1.setup_attempts.list(after).data == []
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.setup_intents.cancel(setup.id)
    assert caught.value.code == "setup_intent_unexpected_state"
    other = client.v1.setup_intents.create({"payment_method_types": ["card"]})
    gone = client.v1.setup_intents.cancel(other.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")


def test_a_setup_without_a_payment_method_is_not_confirmed_and_shown_with_the_error(client: Any) -> None:
    setup = client.v1.setup_intents.create({"payment_method_types": ["card"]})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.setup_intents.confirm(setup.id)
    error: Any = caught.value
    assert (error.http_status, error.code, error.param) == (400, "setup_intent_unexpected_state", None)
    assert error.user_message.startswith("You cannot confirm this SetupIntent because it's missing a payment method.")
    assert error.error.setup_intent.id == setup.id
    assert client.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"}).status == "succeeded"


@pytest.mark.parametrize("outcome", ["succeed", "fail"])
def test_a_setup_that_must_be_authenticated(client: Any, pay: Pay, outcome: str) -> None:
    customer = client.v1.customers.create({})
    setup = set_up(client, customer.id, "pm_card_authenticationRequiredOnSetup")
    assert setup.status == "requires_action"
    back = authenticate(setup, outcome)
    assert f"setup_intent={setup.id}" in back
    done = client.v1.setup_intents.retrieve(setup.id)
    if outcome == "fail":
        assert "redirect_status=failed" in back
        assert done.status == "requires_payment_method"
        assert done.last_setup_error.code == "setup_intent_authentication_failure"
        (attempt,) = client.v1.setup_attempts.list({"setup_intent": setup.id}).data
        assert attempt.setup_error.code == "setup_intent_authentication_failure"
        return
    assert "redirect_status=succeeded" in back
    assert done.status == "succeeded"
    later = pay(done.payment_method, customer=customer.id, off_session=True)
    assert later.status == "succeeded"


def test_a_setup_that_is_declined(client: Any) -> None:
    with pytest.raises(stripe.CardError) as caught:
        set_up(client, client.v1.customers.create({}).id, "pm_card_chargeDeclined")
    error: Any = caught.value
    assert (error.code, error.http_status) == ("card_declined", 402)
    assert error.error.setup_intent.status == "requires_payment_method"
    setup = client.v1.setup_intents.retrieve(error.error.setup_intent.id)
    assert setup.last_setup_error.decline_code == "generic_decline"


def test_every_attempt_of_a_setup_tells_its_own_error_and_card(client: Any) -> None:
    setup = client.v1.setup_intents.create({"payment_method_types": ["card"]})
    for card in ("pm_card_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedExpiredCard"):
        with pytest.raises(stripe.CardError):
            client.v1.setup_intents.confirm(setup.id, {"payment_method": card})
    client.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_mastercard"})
    latest, *failed = client.v1.setup_attempts.list({"setup_intent": setup.id}).data
    assert (latest.status, latest.setup_error) == ("succeeded", None)
    assert [(one.status, one.setup_error.code, one.setup_error.decline_code) for one in failed] == [
        ("failed", "expired_card", "expired_card"),
        ("failed", "card_declined", "insufficient_funds"),
    ]
    assert [one.setup_error.message for one in failed] == [
        "Your card has expired.", "Your card has insufficient funds.",
    ]  # fmt: skip
    for one in (latest, *failed):
        method = client.v1.payment_methods.retrieve(one.payment_method).card
        card = one.payment_method_details.card
        for name in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4"):
            assert card[name] == method[name] is not None
        assert card.checks.to_dict() == method.checks.to_dict()
        if one is not latest:
            assert one.setup_error.payment_method.id == one.payment_method
    shown = client.v1.setup_intents.retrieve(setup.id, {"expand": ["latest_attempt"]}).latest_attempt
    assert shown.to_dict() == latest.to_dict()


def test_mandates(client: Any) -> None:
    customer = client.v1.customers.create({})
    setup = set_up(client, customer.id, mandate_data=ONLINE)
    assert setup.mandate is not None
    mandate = client.v1.mandates.retrieve(setup.mandate)
    assert (mandate.status, mandate.type, mandate.payment_method) == ("active", "multi_use", setup.payment_method)
    assert mandate.customer_acceptance.online.ip_address == "192.0.2.7"


def test_confirmation_tokens_pay_once(client: Any, browser: Any, pay: Pay) -> None:
    helper = client.v1.test_helpers.confirmation_tokens
    token = helper.create({"payment_method": "pm_card_visa", "return_url": BACK, "setup_future_usage": "off_session"})
    assert token.payment_method_preview.card.last4 == "4242"
    customer = client.v1.customers.create({})
    intent = pay(None, confirmation_token=token.id, customer=customer.id)
    assert (intent.status, intent.setup_future_usage) == ("succeeded", "off_session")
    used = client.v1.confirmation_tokens.retrieve(token.id)
    assert used.payment_intent == intent.id
    with pytest.raises(stripe.InvalidRequestError):
        pay(None, confirmation_token=token.id)


def test_card_sources_of_older_integrations(client: Any) -> None:
    customer = client.v1.customers.create({})
    source = client.v1.customers.payment_sources.create(customer.id, {"source": "tok_visa"})
    assert (source.object, source.last4, source.customer) == ("card", "4242", customer.id)
    shown = client.v1.customers.retrieve(customer.id, {"expand": ["sources"]})
    assert [one.id for one in shown.sources.data] == [source.id]
    assert shown.default_source == source.id
