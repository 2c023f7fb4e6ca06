"""Gateway credentials at rest: each one sealed by the vault's envelope, bound to its own id, account and mode."""

import msgspec

from interlock.base.context import Scope
from interlock.base.errors import VaultError
from interlock.base.ids import new_id
from interlock.routing.releases import StoredCredential
from interlock.vault.envelope import Envelope, belonging, pack, unpack


def seal_credential(
    envelope: Envelope,
    scope: Scope,
    gateway_id: str,
    name: str,
    value: str,
    now_ms: int,
    expires_at_ms: int | None = None,
) -> StoredCredential:
    """Return the row of one secret.

    Args:
        envelope: seals it.
        scope: account and mode.
        gateway_id: whose it is.
        name: what the manifest calls it.
        value: the secret.
        now_ms: the time.
        expires_at_ms: when the provider stops to take it, where that is known.

    """
    credential_id = new_id("cred", now_ms)
    sealed = envelope.seal(value.encode(), belonging(scope, credential_id))
    return StoredCredential(
        account_id=scope.account_id,
        id=credential_id,
        livemode=scope.livemode,
        version=1,
        created_at_ms=now_ms,
        gateway_id=gateway_id,
        name=name,
        sealed=pack(sealed),
        key_id=sealed.key_id,
        expires_at_ms=expires_at_ms,
    )


def open_credential(envelope: Envelope, stored: StoredCredential) -> str:
    """Return a credential in clear.

    Raises:
        VaultError: it cannot be opened with the keys at hand, or was altered.

    """
    plain = envelope.open(unpack(stored.sealed), _belongs(stored))
    try:
        return plain.decode()
    except UnicodeDecodeError:
        raise VaultError(f"credential {stored.id} cannot be read") from None


def rewrapped(envelope: Envelope, stored: StoredCredential) -> StoredCredential:
    """Return the next version of a credential, wrapped by the current master key."""
    sealed = envelope.rewrap(unpack(stored.sealed), _belongs(stored))
    return msgspec.structs.replace(stored, version=stored.version + 1, sealed=pack(sealed), key_id=sealed.key_id)


def _belongs(stored: StoredCredential) -> bytes:
    return belonging(Scope(stored.account_id, stored.livemode), stored.id)
