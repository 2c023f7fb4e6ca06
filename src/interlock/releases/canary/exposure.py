"""How large a share of payments may the candidate have? Pure; called by whoever sets the pointer's share.

Whatever the test decides, payments that are under way at the moment of decision are lost to it: rate · share of them
start per second, and each is beyond recall for the time until its outcome is known plus the time a rollback takes to
reach all nodes. The share keeps their expected number at ``IN_FLIGHT_MAX`` or below.
"""

import math
from typing import Literal

import msgspec

from interlock.releases.canary.types import PPM

IN_FLIGHT_MAX = 5.0
"""Candidate payments that may be under way, on average, while a rollback is decided and spread."""

MINIMUM_PPM = 1_000
"""One payment in a thousand: below that a canary of a shop that size would not end in a day. It also is what is given
while rate or times are not known."""


class Exposure(msgspec.Struct, frozen=True):
    """A share, the payments in flight that come with it, and what set it.

    ``bound_by`` is ``minimum`` where the minimum is more than the in-flight bound allows: then ``in_flight`` says how
    many payments are at stake, and a person should know. It is ``unknown``, with no number of payments, where a
    measurement was absent.
    """

    share_ppm: int
    in_flight: float | None
    bound_by: Literal["in_flight", "maximum", "minimum", "unknown"]


def largest_share(
    *, rate_per_s: float, latency_s: float, rollback_s: float, maximum_ppm: int, minimum_ppm: int = MINIMUM_PPM
) -> Exposure:
    """Return the largest share with share <= 5 / (rate · (latency + rollback)), between minimum and maximum.

    Args:
        rate_per_s: payments that begin per second on both arms together, at the peak of the hours to come.
        latency_s: time until the outcome of a payment is known, a high quantile of it.
        rollback_s: time from a decision to roll back until no node begins a payment on the candidate.
        maximum_ppm: never more than this; a maximum below the minimum wins.
        minimum_ppm: never less than this.

    Returns:
        the share. Rates and times that are zero, negative or no number were not measured: the minimum is given.

    """
    ceiling = max(0, min(maximum_ppm, PPM))
    floor = max(0, min(minimum_ppm, ceiling))
    window_s = latency_s + rollback_s
    if (
        not all(math.isfinite(value) and value > 0 for value in (rate_per_s, window_s))
        or min(latency_s, rollback_s) < 0
    ):
        return Exposure(floor, None, "unknown")
    allowed = math.floor(min(float(PPM), IN_FLIGHT_MAX / (rate_per_s * window_s) * PPM))
    share = min(max(allowed, floor), ceiling)
    in_flight = rate_per_s * window_s * share / PPM
    if share == allowed:
        return Exposure(share, in_flight, "in_flight")
    return Exposure(share, in_flight, "minimum" if share > allowed else "maximum")
