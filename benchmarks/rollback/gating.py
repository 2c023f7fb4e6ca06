"""How long the gates before real money take, as `interlock release check gateways/stripe --gateway stripe` runs them.

The package that comes with this version is held against what the fleet serves, with the providers' published documents
and recordings of the payments that the other measurements made there. Each gate runs in a process of its own.
"""

import time
from functools import partial
from pathlib import Path

from benchmarks.figures import Results
from benchmarks.rollback import trials
from benchmarks.rollback.fleet import Fleet
from benchmarks.rollback.plan import GATES
from benchmarks.telling import Tell

from interlock.base.clock import SystemClock
from interlock.gateways.loader import builtin_package
from interlock.releases.gates.apart import run_apart
from interlock.releases.gates.running import run_gates
from interlock.releases.gates.types import Gate, GateReport, Subject, Verdict

_CONNECTOR = "stripe"


class GatesBrokenError(Exception):
    """A gate failed or could not do its work: how long that took is not how long the gates take."""


async def measure(fleet: Fleet, specs: Path | None, runs: int, results: Results, tell: Tell) -> dict[str, object]:
    """Run all gates ``runs`` times, add the seconds to ``results`` and return what each gate found.

    Raises:
        GatesBrokenError: a gate failed, broke, or has no documents to work with.

    """
    if specs is None:
        raise GatesBrokenError("the providers' published documents are not at hand (--specs)")
    reports: list[GateReport] = []
    for number in range(runs):

        def told(gate: Gate, what: str, done: int, total: int, number: int = number) -> None:
            if not done:
                tell(f"gates ({number + 1} of {runs}): {gate.value}: {what}, {total} steps")

        began = time.monotonic()
        subject, recordings = await _subject(fleet, specs)
        reports = await run_gates(subject, partial(run_apart, recordings=recordings), told, goes_on=True)
        seconds = time.monotonic() - began
        wrong = problems(reports)
        if wrong:
            raise GatesBrokenError("; ".join(wrong)[:300])
        results.add(GATES, seconds)
    return details(reports)


async def _subject(fleet: Fleet, specs: Path) -> tuple[Subject, bytes | None]:
    rooms = fleet.rooms
    serving = trials.got(await rooms.examiner.serving(fleet.scope, fleet.gateway_id))
    gateway = trials.got(await rooms.rollouts.store.gateway(fleet.scope, fleet.gateway_id))
    subject = Subject(
        package=builtin_package(_CONNECTOR),
        livemode=fleet.scope.livemode,
        config=serving.config,
        stable=serving.package,
        stable_config=serving.config,
        specifications=specs,
        credentials_expire_at_ms=serving.expiries_ms,
        now_ms=SystemClock().now_ms(),
    )
    return subject, await rooms.examiner.recordings(gateway, serving.config)


def problems(reports: list[GateReport]) -> list[str]:
    """Return why the time of these reports is not that of the gates: a gate that failed ends early, one that broke too.

    An inconclusive one has done all its work; what it lacked is told with the figure.
    """
    return [
        f"{report.gate.value} {report.verdict.value}: {report.findings[0].sentence() if report.findings else ''}"
        for report in reports
        if report.verdict in {Verdict.FAILED, Verdict.ERROR}
    ]


def details(reports: list[GateReport]) -> dict[str, object]:
    """Return each gate's verdict, cases, seconds, and what kept it from passing."""
    return {
        report.gate.value: {
            "verdict": report.verdict.value,
            "cases": sum(report.checks.values()),
            "seconds": round(report.duration_ms / 1000, 1),
            "findings": [finding.sentence()[:200] for finding in report.findings[:5]],
        }
        for report in reports
    }
