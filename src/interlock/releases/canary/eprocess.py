"""Evidence that the treated arm is worse: a test of the random assignment, one event at a time.

Take one verdict at a time, in the order in which they become known. Given everything before and the verdict itself, an
innocent release leaves the arm of the payment as random as it was drawn: treated with the logged probability. So a
stake that is multiplied by

    P(arm | verdict, a fault of size g) / P(arm | innocent)

stays on average what it is while the release is innocent, whatever approval rates do meanwhile, and by Ville's
inequality it ever reaches 1/alpha times its start with probability at most alpha. With d0 stable's bad rate (estimated
from the past only), d1 = d0 + (1 - d0)·g, r = d1/d0 and m = share·d1 + (1 - share)·d0, the bad rate of both arms
together:

    verdict    treated                                     not treated
    bad        d1/m = r/(1 + share·(r - 1))                d0/m = 1/(1 + share·(r - 1))
    good       (1 - d1)/(1 - m) = (1 - g)/(1 - share·g)    (1 - d0)/(1 - m) = 1/(1 - share·g)

None of these exceeds 1/share or 1/(1 - share), whatever d0 is, and after a good verdict d0 cancels. Source: testing by
betting (Shafer 2021; Ramdas and others 2023), applied to the hypothesis that assignment does not matter. Pure; called
by ``recording`` and ``balance``.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import mul

import msgspec

from interlock.releases.canary.plan import Mixture, Plan
from interlock.releases.canary.types import OTHER, PPM

_LOG_MAX = 700.0
"""exp of this is still a number; evidence beyond 1e304 is told as 1e304."""


class Stake(msgspec.Struct):
    """Wealth spread over hypotheses: ``fractions`` add up to 1, the sum itself is kept as a logarithm."""

    fractions: list[float]
    log_wealth: float = 0.0
    events: int = 0


class Stratum(msgspec.Struct):
    """One part of traffic: its own stake, what is known of stable there, and plain counts for people.

    ``stable_*`` are halved from time to time (``Baseline``) and feed the estimate; the other counts hold every outcome
    seen while both arms were drawn.
    """

    stake: Stake
    position: int
    stable_seen: float = 0.0
    stable_bad: float = 0.0
    treated: int = 0
    treated_bad: int = 0
    untreated: int = 0
    untreated_bad: int = 0


class Evidence(msgspec.Struct):
    """Evidence of one kind of bad verdict. ``peak`` decides (Ville); ``value`` is where it stands now.

    ``wealths`` holds each stratum's wealth in the order of ``Stratum.position``; ``peak_stratum`` is the stratum that
    brought the peak about, None when it was all of them together.
    """

    prior_rate: float
    pooled: Stake
    strata: dict[str, Stratum] = {}
    wealths: list[float] = []
    stable_seen: float = 0.0
    stable_bad: float = 0.0
    value: float = 1.0
    peak: float = 1.0
    peak_stratum: str | None = None


def empty(mixture: Mixture, prior_rate: float) -> Evidence:
    """Return evidence before the first event. ``prior_rate`` is stable's bad rate as long as nothing is known."""
    return Evidence(prior_rate=prior_rate, pooled=Stake(list(mixture.weights)))


def base_rates(evidence: Evidence, stratum: str, prior_outcomes: float) -> tuple[float, float]:
    """Return stable's bad rate in ``stratum`` and over all strata, estimated from outcomes so far; both in (0, 1)."""
    overall = (evidence.stable_bad + prior_outcomes * evidence.prior_rate) / (evidence.stable_seen + prior_outcomes)
    part = evidence.strata.get(stratum)
    if part is None:
        return overall, overall
    return (part.stable_bad + prior_outcomes * overall) / (part.stable_seen + prior_outcomes), overall


def name_of(evidence: Evidence, stratum: str, strata_limit: int) -> str:
    """Return the name under which ``stratum`` is kept: its own, or ``other`` once ``strata_limit`` others are."""
    return stratum if stratum in evidence.strata or len(evidence.strata) < strata_limit else OTHER


