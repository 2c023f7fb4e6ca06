"""The official SDK takes SEPA direct debits: processing first, then what the bank says, told by a webhook."""

from typing import Any

import pytest
import stripe
from tests.support.official_clients import BACK, eventually

BILLING = {"name": "Jenny Rosen", "email": "jenny@example.com"}
AGREED = {"customer_acceptance": {"type": "offline", "accepted_at": 1590590577}}


def debit(client: stripe.StripeClient, iban: str, *, options: Any = None, **more: Any) -> stripe.PaymentIntent:
    form: Any = {
        "amount": 1500,
        "currency": "eur",
        "confirm": True,
        "return_url": BACK,
        **({} if "automatic_payment_methods" in more else {"payment_method_types": ["sepa_debit"]}),
        "payment_method_data": {"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": BILLING},
        "mandate_data": AGREED,
        **more,
    }
    return client.v1.payment_intents.create(form, options)


def settled(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.PaymentIntent:
    def look() -> stripe.PaymentIntent | None:
        found = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
        return None if found.status == "processing" else found

    return eventually(look, within_s=45)


def test_a_debit_is_processing_then_succeeds_and_can_be_refunded(client: stripe.StripeClient) -> None:
    intent = debit(client, "DE89 3704 0044 0532 0130 00", expand=["latest_charge", "payment_method"])
    method: Any = intent.payment_method
    charge: Any = intent.latest_charge
    assert (intent.status, charge.status, charge.paid) == ("processing", "pending", False)
    assert (method.type, method.sepa_debit.last4, method.sepa_debit.bank_code) == ("sepa_debit", "3000", "37040044")
    assert "sepa_debit" in str(intent.payment_method_options)
    mandate = client.v1.mandates.retrieve(charge.payment_method_details.sepa_debit.mandate)
    assert (mandate.type, mandate.status, mandate.payment_method) == ("single_use", "active", method.id)
    done: Any = settled(client, intent)
    assert (done.status, done.amount_received) == ("succeeded", 1500)
    assert (done.latest_charge.id, done.latest_charge.status, done.latest_charge.paid) == (charge.id, "succeeded", True)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    assert (refund.status, refund.destination_details.type) == ("succeeded", "eu_bank_transfer")  # type: ignore[union-attr]  # the SDK types what is there for other refunds as absent
    kinds = [event.type for event in client.v1.events.list({"limit": 20}).data if intent.id in str(event.data)]
    assert kinds.index("payment_intent.succeeded") < kinds.index("payment_intent.processing")
    assert {"charge.pending", "charge.succeeded", "charge.refunded"} <= set(kinds)


def test_an_intent_of_any_type_shows_the_type_it_was_paid_with(client: Any) -> None:
    automatic: Any = {"automatic_payment_methods": {"enabled": True}}
    form: Any = {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}, "billing_details": BILLING}
    named: Any = {"payment_method": client.v1.payment_methods.create(form).id}
    plain: Any = {"amount": 1500, "currency": "eur", **automatic}
    card = client.v1.payment_intents.create({**plain, "payment_method": "pm_card_visa"})
    assert (card.payment_method_types, list(card.payment_method_options.to_dict())) == (["card"], ["card"])
    changed = client.v1.payment_intents.update(card.id, named)
    paid: Any = debit(client, form["sepa_debit"]["iban"], **automatic)
    for intent in (paid, changed, client.v1.payment_intents.create({**plain, **named})):
        for shown in (intent, client.v1.payment_intents.retrieve(intent.id)):
            assert shown.payment_method_types == ["card", "sepa_debit"]
            assert set(shown.payment_method_options.to_dict()) == {"card", "sepa_debit"}
    done: Any = settled(client, paid)
    assert (done.status, done.payment_method_types) == ("succeeded", ["card", "sepa_debit"])


def test_a_debit_that_is_sent_back_tells_why(client: stripe.StripeClient) -> None:
    done: Any = settled(client, debit(client, "AT981904300002222227"))
    assert (done.status, done.amount_received) == ("requires_payment_method", 0)
    assert (done.last_payment_error.code, done.latest_charge.failure_code) == ("insufficient_funds",) * 2


def test_a_disputed_debit_is_a_dispute_of_its_charge(client: stripe.StripeClient) -> None:
    intent = debit(client, "DE35370400440532013002")
    dispute = eventually(lambda: client.v1.disputes.list({"payment_intent": intent.id}).data, within_s=20)[0]
    assert (dispute.amount, dispute.currency) == (1500, "eur")
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_the_same_key_with_the_same_body_debits_once_and_with_another_is_an_error(client: stripe.StripeClient) -> None:
    key: Any = {"idempotency_key": "debit-1"}
    first = debit(client, "FR1420041010050500013M02606", options=key)
    assert debit(client, "FR1420041010050500013M02606", options=key).id == first.id
    with pytest.raises(stripe.IdempotencyError):
        debit(client, "DE89370400440532013000", options=key)


def test_what_is_wrong_is_said_in_the_published_words(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as wrong:
        debit(client, "DE89370400440532013001")
    assert (wrong.value.code, wrong.value.param) == (
        "account_number_invalid",
        "payment_method_data[sepa_debit][iban]",
    )
    assert "0532013001" not in str(wrong.value.json_body)
    with pytest.raises(stripe.InvalidRequestError, match="eur"):
        debit(client, "DE89370400440532013000", currency="usd")
    with pytest.raises(stripe.InvalidRequestError, match="mandate_data"):
        debit(client, "DE89370400440532013000", mandate_data="")
    form: Any = {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}, "billing_details": BILLING}
    method = client.v1.payment_methods.create(form)
    with pytest.raises(stripe.InvalidRequestError, match="store cards"):
        client.v1.setup_intents.create({"payment_method": method.id, "confirm": True, "return_url": BACK})
