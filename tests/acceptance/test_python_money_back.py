"""Refunds, disputes, balance and balance transactions by the official Python SDK."""

from typing import Any

import pytest
import stripe
from tests.support.official_clients import Pay, eventually


def test_refunds_until_nothing_is_left(client: Any, pay: Pay) -> None:
    intent = pay()
    first = client.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 500, "reason": "requested_by_customer", "metadata": {"k": "v"}}
    )
    assert (first.status, first.amount, first.reason, first.charge) == (
        "succeeded", 500, "requested_by_customer", intent.latest_charge,
    )  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 1501})
    second = client.v1.refunds.create({"charge": intent.latest_charge, "amount": 700})
    charge = client.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (1200, False)
    assert {one.id for one in charge.refunds.data} == {first.id, second.id}
    rest = client.v1.refunds.create({"payment_intent": intent.id})
    assert rest.amount == 800
    assert client.v1.charges.retrieve(intent.latest_charge).refunded
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"
    listed = client.v1.refunds.list({"payment_intent": intent.id})
    assert [one.id for one in listed.data] == [rest.id, second.id, first.id]
    assert client.v1.refunds.update(first.id, {"metadata": {"x": "y"}}).metadata.to_dict() == {"k": "v", "x": "y"}
    assert (
        client.v1.refunds.retrieve(first.id, {"expand": ["charge.payment_intent"]}).charge.payment_intent.id
        == intent.id
    )


def test_a_refunded_charge_says_that_it_has_refunds_and_where_they_are(client: Any, pay: Pay) -> None:
    intent = pay()
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.refunds.data, charge.refunds.has_more) == ([], False)
    made = [client.v1.refunds.create({"charge": charge.id, "amount": 100}).id for _ in range(3)]
    for shown in (
        client.v1.charges.retrieve(charge.id),
        client.v1.charges.list({"payment_intent": intent.id}).data[0],
        client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]}).latest_charge,
        client.v1.events.list({"type": "charge.refunded", "limit": 1}).data[0].data.object,
    ):
        assert (shown.id, shown.refunds.has_more) == (charge.id, True)
    listed = client.v1.charges.retrieve(charge.id).refunds.list(limit=2)
    assert listed.url == f"/v1/charges/{charge.id}/refunds"
    assert [one.id for one in listed.auto_paging_iter()] == made[::-1]
    filled = client.v1.charges.retrieve(charge.id, {"expand": ["refunds"]}).refunds
    assert ([one.id for one in filled.auto_paging_iter()], filled.has_more) == (made[::-1], False)


def test_a_charge_whose_only_refund_failed_still_says_that_it_has_one(client: Any, pay: Pay) -> None:
    intent = pay("pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    eventually(lambda: client.v1.refunds.retrieve(refund.id).status == "failed")
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunds.has_more) == (0, True)
    assert [one.id for one in charge.refunds.list().data] == [refund.id]