def observe(evidence: Evidence, plan: Plan, *, stratum: str, treated: bool, share_ppm: int, bad: bool) -> None:
    """Take one verdict into ``evidence``; its cost does not depend on how many came before.

    Args:
        evidence: changed in place.
        plan: of this canary; the same for every event.
        stratum: of the payment, see ``name_of``.
        treated: whether the payment went to the arm under test.
        share_ppm: probability of the treated arm at the draw. At 0 and 1,000,000 nothing was drawn: such a payment
            tells about stable's rate only.
        bad: the verdict.

    """
    name = name_of(evidence, stratum, plan.strata_limit)
    part = evidence.strata.get(name) or _open(evidence, name, plan.mixture)
    if 0 < share_ppm < PPM:
        factors: Sequence[float]
        if bad:
            rate = base_rates(evidence, name, plan.baseline.prior_outcomes)[0]
            factors = _bad_factors(plan.mixture.effects, share_ppm / PPM, rate, treated=treated)
        else:
            factors = _good_factors(plan.mixture.effects, share_ppm, treated)
        grow(part.stake, factors, plan.mixture)
        grow(evidence.pooled, factors, plan.mixture)
        evidence.wealths[part.position] = math.exp(min(part.stake.log_wealth, _LOG_MAX))
        _weigh(evidence, plan.pooled_share)
        _count(part, treated=treated, bad=bad)
    if not treated:
        _learn(evidence, part, bad=bad, memory_outcomes=plan.baseline.memory_outcomes)


def grow(stake: Stake, factors: Sequence[float], mixture: Mixture) -> None:
    """Multiply each fraction of ``stake`` by its factor, then spread the renewed part of the wealth by weight again.

    Spreading moves wealth without changing its sum, so it costs no guarantee (fixed share: Herbster and Warmuth 1998).
    """
    products = list(map(mul, stake.fractions, factors))
    grown = sum(products)
    stake.log_wealth += math.log(grown)
    renewed = mixture.renewal / (stake.events + mixture.renewal_delay)
    kept = (1.0 - renewed) / grown
    stake.fractions = [
        product * kept + renewed * weight for product, weight in zip(products, mixture.weights, strict=True)
    ]
    stake.events += 1


def leading_stratum(evidence: Evidence, pooled_share: float) -> str | None:
    """Return the stratum whose own evidence outweighs that of all together, None when none does."""
    if not evidence.wealths:
        return None
    wealthiest = max(evidence.wealths)
    pooled = pooled_share * math.exp(min(evidence.pooled.log_wealth, _LOG_MAX))
    if len(evidence.wealths) == 1 or (1.0 - pooled_share) * wealthiest / len(evidence.wealths) <= pooled:
        return None
    position = evidence.wealths.index(wealthiest)
    return next(name for name, part in evidence.strata.items() if part.position == position)


def _open(evidence: Evidence, name: str, mixture: Mixture) -> Stratum:
    """Add a stratum: it gets an equal part of the wealth of those before it, so that the mean stays what it was."""
    mean = sum(evidence.wealths) / len(evidence.wealths) if evidence.wealths else 1.0
    stake = Stake(list(mixture.weights), log_wealth=math.log(mean) if mean > 0.0 else -_LOG_MAX)
    part = evidence.strata[name] = Stratum(stake, position=len(evidence.wealths))
    evidence.wealths.append(mean)
    return part


@lru_cache(maxsize=4096)
def _good_factors(effects: tuple[float, ...], share_ppm: int, treated: bool) -> tuple[float, ...]:  # noqa: FBT001 - cached
    share = share_ppm / PPM
    return tuple(((1.0 - effect) if treated else 1.0) / (1.0 - share * effect) for effect in effects)


def _bad_factors(effects: tuple[float, ...], share: float, rate: float, *, treated: bool) -> list[float]:
    odds = 1.0 / rate - 1.0
    if treated:
        return [(1.0 + effect * odds) / (1.0 + share * effect * odds) for effect in effects]
    return [1.0 / (1.0 + share * effect * odds) for effect in effects]


def _weigh(evidence: Evidence, pooled_share: float) -> None:
    together = math.exp(min(evidence.pooled.log_wealth, _LOG_MAX))
    value = pooled_share * together + (1.0 - pooled_share) * sum(evidence.wealths) / len(evidence.wealths)
    evidence.value = value
    if value > evidence.peak:
        evidence.peak = value
        evidence.peak_stratum = leading_stratum(evidence, pooled_share)


def _count(part: Stratum, *, treated: bool, bad: bool) -> None:
    if treated:
        part.treated += 1
        part.treated_bad += bad
    else:
        part.untreated += 1
        part.untreated_bad += bad


def _learn(evidence: Evidence, part: Stratum, *, bad: bool, memory_outcomes: float) -> None:
    for known in (evidence, part):
        known.stable_seen += 1.0
        known.stable_bad += bad
        if known.stable_seen >= memory_outcomes:
            known.stable_seen *= 0.5
            known.stable_bad *= 0.5
