"""How API keys look, and what is kept of them. Pure but for the randomness of a new key.

``sk_test_`` or ``pk_live_`` and so on, then 48 unguessable base-62 characters: with that much randomness a plain
SHA-256 is as good as a slow hash, and every request can afford it.
"""

import hashlib
import hmac
import re

from interlock.base.ids import new_secret
from interlock.payments.access.types import KeyKind

_RANDOM_CHARACTERS = 48
_PREFIXES = {KeyKind.SECRET: "sk", KeyKind.PUBLISHABLE: "pk", KeyKind.RESTRICTED: "rk"}
_SHAPE = re.compile(r"[spr]k_(?:test|live)_[0-9A-Za-z]{24,120}")
_SHOWN = 4


def new_key(kind: KeyKind, *, livemode: bool) -> str:
    """Return a new key in clear."""
    return f"{_PREFIXES[kind]}_{'live' if livemode else 'test'}_{new_secret(_RANDOM_CHARACTERS)}"


def looks_like_a_key(text: str) -> bool:
    """Return True for text of the shape that keys have; anything else need not be looked up."""
    return _SHAPE.fullmatch(text) is not None


def hash_of(key: str) -> str:
    """Return what is stored of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def hint_of(key: str) -> str:
    """Return what a person may see of a key: ``sk_test_…abcd``."""
    return f"{key[:8]}…{key[-_SHOWN:]}"


def same_hash(shown: str, kept: str) -> bool:
    """Compare in a time that does not tell how much is alike."""
    return hmac.compare_digest(shown.encode(), kept.encode())
