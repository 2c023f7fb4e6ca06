"""How many payments of the stable arm are judged: at most ``STABLE_PER_S_MAX`` a second, drawn by chance. Pure.

Judging a payment costs the worker some 70 µs, and the machine is the payments'. What a canary learns is limited by its
small arm: the exposure limit gives the candidate a few payments a second, and beside those a hundred of stable's say as
much as a thousand. So all of the candidate's are judged and, where stable has many, a part of stable's.

A payment of the stable arm is kept with a probability fixed before it is looked at, by a hash that does not know its
outcome. Among the kept ones the candidate's probability is then

    share' = share / (share + kept · (1 - share))

exactly, and the tests compare with that: they lose nothing of their guarantee. A payer whose payment is left out is
remembered as one who was counted, so that no later try, which stays on the arm of the first, is taken for a first.
Called by ``memory``.
"""

from functools import lru_cache
from hashlib import blake2b

import msgspec

from interlock.releases.canary.types import PPM

STABLE_PER_S_MAX = 100.0
"""Five candidate payments a second (``exposure``) and twenty times as many of stable's: the 5 % of a smaller shop."""
_WINDOW_MS = 1_000
_HASH_BITS = 64


class Sparing(msgspec.Struct):
    """What the stable arm gets at present, and the part of it that is kept because of what it got a moment ago."""

    kept: float = 1.0
    seen: int = 0
    since_ms: int = 0

    def tick(self, now_ms: int) -> None:
        """Fit the part that is kept to the payments of the second behind; called before a pass."""
        passed_ms = now_ms - self.since_ms
        if passed_ms < _WINDOW_MS:
            return
        rate_per_s = self.seen * 1_000 / passed_ms
        self.kept = min(1.0, STABLE_PER_S_MAX / rate_per_s) if self.since_ms and rate_per_s else 1.0
        self.seen, self.since_ms = 0, now_ms


@lru_cache(maxsize=4096)
def kept_share(share_ppm: int, kept: float) -> tuple[int, float]:
    """Return the candidate's probability among the payments kept, and the exact part of stable's that gives it.

    Args:
        share_ppm: of the draw.
        kept: about how large a part of the stable arm is to be kept.

    """
    if not 0 < share_ppm < PPM or kept >= 1.0:
        return share_ppm, 1.0
    share = share_ppm / PPM
    # Shares are whole millionths: the part follows from the rounded share, not the other way round.
    among_ppm = min(max(round(PPM * share / (share + kept * (1.0 - share))), share_ppm), PPM - 1)
    among = among_ppm / PPM
    return among_ppm, share * (1.0 - among) / (among * (1.0 - share))


def is_kept(attempt_id: str, kept: float) -> bool:
    """Return whether a payment of the stable arm is kept, the same for every process that asks."""
    if kept >= 1.0:
        return True
    drawn = int.from_bytes(blake2b(attempt_id.encode(), digest_size=_HASH_BITS // 8, person=b"sparing").digest())
    return drawn < kept * 2.0**_HASH_BITS
