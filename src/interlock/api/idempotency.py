"""The Idempotency-Key header and the fingerprint of a request's parameters.

Called by the request pipeline. Claiming, replaying and resuming are ``payments.idempotency``'s work.
"""

import hashlib
from typing import Any

import msgspec

from interlock.base.problems import Problem, invalid

MAX_KEY_LENGTH = 255
_canonical = msgspec.json.Encoder(order="sorted").encode


def read_key(header: bytes | None) -> str | Problem | None:
    """Return the caller's key, None without one, or why it cannot be a key."""
    if header is None:
        return None
    key = header.decode("latin-1").strip()
    if not key:
        return invalid("Idempotency keys may not be empty.")
    if len(key) > MAX_KEY_LENGTH:
        return invalid(f"Idempotency keys may be at most {MAX_KEY_LENGTH} characters long; yours has {len(key)}.")
    if not (key.isascii() and key.isprintable()):
        return invalid("Idempotency keys may only contain printable ASCII characters.")
    return key


def fingerprint(secret: bytes, path: str, values: dict[str, Any]) -> str:
    """Return what identifies a request's parameters: keyed, because they may hold a card number."""
    message = path.encode() + b"\n" + _canonical(values)
    return hashlib.blake2b(message, digest_size=32, key=secret).hexdigest()
