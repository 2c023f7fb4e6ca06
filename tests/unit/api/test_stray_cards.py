"""Card numbers where no card is asked for: what is refused, and what must not be."""

from typing import Any

import pytest

from interlock.api import forms, stray_cards
from interlock.base.problems import Problem

VISA = "4242424242424242"


def refusal(body: str) -> Problem | None:
    form = forms.parse(body.encode())
    assert isinstance(form, forms.Form)
    return stray_cards.refusal(form.values)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (f"description={VISA}", "description"),
        ("amount=5&description=card+4242+4242-4242.4242%2C+thanks", None),
        ("description=card+4242+4242+4242+4242%2C+thanks", "description"),
        ("metadata[card]=4000-0566-5566-5556", "metadata[card]"),
        ("metadata[number]=378282246310005", "metadata[number]"),
        ("metadata[a]=%EF%BC%94242424242424242", "metadata[a]"),
        (f"shipping[address][line2]={VISA}&shipping[name]=Jenny", "shipping[address][line2]"),
        (f"billing_details[phone]={VISA}", "billing_details[phone]"),
        (f"evidence[uncategorized_text]=paid+with+{VISA}", "evidence[uncategorized_text]"),
        (f"payment_details[card][number]={VISA}", "payment_details[card][number]"),
        (f"custom_fields[0][label]={VISA}", "custom_fields[0][label]"),
        (f"return_url=https%3A%2F%2Fshop.example%2F%3Fcard%3D{VISA}", "return_url"),
        (f"payment_method_data[card][number]={VISA}&payment_method_data[billing_details][name]={VISA}", None),
    ],
)
def test_a_card_number_in_any_text_is_refused_and_not_shown(body: str, param: str | None) -> None:
    problem = refusal(body)
    if param is None and "4242-4242.4242" in body:
        assert problem is None  # mixed separators are no way to write a card
        return
    assert problem is not None
    assert problem.param == (param or "payment_method_data[billing_details][name]")
    assert "4242424242" not in problem.message + str(problem.param)


def test_a_card_number_as_a_name_is_refused_and_not_shown() -> None:
    for _ in range(2):
        problem = refusal(f"metadata[{VISA}]=x")
        assert problem is not None
        assert problem.param == "metadata[[card]]"
        assert VISA not in problem.message


@pytest.mark.parametrize(
    "body",
    [
        f"card[number]={VISA}&card[cvc]=123",
        f"source[number]={VISA}",
        f"payment_method_data[card][number]={VISA}",
        "payment_method_data[sepa_debit][iban]=DE89370400440532013000",
        "sepa_debit[iban]=AT611904300234573201",
    ],
)
def test_cards_and_accounts_are_taken_where_they_are_asked_for(body: str) -> None:
    assert refusal(body) is None


@pytest.mark.parametrize(
    "order",
    [
        "4503599627373",  # 13 digits, as Shopify numbers orders; passes Luhn
        "4567890123456789015",  # 19 digits, a snowflake
        "353879234252633",  # a phone's IMEI: passes Luhn always
        "8944500102198304826",  # a SIM card
        "1763123456789012",  # microseconds
        "4242424242424241",  # fails Luhn
        f"A{VISA}",
        "+49 (0)30 901820-4567",
        "+43 1 4000 4000 81234",
        "2025-11-29 01:04:28.123456",
        "pi_0VcJqUxHKqIvzdam2g45N5g0",
        "0c4f4242-4242-4242-4242-424242424242",
    ],
)
def test_numbers_of_a_shops_own_are_not_refused(order: str) -> None:
    values: dict[str, Any] = {"metadata": {"order": order}, "description": f"Order {order}"}
    assert stray_cards.refusal(values) is None
