"""Envelope encryption: each secret has its own data key, wrapped by a master key. AES-256-GCM throughout. Pure CPU.

Called by ``vault.service`` for cards and by ``routing`` for gateway credentials. What a ciphertext belongs to (account,
object, mode) is authenticated with it, so that a row copied over another cannot be opened there. A change of master
key rewraps data keys and leaves ciphertexts alone.
"""

import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from interlock.base.context import Scope
from interlock.base.errors import VaultError
from interlock.vault.keys import KeyRing

_NONCE_BYTES = 12
_KEY_BYTES = 32
_WRAPPED_BYTES = _NONCE_BYTES + _KEY_BYTES + 16
_FORMAT = b"\x01"


class Sealed(msgspec.Struct, frozen=True):
    """A secret at rest: the id of the master key, the data key wrapped by it, and the ciphertext."""

    key_id: str
    wrapped_key: bytes
    ciphertext: bytes


def belonging(scope: Scope, object_id: str) -> bytes:
    """Return the authenticated data for a secret of ``object_id`` in ``scope``."""
    return f"{scope.account_id}\n{object_id}\n{'live' if scope.livemode else 'test'}".encode()


class Envelope:
    """Seals, opens and rewraps with one key ring."""

    __slots__ = ("_ring",)

    def __init__(self, ring: KeyRing) -> None:
        """Use the first master key of ``ring`` to seal and all of them to open."""
        self._ring = ring

    @property
    def current_key_id(self) -> str:
        """Return the id of the key that new secrets are wrapped by."""
        return self._ring.current_id

    @property
    def key_ids(self) -> frozenset[str]:
        """Return the ids of all keys that can open."""
        return frozenset(self._ring.master_keys)

    def seal(self, plaintext: bytes, belongs_to: bytes) -> Sealed:
        """Encrypt ``plaintext`` under a new data key."""
        data_key = AESGCM.generate_key(256)
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = nonce + AESGCM(data_key).encrypt(nonce, plaintext, belongs_to)
        return self._wrap(data_key, ciphertext, belongs_to)

    def open(self, sealed: Sealed, belongs_to: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            VaultError: the key is not on the ring, or what is stored was altered or belongs elsewhere.

        """
        data_key = AESGCM(self._unwrap(sealed, belongs_to))
        return _decrypted(data_key, sealed.ciphertext, belongs_to)

    def rewrap(self, sealed: Sealed, belongs_to: bytes) -> Sealed:
        """Return the same secret wrapped by the current key; the secret itself is not decrypted."""
        return self._wrap(self._unwrap(sealed, belongs_to), sealed.ciphertext, belongs_to)

    def _wrap(self, data_key: bytes, ciphertext: bytes, belongs_to: bytes) -> Sealed:
        key_id = self._ring.current_id
        nonce = os.urandom(_NONCE_BYTES)
        wrapped = self._ring.master_keys[key_id].encrypt(nonce, data_key, key_id.encode() + b"\n" + belongs_to)
        return Sealed(key_id, nonce + wrapped, ciphertext)

    def _unwrap(self, sealed: Sealed, belongs_to: bytes) -> bytes:
        master_key = self._ring.master_keys.get(sealed.key_id)
        if master_key is None:
            raise VaultError(f"key {sealed.key_id} is not on the ring")
        return _decrypted(master_key, sealed.wrapped_key, sealed.key_id.encode() + b"\n" + belongs_to)


def _decrypted(key: AESGCM, stored: bytes, belongs_to: bytes) -> bytes:
    try:
        return key.decrypt(stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], belongs_to)
    except (InvalidTag, ValueError):
        raise VaultError("a sealed secret was altered or belongs elsewhere") from None


def pack(sealed: Sealed) -> bytes:
    """Return ``sealed`` as one value, for tables that have one column for it."""
    key_id = sealed.key_id.encode()
    return _FORMAT + bytes([len(key_id)]) + key_id + sealed.wrapped_key + sealed.ciphertext


def unpack(packed: bytes) -> Sealed:
    """Return what :func:`pack` made.

    Raises:
        VaultError: it is something else.

    """
    if packed[:1] != _FORMAT or len(packed) < 2 + _WRAPPED_BYTES:
        raise VaultError("a sealed secret cannot be read")
    start = 2 + packed[1]
    end = start + _WRAPPED_BYTES
    return Sealed(packed[2:start].decode("ascii", "replace"), packed[start:end], packed[end:])
