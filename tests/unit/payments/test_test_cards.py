"""A test card's name becomes a payment method without a database; the names exist in test mode alone."""

import pytest
from tests.support.recording import LIVE, SCOPE

from interlock.base.clock import ManualClock, SystemClock
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.gateways.contract import Card
from interlock.payments.instruments.making import Maker
from interlock.payments.instruments.sealing import Sealer
from interlock.payments.instruments.security_codes import SecurityCodes
from interlock.payments.instruments.service import Instruments
from interlock.payments.instruments.test_cards import TestCards
from interlock.payments.instruments.types import CardFacts
from interlock.payments.work import Work
from interlock.storage.database import Database
from interlock.vault.keys import generate_keys, parse_keys
from interlock.vault.service import Vault

_NO_DATABASE = object.__new__(Database)
"""A database that nothing was connected to: any use of it fails."""

_YEAR_MS = 366 * 86_400_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now_ms())


@pytest.fixture
def instruments(clock: ManualClock) -> Instruments:
    vault = Vault(_NO_DATABASE, parse_keys(generate_keys()), clock)
    work, codes, sealer = Work(_NO_DATABASE, clock), SecurityCodes(clock), Sealer(vault)
    return Instruments(work, Maker(work, sealer, TestCards(vault), codes), sealer, codes)


@pytest.mark.parametrize(
    ("name", "number", "brand", "code"),
    [
        ("pm_card_visa", "4242424242424242", "visa", "123"),
        ("tok_visa", "4242424242424242", "visa", "123"),
        ("pm_card_amex", "378282246310005", "amex", "1234"),
        ("pm_card_visa_chargeDeclined", "4000000000000002", "visa", "123"),
        ("pm_card_authenticationRequired", "4000002760003184", "visa", "123"),
    ],
)
async def test_a_name_is_resolved_and_revealed_without_a_database(
    instruments: Instruments, name: str, number: str, brand: str, code: str
) -> None:
    resolved = await instruments.resolve_for_payment(SCOPE, name, intent_id="pi_1")
    assert not isinstance(resolved, Problem)
    method = resolved.payment_method
    assert isinstance(method.card, CardFacts)
    assert (method.card.brand, method.card.last4, method.used_by) == (brand, number[-4:], "pi_1")
    assert len(resolved.writes) == 1
    card = await instruments.reveal(SCOPE, method)
    assert isinstance(card, Card)
    assert (card.number, card.cvc) == (number, code)
    again = await instruments.reveal(SCOPE, method, authorising=False)
    assert isinstance(again, Card)
    assert again.cvc == code


async def test_names_keep_their_fingerprint_within_an_account_and_mode(instruments: Instruments) -> None:
    async def fingerprint(scope: Scope, name: str) -> str:
        resolved = await instruments.resolve_for_payment(scope, name, intent_id="pi_1")
        assert not isinstance(resolved, Problem)
        assert resolved.payment_method.card is not None
        return resolved.payment_method.card.fingerprint

    assert await fingerprint(SCOPE, "pm_card_visa") == await fingerprint(SCOPE, "tok_visa")
    assert await fingerprint(SCOPE, "pm_card_visa") != await fingerprint(SCOPE, "pm_card_mastercard")
    assert await fingerprint(SCOPE, "pm_card_visa") != await fingerprint(Scope("acct_2", livemode=False), "tok_visa")


async def test_a_named_card_never_expires_while_the_process_runs(instruments: Instruments, clock: ManualClock) -> None:
    for _ in range(3):
        resolved = await instruments.resolve_for_payment(SCOPE, "pm_card_visa", intent_id="pi_1")
        assert not isinstance(resolved, Problem)
        card = resolved.payment_method.card
        assert isinstance(card, CardFacts)
        assert (card.exp_year - 1970) * _YEAR_MS > clock.now_ms()
        clock.advance(_YEAR_MS)


def test_live_mode_and_unknown_names_make_nothing() -> None:
    vault = Vault(_NO_DATABASE, parse_keys(generate_keys()), ManualClock(0))
    cards = TestCards(vault)
    assert cards.resolve(LIVE, "pm_card_visa", 0) is None
    assert cards.resolve(SCOPE, "pm_card_nonsense", 0) is None
    assert cards.resolve(SCOPE, "pm_0abc", 0) is None
