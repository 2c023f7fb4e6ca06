"""How many payments of the stable arm are judged: at most ``STABLE_PER_S_MAX`` a second, drawn by chance. Pure.

Reading and judging a payment costs the worker some 80 µs, and the machine is the payments'. What a canary learns is
limited by its small arm: the exposure limit gives the candidate a few payments a second, and beside those a hundred of
stable's say as much as a thousand. So all of the candidate's are judged and, where stable has many, those of a part of
its payers.

Whether a payer of the stable arm is kept is decided by its name, a hash that knows neither arm nor outcome. Among the
kept payments the candidate's probability is then

    share' = share / (share + kept · (1 - share))

exactly, and the tests compare with that: they lose nothing of their guarantee. The part only ever gets smaller, by
halves: who is kept has been kept from the beginning, so that no later try of a payer is taken for its first. Called by
``memory``; ``watching`` does not even read who is left out.
"""

from functools import lru_cache

import msgspec

from interlock.releases.canary.types import PPM

STABLE_PER_S_MAX = 100.0
"""After a halving fifty are left: ten times the five candidate payments a second that ``exposure`` allows."""
HALVINGS_MAX = 16
_WINDOW_MS = 1_000
_NAME_BITS = 64
EVERYBODY = "~"
"""Comes after every payer's name, which is sixteen hexadecimal digits."""


class Sparing(msgspec.Struct):
    """Which part of the stable arm is kept (one payer in 2^halvings), and how many of its payments came since when
    (those made from ``counted_from_ms`` on)."""

    halvings: int = 0
    seen: int = 0
    since_ms: int = 0
    counted_from_ms: int = 0

    @property
    def kept(self) -> float:
        """Return the part that is kept, roughly: :func:`kept_share` says it exactly."""
        return 2.0**-self.halvings

    @property
    def names_below(self) -> str:
        """Return the name that all kept payers' names come before: a generous bound for reading."""
        return EVERYBODY if self.halvings <= 1 else f"{1 << (_NAME_BITS + 1 - self.halvings):016x}"

    def saw(self, created_at_ms: int) -> None:
        """Count a payment that is kept, unless it is an old one: after a pause many are read at once."""
        self.seen += created_at_ms >= self.counted_from_ms

    def tick(self, now_ms: int) -> None:
        """Fit the part that is kept to the payments of the second behind; called before a pass."""
        passed_ms = now_ms - self.since_ms
        if passed_ms < _WINDOW_MS:
            return
        rate_per_s = self.seen * 1_000 / passed_ms
        while self.since_ms and rate_per_s > STABLE_PER_S_MAX and self.halvings < HALVINGS_MAX:
            self.halvings, rate_per_s = self.halvings + 1, rate_per_s / 2
        self.counted_from_ms = max(self.since_ms or now_ms, now_ms - _WINDOW_MS)
        self.seen, self.since_ms = 0, now_ms


@lru_cache(maxsize=4096)
def kept_share(share_ppm: int, kept: float) -> tuple[int, float]:
    """Return the candidate's probability among the payments kept, and the exact part of stable's that gives it.

    Args:
        share_ppm: of the draw.
        kept: about how large a part of the stable arm is to be kept; what is returned is less than twice that.

    """
    if not 0 < share_ppm < PPM or kept >= 1.0:
        return share_ppm, 1.0
    share = share_ppm / PPM
    # Shares are whole millionths: the part follows from the rounded share, not the other way round.
    among_ppm = min(max(round(PPM * share / (share + kept * (1.0 - share))), share_ppm), PPM - 1)
    among = among_ppm / PPM
    return among_ppm, share * (1.0 - among) / (among * (1.0 - share))


def is_kept(payer: str, kept: float) -> bool:
    """Return whether a payer of the stable arm is kept, the same for every process that asks.

    Args:
        payer: its name, sixteen hexadecimal digits.
        kept: the exact part.

    """
    return kept >= 1.0 or int(payer, 16) < kept * 2.0**_NAME_BITS
