"""The vault on a real database: sealed cards open in their own scope only, keys rotate, nothing readable is stored."""

import asyncpg
import pytest

from interlock.base.clock import ManualClock
from interlock.base.context import Scope
from interlock.base.errors import VaultError
from interlock.storage.database import Database
from interlock.storage.writes import Committed
from interlock.vault.keys import KeyRing
from interlock.vault.service import Vault
from interlock.vault.types import Card

NOW_MS = 1_764_000_000_000
SCOPE = Scope("acct_1", livemode=False)
OLD = KeyRing({"k1": b"1" * 32}, b"f" * 32)
BOTH = KeyRing({"k2": b"2" * 32, "k1": b"1" * 32}, b"f" * 32)
NEW = KeyRing({"k2": b"2" * 32}, b"f" * 32)
CARD = Card(number="4242424242424242", exp_month=12, exp_year=2034, cvc="123", holder_name="Jenny Rosen")


def vault_with(database: Database, ring: KeyRing = OLD) -> Vault:
    return Vault(database, ring, ManualClock(NOW_MS))


async def test_a_sealed_card_opens_without_its_security_code(database: Database) -> None:
    vault = vault_with(database)
    sealed = vault.seal(SCOPE, CARD, NOW_MS)
    assert isinstance(await database.commit([sealed.write]), Committed)
    opened = await vault.open(SCOPE, sealed.id)
    assert (opened.number, opened.exp_month, opened.exp_year) == (CARD.number, 12, 2034)
    assert (opened.cvc, opened.holder_name) == (None, "Jenny Rosen")
    assert sealed.id.startswith("vc_")
    assert (sealed.traits.brand, sealed.traits.last4, sealed.traits.bin) == ("visa", "4242", "424242")


async def test_nobody_else_can_open_it(database: Database) -> None:
    vault = vault_with(database)
    sealed = vault.seal(SCOPE, CARD, NOW_MS)
    await database.commit([sealed.write])
    for elsewhere in (Scope("acct_2", livemode=False), Scope("acct_1", livemode=True)):
        with pytest.raises(VaultError, match="no card"):
            await vault.open(elsewhere, sealed.id)


async def test_a_row_moved_to_another_account_does_not_open(database: Database, database_url: str) -> None:
    vault = vault_with(database)
    sealed = vault.seal(SCOPE, CARD, NOW_MS)
    await database.commit([sealed.write])
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE vault_cards SET account_id = 'acct_2'")
    await connection.close()
    with pytest.raises(VaultError, match="altered or belongs elsewhere"):
        await vault.open(Scope("acct_2", livemode=False), sealed.id)


async def test_what_is_stored_shows_nothing_of_the_card(database: Database) -> None:
    vault = vault_with(database)
    short = vault.seal(SCOPE, CARD, NOW_MS)
    long = vault.seal(SCOPE, Card(number="6205500000000000004", exp_month=1, exp_year=2030), NOW_MS)
    await database.commit([short.write, long.write])
    rows = await database.fetch(
        "SELECT vault_cards::text AS shown, octet_length(ciphertext) AS length FROM vault_cards"
    )
    assert len({row["length"] for row in rows}) == 1
    # Eight digits and more: the hex digits of a ciphertext hold any four of them in every fiftieth run.
    parts = ("42424242", "62055000", "Jenny", *(text.hex() for text in (b"4242", b"62055", b"Jenny")))
    for row in rows:
        assert not any(part in row["shown"] for part in parts)


async def test_fingerprints_are_stable_within_a_scope_and_unlike_elsewhere(database: Database) -> None:
    vault = vault_with(database)
    first = vault.seal(SCOPE, CARD, NOW_MS).fingerprint
    assert first == vault_with(database, BOTH).fingerprint(SCOPE, CARD.number)
    others = {
        vault.fingerprint(Scope("acct_2", livemode=False), CARD.number),
        vault.fingerprint(Scope("acct_1", livemode=True), CARD.number),
        vault.fingerprint(SCOPE, "5555555555554444"),
        vault_with(database, KeyRing({"k1": b"1" * 32}, b"g" * 32)).fingerprint(SCOPE, CARD.number),
    }
    assert first not in others
    assert len(others) == 4
    assert len(first) == 16


async def test_named_test_cards_open_without_a_row_and_in_test_mode_only(database: Database) -> None:
    vault = vault_with(database)
    assert (await vault.open(SCOPE, "test_chargeDeclined")).number == "4000000000000002"
    for scope, token in ((Scope("acct_1", livemode=True), "test_visa"), (SCOPE, "test_nothing")):
        with pytest.raises(VaultError, match="no card"):
            await vault.open(scope, token)


async def test_keys_rotate_in_batches_and_the_old_one_can_then_be_retired(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.vault.service._REWRAP_BATCH", 4)
    old = vault_with(database)
    sealed = [old.seal(SCOPE if n % 2 else Scope("acct_2", livemode=True), CARD, NOW_MS + n) for n in range(10)]
    await database.commit([card.write for card in sealed])
    assert await vault_with(database, NEW).missing_keys() == ["k1"]
    both = vault_with(database, BOTH)
    assert (await both.rewrap(batches_max=1)).finished is False
    progress = await both.rewrap()
    assert (progress.rewrapped, progress.lost_races, progress.finished) == (6, 0, True)
    assert await both.keys_in_use() == {"k2": 10}
    new = vault_with(database, NEW)
    assert await new.missing_keys() == []
    for n, card in enumerate(sealed):
        opened = await new.open(SCOPE if n % 2 else Scope("acct_2", livemode=True), card.id)
        assert opened.number == CARD.number


@pytest.mark.parametrize(
    "card",
    [
        Card(number="4242 4242 4242 4242", exp_month=1, exp_year=2030),
        Card(number="42424242424", exp_month=1, exp_year=2030),
        Card(number=CARD.number, exp_month=13, exp_year=2030),
        Card(number=CARD.number, exp_month=1, exp_year=30),
    ],
)
async def test_what_is_no_card_is_not_sealed_and_not_repeated_in_the_error(database: Database, card: Card) -> None:
    with pytest.raises(VaultError) as caught:
        vault_with(database).seal(SCOPE, card, NOW_MS)
    assert card.number not in str(caught.value)
    assert card.number not in repr(card)
