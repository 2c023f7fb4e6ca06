import pytest

from interlock.access.keys import new_key_text
from interlock.access.service import Access, KeyDirectory
from interlock.access.types import Account, KeyKind, NewKey
from interlock.base.clock import ManualClock
from interlock.base.problems import Problem
from interlock.storage.database import Database

_NOW_MS = 1_790_000_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(_NOW_MS)


@pytest.fixture
def access(database: Database, clock: ManualClock) -> Access:
    return Access(database, clock)


async def _account(access: Access) -> Account:
    made = await access.create_account("Bakery", "NL", "eur")
    assert isinstance(made, Account)
    return made


async def _key(access: Access, account: Account, kind: KeyKind = KeyKind.SECRET, *, livemode: bool = False) -> NewKey:
    made = await access.create_key(account.account_id, kind, "shop", livemode=livemode)
    assert isinstance(made, NewKey)
    return made


async def test_an_account_is_found_again(access: Access) -> None:
    account = await _account(access)

    assert await access.accounts() == [account]
    assert await access.account(account.account_id) == account
    assert isinstance(await access.account("acct_none"), Problem)


@pytest.mark.parametrize(
    ("name", "country", "currency", "param"),
    [
        ("", "NL", "eur", "name"),
        ("A", "nl", "eur", "country"),
        ("A", "NL", "EUR", "currency"),
        ("A", "NL", "zzz", "currency"),
    ],
)
async def test_wrong_facts_of_an_account_are_refused_by_name(
    access: Access, name: str, country: str, currency: str, param: str
) -> None:
    refused = await access.create_account(name, country, currency)

    assert isinstance(refused, Problem)
    assert refused.param == param
    assert await access.accounts() == []


async def test_a_key_is_known_by_its_text_alone_with_account_mode_and_kind(access: Access) -> None:
    account = await _account(access)
    secret = await _key(access, account)
    publishable = await _key(access, account, KeyKind.PUBLISHABLE, livemode=True)

    found = await access.find_key(secret.text)
    other = await access.find_key(publishable.text)

    assert found == secret.record
    assert other is not None
    assert (other.account_id, other.livemode, other.publishable) == (account.account_id, True, True)
    assert await access.find_key(new_key_text(account.account_id, KeyKind.SECRET, livemode=False)) is None
    assert await access.find_key("sk_test_nonsense") is None


async def test_the_text_of_a_key_is_stored_nowhere(access: Access, database: Database) -> None:
    key = await _key(access, await _account(access))

    rows = await database.fetch("SELECT to_jsonb(k)::text AS row FROM api_keys k")

    assert len(rows) == 1
    assert key.text not in rows[0]["row"]
    assert key.text not in f"{key} {key!r}"


async def test_a_revoked_key_is_refused_within_two_seconds_by_a_process_that_knew_it(
    access: Access, clock: ManualClock
) -> None:
    account = await _account(access)
    key = await _key(access, account)
    directory = KeyDirectory(access, clock)
    assert await directory.find(key.text) == key.record

    revoked = await access.revoke_key(account.account_id, key.record.id)
    clock.advance(2_000)

    assert not isinstance(revoked, Problem)
    assert revoked.revoked_at_ms == _NOW_MS
    assert await directory.find(key.text) is None
    assert await access.revoke_key(account.account_id, key.record.id) == revoked
    assert [each.revoked_at_ms for each in await access.keys(account.account_id)] == [_NOW_MS]


async def test_a_key_of_another_account_cannot_be_revoked(access: Access) -> None:
    key = await _key(access, await _account(access))
    other = await _account(access)

    assert isinstance(await access.revoke_key(other.account_id, key.record.id), Problem)
    assert await access.find_key(key.text) == key.record
