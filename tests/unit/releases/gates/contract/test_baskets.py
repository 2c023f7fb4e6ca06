"""Amounts beside the amount: a basket that adds up is let through, one that does not is not."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.releases.gates.contract.checks.baskets import basket_of

_ITEMS = "/amount_details[line_items]"


def _stripe(lines: list[tuple[int, int, int, int]], shipping: int) -> dict[str, Any]:
    """Return a form with lines of price, quantity, tax and discount."""
    fields: dict[str, Any] = {"/amount_details[shipping][amount]": shipping}
    for number, (price, quantity, tax, discount) in enumerate(lines):
        fields[f"{_ITEMS}[{number}][product_name]"] = "basket"
        fields[f"{_ITEMS}[{number}][unit_cost]"] = str(price)
        fields[f"{_ITEMS}[{number}][quantity]"] = str(quantity)
        fields[f"{_ITEMS}[{number}][tax][total_tax_amount]"] = str(tax)
        fields[f"{_ITEMS}[{number}][discount_amount]"] = str(discount)
    return fields


_small = st.integers(0, 10_000)


@given(lines=st.lists(st.tuples(_small, st.integers(1, 9), _small, _small), min_size=1, max_size=5), shipping=_small)
def test_items_taxes_shipping_and_discounts_add_up_to_what_they_cost(
    lines: list[tuple[int, int, int, int]], shipping: int
) -> None:
    cost = shipping + sum(price * quantity + tax - discount for price, quantity, tax, discount in lines)
    assert basket_of(_stripe(lines, shipping)).items == {_ITEMS: Decimal(cost)}


@pytest.mark.parametrize(
    ("line", "cost"),
    [
        ({"amountIncludingTax": 1210, "amountExcludingTax": 1000, "taxAmount": 210, "taxPercentage": 2100}, 2420),
        ({"amountExcludingTax": 1000, "taxAmount": 210, "taxPercentage": 2100}, 2420),
        ({"unit_price": 1000, "total_amount": 1900, "total_discount_amount": 100}, 1900),
        ({"unit_price": 1000, "discount": 100, "discount_amount": 100}, 1900),
        ({"price": "ten"}, None),
    ],
)
def test_a_line_of_two_pieces_costs_what_its_provider_means(line: dict[str, Any], cost: int | None) -> None:
    fields = {"/lineItems/0/quantity": 2} | {f"/lineItems/0/{name}": value for name, value in line.items()}
    assert basket_of(fields).items == {"/lineItems": None if cost is None else Decimal(cost)}


def test_amounts_outside_of_items_are_told_from_portions_of_the_whole() -> None:
    basket = basket_of(
        {
            "/amount": "1099",
            "/application_fee_amount": "1",
            "/amount_details[tip][amount]": "100",
            "/metadata[price]": "7",
            "/multiple": "3",
        }
    )
    assert basket.single == {"/amount": Decimal(1099), "/application_fee_amount": Decimal(1)}
    assert basket.portions == {"/amount_details[tip][amount]": Decimal(100)}
    assert basket.items == {}


def test_a_list_that_names_no_amount_is_no_basket() -> None:
    assert basket_of({"/lineItems/0/quantity": 2, "/lineItems/0/description": "shoes"}).items == {}
