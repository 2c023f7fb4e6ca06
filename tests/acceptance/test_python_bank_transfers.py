"""The official SDK is paid by bank transfer: instructions, a part, the rest, each told by the gateway's webhook."""

from typing import Any

import pytest
import stripe
from tests.support.official_clients import eventually


def awaited(client: stripe.StripeClient, customer: str, kind: str, amount: int, currency: str, **more: Any) -> Any:
    form: Any = {
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "confirm": True,
        "payment_method_types": ["customer_balance"],
        "payment_method_data": {"type": "customer_balance"},
        "payment_method_options": {
            "customer_balance": {"funding_type": "bank_transfer", "bank_transfer": {"type": kind, **more}}
        },
    }
    return client.v1.payment_intents.create(form)


@pytest.mark.parametrize(
    ("kind", "currency", "network", "more"),
    [
        ("jp_bank_transfer", "jpy", "zengin", {}),
        ("us_bank_transfer", "usd", "aba", {}),
        ("gb_bank_transfer", "gbp", "sort_code", {}),
        ("eu_bank_transfer", "eur", "iban", {"eu_bank_transfer": {"country": "DE"}}),
    ],
)
def test_a_part_and_then_the_rest(
    client: stripe.StripeClient, kind: str, currency: str, network: str, more: dict[str, Any]
) -> None:
    customer = client.v1.customers.create({"email": "a@example.com"}).id
    intent = awaited(client, customer, kind, 5_000, currency, **more)
    told = intent.next_action.display_bank_transfer_instructions
    assert (intent.status, told.amount_remaining, told.type) == ("requires_action", 5_000, kind)
    assert told.financial_addresses[0].type == network
    helper = client.v1.test_helpers.customers
    arrived: Any = helper.fund_cash_balance(customer, {"amount": 2_000, "currency": currency})
    assert (arrived.type, arrived.net_amount, arrived.customer) == ("funded", 2_000, customer)

    def remaining() -> int:
        action: Any = client.v1.payment_intents.retrieve(intent.id).next_action
        return int(action.display_bank_transfer_instructions.amount_remaining)

    assert eventually(lambda: remaining() == 3_000)
    kinds = [event.type for event in client.v1.events.list({"limit": 10}).data if intent.id in str(event.data)]
    assert kinds[:2] == ["payment_intent.partially_funded", "payment_intent.requires_action"]
    helper.fund_cash_balance(customer, {"amount": 3_000, "currency": currency})

    def paid() -> Any:
        found = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge", "payment_method"]})
        return found if found.status == "succeeded" else None

    done = eventually(paid)
    assert (done.amount_received, done.latest_charge.payment_method_details.type) == (5_000, "customer_balance")
    assert (done.payment_method.type, done.next_action) == ("customer_balance", None)


def test_a_key_lets_one_transfer_arrive_once_and_another_body_is_an_error(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({}).id
    intent = awaited(client, customer, "jp_bank_account", 10_000, "jpy")
    assert intent.payment_method_options.customer_balance.bank_transfer.type == "jp_bank_transfer"
    helper, key = client.v1.test_helpers.customers, {"idempotency_key": f"fund-{customer}"}
    first = helper.fund_cash_balance(customer, {"amount": 4_000, "currency": "jpy"}, key)  # type: ignore[arg-type]  # options as a plain dict
    again = helper.fund_cash_balance(customer, {"amount": 4_000, "currency": "jpy"}, key)  # type: ignore[arg-type]  # options as a plain dict
    assert again.id == first.id
    with pytest.raises(stripe.IdempotencyError):
        helper.fund_cash_balance(customer, {"amount": 5_000, "currency": "jpy"}, key)  # type: ignore[arg-type]  # options as a plain dict
    helper.fund_cash_balance(customer, {"amount": 6_000, "currency": "jpy"})
    assert eventually(lambda: client.v1.payment_intents.retrieve(intent.id).status == "succeeded")


def test_what_nobody_waits_for_does_not_arrive(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({}).id
    with pytest.raises(stripe.InvalidRequestError, match="waits for a bank transfer"):
        client.v1.test_helpers.customers.fund_cash_balance(customer, {"amount": 1, "currency": "jpy"})
    awaited(client, customer, "jp_bank_transfer", 100, "jpy")
    with pytest.raises(stripe.InvalidRequestError, match="outstanding"):
        client.v1.test_helpers.customers.fund_cash_balance(customer, {"amount": 101, "currency": "jpy"})
    with pytest.raises(stripe.InvalidRequestError, match="currencies: eur"):
        awaited(client, customer, "eu_bank_transfer", 100, "usd", eu_bank_transfer={"country": "DE"})
