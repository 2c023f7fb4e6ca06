"""Can the comparison be trusted? Payments must be split as assigned, and outcomes must not go missing on one arm only.

*Sample ratio.* Each payment is treated with its logged probability, whatever came before. A bet that the odds of the
treated arm are θ times what was logged multiplies its stake by θ/m for a treated payment and by 1/m for another, with
m = 1 + share·(θ - 1): on average 1 where payments are split as logged. So the mixture over θ is a martingale, may be
looked at after every payment, and does not mind shares that change. It is fed at assignment, when no outcome is known.

*Missing outcomes.* When a payment's time for a first outcome is over, it has one or it is missing: a verdict like any
other, weighed by ``eprocess`` in both directions. Missing more often on the treated arm hides its failures; missing
more often on the other makes the treated arm look bad.

Pure; called by ``recording`` and ``judging``.
"""

from functools import lru_cache

import msgspec

from interlock.releases.canary import eprocess
from interlock.releases.canary.eprocess import Evidence, Stake
from interlock.releases.canary.plan import Mixture, Plan
from interlock.releases.canary.types import PPM

ODDS = (1.0, 0.25, 0.5, 0.8, 1.25, 2.0, 4.0)
"""Odds of the treated arm over what was logged, on which the sample ratio bets."""

RATIO = Mixture(effects=(0.0,) * len(ODDS), weights=(0.04, *(0.16,) * 6))
"""Weights and renewal of that stake; it has no sizes of fault."""

_EVERYTHING = "all"


class Balance(msgspec.Struct):
    """State of both tests. ``impossible`` counts payments on an arm that their logged share excludes."""

    ratio: Stake
    missing_treated: Evidence
    missing_untreated: Evidence
    ratio_peak_log: float = 0.0
    payments: int = 0
    treated: int = 0
    expected_ppm: int = 0
    impossible: int = 0

    @property
    def expected_treated(self) -> float:
        """Return how many payments the logged shares put on the treated arm, on average."""
        return self.expected_ppm / PPM


def empty(plan: Plan) -> Balance:
    """Return the state before the first payment."""
    rate = plan.baseline.missing_prior_rate
    return Balance(
        ratio=Stake(list(RATIO.weights)),
        missing_treated=eprocess.empty(plan.mixture, rate),
        missing_untreated=eprocess.empty(plan.mixture, rate),
    )


def assigned(balance: Balance, *, treated: bool, share_ppm: int) -> None:
    """Take the assignment of one payment into the sample ratio; ``share_ppm`` is the logged probability."""
    if not 0 < share_ppm < PPM:
        balance.impossible += treated if share_ppm <= 0 else not treated
        return
    eprocess.grow(balance.ratio, _ratio_factors(share_ppm, treated), RATIO)
    balance.ratio_peak_log = max(balance.ratio_peak_log, balance.ratio.log_wealth)
    balance.payments += 1
    balance.treated += treated
    balance.expected_ppm += share_ppm


def arrived(balance: Balance, plan: Plan, *, treated: bool, share_ppm: int, missing: bool) -> None:
    """Take whether a payment had a first outcome in its time (``missing`` when not) into both directions."""
    for evidence, arm, share in (
        (balance.missing_treated, treated, share_ppm),
        (balance.missing_untreated, not treated, PPM - share_ppm),
    ):
        eprocess.observe(evidence, plan, stratum=_EVERYTHING, treated=arm, share_ppm=share, bad=missing)


@lru_cache(maxsize=4096)
def _ratio_factors(share_ppm: int, treated: bool) -> tuple[float, ...]:  # noqa: FBT001 - cached
    share = share_ppm / PPM
    return tuple((odds if treated else 1.0) / (1.0 + share * (odds - 1.0)) for odds in ODDS)
