"""A plan under which the promised error probability would not hold is refused."""

from typing import Any

import msgspec
import pytest

from interlock.base.errors import ConfigurationError
from interlock.releases.canary.plan import Baseline, Budget, Mixture, Plan, Promotion
from interlock.releases.canary.types import Indicator

_RATES = dict.fromkeys(Indicator, 0.1)
_WRONG: list[tuple[str, dict[str, Any]]] = [
    ("alpha", {"alpha": 0.0}),
    ("alpha", {"alpha": 1.0}),
    ("alpha", {"alpha": float("nan")}),
    ("budget", {"budget": Budget(approval=0.8)}),
    ("budget", {"budget": Budget(approval=0.0)}),
    ("mixture.effects", {"mixture": Mixture(effects=(0.5, 1.0), weights=(0.5, 0.5))}),
    ("mixture.effects", {"mixture": Mixture(effects=(0.5, -0.1), weights=(0.5, 0.5))}),
    ("mixture.weights", {"mixture": Mixture(effects=(0.5, 0.1), weights=(0.5, 0.6))}),
    ("mixture.weights", {"mixture": Mixture(effects=(0.5, 0.1), weights=(1.0,))}),
    ("mixture.weights", {"mixture": Mixture(effects=(0.5, 0.1), weights=(1.0, 0.0))}),
    ("mixture.renewal", {"mixture": Mixture(renewal=100.0)}),
    ("mixture.renewal", {"mixture": Mixture(renewal=-0.1)}),
    ("baseline.prior_rates", {"baseline": Baseline(prior_rates={Indicator.APPROVAL: 0.1})}),
    ("baseline rates", {"baseline": Baseline(prior_rates={**_RATES, Indicator.SLOW: 0.0})}),
    ("baseline rates", {"baseline": Baseline(missing_prior_rate=1.0)}),
    ("baseline.prior_outcomes", {"baseline": Baseline(prior_outcomes=0.0)}),
    ("baseline.memory_outcomes", {"baseline": Baseline(memory_outcomes=1.0)}),
    ("promotion.alpha", {"promotion": Promotion(alpha=0.0)}),
    ("promotion.margins", {"promotion": Promotion(margins={Indicator.SLOW: 0.02})}),
    ("promotion.margins", {"promotion": Promotion(margins={Indicator.APPROVAL: 0.0})}),
    ("promotion.missing_margin", {"promotion": Promotion(missing_margin=0.0)}),
    ("promotion.stratum_share_min", {"promotion": Promotion(stratum_share_min=1.1)}),
    ("promotion.stratum_outcomes_min", {"promotion": Promotion(stratum_outcomes_min=0)}),
    ("pooled_share", {"pooled_share": 0.0}),
    ("pooled_share", {"pooled_share": 1.1}),
    ("strata_limit", {"strata_limit": 0}),
    ("strata_limit", {"strata_limit": 1_001}),
    ("duration_ms", {"duration_ms": 0}),
    ("silence_ms", {"silence_ms": 0}),
]


@pytest.mark.parametrize(("field", "values"), _WRONG)
def test_a_value_that_would_void_the_guarantee_is_refused(field: str, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=field.replace(".", r"\.")):
        Plan(**values)


def test_a_stored_plan_is_checked_as_well() -> None:
    stored = msgspec.json.decode(msgspec.json.encode(Plan()))
    assert msgspec.convert(stored, Plan) == Plan()
    with pytest.raises((ConfigurationError, msgspec.ValidationError)):
        msgspec.convert({**stored, "alpha": 0.0}, Plan)


def test_the_parts_of_the_budget_use_up_alpha() -> None:
    assert sum(msgspec.structs.astuple(Plan().budget)) == pytest.approx(1.0)
    assert {Plan().budget.of(indicator) for indicator in Indicator} == {0.75, 0.12, 0.04, 0.03, 0.02}
