"""Which releases' payments another release is proven to finish. Pure.

A release finishes what another began when the certify gate has seen it do so, in the direction that is needed, or when
both run the same code. Both must be for the same account at the provider: settings that differ (but for the address of
a sandbox) name another merchant, whose refunds would go astray.
"""

from collections.abc import Iterable, Sequence

from interlock.releases.gates.types import GateReport, Verdict
from interlock.routing.releases import Release

STABLE_PACKAGE = "stable_package"
STABLE_FINISHES_CANDIDATE = "stable_finishes_candidate"
CANDIDATE_FINISHES_STABLE = "candidate_finishes_stable"
"""What a certify report's ``measured`` holds: the package it was certified against and what each side could finish."""

_ADDRESS = "base_url"
_NAMED_MAX = 200


def takes_over(
    serving: Release, others: Sequence[Release], certificates: Iterable[tuple[str, GateReport]]
) -> tuple[str, ...]:
    """Return the ids of the releases among ``others`` whose payments ``serving`` may finish.

    Args:
        serving: what is, or becomes, stable.
        others: the gateway's releases, newest first.
        certificates: (release id, certify report), newest first.

    """
    proven = _proven(serving, {release.id: release for release in (*others, serving)}, certificates)
    found = [
        other.id
        for other in others
        if other.id != serving.id
        and _same_merchant(serving, other)
        and (other.package_id == serving.package_id or other.package_id in proven)
    ]
    return tuple(found[:_NAMED_MAX])


def _proven(serving: Release, releases: dict[str, Release], certificates: Iterable[tuple[str, GateReport]]) -> set[str]:
    """Return the packages that ``serving``'s package was seen to finish the payments of; the newest word counts."""
    heard: dict[str, bool] = {}
    for release_id, report in certificates:
        certified = releases.get(release_id)
        against = report.measured.get(STABLE_PACKAGE)
        if certified is None or against is None or report.verdict in {Verdict.ERROR, Verdict.INCONCLUSIVE}:
            continue
        if certified.package_id == serving.package_id:
            heard.setdefault(against, report.measured.get(CANDIDATE_FINISHES_STABLE) is True)
        if against == serving.package_id:
            heard.setdefault(certified.package_id, report.measured.get(STABLE_FINISHES_CANDIDATE) is True)
    return {package_id for package_id, seen in heard.items() if seen}


def _same_merchant(one: Release, other: Release) -> bool:
    return _merchant(one) == _merchant(other)


def _merchant(release: Release) -> dict[str, str]:
    return {name: value for name, value in release.settings.items() if name != _ADDRESS}
