"""The vault's keys: master keys that wrap data keys, and the key of fingerprints. Read once at start by ``bootstrap``.

Written as ``id:base64`` of 32 bytes each, newest first, separated by commas or lines, in ``INTERLOCK_VAULT_KEYS`` or
in a file that only its owner may read. The id ``fingerprint`` names the fingerprint key: it never rotates, or the same
card would look like another. A new master key is put in front; old ones stay until nothing is wrapped by them.
"""

import base64
import binascii
import os
import re
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from interlock.base.errors import ConfigurationError

FINGERPRINT_KEY_ID = "fingerprint"
_KEY_BYTES = 32
_KEYS_MAX = 64
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_REMEDY = "give id:base64 of 32 bytes each, newest first, and one called fingerprint"


class KeyRing:
    """Master keys by id, the current one first, and the fingerprint key. Shows nothing of them."""

    __slots__ = ("current_id", "fingerprint_key", "master_keys")

    def __init__(self, master_keys: dict[str, bytes], fingerprint_key: bytes) -> None:
        """Take keys of 32 bytes; the first of ``master_keys`` seals, all of them open."""
        self.current_id = next(iter(master_keys))
        self.master_keys = {key_id: AESGCM(key) for key_id, key in master_keys.items()}
        self.fingerprint_key = fingerprint_key

    def __repr__(self) -> str:
        """Return the ids, never a key."""
        return f"KeyRing({', '.join(self.master_keys)})"


def parse_keys(text: str, field: str = "vault_keys") -> KeyRing:
    """Return the keys written in ``text``; ``field`` is named in errors, key material never is.

    Raises:
        ConfigurationError: an entry is malformed, repeated or missing.

    """
    keys: dict[str, bytes] = {}
    for line in text.replace(",", "\n").splitlines():
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        key_id, _, encoded = entry.partition(":")
        if not _KEY_ID.fullmatch(key_id):
            raise ConfigurationError(field, f"entry {len(keys) + 1} has no proper id", _REMEDY)
        if key_id in keys:
            raise ConfigurationError(field, f"two keys are called {key_id}", "give each key its own id")
        keys[key_id] = _decode(field, key_id, encoded.strip())
    if len(keys) > _KEYS_MAX:
        raise ConfigurationError(field, f"holds more than {_KEYS_MAX} keys", "retire keys that nothing uses")
    fingerprint_key = keys.pop(FINGERPRINT_KEY_ID, None)
    if fingerprint_key is None:
        raise ConfigurationError(field, "holds no key called fingerprint", _REMEDY)
    if not keys:
        raise ConfigurationError(field, "holds no master key", _REMEDY)
    return KeyRing(keys, fingerprint_key)


def _decode(field: str, key_id: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(
            field, f"key {key_id} is not base64 of 32 bytes", "make one with: openssl rand -base64 32"
        )
    return key


def generate_keys(key_id: str = "k1") -> str:
    """Return the text of a new set: one master key called ``key_id`` and a fingerprint key."""
    return f"{generate_key(key_id)}\n{generate_key(FINGERPRINT_KEY_ID)}\n"


def generate_key(key_id: str) -> str:
    """Return ``id:base64`` of a new random key."""
    return f"{key_id}:{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"


def load_keys(text: str | None, file: Path, *, create: bool = False) -> KeyRing:
    """Return the key ring from the setting ``text``, else from ``file``.

    Args:
        text: the value of ``INTERLOCK_VAULT_KEYS``; the file is not looked at when it is given.
        file: where keys are kept otherwise.
        create: make the file with new keys when there is none (first start, readable by its owner only).

    Raises:
        ConfigurationError: there are no keys, they are malformed, or others may read the file.

    """
    if text is not None:
        return parse_keys(text)
    if create and not file.exists():
        _create(file)
    try:
        mode = file.stat().st_mode
        content = file.read_text(encoding="ascii")
    except FileNotFoundError:
        problem = f"{file} does not exist and INTERLOCK_VAULT_KEYS is not set"
        raise ConfigurationError("vault_key_file", problem, "run `interlock init` or give the keys") from None
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{file} cannot be read ({type(error).__name__})"
        raise ConfigurationError("vault_key_file", problem, "let this user read it") from None
    if mode & 0o077:
        raise ConfigurationError("vault_key_file", f"{file} may be read by others", f"run: chmod 600 {file}")
    return parse_keys(content, "vault_key_file")


def _create(file: Path) -> None:
    """Write new keys so that of two processes starting at once one wins and both read the same keys."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(generate_keys())
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            return
    finally:
        draft.unlink()
