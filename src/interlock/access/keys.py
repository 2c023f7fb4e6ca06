"""The shape of API keys: ``sk_test_`` + the account's characters + 32 random ones. Pure.

The account can be read from its keys, so that looking one up never leaves the account (design rules 7.2 and 7.3).
"""

import hashlib
import re

from interlock.access.types import KeyKind
from interlock.base.ids import new_secret

ACCOUNT_PREFIX = "acct_"
_ACCOUNT_CHARACTERS = 16
_RANDOM_CHARACTERS = 32
_SHOWN = 4
_PREFIXES = {KeyKind.SECRET: "sk", KeyKind.PUBLISHABLE: "pk"}
_KEY = re.compile(rf"[sp]k_(?:test|live)_([0-9A-Za-z]{{{_ACCOUNT_CHARACTERS}}})[0-9A-Za-z]{{{_RANDOM_CHARACTERS}}}")


def new_account_id() -> str:
    """Return a new account id, ``acct_`` and 16 characters."""
    return ACCOUNT_PREFIX + new_secret(_ACCOUNT_CHARACTERS)


def new_key_text(account_id: str, kind: KeyKind, *, livemode: bool) -> str:
    """Return a new key of ``account_id``."""
    mode = "live" if livemode else "test"
    return f"{_PREFIXES[kind]}_{mode}_{account_id.removeprefix(ACCOUNT_PREFIX)}{new_secret(_RANDOM_CHARACTERS)}"


def account_of(text: str) -> str | None:
    """Return the account that the key ``text`` would belong to, or None when it is no key."""
    found = _KEY.fullmatch(text)
    return None if found is None else ACCOUNT_PREFIX + found[1]


def digest_of(text: str) -> str:
    """Return what is kept of a key: it has 190 random bits, so a plain hash cannot be searched through."""
    return hashlib.sha256(text.encode()).hexdigest()


def hint_of(text: str) -> str:
    """Return ``sk_test_…wxyz``, enough to recognise a key and not to use it."""
    prefix = "_".join(text.split("_")[:2])
    return f"{prefix}_…{text[-_SHOWN:]}"
