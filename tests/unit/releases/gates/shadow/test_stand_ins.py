"""What stands in for cards, accounts and secrets is of the right kind, and nobody's."""

import pytest
from tests.support.gateways import CONFIGS

from interlock.base.ibans import LAYOUTS, is_valid_iban, traits_of
from interlock.gateways.configuration import configuration_problems
from interlock.gateways.contract import BankTransfer, Card, MandateAcceptance, SepaDebit
from interlock.gateways.loader import load
from interlock.releases.gates.shadow.stand_ins import (
    config_of,
    facts_of_config,
    instrument_of,
    invented_config,
    stand_in_iban,
)
from interlock.releases.gates.shadow.types import AccountShape, CardShape, ConfigFacts, TransferShape
from interlock.vault.cards import brand_of, code_lengths, is_valid_number
from interlock.vault.test_cards import TEST_CARDS_BY_NUMBER

BRANDS = ["visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay"]


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("has_code", [True, False])
def test_a_card_is_a_documented_test_card_of_its_network(brand: str, has_code: bool) -> None:
    card = instrument_of(CardShape(brand=brand, exp_month=3, exp_year=2030, has_code=has_code))
    assert isinstance(card, Card)
    assert brand_of(card.number) == brand
    assert is_valid_number(card.number)
    assert card.number in TEST_CARDS_BY_NUMBER
    assert (card.exp_month, card.exp_year) == (3, 2030)
    assert (card.cvc is not None) == has_code
    assert card.cvc is None or len(card.cvc) in code_lengths(brand)


def test_a_card_of_two_networks_and_one_by_name_stay_what_they_are() -> None:
    both = instrument_of(CardShape(brand="visa", exp_month=1, exp_year=2030, networks=("cartes_bancaires", "visa")))
    assert isinstance(both, Card)
    assert TEST_CARDS_BY_NUMBER[both.number].networks == ("cartes_bancaires", "visa")
    named = instrument_of(CardShape(brand="visa", exp_month=1, exp_year=2030, named="test_chargeDeclined"))
    assert isinstance(named, Card)
    assert named.number == "4000000000000002"
    unknown = instrument_of(CardShape(brand="elo", exp_month=1, exp_year=2030))
    assert isinstance(unknown, Card)


@pytest.mark.parametrize("country", sorted(LAYOUTS))
def test_an_account_is_a_valid_iban_of_its_country_and_bank(country: str) -> None:
    layout = LAYOUTS[country]
    bank = "12345678901234"[: layout.bank[1] - layout.bank[0]]
    iban = stand_in_iban(country, bank, None)
    assert is_valid_iban(iban)
    assert (traits_of(iban).country, traits_of(iban).bank_code) == (country, bank)


def test_debits_and_transfers_keep_what_is_said_of_them() -> None:
    agreed = MandateAcceptance(online=False, accepted_at_s=7)
    debit = instrument_of(AccountShape(country="NL", bank_code="ABNA", acceptance=agreed))
    assert isinstance(debit, SepaDebit)
    assert (debit.iban[:2], debit.iban[4:8], debit.acceptance) == ("NL", "ABNA", agreed)
    transfer = instrument_of(TransferShape(kind="eu_bank_transfer", country="FR"))
    assert transfer == BankTransfer(kind="eu_bank_transfer", country="FR")


@pytest.mark.parametrize("name", ["stripe", "adyen"])
@pytest.mark.parametrize("livemode", [True, False])
def test_secrets_are_replaced_by_others_that_the_manifest_would_take(name: str, livemode: bool) -> None:
    manifest = load(name).manifest
    invented = config_of(invented_config(manifest, livemode=livemode), [manifest])
    assert configuration_problems(manifest, invented) == []
    facts = facts_of_config(CONFIGS[name])
    again = config_of(facts, [manifest])
    assert configuration_problems(manifest, again) == []
    assert set(again.credentials) == set(CONFIGS[name].credentials)
    assert not set(again.credentials.values()) & set(CONFIGS[name].credentials.values())
    assert all(secret not in repr(facts) for secret in CONFIGS[name].credentials.values())


def test_both_releases_get_the_same_secrets_whoever_knows_them() -> None:
    manifests = [load("stripe").manifest, load("adyen").manifest]
    facts = ConfigFacts(livemode=False, credentials="api_key secret_key")
    assert config_of(facts, manifests) == config_of(facts, [*reversed(manifests)])
