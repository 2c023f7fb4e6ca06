"""Use cases of access: accounts and their API keys. Called by ``cli``, the quick start and the account endpoint."""

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.errors import InvariantError
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid, missing
from interlock.payments.access.keys import hash_of, hint_of, new_key
from interlock.payments.access.permissions import Level
from interlock.payments.access.types import ACCOUNTS, API_KEYS, Account, ApiKey, KeyKind, NewKey
from interlock.storage.database import Database
from interlock.storage.pages import Page
from interlock.storage.queries import load_queries
from interlock.storage.writes import Committed, Insert, Update

_QUERIES = load_queries("interlock.payments.access")
_LISTED_MAX = 1_000
_ACCOUNTS_MAX = 10_000


class AccessService:
    """Accounts and keys."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Write to ``database``."""
        self._database = database
        self._clock = clock

    async def create_account(
        self, name: str, *, country: str = "US", default_currency: str = "usd", email: str | None = None
    ) -> Account | Problem:
        """Make an account; it has no keys and no gateways yet."""
        if not name.strip():
            return invalid("An account needs a name.", code="parameter_missing", param="name")
        if len(country) != 2 or country != country.upper():
            return invalid("A country is two upper-case letters, such as US.", param="country")
        if len(default_currency) != 3 or default_currency != default_currency.lower():
            return invalid("A currency is three lower-case letters, such as usd.", param="default_currency")
        now_ms = self._clock.now_ms()
        account_id = new_id("acct", now_ms)
        account = Account(
            account_id=account_id,
            id=account_id,
            version=1,
            created_at_ms=now_ms,
            name=name.strip(),
            country=country,
            default_currency=default_currency,
            email=email,
        )
        await self._insert(Insert(ACCOUNTS, account))
        return account

    async def get_account(self, account_id: str) -> Account | Problem:
        """Return one account."""
        found = await self._database.get(ACCOUNTS, Scope(account_id, livemode=False), account_id)
        return found or missing("account", account_id)

    async def list_accounts(self) -> list[Account]:
        """Return all accounts (at most 10,000), oldest first."""
        rows = await self._database.fetch(_QUERIES["all_accounts"], _ACCOUNTS_MAX)
        return [ACCOUNTS.decode(row) for row in rows]

    async def create_key(
        self, scope: Scope, kind: KeyKind, *, name: str = "", permissions: dict[str, Level] | None = None
    ) -> NewKey | Problem:
        """Make a key. What is returned is the only time it is seen in clear (unless it is publishable).

        Args:
            scope: account and mode.
            kind: who may hold it.
            name: what it is for.
            permissions: what a restricted key may do; None for the others.

        Raises:
            InvariantError: a restricted key without permissions, or another one with some.

        """
        if (kind is KeyKind.RESTRICTED) != bool(permissions):
            raise InvariantError(f"a {kind} key with permissions {permissions}")
        account = await self.get_account(scope.account_id)
        if isinstance(account, Problem):
            return account
        now_ms = self._clock.now_ms()
        plaintext = new_key(kind, livemode=scope.livemode)
        record = ApiKey(
            account_id=scope.account_id,
            id=new_id("key", now_ms),
            livemode=scope.livemode,
            version=1,
            created_at_ms=now_ms,
            kind=kind,
            key_hash=hash_of(plaintext),
            hint=hint_of(plaintext),
            name=name,
            public_key=plaintext if kind is KeyKind.PUBLISHABLE else None,
            permissions=permissions,
        )
        await self._insert(Insert(API_KEYS, record))
        return NewKey(record, plaintext)

    async def list_keys(self, scope: Scope) -> list[ApiKey]:
        """Return the keys of ``scope``, revoked ones too, newest first."""
        return (await self._database.find(API_KEYS, scope, Page(limit=_LISTED_MAX))).items

    async def revoke_key(self, scope: Scope, key_id: str) -> ApiKey | Problem:
        """Make a key useless everywhere within a second. Revoking it again changes nothing."""
        record = await self._database.get(API_KEYS, scope, key_id)
        if record is None:
            return missing("api_key", key_id)
        if record.revoked_at_ms is not None:
            return record
        revoked = msgspec.structs.replace(
            record, version=record.version + 1, revoked_at_ms=self._clock.now_ms(), public_key=None
        )
        if isinstance(await self._database.commit([Update(API_KEYS, revoked)]), Committed):
            return revoked
        return await self.revoke_key(scope, key_id)  # somebody else revoked it just now: nothing else changes a key

    async def _insert(self, write: Insert) -> None:
        result = await self._database.commit([write])
        if not isinstance(result, Committed):
            raise InvariantError(f"a new row of {write.table.name} was refused: {result.reason} {result.detail}")
