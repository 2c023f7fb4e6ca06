"""Values and tables of accounts and API keys."""

from enum import StrEnum

import msgspec

from interlock.storage.tables import Table


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant."""

    account_id: str
    version: int
    created_at_ms: int
    name: str
    country: str
    default_currency: str


class KeyKind(StrEnum):
    """What a key may do: everything, or what a browser may."""

    SECRET = "secret"  # noqa: S105 - a word of the vocabulary
    PUBLISHABLE = "publishable"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key: ``digest`` finds it, ``hint`` lets its owner recognise it."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    kind: KeyKind
    name: str
    digest: str
    hint: str
    revoked_at_ms: int | None = None

    @property
    def publishable(self) -> bool:
        """Return True for a key that may be shown in a browser."""
        return self.kind is KeyKind.PUBLISHABLE


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just made, with its text: shown once, kept nowhere. Its repr hides it."""

    record: ApiKey
    text: str

    def __repr__(self) -> str:
        """Return a text without the key."""
        return f"NewKey({self.record.id})"

    __str__ = __repr__


ACCOUNTS = Table(Account, "accounts", key=("account_id",))
API_KEYS = Table(ApiKey, "api_keys")
