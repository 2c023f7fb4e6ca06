"""Networks, lengths and documented test cards are told from the number alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.card_numbers import is_card_number, passes_luhn
from interlock.vault import cards
from interlock.vault.test_cards import TEST_CARDS, named_test_card, opened_test_card, token_of


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4242424242424242", "visa"), ("4222222222222", "visa"), ("5555555555554444", "mastercard"),
        ("2223003122003222", "mastercard"), ("2221000000000009", "mastercard"), ("2720990000000007", "mastercard"),
        ("2220990000000000", "unknown"), ("2721000000000000", "unknown"), ("378282246310005", "amex"),
        ("341111111111111", "amex"), ("6011111111111117", "discover"), ("6445644564456445", "discover"),
        ("6555900000604105", "discover"), ("3056930009020004", "diners"), ("36227206271667", "diners"),
        ("3566002020360505", "jcb"), ("3530111333300000", "jcb"), ("6200000000000005", "unionpay"),
        ("6205500000000000004", "unionpay"), ("8171999927660000", "unionpay"), ("6759649826438453", "mastercard"),
        ("9792000000000001", "unknown"), ("", "unknown"), ("4", "unknown"),
    ],
)  # fmt: skip
def test_the_network_is_told_by_the_first_digits(number: str, brand: str) -> None:
    expected = "visa" if number == "4" else brand
    assert cards.brand_of(number) == expected


@pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.number[-4:])
def test_every_documented_card_is_valid_and_would_be_scrubbed(card: object) -> None:
    number = card.number  # type: ignore[attr-defined]  # a TestCard; typed loosely for the ids above
    assert cards.is_valid_number(number)
    assert is_card_number(number)
    assert passes_luhn(number)


@pytest.mark.parametrize(
    "number", ["4242424242424241", "424242424242424", "37828224631000", "abcd", "\uff14242424242424242", ""]
)
def test_numbers_that_cannot_be_are_refused(number: str) -> None:
    assert not cards.is_valid_number(number)


@given(st.text("0123456789", min_size=1, max_size=25))
def test_any_digits_have_a_brand_and_at_most_19_digits_are_valid(number: str) -> None:
    assert cards.brand_of(number)
    if cards.is_valid_number(number):
        assert len(number) in cards.lengths_of(number)
        assert 12 <= len(number) <= 19


def test_security_codes_have_the_length_their_network_prints() -> None:
    assert cards.is_valid_code("1234", "amex")
    assert not cards.is_valid_code("123", "amex")
    assert cards.is_valid_code("123", "visa")
    assert not cards.is_valid_code("1234", "visa")
    assert not cards.is_valid_code("12a", "visa")
    assert cards.is_valid_code("1234", "unknown")


def test_documented_names_stand_for_their_numbers_under_both_prefixes() -> None:
    documented = {
        "visa": "4242424242424242",
        "visa_debit": "4000056655665556",
        "mastercard": "5555555555554444",
        "mastercard_debit": "5200828282828210",
        "mastercard_prepaid": "5105105105105100",
        "amex": "378282246310005",
        "discover": "6011111111111117",
        "diners": "3056930009020004",
        "jcb": "3566002020360505",
        "unionpay": "6200000000000005",
        "chargeDeclined": "4000000000000002",
        "visa_chargeDeclined": "4000000000000002",
        "chargeDeclinedInsufficientFunds": "4000000000009995",
        "chargeDeclinedFraudulent": "4100000000000019",
        "radarBlock": "4100000000000019",
        "chargeCustomerFail": "4000000000000341",
        "cvcCheckFail": "4000000000000101",
        "avsZipFail": "4000000000000036",
        "avsFail": "4000000000000010",
        "authenticationRequired": "4000002760003184",
        "authenticationRequiredOnSetup": "4000002500003155",
        "authenticationRequiredSetupForOffSession": "4000003800000446",
        "threeDSecure2Required": "4000000000003220",
        "createDispute": "4000000000000259",
        "createDisputeInquiry": "4000000000001976",
        "refundFail": "4000000000005126",
        "bypassPending": "4000000000000077",
        "br": "4000000760000002",
        "gb": "4000008260000000",
    }
    for name, number in documented.items():
        for prefix in ("pm_card_", "tok_"):
            card = named_test_card(prefix + name)
            assert card is not None, name
            assert card.number == number
    assert named_test_card("pm_card_nothing") is None
    assert named_test_card("visa") is None


def test_no_name_is_given_twice_and_tokens_come_back() -> None:
    names = [name for card in TEST_CARDS for name in card.names]
    assert len(names) == len(set(names))
    assert len(TEST_CARDS) == len({card.number for card in TEST_CARDS})
    for card in TEST_CARDS:
        if card.names:
            assert opened_test_card(token_of(card)) is card
            assert card.number not in token_of(card)
    assert opened_test_card("vc_123") is None


def test_traits_in_test_mode_are_documented_and_live_mode_claims_nothing() -> None:
    debit = cards.traits_of("4000056655665556", livemode=False)
    assert (debit.brand, debit.funding, debit.country, debit.bin, debit.last4) == (
        "visa",
        "debit",
        "US",
        "400005",
        "5556",
    )
    live = cards.traits_of("4000056655665556", livemode=True)
    assert (live.funding, live.country) == ("unknown", None)
    assert cards.traits_of("4000002500001001", livemode=False).networks == ("cartes_bancaires", "visa")
    assert cards.traits_of("4111111111111111", livemode=False).funding == "credit"
    assert not cards.traits_of("378282246310005", livemode=False).three_d_secure_supported


def test_a_named_card_expires_in_a_year() -> None:
    card = named_test_card("pm_card_visa")
    assert card is not None
    assert card.expiry(1_764_000_000_000) == (11, 2026)
