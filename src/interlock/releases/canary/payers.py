"""Each payer counts once: the first payment that was assigned for a payer speaks, every later one is left out.

Somebody whose card is declined tries again, with the same card and often on the same arm; counted each time, one bad
card looks like many bad payments. The register is bounded: when it is full, it keeps the payers whose hash falls in
one half and leaves out the others from then on, known or new. Hash and arm have nothing to do with each other, so that
costs evidence (half of it) and no guarantee, and a canary is never blind.

The register is not part of the canary's checkpoint. It may be saved as it is (it is a struct), or built again by
claiming all earlier payments in their order. Pure; called by ``recording``.
"""

from functools import lru_cache
from hashlib import blake2b
from zlib import crc32

import msgspec

LIMIT = 250_000
"""Payers kept unless told otherwise; about 30 MiB."""

_HASH_BITS = 64
_EVENT_BITS = 8


class Payers(msgspec.Struct):
    """Who was seen. ``halvings`` says how often the register was full; one payer in 2^halvings is counted."""

    limit: int = LIMIT
    halvings: int = 0
    claims: dict[int, int] = {}

    def claim(self, payer: str, attempt_id: str, event: int) -> bool:
        """Return True when this event counts, and remember it.

        Args:
            payer: opaque name of the payer.
            attempt_id: the payment; the payer's first one is the one that counts.
            event: 0 to 7, each counted once per payer.

        """
        key = _key(payer)
        if key >> (_HASH_BITS - self.halvings):
            return False
        attempt = crc32(attempt_id.encode()) << _EVENT_BITS
        known = self.claims.get(key)
        if known is None:
            if len(self.claims) >= self.limit and not self._halve(key):
                return False
            self.claims[key] = attempt | 1 << event
            return True
        if known >> _EVENT_BITS << _EVENT_BITS != attempt or known & 1 << event:
            return False
        self.claims[key] = known | 1 << event
        return True

    def _halve(self, key: int) -> bool:
        """Make room; return True while ``key`` is in the half that is kept."""
        while len(self.claims) >= self.limit and self.halvings < _HASH_BITS:
            self.halvings += 1
            shift = _HASH_BITS - self.halvings
            self.claims = {known: claim for known, claim in self.claims.items() if not known >> shift}
        return not key >> (_HASH_BITS - self.halvings) and len(self.claims) < self.limit


@lru_cache(maxsize=1024)
def _key(payer: str) -> int:
    """Return the payer's hash; the verdicts of one payment often come together, so the latest are kept."""
    return int.from_bytes(blake2b(payer.encode(), digest_size=8).digest(), "big")
