"""Events of canaries for tests: strategies, and sums over every assignment that chance could have made."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import msgspec
from hypothesis import settings
from hypothesis import strategies as st

from interlock.releases.canary import eprocess
from interlock.releases.canary.eprocess import Evidence
from interlock.releases.canary.plan import Mixture, Plan
from interlock.releases.canary.types import PPM, Assignment


class Drawn(msgspec.Struct, frozen=True):
    """What an innocent release leaves fixed about a payment: everything but the arm."""

    stratum: str
    share_ppm: int
    bad: bool


PLAIN = Mixture(
    effects=(0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 0.97), weights=(1 / 7,) * 7, renewal=0.0, renewal_delay=1.0
)
"""The mixture of the design's section 8, without what was added to it."""

shares = st.integers(1, PPM - 1) | st.sampled_from([1, 50_000, 500_000, 950_000, PPM - 1])
drawn = st.builds(Drawn, st.sampled_from("abcdef"), shares, st.booleans())
drawn_or_not = st.builds(Drawn, st.sampled_from("abcdef"), shares | st.sampled_from([0, PPM]), st.booleans())
patient = settings(deadline=None)
"""A busy machine is no failure."""


def plans() -> st.SearchStrategy[Plan]:
    """Plans that differ where the arithmetic could go wrong."""
    return st.builds(
        lambda mixture, pooled_share, memory, limit: Plan(
            mixture=mixture,
            pooled_share=pooled_share,
            baseline=msgspec.structs.replace(Plan().baseline, memory_outcomes=memory),
            strata_limit=limit,
        ),
        st.sampled_from([Mixture(), PLAIN, Mixture(renewal=20.0)]),
        st.sampled_from([0.1, 0.5, 0.7, 1.0]),
        st.sampled_from([2.0, 3.0, 10_000.0]),
        st.integers(1, 8),
    )


def assignments(payments: Sequence[Drawn]) -> Iterator[tuple[tuple[bool, ...], float]]:
    """Yield every way in which the payments could have been assigned, with its probability."""
    for arms in itertools.product((False, True), repeat=len(payments)):
        probability = 1.0
        for payment, treated in zip(payments, arms, strict=True):
            share = payment.share_ppm / PPM
            probability *= share if treated else 1.0 - share
        yield arms, probability


def expected(payments: Sequence[Drawn], value: Callable[[tuple[bool, ...]], float]) -> float:
    """Return the mean of ``value`` over all assignments, exactly."""
    return sum(probability * value(arms) for arms, probability in assignments(payments))


def evidence_of(
    plan: Plan, payments: Sequence[Drawn], arms: Sequence[bool], *, prior_rate: float = 0.1
) -> tuple[Evidence, list[float]]:
    """Return the evidence after the payments, and its value after each of them."""
    evidence, values = eprocess.empty(plan.mixture, prior_rate), []
    for payment, treated in zip(payments, arms, strict=True):
        observe(evidence, plan, payment, treated=treated)
        values.append(evidence.value)
    return evidence, values


def observe(evidence: Evidence, plan: Plan, payment: Drawn, *, treated: bool) -> None:
    """Take one payment into ``evidence``."""
    eprocess.observe(
        evidence, plan, stratum=payment.stratum, treated=treated, share_ppm=payment.share_ppm, bad=payment.bad
    )


def assignment(number: int, *, treated: bool = True, share_ppm: int = 50_000, stratum: str = "card") -> Assignment:
    """Return the assignment of payment ``number``, each of its own payer."""
    return Assignment(f"at_{number}", f"payer_{number}", treated, share_ppm, stratum)
