"""Evidence that the treated arm is not worse, and whether enough of every part of traffic was tried.

*Null hypothesis*, per indicator, with margin δ: at every moment, given the past, the treated arm's probability of a bad
verdict over the whole mix of payments is higher than stable's at that moment by δ or more. Rejecting it is what
promotion needs; neither rate is assumed to stand still.

*Test.* For a payment with verdict Y (1 is bad), arm T (1 is treated) and any guess c of stable's rate made before,

    X = (T/share - (1 - T)/(1 - share)) · (Y - c)

has mean p1 - p0, the true difference at that moment: the first factor has mean 0, so c drops out, and weighting by
1/share makes each arm count as if all payments had gone there. Under the null 1 + λ·(δ - X) has therefore mean at most
1 for any λ >= 0 fixed before the draw, and is positive while λ·(X - δ) < 1. The product of these factors is a
nonnegative supermartingale, so it ever reaches 1/alpha with probability at most alpha. Here c is stable's estimated
rate in the payment's stratum, which only lowers the variance, and λ = δ/(variance of X + δ²), about the growth-optimal
bet when the arms are alike, is the same in all strata, because the null speaks of the whole mix.

What is never decided has no verdict, so payments lost before their verdict are weighed as well, in the same way, once
their time for a first outcome is over.

A release must pass *every* indicator, so one that is inferior in any of them is promoted with probability at most
alpha: no division of alpha is needed (intersection-union test). Source: Waudby-Smith and Ramdas 2024 (betting on
bounded means), with inverse probability weights. Pure; called by ``recording`` and ``judging``.
"""

import math

import msgspec

from interlock.releases.canary.eprocess import Evidence
from interlock.releases.canary.plan import Promotion
from interlock.releases.canary.types import PPM

BOLDEST = 0.75
"""At most this part of the wealth is lost with one event."""


class Trial(msgspec.Struct):
    """Evidence for one indicator that the treated arm is not worse by ``margin`` or more, as a logarithm."""

    margin: float
    log_value: float = 0.0
    events: int = 0


class Gap(msgspec.Struct, frozen=True):
    """A stratum that carries ``share`` of all payments and has too few outcomes on one of the arms."""

    stratum: str
    share: float
    treated: int
    untreated: int


def weigh(trial: Trial, *, treated: bool, share_ppm: int, bad: bool, stratum_rate: float, overall_rate: float) -> None:
    """Take one verdict into ``trial``.

    Args:
        trial: changed in place.
        treated: whether the payment went to the arm under test.
        share_ppm: probability of the treated arm at the draw; at 0 and 1,000,000 there was no draw, nothing is learnt.
        bad: the verdict.
        stratum_rate: stable's bad rate in the payment's stratum, estimated from the past only.
        overall_rate: the same over all strata.

    """
    if not 0 < share_ppm < PPM:
        return
    share = share_ppm / PPM
    trial.log_value += math.log1p(
        _bet(trial.margin, share, overall_rate)
        * (trial.margin - _difference(share, treated=treated, surprise=bad - stratum_rate))
    )
    trial.events += 1


def needed(promotion: Promotion) -> float:
    """Return the evidence that each indicator has to reach."""
    return 1.0 / promotion.alpha


def gaps(evidence: Evidence, promotion: Promotion) -> list[Gap]:
    """Return the strata that carry their share of payments and were tried too little, largest first.

    The share is taken over both arms: assignment does not look at strata, so that is stable's mix, known better. Both
    arms need outcomes, because either of them may be the small one.
    """
    seen = {name: part.treated + part.untreated for name, part in evidence.strata.items()}
    total = sum(seen.values())
    found = [
        Gap(name, seen[name] / total, part.treated, part.untreated)
        for name, part in evidence.strata.items()
        if seen[name]
        and seen[name] >= promotion.stratum_share_min * total
        and min(part.treated, part.untreated) < promotion.stratum_outcomes_min
    ]
    return sorted(found, key=lambda gap: -gap.share)


def _difference(share: float, *, treated: bool, surprise: float) -> float:
    return surprise / share if treated else -surprise / (1.0 - share)


def _bet(margin: float, share: float, rate: float) -> float:
    """Return λ: growth-optimal when the arms are alike, and never bold enough to lose more than ``BOLDEST``."""
    variance = rate * (1.0 - rate) / (share * (1.0 - share))
    largest = max(1.0 / share, 1.0 / (1.0 - share))
    return min(margin / (variance + margin * margin), BOLDEST / (largest - margin))
