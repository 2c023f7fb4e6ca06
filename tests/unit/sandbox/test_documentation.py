from pathlib import Path
from typing import get_args

import pytest

from interlock.sandbox.adyen.tables import REFUSALS
from interlock.sandbox.cards import TEST_CARDS
from interlock.sandbox.faults import Kind
from interlock.sandbox.stripe.debits import TEST_ACCOUNTS, passes_check

PAGE = Path(__file__).parents[3] / "docs" / "sandbox.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_every_test_card_is_documented(page: str) -> None:
    rows = {tuple(cell.strip() for cell in line.split("|")[1:3]) for line in page.splitlines() if line.startswith("| ")}
    assert {(card.number, f"`{card.name}`") for card in TEST_CARDS} <= rows


def test_every_test_account_is_valid_and_documented(page: str) -> None:
    assert all(passes_check(account.iban) for account in TEST_ACCOUNTS)
    assert not [account.iban for account in TEST_ACCOUNTS if account.iban not in page]


def test_every_fault_and_refusal_is_documented(page: str) -> None:
    assert not [kind for kind in get_args(Kind) if f"`{kind}`" not in page]
    assert not [refusal for refusal in REFUSALS.values() if f"`{refusal.holder_name}`" not in page]
