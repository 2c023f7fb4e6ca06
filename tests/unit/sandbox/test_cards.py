from collections import Counter

import pytest

from interlock.sandbox import cards


@pytest.mark.parametrize("card", cards.TEST_CARDS, ids=lambda card: card.name)
def test_every_test_card_has_a_valid_check_digit(card: cards.TestCard) -> None:
    assert cards.passes_luhn(card.number)


def test_names_and_numbers_are_unique() -> None:
    assert Counter(card.name for card in cards.TEST_CARDS).most_common(1)[0][1] == 1
    assert Counter(card.number for card in cards.TEST_CARDS).most_common(1)[0][1] == 1


def test_a_name_kept_with_a_payment_finds_the_same_behaviour_again() -> None:
    assert all(cards.behaviour(card.name) is card for card in cards.TEST_CARDS)


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4111111111111111", "visa"),
        ("5454545454545454", "mastercard"),
        ("370000000000002", "amex"),
        ("6759", "unknown"),
    ],
)
def test_a_number_that_is_no_test_card_is_approved_with_the_brand_of_its_digits(number: str, brand: str) -> None:
    found = cards.by_number(number)
    assert (found.brand, found.code, found.name) == (brand, "", "")


def test_a_wrong_check_digit_is_noticed() -> None:
    assert not cards.passes_luhn("4242424242424241")
