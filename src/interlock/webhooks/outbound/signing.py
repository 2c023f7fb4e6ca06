"""The ``Stripe-Signature`` header: HMAC-SHA-256 over time and exact body, one ``v1`` per valid secret. Pure.

Called by the sender. The scheme is Stripe's, so that ``construct_event`` of the official SDKs accepts a delivery.
"""

import hashlib
import hmac
from collections.abc import Sequence

from interlock.base.ids import new_secret

HEADER = "Stripe-Signature"
_SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of every signing secret
_SECRET_LENGTH = 32


def new_signing_secret() -> str:
    """Return a new ``whsec_…`` with 190 bits of randomness."""
    return _SECRET_PREFIX + new_secret(_SECRET_LENGTH)


def signature_header(body: bytes, secrets: Sequence[str], timestamp_s: int) -> str:
    """Return the header for ``body``; the receiver accepts it with any one of ``secrets``.

    Args:
        body: the exact bytes that are sent.
        secrets: valid secrets, newest first; several while one is being rolled.
        timestamp_s: the time of this try in epoch seconds; receivers refuse old ones.

    """
    signed = b"%d.%b" % (timestamp_s, body)
    signatures = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp_s}", *(f"v1={signature}" for signature in signatures)])