def test_what_was_not_taken_cannot_be_given_back(client: Any, pay: Pay) -> None:
    intent = client.v1.payment_intents.create({"amount": 900, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": "pi_none"})
    assert caught.value.code == "resource_missing"
    part = pay(capture_method="manual")
    client.v1.payment_intents.capture(part.id, {"amount_to_capture": 600})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": part.id, "amount": 601})
    assert client.v1.refunds.create({"payment_intent": part.id}).amount == 600


def test_a_refund_that_takes_its_time(client: Any, pay: Pay) -> None:
    intent = pay(None, payment_method_data=raw("4000000000007726"))
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    done = eventually(lambda: succeeded(client.v1.refunds.retrieve(refund.id)))
    assert done.amount == 2000
    assert client.v1.charges.retrieve(intent.latest_charge).refunded


def test_a_refund_that_fails_later_gives_the_money_back_to_the_balance(client: Any, pay: Pay) -> None:
    intent = pay("pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    failed = eventually(lambda: now if (now := client.v1.refunds.retrieve(refund.id)).status == "failed" else None)
    assert failed.failure_reason
    assert failed.failure_balance_transaction
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)


def test_a_card_refund_that_went_out_cannot_be_cancelled(client: Any, pay: Pay) -> None:
    refund = client.v1.refunds.create({"payment_intent": pay().id})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.cancel(refund.id)


@pytest.mark.parametrize(("evidence", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_a_dispute_is_decided_by_its_evidence(client: Any, pay: Pay, evidence: str, status: str) -> None:
    intent = pay("pm_card_createDispute")
    dispute = eventually(lambda: first_of(client.v1.disputes.list({"payment_intent": intent.id})))
    assert (dispute.amount, dispute.reason, dispute.status) == (2000, "fraudulent", "needs_response")
    assert dispute.charge == intent.latest_charge
    assert client.v1.charges.retrieve(dispute.charge).disputed
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": intent.id})
    staged = client.v1.disputes.update(
        dispute.id, {"evidence": {"customer_name": "Jenny"}, "submit": False, "metadata": {"k": "v"}}
    )
    assert (staged.status, staged.evidence.customer_name, staged.metadata.to_dict()) == (
        "needs_response",
        "Jenny",
        {"k": "v"},
    )
    client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})
    closed = eventually(lambda: now if (now := client.v1.disputes.retrieve(dispute.id)).status == status else None)
    assert closed.evidence.uncategorized_text == evidence
    moved = closed.balance_transactions
    assert [(one.type, one.amount, one.source) for one in moved] == [
        ("adjustment", amount, dispute.id) for amount in ((-2000, 2000) if status == "won" else (-2000,))
    ]
    assert moved[0].to_dict() == client.v1.balance_transactions.retrieve(moved[0].id).to_dict()
    told = client.v1.events.list({"type": "charge.dispute.funds_withdrawn", "limit": 5}).data
    assert [one.id for event in told if event.data.object.id == dispute.id
            for one in event.data.object.balance_transactions] == [moved[0].id]  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(dispute.id)


def test_a_dispute_that_is_given_up_is_lost(client: Any, pay: Pay) -> None:
    intent = pay(None, payment_method_data=raw("4000000000002685"))
    dispute = eventually(lambda: first_of(client.v1.disputes.list({"charge": intent.latest_charge})))
    assert dispute.reason == "product_not_received"
    assert client.v1.disputes.close(dispute.id).status == "lost"


def test_an_inquiry_takes_no_money(client: Any, pay: Pay) -> None:
    intent = pay("pm_card_createDisputeInquiry")
    dispute = eventually(lambda: first_of(client.v1.disputes.list({"payment_intent": intent.id})))
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])


def test_a_payment_is_disputed_in_the_list_at_once(client: Any, pay: Pay) -> None:
    """Client programs, the official CLI among them, do not poll: pay, list, answer."""
    for _ in range(3):
        intent = pay("pm_card_createDisputeInquiry", return_url=None, payment_method_types=["card"])
        (dispute,) = client.v1.disputes.list({"payment_intent": intent.id}).data
        assert client.v1.disputes.close(dispute.id).status == "warning_closed"


def test_the_balance_moves_by_what_was_taken_less_what_it_cost(client: Any, pay: Pay) -> None:
    before = balance_of(client, "sek")
    intent: Any = pay(amount=10_000, currency="sek", expand=["latest_charge.balance_transaction"])
    transaction = intent.latest_charge.balance_transaction
    assert (transaction.type, transaction.amount, transaction.currency) == ("charge", 10_000, "sek")
    assert transaction.net == transaction.amount - transaction.fee
    assert sum(detail.amount for detail in transaction.fee_details) == transaction.fee
    assert transaction.source == intent.latest_charge.id
    assert balance_of(client, "sek") == before + transaction.net
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 4_000, "expand": ["balance_transaction"]})
    assert (refund.balance_transaction.type, refund.balance_transaction.amount) == ("refund", -4_000)
    assert balance_of(client, "sek") == before + transaction.net + refund.balance_transaction.net
    listed = client.v1.balance_transactions.list({"source": refund.id})
    assert [one.id for one in listed.data] == [refund.balance_transaction.id]
    assert client.v1.balance_transactions.retrieve(transaction.id).id == transaction.id
    kinds = client.v1.balance_transactions.list({"type": "refund", "limit": 100})
    assert {one.type for one in kinds.data} == {"refund"}


def test_money_that_is_available_at_once(client: Any, pay: Pay) -> None:
    intent: Any = pay("pm_card_bypassPending", expand=["latest_charge.balance_transaction"])
    assert intent.latest_charge.balance_transaction.status in {"available", "pending"}


def raw(number: str) -> dict[str, Any]:
    return {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123"}}


def succeeded(refund: Any) -> Any:
    return refund if refund.status == "succeeded" else None


def first_of(page: Any) -> Any:
    return page.data[0] if page.data else None


def balance_of(client: Any, currency: str) -> int:
    balance = client.v1.balance.retrieve()
    return sum(one.amount for one in (*balance.pending, *balance.available) if one.currency == currency)
