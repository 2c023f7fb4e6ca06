"""Who is asking, in which account and mode: the frozen value every use case takes first."""

import hashlib

import msgspec

# Keys of callers are stripped, so that none of a secret key begins like this.
_BROWSERS_KEYS = " pk "


class Scope(msgspec.Struct, frozen=True):
    """An account in one mode. Nothing is ever read or written across scopes."""

    account_id: str
    livemode: bool


class RequestContext(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the API.

    ``idempotency_key`` is the caller's key or None; ``fingerprint`` is the SHA-256 hex of method, path and
    canonical parameters, compared when the key comes again.
    """

    scope: Scope
    request_id: str
    path: str
    idempotency_key: str | None = None
    fingerprint: str = ""
    publishable: bool = False

    @property
    def kept_key(self) -> str | None:
        """Return what the idempotency key is stored as.

        Publishable keys have a space of their own: anybody can read one in the shop's page, and must neither be given
        the kept answers of the shop's server nor use its keys up. Hashed, since a prefix would make long ones too long.
        """
        key = self.idempotency_key
        if key is None or not self.publishable:
            return key
        return _BROWSERS_KEYS + hashlib.sha256(key.encode()).hexdigest()

    @property
    def account_id(self) -> str:
        """Return the account's id."""
        return self.scope.account_id

    @property
    def livemode(self) -> bool:
        """Return True for live mode."""
        return self.scope.livemode
