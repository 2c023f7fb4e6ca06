"""Use cases of accounts and API keys, and the lookup that every API request begins with."""

import re
from collections import OrderedDict

import msgspec

from interlock.access.keys import account_of, digest_of, hint_of, new_account_id, new_key_text
from interlock.access.types import ACCOUNTS, API_KEYS, Account, ApiKey, KeyKind, NewKey
from interlock.base.clock import Clock
from interlock.base.ids import new_id
from interlock.base.money import iso_exponent
from interlock.base.problems import Problem, invalid, missing
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.writes import Insert, Rejected, Update

_QUERIES = load_queries("interlock.access")
_COUNTRY = re.compile(r"[A-Z]{2}")
_NAME_MAX = 200
_REMEMBERED_MS = 2_000
_REMEMBERED_MAX = 10_000


class Access:
    """Make, list and revoke."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Keep accounts and keys in ``database``."""
        self._database = database
        self._clock = clock

    async def create_account(self, name: str, country: str, default_currency: str) -> Account | Problem:
        """Open an account.

        Args:
            name: what people call the merchant.
            country: two capital letters, ISO 3166.
            default_currency: lower case, ISO 4217.

        """
        if not 1 <= len(name) <= _NAME_MAX:
            return invalid(f"The name must have 1 to {_NAME_MAX} characters.", param="name")
        if not _COUNTRY.fullmatch(country):
            return invalid("The country must be two capital letters (ISO 3166), such as NL.", param="country")
        if default_currency != default_currency.lower() or iso_exponent(default_currency) is None:
            return invalid("The currency must be an ISO 4217 code in lower case, such as eur.", param="currency")
        account = Account(
            account_id=new_account_id(),
            version=1,
            created_at_ms=self._clock.now_ms(),
            name=name,
            country=country,
            default_currency=default_currency,
        )
        await self._database.commit([Insert(ACCOUNTS, account)])
        return account

    async def accounts(self) -> list[Account]:
        """Return every account, oldest first."""
        return [ACCOUNTS.decode(row) for row in await self._database.fetch(_QUERIES["accounts"])]

    async def account(self, account_id: str) -> Account | Problem:
        """Return one account."""
        row = await self._database.fetchrow(_QUERIES["account"], account_id)
        return missing("account", account_id) if row is None else ACCOUNTS.decode(row)

    async def create_key(self, account_id: str, kind: KeyKind, name: str, *, livemode: bool) -> NewKey | Problem:
        """Make a key; its text is returned this once."""
        if len(name) > _NAME_MAX:
            return invalid(f"The name may have {_NAME_MAX} characters at most.", param="name")
        found = await self.account(account_id)
        if isinstance(found, Problem):
            return found
        text = new_key_text(account_id, kind, livemode=livemode)
        now_ms = self._clock.now_ms()
        record = ApiKey(
            account_id=account_id,
            id=new_id("key", now_ms),
            livemode=livemode,
            version=1,
            created_at_ms=now_ms,
            kind=kind,
            name=name,
            digest=digest_of(text),
            hint=hint_of(text),
        )
        await self._database.commit([Insert(API_KEYS, record)])
        return NewKey(record, text)

    async def keys(self, account_id: str) -> list[ApiKey]:
        """Return the account's keys, revoked ones too, oldest first."""
        return [API_KEYS.decode(row) for row in await self._database.fetch(_QUERIES["keys"], account_id)]

    async def revoke_key(self, account_id: str, key_id: str) -> ApiKey | Problem:
        """End a key: within two seconds no process accepts it any more. Revoking it again changes nothing."""
        row = await self._database.fetchrow(_QUERIES["key"], account_id, key_id)
        if row is None:
            return missing("key", key_id)
        record = API_KEYS.decode(row)
        if record.revoked_at_ms is not None:
            return record
        revoked = msgspec.structs.replace(record, version=record.version + 1, revoked_at_ms=self._clock.now_ms())
        result = await self._database.commit([Update(API_KEYS, revoked)])
        if isinstance(result, Rejected):
            return await self.revoke_key(account_id, key_id)
        return revoked

    async def find_key(self, text: str) -> ApiKey | None:
        """Return the key that ``text`` is, unless there is none or it was revoked."""
        account_id = account_of(text)
        if account_id is None:
            return None
        row = await self._database.fetchrow(_QUERIES["key_by_digest"], account_id, digest_of(text))
        record = None if row is None else API_KEYS.decode(row)
        return None if record is None or record.revoked_at_ms is not None else record


class KeyDirectory:
    """Finds the key of a request, remembering keys for two seconds so that the database is not asked each time."""

    def __init__(self, access: Access, clock: Clock) -> None:
        """Look up through ``access``."""
        self._access = access
        self._clock = clock
        self._known: OrderedDict[str, tuple[ApiKey, int]] = OrderedDict()

    async def find(self, text: str) -> ApiKey | None:
        """Return the key that ``text`` is, or None. Unknown texts are not remembered, lest they push out known ones."""
        now_ms = self._clock.now_ms()
        remembered = self._known.get(text)
        if remembered is not None and now_ms < remembered[1]:
            return remembered[0]
        record = await self._access.find_key(text)
        if record is None:
            self._known.pop(text, None)
            return None
        self._known[text] = (record, now_ms + _REMEMBERED_MS)
        self._known.move_to_end(text)
        while len(self._known) > _REMEMBERED_MAX:
            self._known.popitem(last=False)
        return record
