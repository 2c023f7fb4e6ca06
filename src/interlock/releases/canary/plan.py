"""The plan of one canary: everything that is fixed before its first payment and stored with its state.

Error probabilities hold because nothing of this is chosen after looking at outcomes. Called by whoever begins a canary.
"""

import math

import msgspec

from interlock.base.errors import ConfigurationError
from interlock.releases.canary.types import Indicator

_PRIOR_RATES = {
    Indicator.APPROVAL: 0.10,
    Indicator.TECHNICAL: 0.01,
    Indicator.SLOW: 0.02,
    Indicator.PENDING_TOO_LONG: 0.01,
    Indicator.ECHO_MISMATCH: 0.0005,
}
_MARGINS = {
    Indicator.APPROVAL: 0.02,
    Indicator.TECHNICAL: 0.01,
    Indicator.SLOW: 0.02,
    Indicator.PENDING_TOO_LONG: 0.01,
    Indicator.ECHO_MISMATCH: 0.005,
}


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How alpha is divided between the alarms that can roll back: they share one error probability, at most 1 in sum.

    An alarm with part w fires when its e-value reaches 1 / (alpha · w). Approval holds most, because every fault that
    costs money shows there; the others see their own kind of fault with so much more information per payment that a
    small part costs them one payment or two.
    """

    approval: float = 0.75
    technical: float = 0.12
    slow: float = 0.04
    pending_too_long: float = 0.03
    echo_mismatch: float = 0.02
    missing_outcome: float = 0.02
    sample_ratio: float = 0.02

    def of(self, indicator: Indicator) -> float:
        """Return the part of ``indicator``."""
        part: float = getattr(self, indicator.value)
        return part


class Mixture(msgspec.Struct, frozen=True, kw_only=True):
    """How a stake is spread over the sizes of fault it bets on.

    ``effects`` are the g of d1 = d0 + (1 - d0)·g: the part of payments good on stable that the fault turns bad. Effect
    0 bets on nothing and keeps its stake. With every event a part ``renewal`` / (events so far + ``renewal_delay``) of
    the wealth is spread by ``weights`` again, so that a fault which begins late still finds a stake on its size.
    """

    effects: tuple[float, ...] = (0.0, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 0.97)
    weights: tuple[float, ...] = (0.02, 0.1372, 0.1176, 0.1176, 0.1176, 0.1176, 0.1372, 0.2352)
    renewal: float = 0.02
    renewal_delay: float = 100.0


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """How stable's bad rate is estimated: from its own past outcomes; before there are any, from ``prior_rates``.

    A stratum's rate starts at the rate over all strata and that one at the prior, each worth ``prior_outcomes``
    outcomes. Counts are halved when ``memory_outcomes`` is reached, so that last week does not outvote this hour.
    """

    prior_rates: dict[Indicator, float] = msgspec.field(default_factory=lambda: dict(_PRIOR_RATES))
    missing_prior_rate: float = 0.01
    prior_outcomes: float = 20.0
    memory_outcomes: float = 10_000.0


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """What promotion asks for.

    For each indicator of ``margins``: evidence 1/``alpha`` that the treated arm's bad rate is not higher by the margin
    or more; the same for outcomes that never come, with ``missing_margin``. In each stratum that carries
    ``stratum_share_min`` of all payments: ``stratum_outcomes_min`` outcomes on each arm.
    """

    alpha: float = 0.01
    margins: dict[Indicator, float] = msgspec.field(default_factory=lambda: dict(_MARGINS))
    missing_margin: float = 0.01
    stratum_share_min: float = 0.01
    stratum_outcomes_min: int = 30


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of one canary.

    ``alpha`` bounds the probability that an innocent release is ever rolled back. ``pooled_share`` is the part of the
    evidence that looks at all strata together; the rest looks for one bad stratum. ``duration_ms`` ends an undecided
    canary, ``silence_ms`` without a decided payment on the treated arm holds it. The names are used in sentences.

    Raises:
        ConfigurationError: a value out of its range; such a plan would void the guarantee.

    """

    alpha: float = 1e-4
    budget: Budget = Budget()
    mixture: Mixture = Mixture()
    baseline: Baseline = msgspec.field(default_factory=Baseline)
    promotion: Promotion = msgspec.field(default_factory=Promotion)
    pooled_share: float = 0.85
    strata_limit: int = 64
    duration_ms: int = 24 * 3_600_000
    silence_ms: int = 15 * 60_000
    treated_name: str = "the candidate"
    untreated_name: str = "stable"

    def __post_init__(self) -> None:
        """Refuse values under which the guarantee would not hold."""
        for field, good, range_ in _ranges(self):
            if not good:
                raise ConfigurationError(f"canary plan: {field}", "is out of its range", f"give {range_}")


def _ranges(plan: Plan) -> list[tuple[str, bool, str]]:
    mixture, baseline, promotion = plan.mixture, plan.baseline, plan.promotion
    parts = msgspec.structs.astuple(plan.budget)
    rates = (*baseline.prior_rates.values(), baseline.missing_prior_rate)
    return [
        ("alpha", 0 < plan.alpha < 1, "a probability between 0 and 1"),
        ("budget", min(parts) > 0 and sum(parts) <= 1 + 1e-9, "positive parts that add up to at most 1"),
        ("mixture.effects", all(0 <= effect < 1 for effect in mixture.effects), "effects from 0 to below 1"),
        ("mixture.weights", _is_distribution(mixture), "one positive weight per effect, adding up to 1"),
        ("mixture.renewal", 0 <= mixture.renewal < mixture.renewal_delay, "at least 0 and less than renewal_delay"),
        ("baseline.prior_rates", set(baseline.prior_rates) == set(Indicator), "one rate for each indicator"),
        ("baseline rates", all(0 < rate < 1 for rate in rates), "rates between 0 and 1, both excluded"),
        ("baseline.prior_outcomes", 0 < baseline.prior_outcomes < math.inf, "a positive number"),
        ("baseline.memory_outcomes", baseline.memory_outcomes >= 2, "at least 2"),
        ("promotion.alpha", 0 < promotion.alpha < 1, "a probability between 0 and 1"),
        ("promotion.margins", _are_margins(promotion.margins), "margins between 0 and 1, approval among them"),
        ("promotion.missing_margin", 0 < promotion.missing_margin < 1, "a margin between 0 and 1"),
        ("promotion.stratum_share_min", 0 <= promotion.stratum_share_min <= 1, "a share from 0 to 1"),
        ("promotion.stratum_outcomes_min", promotion.stratum_outcomes_min >= 1, "at least 1: no data is never a pass"),
        ("pooled_share", 0 < plan.pooled_share <= 1, "a share above 0, at most 1"),
        ("strata_limit", 1 <= plan.strata_limit <= 1_000, "1 to 1,000"),
        ("duration_ms", plan.duration_ms > 0, "a positive time"),
        ("silence_ms", plan.silence_ms > 0, "a positive time"),
    ]


def _is_distribution(mixture: Mixture) -> bool:
    positive = all(weight > 0 for weight in mixture.weights)
    return len(mixture.weights) == len(mixture.effects) and positive and abs(sum(mixture.weights) - 1) < 1e-9


def _are_margins(margins: dict[Indicator, float]) -> bool:
    return Indicator.APPROVAL in margins and all(0 < margin < 1 for margin in margins.values())
