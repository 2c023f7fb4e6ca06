"""The share of the candidate: at most five payments in flight, and the safe side where nothing was measured."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.releases.canary.exposure import IN_FLIGHT_MAX, MINIMUM_PPM, Exposure, largest_share
from interlock.releases.canary.types import PPM

rates = st.floats(1e-4, 1e5)
times = st.floats(0.001, 1e4)


@given(rates, times, times, st.integers(0, PPM))
def test_at_most_five_payments_are_in_flight_or_the_minimum_is_named(
    rate_per_s: float, latency_s: float, rollback_s: float, maximum_ppm: int
) -> None:
    found = largest_share(rate_per_s=rate_per_s, latency_s=latency_s, rollback_s=rollback_s, maximum_ppm=maximum_ppm)
    assert 0 <= found.share_ppm <= maximum_ppm
    assert found.in_flight == pytest.approx(rate_per_s * (latency_s + rollback_s) * found.share_ppm / PPM)
    assert found.in_flight is not None
    if found.bound_by == "minimum":
        assert found.share_ppm == min(MINIMUM_PPM, maximum_ppm)
        assert found.in_flight > IN_FLIGHT_MAX - 0.01 or found.share_ppm == 0
    else:
        assert found.in_flight <= IN_FLIGHT_MAX * (1 + 1e-9)
    if found.bound_by == "in_flight":
        assert rate_per_s * (latency_s + rollback_s) * (found.share_ppm + 1) / PPM > IN_FLIGHT_MAX * (1 - 1e-9) or (
            found.share_ppm == PPM
        )


@pytest.mark.parametrize(
    ("rate_per_s", "share_ppm", "in_flight", "bound_by"),
    [
        (1.0, 50_000, 0.15, "maximum"),
        (40.0, 41_666, 4.99992, "in_flight"),
        (4_000.0, 1_000, 12.0, "minimum"),
    ],
)
def test_examples(rate_per_s: float, share_ppm: int, in_flight: float, bound_by: str) -> None:
    found = largest_share(rate_per_s=rate_per_s, latency_s=2.0, rollback_s=1.0, maximum_ppm=50_000)
    assert found == Exposure(share_ppm, pytest.approx(in_flight), bound_by)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_what_was_not_measured_gives_the_minimum_and_says_so(bad: float) -> None:
    unknown = Exposure(MINIMUM_PPM, None, "unknown")
    assert largest_share(rate_per_s=bad, latency_s=2.0, rollback_s=1.0, maximum_ppm=50_000) == unknown
    if bad:
        assert largest_share(rate_per_s=9.0, latency_s=bad, rollback_s=1.0, maximum_ppm=50_000) == unknown
        assert largest_share(rate_per_s=9.0, latency_s=2.0, rollback_s=bad, maximum_ppm=50_000) == unknown


def test_a_maximum_below_the_minimum_wins() -> None:
    assert largest_share(rate_per_s=1e6, latency_s=2, rollback_s=1, maximum_ppm=200).share_ppm == 200
    assert largest_share(rate_per_s=0, latency_s=2, rollback_s=1, maximum_ppm=0).share_ppm == 0
    assert largest_share(rate_per_s=1, latency_s=2, rollback_s=1, maximum_ppm=3 * PPM).share_ppm == PPM
