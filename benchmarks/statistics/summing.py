"""From simulated canaries to figures, each with its 99 % interval, and to what the pages quote beside them. Pure."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from benchmarks.figures import Bar, rounded
from benchmarks.statistics import bound, delays
from benchmarks.statistics.innocence import PRODUCT
from benchmarks.statistics.traffic import PAYMENTS, SCENARIOS
from benchmarks.statistics.twin import Floats, Ints
from benchmarks.statistics.work import APPROVALS, Found
from scipy import stats  # type: ignore[import-untyped]

from interlock.releases.canary.plan import Plan

CONFIDENCE = 0.99
BARS = (
    Bar("canary_over_bound_q000", "ratio", "<= 1.35"),
    Bar("canary_over_bound_q050", "ratio", "<= 1.30"),
    Bar("canary_over_bound_q085", "ratio", "<= 1.30"),
    Bar("canary_over_bound_q090", "ratio", "<= 1.30"),
    Bar("false_rollback_share_plain", "share", "<= 0.01"),
    Bar("false_rollback_share_drift", "share", "<= 0.01"),
    Bar("false_rollback_share_gateway_outage", "share", "<= 0.01"),
    Bar("false_rollback_share_sticky_retries", "share", "<= 0.01"),
    Bar("stratum_2_8_percent_dead_canary_payments", "payments", "<= 340"),
)
_CURVE_POINTS = 60

Results = Mapping[str, Found]


def mean(values: Floats) -> tuple[float, float, float]:
    """Return mean and its 99 % interval (normal approximation; there are hundreds of values at least)."""
    middle = float(values.mean())
    half = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return middle, middle - half, middle + half


def share(found: int, runs: int) -> tuple[float, float, float]:
    """Return a share and its exact 99 % interval (Clopper and Pearson)."""
    interval = stats.binomtest(found, runs).proportion_ci(CONFIDENCE)
    return found / runs, float(interval.low), float(interval.high)


def least(approval: float) -> float:
    """Return the bound on candidate payments for a candidate with this approval."""
    return bound.candidate_payments(delays.SHARE, delays.BASE_BAD, 1.0 - approval, Plan().alpha)


def figures(results: Results) -> list[dict[str, Any]]:
    """Return the figures that have a bar; what was not simulated is left out."""
    measured: dict[str, tuple[tuple[float, float, float], int]] = {}
    for name, approval in APPROVALS.items():
        group = results.get(f"one_stratum/{name}")
        if group is not None:
            ratios = group["payments"] / least(approval)
            measured[f"canary_over_bound_q{name}"] = mean(ratios), len(ratios)
    for name in SCENARIOS:
        group = results.get(f"innocent/{name}")
        if group is not None:
            fired = group[PRODUCT] > 0
            measured[f"false_rollback_share_{name}"] = share(int(fired.sum()), len(fired)), len(fired)
    if "small_stratum" in results:
        payments = results["small_stratum"]["payments"]
        measured["stratum_2_8_percent_dead_canary_payments"] = mean(payments), len(payments)
    return [_figure(bar, *measured[bar.name]) for bar in BARS if bar.name in measured]


def _figure(bar: Bar, estimate: tuple[float, float, float], runs: int) -> dict[str, Any]:
    digits = 5 if bar.unit == "share" else 3
    value, low, high = (round(one, digits) for one in estimate)
    return {
        "name": bar.name,
        "value": value,
        "unit": bar.unit,
        "bar": bar.bar,
        "holds": bar.holds(low),
        "runs": [value],
        "interval_99": [low, high],
        "simulated_canaries": runs,
    }


def beside(results: Results) -> dict[str, Any]:
    """Return what has no bar and is quoted all the same."""
    return {
        "over_bound": _over_bound(results),
        "late_fault_candidate_payments": {
            name.removeprefix("late/"): rounded(float(found["payments"].mean()))
            for name, found in sorted(results.items())
            if name.startswith("late/")
        },
        "excess_failed_candidate_payments": _excess(results),
        "innocent_share_rolled_back": _innocent(results),
        "promotion": _promotion(results),
    }


def _over_bound(results: Results) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for group in ("one_stratum", "twelve_strata", "plain_with_budget", "plain_formula"):
        for name, approval in APPROVALS.items():
            key = f"{group}/{name}"
            if key in results:
                ratio = mean(results[key]["payments"] / least(approval))
                found.setdefault(group, {})[f"q{name}"] = [round(one, 3) for one in ratio]
    return found


def _excess(results: Results) -> dict[str, float]:
    base = 1.0 - delays.BASE_BAD
    return {
        f"q{name}": rounded(float(results[key]["payments"].mean()) * (base - approval))
        for name, approval in APPROVALS.items()
        if (key := f"one_stratum/{name}") in results
    }


def _innocent(results: Results) -> dict[str, dict[str, list[float]]]:
    return {
        name: {
            test: [round(one, 5) for one in share(int((first > 0).sum()), len(first))]
            for test, first in results[f"innocent/{name}"].items()
        }
        for name in SCENARIOS
        if f"innocent/{name}" in results
    }


def _promotion(results: Results) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, group in sorted(results.items()):
        kind, _, rest = name.partition("/")
        if kind != "promoted":
            continue
        payments, promoted = group["payments"], ~np.isnan(group["payments"])
        if rest.startswith("worse"):
            found[rest] = [round(one, 5) for one in share(int(promoted.sum()), len(promoted))]
        else:
            in_time = np.where(promoted, payments, np.inf)
            quantiles = np.quantile(in_time, [0.5, 0.9], method="higher")
            found[rest] = {"median_payments": int(quantiles[0]), "nine_in_ten_payments": int(quantiles[1])}
    return found


def curves(results: Results) -> dict[str, Any]:
    """Return what the pictures are drawn from."""
    points = []
    for name, found in results.items():
        kind, _, rest = name.partition("/")
        if kind == "one_stratum":
            approval = int(rest) / (100 if rest in APPROVALS else 1000)
            payments = found["payments"]
            low, high = np.quantile(payments, [0.1, 0.9])
            points.append([approval, float(payments.mean()), float(low), float(high), least(approval)])
    ticks = np.unique(np.geomspace(10, PAYMENTS, _CURVE_POINTS).astype(np.int64))
    return {
        "delays": sorted(points),
        "payments": ticks.tolist(),
        "alarms": {
            name: {test: _cumulated(first, ticks) for test, first in results[f"innocent/{name}"].items()}
            for name in SCENARIOS
            if f"innocent/{name}" in results
        },
    }


def _cumulated(first: Ints, ticks: Ints) -> list[float]:
    return [round(float(((first > 0) & (first <= tick)).mean()), 5) for tick in ticks]
