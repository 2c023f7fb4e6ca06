"""Values and tables of accounts and API keys."""

from enum import StrEnum
from typing import Any

import msgspec

from interlock.payments.access.permissions import Level
from interlock.storage.tables import Table


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant. It is the same in both modes. ``details`` holds what ``GET /v1/account`` shows besides."""

    account_id: str
    id: str
    version: int
    created_at_ms: int
    name: str
    country: str
    default_currency: str
    email: str | None = None
    details: dict[str, Any] = {}


class KeyKind(StrEnum):
    """Who may hold a key: the shop's server, its pages, or a program that may do only some things."""

    SECRET = "secret"  # noqa: S105 - a word of the vocabulary
    PUBLISHABLE = "publishable"
    RESTRICTED = "restricted"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as stored: its SHA-256, and a ``hint`` to recognise it by. Only publishable keys stay readable."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    kind: KeyKind
    key_hash: str
    hint: str
    name: str
    public_key: str | None = None
    revoked_at_ms: int | None = None
    permissions: dict[str, Level] | None = None

    @property
    def publishable(self) -> bool:
        """Return True for a key that may be shown in a browser."""
        return self.kind is KeyKind.PUBLISHABLE


class NewKey(msgspec.Struct, frozen=True):
    """A key just made, with its only appearance in clear. Its repr hides it."""

    record: ApiKey
    plaintext: str

    def __repr__(self) -> str:
        """Return the hint, never the key."""
        return f"NewKey({self.record.hint})"

    __str__ = __repr__


ACCOUNTS = Table(Account, "accounts")
API_KEYS = Table(ApiKey, "api_keys")
