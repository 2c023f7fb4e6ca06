"""Which key a request carries, and whether that key may do this.

Called by the request pipeline. Looking a key up is somebody else's work (``Authenticate``); here the header is read,
keys are shown back masked only, and secrets are compared in constant time.
"""

import base64
import binascii
import hmac
from enum import StrEnum
from typing import Protocol

from interlock.base.problems import Problem, invalid
from interlock.payments.access.permissions import Permissions

_NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). Create keys with 'interlock keys create'."
)
_SHOWN_TAIL = 4
_MAX_KEY_LENGTH = 255


class Access(StrEnum):
    """What a publishable key may do at an endpoint."""

    SECRET = "secret"  # noqa: S105 - a word of the vocabulary
    """Nothing: a secret key is needed."""
    CLIENT_SECRET = "client_secret"  # noqa: S105 - a word of the vocabulary
    """Act on the object whose ``client_secret`` it shows."""
    PUBLISHABLE = "publishable"
    """The same as a secret key (creating tokens and the like)."""


class KeyRecord(Protocol):
    """What is known of an API key."""

    @property
    def account_id(self) -> str:
        """Return the account the key belongs to."""
        ...

    @property
    def livemode(self) -> bool:
        """Return True for a live key."""
        ...

    @property
    def publishable(self) -> bool:
        """Return True for a key that may be shown in a browser."""
        ...

    @property
    def permissions(self) -> Permissions | None:
        """Return what a restricted key may do; None for a key that is not restricted."""
        ...

    @property
    def hint(self) -> str:
        """Return what may be shown of the key."""
        ...


def read_key(authorization: bytes | None) -> str | Problem:
    """Return the API key in an Authorization header: ``Bearer key`` or Basic with the key as user name."""
    if not authorization:
        return _unauthorised(_NO_KEY)
    scheme, _, rest = authorization.partition(b" ")
    name = scheme.lower()
    try:
        if name == b"bearer":
            key = rest.strip().decode("ascii")
        elif name == b"basic":
            key = base64.b64decode(rest.strip(), validate=True).decode("ascii").partition(":")[0]
        else:
            return _unauthorised(
                "Invalid authorization header: use 'Authorization: Bearer YOUR_SECRET_KEY', or Basic with it as user."
            )
    except (binascii.Error, UnicodeDecodeError):
        return _unauthorised("Invalid authorization header: it cannot be decoded.")
    if not key:
        return _unauthorised(_NO_KEY)
    return key if len(key) <= _MAX_KEY_LENGTH and key.isprintable() else unknown_key(key[:_MAX_KEY_LENGTH])


def unknown_key(key: str) -> Problem:
    """Return the complaint about a key nobody knows; the key is masked."""
    return _unauthorised(f"Invalid API Key provided: {masked(key)}")


def masked(key: str) -> str:
    """Return ``key`` with its prefix and last four characters only: ``sk_test_****abcd``."""
    prefix = "_".join(key.split("_")[:2]) + "_" if key.count("_") >= 2 else ""
    rest = key[len(prefix) :]
    if len(prefix) > 12 or len(rest) <= 2 * _SHOWN_TAIL:
        return "****"
    return f"{prefix}{'*' * (len(rest) - _SHOWN_TAIL)}{rest[-_SHOWN_TAIL:]}"


def masked_hint(hint: str) -> str:
    """Return the hint that is kept of a key in the form of :func:`masked`."""
    return hint.replace("…", "*" * 8)


def secret_key_required() -> Problem:
    """Return the refusal of a publishable key where a secret one is needed."""
    return invalid(
        "This API call cannot be made with a publishable API key. Please use a secret API key. "
        "List your keys with 'interlock keys list'.",
        code="secret_key_required",
        status=401,
    )


def unknown_account(account: str) -> Problem:
    """Return the refusal to act for another account (``Stripe-Account``): a key is of one account."""
    return invalid(
        f"The provided key does not have access to account '{account[:_MAX_KEY_LENGTH]}' (or that account does not "
        "exist). Interlock has no connected accounts: leave Stripe-Account away, and use the key of that account.",
        code="account_invalid",
        status=403,
    )


def same_secret(shown: str, kept: str) -> bool:
    """Return True when both are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(shown.encode(), kept.encode())


def _unauthorised(message: str) -> Problem:
    return invalid(message, status=401)
