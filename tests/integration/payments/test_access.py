"""Accounts and keys on a real database: found by hash, revoked within a second, asked for once however many wait."""

import asyncio

import pytest

from interlock.base.clock import ManualClock
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.payments.access import authenticator as module
from interlock.payments.access.authenticator import Authenticator
from interlock.payments.access.service import AccessService
from interlock.payments.access.types import Account, ApiKey, KeyKind, NewKey
from interlock.storage.database import Database

NOW_MS = 1_764_000_000_000


async def account_with_key(database: Database, kind: KeyKind = KeyKind.SECRET) -> tuple[AccessService, Scope, NewKey]:
    service = AccessService(database, ManualClock(NOW_MS))
    account = await service.create_account("Shop")
    assert isinstance(account, Account)
    scope = Scope(account.id, livemode=False)
    key = await service.create_key(scope, kind, name="server")
    assert isinstance(key, NewKey)
    return service, scope, key


async def test_a_key_stands_for_its_account_mode_and_kind(database: Database) -> None:
    service, scope, key = await account_with_key(database)
    found = await Authenticator(database).find(key.plaintext)
    assert found == key.record
    assert (found.account_id, found.livemode, found.publishable) == (scope.account_id, False, False)
    live = await service.create_key(Scope(scope.account_id, livemode=True), KeyKind.PUBLISHABLE)
    assert isinstance(live, NewKey)
    assert live.plaintext.startswith("pk_live_")
    assert [one.public_key for one in await service.list_keys(Scope(scope.account_id, livemode=True))] == [
        live.plaintext
    ]
    assert [one.hint for one in await service.list_keys(scope)] == [key.record.hint]
    assert len(await service.list_accounts()) == 1


async def test_what_is_stored_does_not_hold_a_secret_key(database: Database) -> None:
    _, _, key = await account_with_key(database)
    stored = await database.fetchval("SELECT string_agg(api_keys::text, ' ') FROM api_keys")
    assert key.plaintext not in stored
    assert key.plaintext[12:-4] not in stored


@pytest.mark.parametrize("wrong", ["", "sk_test_", "sk_test_" + "a" * 48, "x" * 300, "sk_test_" + "a" * 23 + "\x00"])
async def test_unknown_keys_stand_for_nobody(database: Database, wrong: str) -> None:
    assert await Authenticator(database).find(wrong) is None


async def test_a_revoked_key_is_refused_within_a_second(database: Database) -> None:
    service, scope, key = await account_with_key(database)
    now_s = 100.0
    authenticator = Authenticator(database, lambda: now_s)
    assert await authenticator.find(key.plaintext) is not None
    revoked = await service.revoke_key(scope, key.record.id)
    assert isinstance(revoked, ApiKey)
    assert await service.revoke_key(scope, key.record.id) == revoked
    assert await authenticator.find(key.plaintext) is not None, "still believed"
    now_s += module.BELIEVED_S
    assert await authenticator.find(key.plaintext) is None


async def test_a_busy_key_is_renewed_in_the_background(database: Database) -> None:
    service, scope, key = await account_with_key(database)
    now_s = 100.0
    authenticator = Authenticator(database, lambda: now_s)
    assert await authenticator.find(key.plaintext) is not None
    await service.revoke_key(scope, key.record.id)
    now_s += 0.6
    assert await authenticator.find(key.plaintext) is not None, "answered from memory while it is looked up again"
    await asyncio.gather(*authenticator._renewals.values())
    assert await authenticator.find(key.plaintext) is None


async def test_many_requests_with_one_key_ask_once_and_memory_is_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, key = await account_with_key(database)
    authenticator = Authenticator(database)
    asked = 0
    fetch = database.fetch

    async def counting(sql: str, *arguments: object) -> object:
        nonlocal asked
        asked += 1
        return await fetch(sql, *arguments)

    monkeypatch.setattr(database, "fetch", counting)
    found = await asyncio.gather(*(authenticator.find(key.plaintext) for _ in range(50)))
    assert all(one == key.record for one in found)
    assert asked == 1
    monkeypatch.setattr(module, "_ENTRIES_MAX", 5)
    for number in range(20):
        await authenticator.find(f"sk_test_{number:024d}")
    assert len(authenticator._entries) == 5
    assert not authenticator._renewals


async def test_accounts_and_keys_that_cannot_be_are_refused(database: Database) -> None:
    service = AccessService(database, ManualClock(NOW_MS))
    for problem in (
        await service.create_account(" "),
        await service.create_account("Shop", country="us"),
        await service.create_account("Shop", default_currency="USD"),
        await service.create_key(Scope("acct_none", livemode=False), KeyKind.SECRET),
        await service.revoke_key(Scope("acct_none", livemode=False), "key_none"),
        await service.get_account("acct_none"),
    ):
        assert isinstance(problem, Problem)
        assert problem.status in {400, 404}


async def test_a_key_nobody_may_ask_for_is_unknown_and_one_that_was_valid_is_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, key = await account_with_key(database)
    now_s = 100.0
    authenticator = Authenticator(database, lambda: now_s)
    asked: list[str] = []
    fetch = database.fetch

    async def counted(sql: str, *arguments: object) -> object:
        asked.append(sql)
        return await fetch(sql, *arguments)

    monkeypatch.setattr(database, "fetch", counted)
    for number in range(50):
        assert await authenticator.find(f"sk_test_{number:024d}", lambda: False) is None
    assert await authenticator.find(key.plaintext, lambda: False) is None
    assert asked == []
    assert await authenticator.find(key.plaintext, lambda: True) is not None
    now_s += 60
    assert await authenticator.find(key.plaintext, lambda: False) is not None  # guesses from its address harm no shop
    assert len(asked) == 2
